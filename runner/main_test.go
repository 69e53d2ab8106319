package runner_test

import (
	"testing"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	guardian "github.com/sauravritesh63/miniairflow/runner/process"
)

func TestMain(m *testing.M) {
	guardian.ServeIfAsked()
	dumpIfAsked()
	persistencetest.Main(m)
}
