package action_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sauravritesh63/miniairflow/runner/action"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

func TestMain(m *testing.M) {
	process.ServeIfAsked()
	goleak.VerifyTestMain(m)
}

// newRunner returns a runner with a guardian of its own.
func newRunner(t *testing.T) action.Runner {
	t.Helper()
	g := process.NewGuardian(process.Config{})
	t.Cleanup(g.Close)
	return action.New(nil, g)
}
