package persistencetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// after returns a workflow that starts after others.
func after(name string, trigger miniairflow.AfterTrigger) *miniairflow.Definition {
	d := definition(name, task("a"))
	if trigger.Match == "" {
		trigger.Match = miniairflow.WaitExact
	}
	d.Triggers = &miniairflow.Triggers{After: &trigger}
	return d
}

// ends names workflows whose runs start others.
func ends(status miniairflow.AfterStatus, names ...string) []miniairflow.AfterWorkflow {
	var list []miniairflow.AfterWorkflow
	for _, name := range names {
		list = append(list, miniairflow.AfterWorkflow{Workflow: name, Status: status})
	}
	return list
}

// noted returns how the runs ended that nobody has looked at, and forgets them.
func (db *database) noted() []miniairflow.RunStatus {
	db.Helper()
	found, err := db.AfterEnds(db.Context(), 100)
	require.NoError(db, err)
	var statuses []miniairflow.RunStatus
	for _, e := range found {
		statuses = append(statuses, e.Status)
	}
	require.NoError(db, db.ForgetAfterEnds(db.Context(), found, nil))
	left, err := db.AfterEnds(db.Context(), 100)
	require.NoError(db, err)
	require.Empty(db, left)
	return statuses
}

// ran creates a run of the version for a logical date and lets it end.
func (w *worker) ran(v *miniairflow.WorkflowVersion, logical time.Time, status miniairflow.TaskStatus) *miniairflow.WorkflowRun {
	w.Helper()
	run := w.newRun(v)
	run.LogicalDate = logical
	r, _, err := w.CreateRun(w.Context(), run)
	require.NoError(w, err)
	w.startPending()
	w.end(status, w.claim(1)...)
	return w.run(r.ID)
}

// Whatever ends a run notes its end for who starts after it, and for nobody else.
func TestAfterEnds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("extract", task("a"), task("b")))
		db.sync(after("finished", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterFinished, "extract", "other")}))
		w := db.worker("w1")
		by := miniairflow.Actor{Name: "ann"}

		run := db.trigger(v)
		db.startPending()
		require.Empty(t, db.noted(), "it has not ended")
		w.end(miniairflow.TaskSuccess, w.claim(2)...)
		require.Equal(t, []miniairflow.RunStatus{miniairflow.RunSuccess}, db.noted())

		_, err := db.Rerun(t.Context(), miniairflow.Rerun{ID: run.ID, RunID: run.ID, Kind: miniairflow.RerunMark, Seqs: []int{0}, Status: miniairflow.TaskFailed, By: by})
		require.NoError(t, err)
		require.Equal(t, []miniairflow.RunStatus{miniairflow.RunFailed}, db.noted(), "its result was changed by hand")

		_, err = db.Rerun(t.Context(), miniairflow.Rerun{ID: v.ID, RunID: run.ID, Kind: miniairflow.RerunFailed, By: by})
		require.NoError(t, err)
		require.Empty(t, db.noted(), "it was opened again")
		db.startPending()
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		require.Equal(t, []miniairflow.RunStatus{miniairflow.RunFailed}, db.noted(), "it has ended again")

		pending := db.trigger(v)
		_, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: pending.ID, By: by})
		require.NoError(t, err)
		require.Equal(t, []miniairflow.RunStatus{miniairflow.RunCancelled}, db.noted())

		part := db.newRun(v)
		part.Selection = &miniairflow.Selection{Only: []string{"a"}}
		_, _, err = db.CreateRun(t.Context(), part)
		require.NoError(t, err)
		db.startPending()
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		require.Empty(t, db.noted(), "a run of some tasks is not what others start after")

		db.trigger(v)
		require.NoError(t, db.RetireFile(t.Context(), "extract.yaml"))
		require.Equal(t, []miniairflow.RunStatus{miniairflow.RunCancelled}, db.noted(), "its workflow was retired")
	})
}

// Of several workflows each has its followers, up to as many as are asked for.
func TestFollowers(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for _, name := range []string{"c", "a", "b"} {
			db.sync(after(name, miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterFinished, "x", "y")}))
		}
		db.sync(after("d", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterFinished, "y", "z")}))
		require.NoError(t, db.RetireFile(t.Context(), "b.yaml"))
		found, err := db.Followers(t.Context(), []string{"y", "x", "none"}, 2)
		require.NoError(t, err)
		require.Equal(t, map[string][]string{"x": {"a", "c"}, "y": {"a", "c"}}, found)
	})
}

