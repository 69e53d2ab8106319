package artifacts_test

import (
	"testing"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }
