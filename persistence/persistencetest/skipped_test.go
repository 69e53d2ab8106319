package persistencetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A task run that its own process skips counts, for those below it and for its
// run, like one that was skipped before it began.
func TestProcessSkipsItsTaskRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		anyway := task("anyway", "a")
		anyway.TriggerRule = miniairflow.NoneFailed
		r := db.start(definition("skips", task("a"), task("below", "a"), anyway))
		w := db.worker("w")
		code := 99
		f := finish(w.claim(1)[0], miniairflow.TaskSkipped)
		f.ExitCode = &code
		require.Equal(t, []bool{false}, w.exchange(0, f).Stale)
		require.Equal(t, []bool{false}, w.exchange(0, f).Stale, "the first outcome is returned")
		skipped := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskSkipped, skipped.Status)
		require.Equal(t, &code, skipped.ExitCode)
		require.NotNil(t, skipped.FinishedAt)
		key := miniairflow.TaskRunKey{RunID: r.ID, Seq: 0}
		attempts, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{key})
		require.NoError(t, err)
		require.Len(t, attempts[key], 1)
		require.Equal(t, miniairflow.AttemptFailed, attempts[key][0].Status)
		db.check()
		db.decide()
		claims := w.claim(1)
		require.Equal(t, 2, claims[0].Seq)
		w.end(miniairflow.TaskSuccess, claims...)
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskSkipped, miniairflow.TaskSkipped, miniairflow.TaskSuccess}, db.statuses(r.ID))
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

// Nor does a cancellation that came meanwhile change what the process has said.
func TestProcessSkipsItsTaskRunInACancelledRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("skips", task("a"), task("below", "a")))
		w := db.worker("w")
		claims := w.claim(1)
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, By: miniairflow.Actor{Name: "test"}})
		require.NoError(t, err)
		w.end(miniairflow.TaskSkipped, claims...)
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskSkipped, miniairflow.TaskCancelled}, db.statuses(r.ID))
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}
