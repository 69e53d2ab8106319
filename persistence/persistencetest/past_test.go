package persistencetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// firstSlot is the logical date of the first of a test's scheduled runs; the others
// follow day by day.
var firstSlot = time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)

// slot creates the scheduled run of so many days after the first slot.
func (db *database) slot(v *miniairflow.WorkflowVersion, days int) *miniairflow.WorkflowRun {
	db.Helper()
	run := db.newRun(v)
	run.Type, run.ScheduleName, run.LogicalDate = miniairflow.RunScheduled, "0 6 * * * UTC", firstSlot.AddDate(0, 0, days)
	r, created, err := db.CreateRun(db.Context(), run)
	require.NoError(db, err)
	require.True(db, created)
	return r
}

// startAll starts what may start.
func (db *database) startAll() {
	db.Helper()
	_, err := db.StartRuns(db.Context(), 100)
	require.NoError(db, err)
	db.decide()
	db.check()
}

// pastOf returns what a task run says that it waits for.
func (db *database) pastOf(r *miniairflow.WorkflowRun, seq int) string {
	db.Helper()
	found, err := db.TaskStates(db.Context(), r.ID, []int{seq})
	require.NoError(db, err)
	require.Len(db, found, 1)
	return found[0].Past
}

// dependent is a, which depends on its past, and b after it.
func dependent() *miniairflow.Definition {
	d := definition("etl", task("a"), task("b", "a"))
	d.Tasks[0].DependsOnPast = true
	return d
}

// a of the second run waits for a of the first one, and each end there is told at once.
func TestDependsOnPast(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(dependent())
		first, second := db.slot(v, 0), db.slot(v, 1)
		db.startAll()
		require.Equal(t, states("qp"), db.statuses(first.ID), "nothing is before it")
		require.Equal(t, states("pp"), db.statuses(second.ID))
		require.Equal(t, "waits for etl#1 of 2026-01-31: a is queued", db.pastOf(second, 0))

		w := db.worker("w")
		a := w.claim(1)
		require.Equal(t, first.ID, a[0].RunID)
		w.end(miniairflow.TaskFailed, a...)
		require.Positive(t, db.number(`SELECT count(*) FROM task_decisions`), "the end asks about the later run")
		db.decide()
		require.Equal(t, states("pp"), db.statuses(second.ID))
		require.Equal(t, "waits for etl#1 of 2026-01-31: a failed", db.pastOf(second, 0))
		require.Equal(t, miniairflow.RunFailed, db.run(first.ID).Status)

		db.rerun(rerunOf(first, miniairflow.RerunFailed))
		db.startAll()
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		db.decide()
		require.Equal(t, states("qp"), db.statuses(second.ID), "it need not wait for the rest of that run")
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(second.ID).Status)
		require.Zero(t, db.number(`SELECT count(*) FROM task_pasts`), "runs that are over leave nothing behind")
		db.check()
	})
}

// What ends the wait beside a success.
func TestDependsOnPastGoesOn(t *testing.T) {
	for _, c := range []struct {
		name string
		let  func(t *testing.T, db *database, w *worker, first *miniairflow.WorkflowRun)
	}{
		{name: "the task is marked", let: func(_ *testing.T, db *database, w *worker, first *miniairflow.WorkflowRun) {
			w.end(miniairflow.TaskFailed, w.claim(1)...)
			db.decide()
			mark := rerunOf(first, miniairflow.RerunMark, 0)
			mark.Status = miniairflow.TaskSuccess
			db.rerun(mark)
		}},
		{name: "the task is skipped", let: func(_ *testing.T, _ *database, w *worker, _ *miniairflow.WorkflowRun) {
			w.end(miniairflow.TaskSkipped, w.claim(1)...)
		}},
		{name: "the run is deleted", let: func(t *testing.T, db *database, w *worker, _ *miniairflow.WorkflowRun) {
			w.end(miniairflow.TaskFailed, w.claim(1)...)
			db.decide()
			deleted, err := db.DeleteRuns(t.Context(), time.Now().Add(time.Hour), 10)
			require.NoError(t, err)
			require.Equal(t, 1, deleted)
			asked, err := db.AskForPasts(t.Context(), 10)
			require.NoError(t, err)
			require.Equal(t, 1, asked)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				v := db.sync(dependent())
				first, second := db.slot(v, 0), db.slot(v, 1)
				db.startAll()
				c.let(t, db, db.worker("w"), first)
				db.decide()
				require.Equal(t, states("qp"), db.statuses(second.ID))
				db.check()
			})
		})
	}
}

// Whom the past does not concern, and what is nobody's past.
func TestDependsOnPastIsOfScheduledRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := dependent()
		d.MaxActiveRuns = 2
		v := db.sync(d)
		first := db.slot(v, 0)
		cancelled := db.slot(v, 1)
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: cancelled.ID})
		require.NoError(t, err)
		manual := db.trigger(v)
		db.startAll()
		require.Equal(t, states("qp"), db.statuses(manual.ID), "a run of people waits for nothing")
		db.worker("w").drain(nil)

		third := db.slot(v, 2)
		db.startAll()
		require.Equal(t, states("qp"), db.statuses(third.ID), "a run that never began is nobody's past")
		require.Equal(t, miniairflow.RunSuccess, db.run(first.ID).Status)
	})
}

// A version to come may have other tasks: what was not there is not waited for.
func TestDependsOnPastOfANewTask(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		first := db.slot(db.sync(definition("etl", task("old"))), 0)
		db.startAll()
		require.Equal(t, states("q"), db.statuses(first.ID))
		later := definition("etl", task("new"), task("old"))
		later.Tasks[0].DependsOnPast, later.Tasks[1].DependsOnPast = true, true
		second := db.slot(db.sync(later), 1)
		db.startAll()
		require.Equal(t, states("qp"), db.statuses(second.ID))

		w := db.worker("w")
		for _, c := range w.claim(2) {
			w.end(miniairflow.TaskSuccess, c)
		}
		_, err := db.AskForPasts(t.Context(), 10)
		require.NoError(t, err, "the version before does not know that somebody depends on it")
		db.decide()
		require.Equal(t, states("sq"), db.statuses(second.ID))
		db.check()
	})
}

// A run that is opened again does not wait for the place of one that waits for it.
func TestDependsOnPastAtMaxActiveRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := dependent()
		d.MaxActiveRuns = 1
		v := db.sync(d)
		first, second, third := db.slot(v, 0), db.slot(v, 1), db.slot(v, 2)
		w := db.worker("w")
		db.startAll()
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		db.decide()
		db.startAll()
		require.Equal(t, states("pp"), db.statuses(second.ID))

		db.rerun(rerunOf(first, miniairflow.RerunFailed))
		db.startAll()
		require.Equal(t, miniairflow.RunRunning, db.run(first.ID).Status)
		require.Equal(t, miniairflow.RunPending, db.run(third.ID).Status, "which was not opened again")
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(second.ID).Status)
		db.startAll()
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(third.ID).Status)

		db.rerun(rerunOf(first, miniairflow.RerunClear, 0))
		fourth := db.slot(v, 3)
		db.startAll()
		require.Equal(t, miniairflow.RunRunning, db.run(first.ID).Status)
		require.Equal(t, miniairflow.RunPending, db.run(fourth.ID).Status, "nothing waits, so the limit holds")
	})
}

// A run that was held back while a later one began is not held by that one's place.
func TestDependsOnPastOfARunThatWasPaused(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := dependent()
		d.MaxActiveRuns = 1
		v := db.sync(d)
		zeroth, first, second := db.slot(v, 0), db.slot(v, 1), db.slot(v, 2)
		_, err := db.SetRunPaused(t.Context(), first.ID, true, carol)
		require.NoError(t, err)
		w := db.worker("w")
		db.startAll()
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(zeroth.ID).Status)
		db.startAll()
		require.Equal(t, states("pp"), db.statuses(second.ID), "it waits for the run that is paused")
		_, err = db.SetRunPaused(t.Context(), first.ID, false, carol)
		require.NoError(t, err)
		db.startAll()
		require.Equal(t, miniairflow.RunRunning, db.run(first.ID).Status)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(second.ID).Status)
	})
}
