package persistencetest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// running returns a task that runs a workflow.
func running(name, workflow string) miniairflow.Task {
	t := task(name)
	t.Noop, t.Workflow = false, &miniairflow.ChildWorkflow{Name: workflow}
	return t
}

// childRun returns a child run of the version for the attempt of a claim.
func (db *database) childRun(v *miniairflow.WorkflowVersion, c miniairflow.Claim) miniairflow.NewRun {
	db.Helper()
	run := db.newRun(v)
	run.Type, run.By = miniairflow.RunChild, miniairflow.Actor{}
	run.LogicalDate, run.DataIntervalStart = c.Run.LogicalDate, c.Run.DataIntervalStart
	run.Parent = &miniairflow.Parent{TaskRunKey: miniairflow.TaskRunKey{RunID: c.RunID, Seq: c.Seq}, Token: c.Token}
	return run
}

// child creates the child run of a claim.
func (db *database) child(v *miniairflow.WorkflowVersion, c miniairflow.Claim) *miniairflow.WorkflowRun {
	db.Helper()
	r, created, err := db.CreateRun(db.Context(), db.childRun(v, c))
	require.NoError(db, err)
	require.True(db, created)
	return r
}

// asideForChild is aside for a claim whose task waits for a child run.
func asideForChild(c miniairflow.Claim, child *miniairflow.WorkflowRun) miniairflow.Finish {
	f := aside(c, time.Hour, "")
	f.ChildID = child.ID
	return f
}

// startPending starts what may start.
func (db *database) startPending() []uuid.UUID {
	db.Helper()
	started, err := db.StartRuns(db.Context(), 100)
	require.NoError(db, err)
	return started
}

// abandoned returns the child runs of which nobody waits for the end.
func (db *database) abandoned() []uuid.UUID {
	db.Helper()
	ids, err := db.AbandonedRuns(db.Context(), 100)
	require.NoError(db, err)
	return ids
}

