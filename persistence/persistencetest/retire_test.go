package persistencetest_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestRetiredWorkflowStartsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", task("a"))
		d.MaxActiveRuns = 1
		v := db.sync(d)
		running, waiting := db.trigger(v), db.trigger(v)
		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{running.ID}, started)
		before, err := db.RunChanges(t.Context(), waiting.ID, 0)
		require.NoError(t, err)

		require.NoError(t, db.RetireFile(t.Context(), "etl.yaml"))
		db.check()
		waiting = db.run(waiting.ID)
		require.Equal(t, miniairflow.RunCancelled, waiting.Status)
		require.Equal(t, "the workflow was retired: no file defines it any more", waiting.Reason)
		require.NotNil(t, waiting.FinishedAt)
		require.Greater(t, waiting.Revision, before.Run.Revision)
		db.worker("w").drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(running.ID).Status, "what has started goes on")

		db.sync(d)
		started, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, started, "a workflow that comes back does not bring its old runs")
		db.check()
	})
}

func TestRetireAgainstCancel(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for range 10 {
			d := definition("etl"+uuid.NewString(), task("a"))
			v := db.sync(d)
			runs := []*miniairflow.WorkflowRun{db.trigger(v), db.trigger(v), db.trigger(v)}
			together(t, 5, func(ctx context.Context, i int) error {
				switch i {
				case 0:
					return db.RetireFile(ctx, d.Name+".yaml")
				case 1:
					_, err := db.StartRuns(ctx, 1)
					return err
				default:
					_, err := db.CancelRun(ctx, miniairflow.Cancel{RunID: runs[i-2].ID})
					return err
				}
			})
			db.check()
		}
	})
}

// A run that goes on when its workflow's file is gone can be steered; it cannot be
// opened again when it is over.
func TestRunOfARetiredWorkflowIsSteered(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		require.NoError(t, db.RetireFile(t.Context(), "etl.yaml"))
		mark := rerunOf(r, miniairflow.RerunMark, 0)
		mark.Status = miniairflow.TaskSuccess
		db.rerun(mark)
		w := db.worker("w")
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		_, err := db.Rerun(t.Context(), rerunOf(r, miniairflow.RerunFailed))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
	})
}
