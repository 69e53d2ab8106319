package persistencetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// rerunLatest takes a run that is over to the workflow's latest version, and plays it to its end.
func (db *database) rerunLatest(w *worker, r *miniairflow.WorkflowRun, req miniairflow.Rerun) {
	db.Helper()
	req.Latest = true
	db.rerun(req)
	db.playOn(w, r)
}

// playOn starts a run that was opened again and lets all that is left succeed.
func (db *database) playOn(w *worker, r *miniairflow.WorkflowRun) {
	db.Helper()
	_, err := db.StartRuns(db.Context(), 10)
	require.NoError(db, err)
	db.check()
	w.drain(nil)
	db.check()
	require.Equal(db, miniairflow.RunSuccess, db.run(r.ID).Status)
}

// What has ended belongs to the adopted version as well: later reruns of the
// same version count on what it says.
func TestRerunAfterTheLatestVersion(t *testing.T) {
	failed := map[string]miniairflow.TaskStatus{"x": miniairflow.TaskFailed}
	for _, c := range []struct {
		name         string
		before, then []string // what c depends on
		seqs         []int
		downstream   bool
	}{
		{name: "fewer dependencies, from above", before: []string{"a", "b"}, then: []string{"a"}, seqs: []int{0}, downstream: true},
		{name: "more dependencies, itself", before: []string{"a"}, then: []string{"a", "b"}, seqs: []int{2}},
		{name: "more dependencies, from above", before: []string{"a"}, then: []string{"a", "b"}, seqs: []int{0}, downstream: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				w := db.worker("w")
				r := db.played(w, definition("etl", task("a"), task("b"), task("c", c.before...), task("x")), failed)
				db.sync(definition("etl", task("a"), task("b"), task("c", c.then...), task("x")))
				db.rerunLatest(w, r, rerunOf(r, miniairflow.RerunFailed))
				req := rerunOf(r, miniairflow.RerunClear, c.seqs...)
				req.Downstream = c.downstream
				db.rerun(req)
				db.playOn(w, r)
			})
		})
	}
}

// A task run that had ended before the adoption is done again as the version
// says now, and who watches the run sees that it has changed.
func TestLatestVersionReachesWhatHasEnded(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a"), task("b")), map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed})
		later := definition("etl", task("a"), task("b"))
		later.Tasks[0].Queue, later.Tasks[0].Priority = "gpu", miniairflow.PriorityHigh
		db.sync(later)
		before, err := db.RunChanges(t.Context(), r.ID, 0)
		require.NoError(t, err)
		db.rerunLatest(w, r, rerunOf(r, miniairflow.RerunFailed))
		require.Equal(t, "gpu", db.task(r.ID, 0).Queue)
		changes, err := db.RunChanges(t.Context(), r.ID, before.Revision)
		require.NoError(t, err)
		require.Contains(t, seqsOf(changes.TaskRuns), 0)

		db.rerun(rerunOf(r, miniairflow.RerunClear, 0))
		_, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		db.check()
		require.Empty(t, w.exchange(5).Claims, "a is of another queue now")
	})
}

// A mark that opens nothing again takes the run to the version that judges it.
func TestMarkWithTheLatestVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a"), task("b")), map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed})
		later := definition("etl", task("a"), task("b"))
		later.Tasks[0].AllowFailure = true
		v := db.sync(later)
		req := rerunOf(r, miniairflow.RerunMark, 0)
		req.Status, req.Latest = miniairflow.TaskFailed, true
		db.rerun(req)
		require.Equal(t, v.ID, db.run(r.ID).VersionID)
		req = rerunOf(r, miniairflow.RerunMark, 1)
		req.Status = miniairflow.TaskSuccess
		require.Equal(t, miniairflow.RunSuccess, db.rerun(req).Run.Status)
	})
}
