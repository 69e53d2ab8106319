package persistencetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// waiting returns a task that waits.
func waiting(name string, dependsOn ...string) miniairflow.Task {
	t := task(name, dependsOn...)
	t.Noop, t.Wait = false, &miniairflow.Wait{Duration: miniairflow.Duration(time.Hour)}
	return t
}

// aside returns the finish of a look that has to be repeated.
func aside(c miniairflow.Claim, delay time.Duration, memory string) miniairflow.Finish {
	return miniairflow.Finish{
		RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: miniairflow.AttemptRunning, Next: miniairflow.TaskWaiting,
		Delay: delay, Memory: memory, Reason: "waits for a file",
	}
}

// promote makes claimable what is due.
func (db *database) promote() int {
	db.Helper()
	promoted, _, err := db.PromoteRetries(db.Context(), 100)
	require.NoError(db, err)
	return promoted
}

// cancel asks for the end of a run.
func (db *database) cancel(r *miniairflow.WorkflowRun) {
	db.Helper()
	_, err := db.CancelRun(db.Context(), miniairflow.Cancel{RunID: r.ID})
	require.NoError(db, err)
}

// attempts returns the attempts of a task run.
func (db *database) attempts(r *miniairflow.WorkflowRun, seq int) []*miniairflow.TaskAttempt {
	db.Helper()
	key := miniairflow.TaskRunKey{RunID: r.ID, Seq: seq}
	found, err := db.FindAttempts(db.Context(), []miniairflow.TaskRunKey{key})
	require.NoError(db, err)
	return found[key]
}

func TestWaitHoldsNoSlotAndGoesOnWithItsAttempt(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", waiting("a"), task("b"), task("c", "a"))
		d.MaxActiveTasks = 1
		r := db.start(d)
		w := db.worker("w")
		first := w.claim(1)[0]
		other := w.exchange(1, aside(first, time.Hour, "look 1")).Claims
		require.Equal(t, []int{1}, seqs(other), "its slot is for others")
		is := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskWaiting, is.Status)
		require.Equal(t, "waits for a file", is.Reason)
		require.NotNil(t, is.NextRetryAt)
		require.Nil(t, is.FinishedAt)
		require.Zero(t, db.promote(), "not due yet")
		running := db.attempts(r, 0)
		require.Len(t, running, 1, "its attempt can be seen")
		require.Equal(t, miniairflow.AttemptRunning, running[0].Status)
		require.Equal(t, "w", running[0].WorkerName)
		w.end(miniairflow.TaskSuccess, other...)
		db.check()

		_, err := db.SetRunPaused(t.Context(), r.ID, true, miniairflow.Actor{})
		require.NoError(t, err)
		db.change(map[string]string{
			"sqlite":   `UPDATE task_queue SET due_at = due_at - 3600000000`,
			"postgres": `UPDATE task_queue SET due_at = due_at - interval '1 hour'`,
		})
		require.Equal(t, 1, db.promote())
		require.Empty(t, w.exchange(1).Claims, "its run is paused")
		_, err = db.SetRunPaused(t.Context(), r.ID, false, miniairflow.Actor{})
		require.NoError(t, err)
		require.Equal(t, miniairflow.TaskWaiting, db.task(r.ID, 0).Status, "until its next look begins")
		db.check()

		second := w.claim(1)[0]
		require.Equal(t, 1, second.Attempt, "the same attempt")
		require.Equal(t, first.StartedAt, second.StartedAt)
		wait, err := db.FindWait(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, "look 1", wait.Memory)
		require.Equal(t, first.StartedAt, wait.Since)
		require.Equal(t, 1, wait.Attempt)
		require.False(t, wait.Now.Before(wait.Since))
		w.end(miniairflow.TaskSuccess, second)
		_, err = db.FindWait(t.Context(), r.ID, 0)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		ended := db.attempts(r, 0)
		require.Len(t, ended, 1)
		require.Equal(t, miniairflow.AttemptSuccess, ended[0].Status)
		require.Equal(t, first.StartedAt, ended[0].StartedAt)
		db.check()
	})
}

func TestFinishOfALookIsStoredOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", waiting("a")))
		w := db.worker("w")
		f := aside(w.claim(1)[0], time.Hour, "look 1")
		require.Equal(t, []bool{false}, w.exchange(0, f).Stale)
		before := db.task(r.ID, 0)
		f.Memory = "other"
		require.Equal(t, []bool{false}, w.exchange(0, f).Stale, "the first outcome is returned")
		require.Equal(t, before, db.task(r.ID, 0))
		wait, err := db.FindWait(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, "look 1", wait.Memory)
		stranger := f
		stranger.Token = r.ID
		require.Equal(t, []bool{true}, w.exchange(0, stranger).Stale)
		db.check()
	})
}

func TestCancelEndsWhatWaits(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		clean := task("clean")
		clean.Finally = true
		r := db.start(definition("etl", waiting("a"), waiting("b"), clean))
		w := db.worker("w")
		claims := w.claim(2)
		w.exchange(0, aside(claims[0], time.Hour, ""))
		db.cancel(r)
		require.Equal(t, miniairflow.TaskCancelled, db.task(r.ID, 0).Status)
		ended := db.attempts(r, 0)
		require.Len(t, ended, 1)
		require.Equal(t, miniairflow.AttemptCancelled, ended[0].Status)
		require.Equal(t, "run is being cancelled", ended[0].Reason)
		require.Equal(t, "w", ended[0].WorkerName)

		w.exchange(0, aside(claims[1], time.Hour, ""))
		require.Equal(t, miniairflow.TaskCancelled, db.task(r.ID, 1).Status, "it looks no more")
		require.Equal(t, miniairflow.AttemptCancelled, db.attempts(r, 1)[0].Status)
		require.Zero(t, db.number(`SELECT count(*) FROM task_waits`))
		db.check()
		w.drain(nil)
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}

func TestLostLookKeepsTheTimeOfTheFirst(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", waiting("a")))
		w := db.worker("w")
		first := w.claim(1)[0]
		w.exchange(0, aside(first, 0, "look 1"))
		require.Equal(t, 1, db.promote())
		require.Len(t, w.claim(1), 1)
		require.Equal(t, 1, w.die())
		db.check()

		w = db.worker("w2")
		again := w.claim(1)[0]
		require.Equal(t, 2, again.Attempt, "a lost attempt is over")
		wait, err := db.FindWait(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, first.StartedAt, wait.Since)
		require.Equal(t, 1, wait.Attempt)
		w.exchange(0, aside(again, 0, "look 2"))
		wait, err = db.FindWait(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, first.StartedAt, wait.Since)
		require.Equal(t, "look 2", wait.Memory)
		require.Equal(t, 2, wait.Attempt)
		db.check()
	})
}

func TestRerunEndsWhatWaits(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", waiting("a"), waiting("b"), task("c", "a", "b")))
		w := db.worker("w")
		claims := w.claim(2)
		w.exchange(0, aside(claims[0], time.Hour, "old"), aside(claims[1], time.Hour, "old"))
		mark := rerunOf(r, miniairflow.RerunMark, 0)
		mark.Status = miniairflow.TaskSuccess
		db.rerun(mark)
		db.rerun(rerunOf(r, miniairflow.RerunClear, 1))
		db.check()
		require.Equal(t, miniairflow.TaskSuccess, db.task(r.ID, 0).Status)
		require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 1).Status)
		for seq := range 2 {
			ended := db.attempts(r, seq)
			require.Len(t, ended, 1)
			require.Equal(t, miniairflow.AttemptCancelled, ended[0].Status)
		}
		_, err := db.FindWait(t.Context(), r.ID, 1)
		require.ErrorIs(t, err, miniairflow.ErrNotFound, "it begins anew")
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestDeletedRunLeavesNoWaits(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", waiting("a")))
		w := db.worker("w")
		w.exchange(0, aside(w.claim(1)[0], 0, "look 1"))
		require.Equal(t, 1, db.promote())
		require.Len(t, w.claim(1), 1)
		w.die()
		db.cancel(r) // queued after the loss, it keeps what it remembers
		require.Equal(t, 1, db.number(`SELECT count(*) FROM task_waits`))
		deleted, err := db.DeleteRuns(t.Context(), time.Now().Add(time.Hour), 10)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		require.Zero(t, db.number(`SELECT count(*) FROM task_waits`))
	})
}

