package runner_test

import (
	"context"
	"io"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// panicky is a store that panics in the calls that an attempt makes.
type panicky struct {
	miniairflow.Store
	inVersions, inLogs bool
}

func (p *panicky) FindSelectedDAG(ctx context.Context, id uuid.UUID, selection *miniairflow.Selection) (*miniairflow.DAG, error) {
	if p.inVersions {
		panic("this version is beyond me")
	}
	return p.Store.FindSelectedDAG(ctx, id, selection)
}

func (p *panicky) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	if p.inLogs {
		panic("this log is beyond me")
	}
	return p.Store.AppendLog(ctx, key, chunks)
}

// A panic in an attempt, wherever it is, ends that attempt and no other.
func TestAttemptPanics(t *testing.T) {
	fine := acting(func(_ context.Context, _ action.Input, log io.Writer) action.Result {
		_, _ = io.WriteString(log, "hello\n")
		return action.Result{Status: miniairflow.AttemptSuccess}
	})
	for name, c := range map[string]struct {
		store   panicky
		actions action.Runner
		want    string
		reason  string
	}{
		"preparing": {panicky{inVersions: true}, fine, "run: failed\na: failed [failed]\n", "internal error"},
		"acting": {panicky{}, acting(func(context.Context, action.Input, io.Writer) action.Result {
			panic("this task is beyond me")
		}), "run: failed\na: failed [failed]\n", "internal error"},
		"storing its log": {panicky{inLogs: true}, fine, "run: success\na: success [success]\n", "the end of its log could not be stored"},
	} {
		t.Run(name, func(t *testing.T) {
			store := persistencetest.SQLite(t)
			s := newSystem(t, store)
			s.load(map[string]string{"w.yaml": "tasks: {a: {command: x}}"})
			s.scheduler()
			config := s.config("w1")
			c.store.Store = store
			config.Store, config.Actions = &c.store, c.actions
			spawn(t, runner.NewWorker(config).Run)
			id := s.trigger("w", nil)
			s.finish(id)
			require.Equal(t, c.want, s.picture(id))
			require.Contains(t, s.tasks(id)["a"].Reason, c.reason)
		})
	}
}