// Nothing is noted for a workflow that stands still, nor for one that has changed.
func TestAfterEndsOfTheLatestVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("extract", task("a")))
		load := after("load", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterFailed, "extract")})
		follower := db.sync(load)
		w := db.worker("w1")
		followers := func() []string {
			found, err := db.Followers(t.Context(), []string{"extract"}, 10)
			require.NoError(t, err)
			return found["extract"]
		}
		require.Equal(t, []string{"load"}, followers())
		now := time.Now()
		w.ran(v, now, miniairflow.TaskSuccess)
		require.Empty(t, db.noted(), "it starts after failures")
		w.ran(v, now, miniairflow.TaskFailed)
		require.Len(t, db.noted(), 1)

		pause := func(paused bool) {
			_, err := db.SetPaused(t.Context(), follower.WorkflowID, paused, miniairflow.Actor{Name: "ann"})
			require.NoError(t, err)
		}
		pause(true)
		w.ran(v, now, miniairflow.TaskFailed)
		pause(false)
		require.Empty(t, db.noted(), "it was paused then")

		inactive := *load
		inactive.IsActive = false
		db.sync(&inactive)
		w.ran(v, now, miniairflow.TaskFailed)
		require.Empty(t, db.noted())

		db.sync(load)
		require.NoError(t, db.RetireFile(t.Context(), "load.yaml"))
		w.ran(v, now, miniairflow.TaskFailed)
		require.Empty(t, db.noted())
		require.Empty(t, followers())

		db.sync(load)
		require.Equal(t, []string{"load"}, followers())
		db.sync(definition("load", task("a")))
		w.ran(v, now, miniairflow.TaskFailed)
		require.Empty(t, db.noted(), "its latest version starts after nothing")
		require.Empty(t, followers())
	})
}

// startAfters does what a scheduler does with all ends, twice: as two of them would, or
// one that has crashed before it forgot them. It returns the runs that there are then.
func (db *database) startAfters(workflow string) []*miniairflow.WorkflowRun {
	db.Helper()
	control := &miniairflow.Control{Store: db.Store}
	found, err := db.AfterEnds(db.Context(), 100)
	require.NoError(db, err)
	for range 2 {
		for _, end := range found {
			_, err := control.StartAfter(db.Context(), end)
			require.NoError(db, err)
		}
	}
	require.NoError(db, db.ForgetAfterEnds(db.Context(), found, nil))
	w, err := db.FindWorkflowByName(db.Context(), workflow)
	require.NoError(db, err)
	runs, err := db.FindRuns(db.Context(), miniairflow.RunFilter{WorkflowID: w.ID})
	require.NoError(db, err)
	return runs
}

// Each run of one workflow starts one, whatever becomes of it afterwards.
func TestStartAfterOne(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("extract", task("a")))
		db.sync(after("load", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterSuccess, "extract")}))
		w := db.worker("w1")
		date := time.Date(2026, 1, 31, 2, 0, 0, 0, time.UTC)
		first := w.ran(v, date, miniairflow.TaskSuccess)
		runs := db.startAfters("load")
		require.Len(t, runs, 1)
		require.Equal(t, miniairflow.Cause{Kind: miniairflow.CauseAfter, Detail: "extract#1", By: "scheduler"}, runs[0].Cause)
		require.Equal(t, date, runs[0].LogicalDate)
		require.Equal(t, miniairflow.RunManual, runs[0].Type)

		_, err := db.Rerun(t.Context(), miniairflow.Rerun{ID: first.ID, RunID: first.ID, Kind: miniairflow.RerunClear, Seqs: []int{0}, By: miniairflow.Actor{Name: "ann"}})
		require.NoError(t, err)
		for range 2 {
			db.startPending() // also the run of load
		}
		w.end(miniairflow.TaskSuccess, w.claim(2)...)
		require.Len(t, db.startAfters("load"), 1, "the same run has ended again")

		w.ran(v, date, miniairflow.TaskSuccess)
		require.Len(t, db.startAfters("load"), 2, "another run has ended")
	})
}

// Several workflows start one run together: all of them, or the first.
func TestStartAfterSeveral(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		orders, stock := db.sync(definition("orders", task("a"))), db.sync(definition("stock", task("a")))
		both := ends(miniairflow.AfterSuccess, "orders", "stock")
		all := map[string]miniairflow.AfterTrigger{
			"all": {Workflows: both}, "any": {Workflows: both, Any: true}, "day": {Workflows: both, Match: miniairflow.WaitSameDay},
		}
		w := db.worker("w1")
		date := time.Date(2026, 1, 31, 2, 0, 0, 0, time.UTC)
		for name, trigger := range all {
			db.sync(after(name, trigger))
		}
		expect := func(why string, want map[string]int) {
			t.Helper()
			got := map[string]int{}
			for name := range all {
				got[name] = len(db.startAfters(name))
			}
			require.Equal(t, want, got, why)
		}
		w.ran(orders, date, miniairflow.TaskSuccess)
		expect("the first of them", map[string]int{"all": 0, "any": 1, "day": 0})
		db.endAll(w)
		w.ran(stock, date, miniairflow.TaskFailed)
		expect("a failure is none", map[string]int{"all": 0, "any": 1, "day": 0})
		w.ran(stock, date, miniairflow.TaskSuccess)
		expect("the second of them", map[string]int{"all": 1, "any": 1, "day": 1})
		db.endAll(w)
		w.ran(stock, date.Add(time.Hour), miniairflow.TaskSuccess)
		expect("another date of the day", map[string]int{"all": 1, "any": 2, "day": 1})
		db.endAll(w)
		w.ran(orders, date.Add(25*time.Hour), miniairflow.TaskSuccess)
		expect("another day", map[string]int{"all": 1, "any": 3, "day": 1})
		db.endAll(w)
		w.ran(stock, date.Add(26*time.Hour), miniairflow.TaskSuccess)
		expect("the same day, not the same date", map[string]int{"all": 1, "any": 4, "day": 2})
	})
}

// endAll lets all pending runs, each of one task, succeed.
func (db *database) endAll(w *worker) {
	db.Helper()
	db.startPending()
	w.end(miniairflow.TaskSuccess, w.exchange(100).Claims...)
}