// asking returns a task that asks for an approval.
func asking(name string, onReject miniairflow.WaitOnTimeout) miniairflow.Task {
	t := task(name)
	t.Noop, t.Outputs = false, miniairflow.ApprovalOutputs
	t.Approval = &miniairflow.Approval{Message: "Load it?", OnReject: onReject, Fields: []miniairflow.Param{{Name: "rows", Type: miniairflow.ParamInteger}}}
	return t
}

func TestApproval(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		last := task("last", "yes")
		last.TriggerRule = miniairflow.AllSuccess
		r := db.start(definition("etl", asking("yes", ""), asking("no", ""), asking("skip", miniairflow.WaitSkip), last))
		control := &miniairflow.Control{Store: db.Store}
		answer := func(task string, approve bool, fields map[string]any) (miniairflow.RerunResult, error) {
			return control.AnswerApproval(t.Context(), miniairflow.AnswerRequest{
				RunID: r.ID, Task: task, Approve: approve, Fields: fields, By: miniairflow.Actor{Name: "ann", Reason: "because"},
			})
		}
		_, err := answer("yes", true, map[string]any{"rows": 7})
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err), "nobody has asked yet")
		w := db.worker("w")
		for _, c := range w.claim(3) {
			w.exchange(0, aside(c, time.Hour, "asked"))
		}
		for _, c := range []struct {
			task, field, text string
			fields            map[string]any
		}{
			{"last", "task", `task "last" asks for no approval`, nil},
			{"yess", "task", `run etl#1 has no task "yess"; did you mean "yes"?`, nil},
			{"yes", "fields.rows", `field "rows": "many" is not an integer`, map[string]any{"rows": "many"}},
			{"yes", "fields.rows", `field "rows" (integer) has no default and was not given`, nil},
			{"yes", "fields.x", `unknown field "x"; the approval asks for rows`, map[string]any{"rows": 7, "x": 1}},
		} {
			_, err := answer(c.task, true, c.fields)
			var e *miniairflow.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, [2]string{c.field, c.text}, [2]string{e.Field, e.Message})
		}
		d := definition("closed", asking("ask", ""))
		d.Tasks[0].Approval.Approvers = []string{"bob@example.org", "ops"}
		closed := db.start(d)
		w.exchange(0, aside(w.claim(1)[0], time.Hour, "asked"))
		reject := func(by string) error {
			_, err := control.AnswerApproval(t.Context(), miniairflow.AnswerRequest{RunID: closed.ID, Task: "ask", By: miniairflow.Actor{Name: by}})
			return err
		}
		for _, by := range []string{"ann", "", "Ops"} {
			err := reject(by)
			require.Equal(t, miniairflow.CodeForbidden, miniairflow.ErrorCode(err))
			require.ErrorContains(t, err, `task "ask" may be answered by bob@example.org or ops, and you are "`+by+`"`)
		}
		require.NoError(t, reject("ops"))
		require.Equal(t, map[string]any{"decision": "rejected", "by": "ops", "fields": map[string]any{}}, db.task(closed.ID, 0).Outputs)
		done, err := answer("yes", true, map[string]any{"rows": "7"})
		require.NoError(t, err)
		require.Len(t, done.TaskRuns, 1)
		db.check()
		_, err = answer("yes", false, nil)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err), "it is answered")
		for _, name := range []string{"no", "skip"} {
			_, err = answer(name, false, nil)
			require.NoError(t, err)
		}
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskSkipped, miniairflow.TaskQueued}, db.statuses(r.ID))
		yes := db.task(r.ID, 0)
		require.Equal(t, map[string]any{"decision": "approved", "by": "ann", "fields": map[string]any{"rows": int64(7)}}, yes.Outputs)
		require.Equal(t, "approved by ann: because", yes.Reason)
		require.Equal(t, miniairflow.AttemptSuccess, db.attempts(r, 0)[0].Status)
		require.Equal(t, miniairflow.AttemptFailed, db.attempts(r, 1)[0].Status)
		require.Equal(t, map[string]any{"decision": "rejected", "by": "ann", "fields": map[string]any{}}, db.task(r.ID, 1).Outputs)
		require.Equal(t, 3, db.number(`SELECT count(*) FROM audit_log WHERE action = 'answer_approval' AND actor = 'ann'`))
		w.drain(nil)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		db.check()
	})
}