// A child run is made once for a task, whatever replies and workers are lost, and
// anew for the next try of it.
func TestChildRunIsMadeOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("child", task("a")))
		r := db.start(definition("parent", running("call", "child")))
		w := db.worker("w")
		claim := w.claim(1)[0]
		asked := db.childRun(v, claim)
		child, created, err := db.CreateRun(t.Context(), asked)
		require.NoError(t, err)
		require.True(t, created)
		require.Equal(t, miniairflow.RunChild, child.Type)
		require.Equal(t, &miniairflow.TaskRunKey{RunID: r.ID}, child.Parent)
		require.Equal(t, r.LogicalDate, child.LogicalDate)
		wait, err := db.FindWait(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, child.ID, wait.ChildID)
		db.check()
		for name, again := range map[string]miniairflow.NewRun{"the same call": asked, "a call that knows nothing of it": db.childRun(v, claim)} {
			same, created, err := db.CreateRun(t.Context(), again)
			require.NoError(t, err, name)
			require.False(t, created, name)
			require.Equal(t, child, same, name)
		}

		require.Equal(t, 1, w.die())
		require.Empty(t, db.abandoned(), "the next attempt takes it over")
		late := asideForChild(claim, child)
		w = db.worker("w")
		require.Equal(t, []bool{true}, w.exchange(0, late).Stale)
		_, _, err = db.CreateRun(t.Context(), db.childRun(v, claim))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err), "the attempt is over")
		second := w.claim(1)[0]
		require.Equal(t, 2, second.Attempt)
		same, created, err := db.CreateRun(t.Context(), db.childRun(v, second))
		require.NoError(t, err)
		require.False(t, created)
		require.Equal(t, child.ID, same.ID)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM workflow_runs WHERE type = 'child'`))

		failed := finish(second, miniairflow.TaskUpForRetry)
		failed.Next = miniairflow.TaskUpForRetry
		w.exchange(0, failed)
		require.Equal(t, []uuid.UUID{child.ID}, db.abandoned())
		require.Equal(t, 1, db.promote())
		other := db.child(v, w.claim(1)[0])
		require.NotEqual(t, child.ID, other.ID)
		db.check()
		key := miniairflow.TaskRunKey{RunID: r.ID}
		children, err := db.ChildRuns(t.Context(), []miniairflow.TaskRunKey{key, {RunID: r.ID, Seq: 1}})
		require.NoError(t, err)
		require.Equal(t, map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun{key: other}, children, "the latest")
		runs, err := db.FindRuns(t.Context(), miniairflow.RunFilter{Types: []miniairflow.RunType{miniairflow.RunManual}})
		require.NoError(t, err)
		require.Len(t, runs, 1)
		require.Equal(t, r.ID, runs[0].ID)
	})
}

// A finish that comes too late lets no task look early, though the child run that it
// names has ended since.
func TestLateFinishOfParentChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("child", task("a")))
		r := db.start(definition("parent", running("call", "child")))
		w := db.worker("w")
		first := w.claim(1)[0]
		ended := db.child(v, first)
		failed := finish(first, miniairflow.TaskUpForRetry)
		failed.Next = miniairflow.TaskUpForRetry
		w.exchange(0, failed)
		db.cancel(ended)
		require.Equal(t, 1, db.promote())
		second := w.claim(1)[0]
		w.exchange(0, asideForChild(second, db.child(v, second)))
		w.exchange(0, asideForChild(first, ended))
		require.Zero(t, db.promote(), "it waits for an hour, and for the other child run")
		require.Equal(t, miniairflow.TaskWaiting, db.task(r.ID, 0).Status)
		db.check()
	})
}

// The end of a child run lets its task look at once, and not only when its delay is over.
func TestEndOfChildRunWakesItsTask(t *testing.T) {
	for name, end := range map[string]func(db *database, w *worker, child *miniairflow.WorkflowRun){
		"success": func(db *database, w *worker, _ *miniairflow.WorkflowRun) {
			db.startPending()
			w.drain(nil)
		},
		"failure": func(db *database, w *worker, _ *miniairflow.WorkflowRun) {
			db.startPending()
			w.end(miniairflow.TaskFailed, w.claim(1)...)
		},
		"cancelled before it starts": func(db *database, _ *worker, child *miniairflow.WorkflowRun) { db.cancel(child) },
		"cancelled while it runs": func(db *database, _ *worker, child *miniairflow.WorkflowRun) {
			db.startPending()
			db.cancel(child)
		},
		"its file goes before it starts": func(db *database, _ *worker, _ *miniairflow.WorkflowRun) {
			require.NoError(db, db.RetireFile(db.Context(), "child.yaml"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				v := db.sync(definition("child", task("a")))
				r := db.start(definition("parent", running("call", "child")))
				w := db.worker("w")
				claim := w.claim(1)[0]
				child := db.child(v, claim)
				w.exchange(0, asideForChild(claim, child))
				require.Zero(t, db.promote())
				hints := db.Bus().SubscribeTopics(miniairflow.TopicChild)
				defer hints.Close()
				end(db, w, child)
				require.True(t, db.run(child.ID).IsTerminal())
				require.Equal(t, []miniairflow.Event{{Topic: miniairflow.TopicChild}}, hints.Take())
				require.Equal(t, 1, db.promote(), "its task may look")
				require.Empty(t, db.abandoned())
				again := w.claim(1)[0]
				require.Equal(t, 1, again.Attempt)
				w.end(miniairflow.TaskSuccess, again)
				require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
				db.check()
			})
		})
	}
}

// A task is put aside while its child run ends: whoever comes last lets it look.
func TestEndOfChildRunIsNotMissed(t *testing.T) {
	const tries = 40
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("child", task("a")))
		parent := definition("parent", running("call", "child"))
		db.sync(parent)
		parents, children := db.worker("w1"), db.worker("w2")
		for range tries {
			db.start(parent)
			claim := parents.claim(1)[0]
			child := db.child(v, claim)
			db.startPending()
			inner := children.claim(1)[0]
			var both sync.WaitGroup
			var errs [2]error
			for i, f := range []miniairflow.Finish{asideForChild(claim, child), finish(inner, miniairflow.TaskSuccess)} {
				both.Go(func() { _, errs[i] = []*worker{parents, children}[i].Exchange(t.Context(), parents.request(0, f)) })
			}
			both.Wait()
			require.NoError(t, errs[0])
			require.NoError(t, errs[1])
			require.Equal(t, 1, db.promote())
			parents.end(miniairflow.TaskSuccess, parents.claim(1)...)
		}
		db.check()
	})
}

// Child runs neither take the place of other runs nor wait for one. A pause of their
// workflow holds them like any other.
func TestChildRunsAreNotCounted(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("child", task("a"))
		d.MaxActiveRuns = 1
		v := db.sync(d)
		first, second := db.trigger(v), db.trigger(v)
		require.Equal(t, []uuid.UUID{first.ID}, db.startPending())
		db.start(definition("parent", running("x", "child"), running("y", "child")))
		w := db.worker("w")
		claims := w.claim(3)
		x, y := db.child(v, claims[1]), db.child(v, claims[2])
		require.Equal(t, []uuid.UUID{x.ID, y.ID}, db.startPending(), "though another run is at the limit")
		require.Equal(t, miniairflow.RunPending, db.run(second.ID).Status)
		w.end(miniairflow.TaskSuccess, claims[0])
		require.Equal(t, []uuid.UUID{second.ID}, db.startPending(), "though two child runs go on")
		db.check()
	})
}

func TestChildRunOfAPausedWorkflowWaits(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("child", task("a")))
		_, err := db.SetPaused(t.Context(), v.WorkflowID, true, miniairflow.Actor{})
		require.NoError(t, err)
		db.start(definition("parent", running("call", "child")))
		child := db.child(v, db.worker("w").claim(1)[0])
		require.Empty(t, db.startPending())
		_, err = db.SetPaused(t.Context(), v.WorkflowID, false, miniairflow.Actor{})
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{child.ID}, db.startPending())
		db.check()
	})
}

// Whatever makes a task let go of its child run, that run is found.
func TestAbandonedRuns(t *testing.T) {
	for name, letGo := range map[string]func(db *database, w *worker, c miniairflow.Claim, r *miniairflow.WorkflowRun){
		"its run is cancelled":        func(db *database, _ *worker, _ miniairflow.Claim, r *miniairflow.WorkflowRun) { db.cancel(r) },
		"it is marked while it waits": func(db *database, _ *worker, _ miniairflow.Claim, r *miniairflow.WorkflowRun) { db.mark(r, 0) },
		"it has timed out": func(db *database, w *worker, _ miniairflow.Claim, _ *miniairflow.WorkflowRun) {
			w.promoteSoon()
			w.end(miniairflow.TaskFailed, w.claim(1)...)
		},
		"its worker is lost too often": func(db *database, w *worker, _ miniairflow.Claim, _ *miniairflow.WorkflowRun) {
			w.promoteSoon()
			for range miniairflow.LossesMax {
				w.claim(1)
				require.Equal(db, 1, w.die())
				w = db.worker("w")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				v := db.sync(definition("child", task("a")))
				r := db.start(definition("parent", running("call", "child")))
				w := db.worker("w")
				claim := w.claim(1)[0]
				child := db.child(v, claim)
				require.Empty(t, db.abandoned(), "its task runs")
				w.exchange(0, asideForChild(claim, child))
				require.Empty(t, db.abandoned(), "its task waits")
				db.startPending()
				letGo(db, w, claim, r)
				require.Equal(t, []uuid.UUID{child.ID}, db.abandoned())
				db.cancel(child)
				require.Empty(t, db.abandoned())
				require.Equal(t, miniairflow.RunCancelled, db.run(child.ID).Status)
				db.check()

				_, err := db.Rerun(t.Context(), miniairflow.Rerun{ID: uuid.New(), RunID: child.ID, Kind: miniairflow.RerunFailed})
				require.NoError(t, err)
				require.Empty(t, db.abandoned(), "who opens it again takes it over")
			})
		})
	}
}

// An item that is done anew has no part in the child run of its earlier time, also
// when its workers were lost too often.
func TestItemBeginsWithANewChildRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("child", task("a")))
		call := forEach("call", "[1]", 0)
		call.Noop, call.Workflow = false, &miniairflow.ChildWorkflow{Name: "child"}
		r := db.start(definition("parent", call))
		db.decide()
		w := db.worker("w")
		child := db.child(v, w.claim(1)[0])
		for i := range miniairflow.LossesMax {
			require.Equal(t, 1, w.die())
			w = db.worker("w")
			if i < miniairflow.LossesMax-1 {
				w.claim(1)
			}
		}
		require.Equal(t, miniairflow.TaskFailed, db.task(r.ID, item(0)).Status)
		require.Equal(t, []uuid.UUID{child.ID}, db.abandoned())
		db.cancel(child)
		db.decide()
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		db.startPending()
		db.decide()
		db.check()
		_, err := db.FindWait(t.Context(), r.ID, item(0))
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		require.NotEqual(t, child.ID, db.child(v, w.claim(1)[0]).ID)
		db.check()
	})
}

// mark says that a task run has succeeded.
func (db *database) mark(r *miniairflow.WorkflowRun, seq int) {
	db.Helper()
	_, err := db.Rerun(db.Context(), miniairflow.Rerun{
		ID: uuid.New(), RunID: r.ID, Kind: miniairflow.RerunMark, Seqs: []int{seq}, Status: miniairflow.TaskSuccess, By: miniairflow.Actor{Name: "test"},
	})
	require.NoError(db, err)
}

// promoteSoon makes what waits claimable.
func (db *database) promoteSoon() {
	db.Helper()
	db.change(map[string]string{
		"sqlite":   `UPDATE task_queue SET due_at = due_at - 7200000000`,
		"postgres": `UPDATE task_queue SET due_at = due_at - interval '2 hours'`,
	})
	require.Equal(db, 1, db.promote())
}

// A child run that somebody opened again before its task has looked is still that
// task's, and ends with it.
func TestChildRunThatWasDoneAgainEndsWithItsTask(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("child", task("a")))
		r := db.start(definition("parent", running("call", "child")))
		w := db.worker("w")
		claim := w.claim(1)[0]
		child := db.child(v, claim)
		w.exchange(0, asideForChild(claim, child))
		_, err := db.SetRunPaused(t.Context(), r.ID, true, carol)
		require.NoError(t, err)
		db.startPending()
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		require.Equal(t, miniairflow.RunFailed, db.run(child.ID).Status)
		db.rerun(rerunOf(child, miniairflow.RerunFailed))
		require.Empty(t, db.abandoned())
		db.cancel(r)
		require.Equal(t, []uuid.UUID{child.ID}, db.abandoned())
	})
}
