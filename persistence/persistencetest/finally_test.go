package persistencetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// withFinally adds tasks of finally to a workflow.
func withFinally(d *miniairflow.Definition, finals ...miniairflow.Task) *miniairflow.Definition {
	for i := range finals {
		finals[i].Finally = true
	}
	d.Tasks = append(d.Tasks, finals...)
	return d
}

// How a run of a, b after a, and then z of finally ends.
func TestFinallyRunsAfterEveryEnd(t *testing.T) {
	for _, c := range []struct {
		name    string
		ends    map[string]miniairflow.TaskStatus
		cancel  *miniairflow.Cancel
		outcome miniairflow.RunStatus // when z begins
		final   miniairflow.TaskStatus
		result  miniairflow.RunStatus
		states  string
	}{
		{name: "after success", outcome: miniairflow.RunSuccess, final: miniairflow.TaskSuccess, result: miniairflow.RunSuccess, states: "sss"},
		{name: "after failure", ends: map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed}, outcome: miniairflow.RunFailed, final: miniairflow.TaskSuccess, result: miniairflow.RunFailed, states: "fus"},
		{name: "after a cancellation", cancel: &miniairflow.Cancel{}, outcome: miniairflow.RunCancelled, final: miniairflow.TaskSuccess, result: miniairflow.RunCancelled, states: "ccs"},
		{name: "after the timeout of the run", cancel: &miniairflow.Cancel{TimedOut: true}, outcome: miniairflow.RunFailed, final: miniairflow.TaskSuccess, result: miniairflow.RunFailed, states: "ccs"},
		{name: "its failure makes a good run fail", outcome: miniairflow.RunSuccess, final: miniairflow.TaskFailed, result: miniairflow.RunFailed, states: "ssf"},
		{name: "its success makes no bad run good", ends: map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed}, outcome: miniairflow.RunFailed, final: miniairflow.TaskSuccess, result: miniairflow.RunFailed, states: "sfs"},
		{name: "its failure leaves a cancelled run cancelled", cancel: &miniairflow.Cancel{}, outcome: miniairflow.RunCancelled, final: miniairflow.TaskFailed, result: miniairflow.RunCancelled, states: "ccf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				d := withFinally(definition("etl", task("a"), task("b", "a")), task("z"))
				r := db.start(d)
				w := db.worker("w")
				if c.cancel != nil {
					c.cancel.RunID = r.ID
					_, err := db.CancelRun(t.Context(), *c.cancel)
					require.NoError(t, err)
				}
				w.drain(func(claim miniairflow.Claim) miniairflow.TaskStatus {
					name := d.Tasks[claim.Seq].Name
					if name == "z" {
						require.Equal(t, c.outcome, db.run(r.ID).Outcome)
						require.Equal(t, miniairflow.RunRunning, db.run(r.ID).Status)
						return c.final
					}
					if s, found := c.ends[name]; found {
						return s
					}
					return miniairflow.TaskSuccess
				})
				require.Equal(t, states(c.states), db.statuses(r.ID))
				require.Equal(t, c.result, db.run(r.ID).Status)
				db.check()
			})
		})
	}
}

func TestFinallyWaitsForWhatRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(withFinally(definition("etl", task("a"), task("b")), task("z")))
		w := db.worker("w")
		claims := w.claim(2)
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		w.end(miniairflow.TaskCancelled, claims[0])
		require.Empty(t, w.exchange(5).Claims)
		require.Equal(t, states("crp"), db.statuses(r.ID))
		w.end(miniairflow.TaskCancelled, claims[1])
		require.Equal(t, []int{2}, seqs(w.claim(1)))
		db.check()
	})
}

func TestFinallyHasAnOrderOfItsOwn(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(withFinally(definition("etl", task("a")), task("x"), task("y", "x")))
		w := db.worker("w")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		require.Equal(t, []int{1}, seqs(w.exchange(5).Claims))
		require.Equal(t, states("srp"), db.statuses(r.ID))
		db.check()
	})
}

func TestCancelDoesNotReachFinally(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(withFinally(definition("etl", task("a")), task("z")))
		w := db.worker("w")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		c := w.claim(1)[0]
		before := db.run(r.ID)
		after, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, before.Status, after.Status)
		require.Nil(t, after.CancelRequestedAt)
		f := finish(c, miniairflow.TaskUpForRetry)
		w.exchange(0, f)
		require.Equal(t, miniairflow.TaskUpForRetry, db.task(r.ID, 1).Status, "it may retry")
		db.check()
	})
}

func TestFinallyIsDoneAgainWithARerun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, withFinally(definition("etl", task("a")), task("z")), map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		require.Equal(t, states("fs"), db.statuses(r.ID))
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		require.Equal(t, states("pp"), db.statuses(r.ID))
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.drain(nil)
		require.Equal(t, states("ss"), db.statuses(r.ID))
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
	})
}

func TestFinallyIsNotMarkedEarly(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(withFinally(definition("etl", task("a")), task("z")))
		req := rerunOf(r, miniairflow.RerunMark, 1)
		req.Status = miniairflow.TaskSuccess
		_, err := db.Rerun(t.Context(), req)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, `task "z" is of finally`)
		db.check()
	})
}

func TestLostTaskOfFinallyRunsAgainAfterACancellation(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(withFinally(definition("etl", task("a")), task("z")))
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		dead, w := db.worker("dead"), db.worker("w")
		dead.claim(1)
		require.NoError(t, db.EndSession(t.Context(), dead.id, ""))
		_, err = db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, states("cq"), db.statuses(r.ID))
		w.drain(nil)
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}
