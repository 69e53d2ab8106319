package persistencetest_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// rerunOf returns a request of a new id.
func rerunOf(r *miniairflow.WorkflowRun, kind miniairflow.RerunKind, seqs ...int) miniairflow.Rerun {
	return miniairflow.Rerun{ID: uuid.New(), RunID: r.ID, Kind: kind, Seqs: seqs, By: miniairflow.Actor{Name: "ann", Reason: "bad data"}}
}

// rerun makes the request, which must be taken.
func (db *database) rerun(req miniairflow.Rerun) miniairflow.RerunResult {
	db.Helper()
	result, err := db.Rerun(db.Context(), req)
	require.NoError(db, err)
	db.check()
	return result
}

// diamond is a, then b and c, then d.
func diamond() []miniairflow.Task {
	return []miniairflow.Task{task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c")}
}

// played returns a run that is over, whose task runs ended as outcomes say by
// name; the others succeeded, as far as their turn came.
func (db *database) played(w *worker, d *miniairflow.Definition, outcomes map[string]miniairflow.TaskStatus) *miniairflow.WorkflowRun {
	db.Helper()
	r := db.start(d)
	w.drain(func(c miniairflow.Claim) miniairflow.TaskStatus {
		if s, found := outcomes[d.Tasks[c.Seq].Name]; found && c.RunID == r.ID {
			return s
		}
		return miniairflow.TaskSuccess
	})
	r = db.run(r.ID)
	require.True(db, r.Status.IsTerminal(), "the run is %s", r.Status)
	return r
}

// names abbreviates states for tables.
var names = map[byte]miniairflow.TaskStatus{
	'p': miniairflow.TaskPending, 'q': miniairflow.TaskQueued, 'r': miniairflow.TaskRunning, 's': miniairflow.TaskSuccess, 'f': miniairflow.TaskFailed,
	'c': miniairflow.TaskCancelled, 'k': miniairflow.TaskSkipped, 'u': miniairflow.TaskUpstreamFailed, 'w': miniairflow.TaskWaiting,
}

// states reads abbreviated states.
func states(text string) []miniairflow.TaskStatus {
	var all []miniairflow.TaskStatus
	for i := range text {
		all = append(all, names[text[i]])
	}
	return all
}

// A diamond whose b has failed, and what each request makes of it.
func TestRerunOpensARun(t *testing.T) {
	retry, clear, mark := miniairflow.RerunFailed, miniairflow.RerunClear, miniairflow.RerunMark
	for _, c := range []struct {
		name       string
		kind       miniairflow.RerunKind
		seqs       []int
		downstream bool
		status     miniairflow.TaskStatus
		opened     string // right after the request
		restarted  string // when the run has started again
		ended      string // when everything that is left has succeeded
		run        miniairflow.RunStatus
	}{
		{name: "retry what failed", kind: retry, opened: "spsp", restarted: "sqsp", ended: "ssss", run: miniairflow.RunSuccess},
		{name: "clear the failed one", kind: clear, seqs: []int{1}, opened: "spsu", restarted: "sqsu", ended: "sssu", run: miniairflow.RunFailed},
		{name: "clear it with all below", kind: clear, seqs: []int{1}, downstream: true, opened: "spsp", restarted: "sqsp", ended: "ssss", run: miniairflow.RunSuccess},
		{name: "clear one that succeeded", kind: clear, seqs: []int{2}, opened: "sfpu", restarted: "sfqu", ended: "sfsu", run: miniairflow.RunFailed},
		{name: "clear the root with all below", kind: clear, seqs: []int{0}, downstream: true, opened: "pppp", restarted: "qppp", ended: "ssss", run: miniairflow.RunSuccess},
		{name: "clear the root alone", kind: clear, seqs: []int{0}, opened: "pfsu", restarted: "qfsu", ended: "sfsu", run: miniairflow.RunFailed},
		{name: "clear several", kind: clear, seqs: []int{2, 1}, opened: "sppu", restarted: "sqqu", ended: "sssu", run: miniairflow.RunFailed},
		{name: "clear what never ran", kind: clear, seqs: []int{3}, opened: "sfsp", restarted: "sfsp", ended: "sfsu", run: miniairflow.RunFailed},
		{name: "mark the failed one success", kind: mark, seqs: []int{1}, status: miniairflow.TaskSuccess, opened: "sssp", restarted: "sssq", ended: "ssss", run: miniairflow.RunSuccess},
		{name: "mark the failed one skipped", kind: mark, seqs: []int{1}, status: miniairflow.TaskSkipped, opened: "sksp", restarted: "sksp", ended: "sksk", run: miniairflow.RunSuccess},
		{name: "mark it and what is below", kind: mark, seqs: []int{1, 3}, status: miniairflow.TaskSuccess, opened: "ssss", restarted: "ssss", ended: "ssss", run: miniairflow.RunSuccess},
		{name: "mark one that succeeded as failed", kind: mark, seqs: []int{2}, status: miniairflow.TaskFailed, opened: "sffu", restarted: "sffu", ended: "sffu", run: miniairflow.RunFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				w := db.worker("w")
				r := db.played(w, definition("etl", diamond()...), map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed})
				require.Equal(t, states("sfsu"), db.statuses(r.ID))
				req := rerunOf(r, c.kind, c.seqs...)
				req.Downstream, req.Status = c.downstream, c.status
				result := db.rerun(req)
				require.Equal(t, states(c.opened), db.statuses(r.ID))
				require.Equal(t, 2, result.Run.Generation)
				_, err := db.StartRuns(t.Context(), 10)
				require.NoError(t, err)
				db.check()
				require.Equal(t, states(c.restarted), db.statuses(r.ID))
				w.drain(nil)
				db.check()
				require.Equal(t, states(c.ended), db.statuses(r.ID))
				require.Equal(t, c.run, db.run(r.ID).Status)
			})
		})
	}
}

// A run in which something is left undone says so.
func TestReasonOfWhatDidNotRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", diamond()...), map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed})
		require.Equal(t, "task b failed", r.Reason)
		db.rerun(rerunOf(r, miniairflow.RerunClear, 1))
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.drain(nil)
		require.Equal(t, "task d did not run", db.run(r.ID).Reason)
	})
}

func TestRerunKeepsOldAttempts(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a")), map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		c := w.claim(1)[0]
		require.Equal(t, 2, c.Attempt, "numbers go on")
		require.Zero(t, c.Failures, "the tries of the task begin anew")
		w.end(miniairflow.TaskSuccess, c)
		key := miniairflow.TaskRunKey{RunID: r.ID}
		found, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{key})
		require.NoError(t, err)
		require.Len(t, found[key], 2)
		require.Equal(t, miniairflow.AttemptFailed, found[key][0].Status)
		require.Equal(t, miniairflow.AttemptSuccess, found[key][1].Status)
	})
}

func TestRerunIsDoneOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a")), map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		req := rerunOf(r, miniairflow.RerunFailed)
		var first, repeats int
		var mu sync.Mutex
		var asking sync.WaitGroup
		for range 16 {
			asking.Go(func() {
				result, err := db.Rerun(t.Context(), req)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && result.IsRepeat {
					repeats++
				} else if err == nil {
					first++
				}
			})
		}
		asking.Wait()
		require.Equal(t, 1, first)
		require.Equal(t, 15, repeats)
		require.Equal(t, 2, db.run(r.ID).Generation)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'retry_run' AND actor = 'ann' AND reason = 'bad data'`))
	})
}

func TestDryRerunChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", diamond()...), map[string]miniairflow.TaskStatus{"b": miniairflow.TaskFailed})
		req := rerunOf(r, miniairflow.RerunClear, 0)
		req.Downstream, req.DryRun = true, true
		result := db.rerun(req)
		var would []int
		for _, tr := range result.TaskRuns {
			would = append(would, tr.Seq)
		}
		require.Equal(t, []int{0, 1, 2, 3}, would)
		require.Equal(t, r, db.run(r.ID))
		require.Equal(t, states("sfsu"), db.statuses(r.ID))
		require.Zero(t, db.number(`SELECT count(*) FROM audit_log WHERE action IN ('retry_run', 'clear_tasks', 'mark_tasks')`))
		req.DryRun = false
		require.False(t, db.rerun(req).IsRepeat, "a dry run does not use its id up")
	})
}

func TestRerunRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		req  func(r *miniairflow.WorkflowRun) miniairflow.Rerun
		code string
		text string
	}{
		"a run that is not there": {
			func(*miniairflow.WorkflowRun) miniairflow.Rerun {
				return rerunOf(&miniairflow.WorkflowRun{ID: uuid.New()}, miniairflow.RerunFailed)
			}, miniairflow.CodeNotFound, "",
		},
		"a task that is not there": {
			func(r *miniairflow.WorkflowRun) miniairflow.Rerun { return rerunOf(r, miniairflow.RerunClear, 7) }, miniairflow.CodeInvalid, "the run has no task at place 7",
		},
		"no task": {
			func(r *miniairflow.WorkflowRun) miniairflow.Rerun { return rerunOf(r, miniairflow.RerunClear) }, miniairflow.CodeInvalid, "no task is named",
		},
		"a mark that is no end": {
			func(r *miniairflow.WorkflowRun) miniairflow.Rerun {
				req := rerunOf(r, miniairflow.RerunMark, 0)
				req.Status = miniairflow.TaskRunning
				return req
			}, miniairflow.CodeInvalid, "use success, failed or skipped",
		},
		"what runs now": {
			func(r *miniairflow.WorkflowRun) miniairflow.Rerun { return rerunOf(r, miniairflow.RerunClear, 0) }, miniairflow.CodeConflict, "still running: a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				r := db.start(definition("etl", task("a"), task("b", "a")))
				db.worker("w").claim(1)
				_, err := db.Rerun(t.Context(), c.req(r))
				require.Equal(t, c.code, miniairflow.ErrorCode(err), "%v", err)
				require.ErrorContains(t, err, c.text)
				require.Equal(t, states("rp"), db.statuses(r.ID))
				db.check()
			})
		})
	}
}

func TestMarkEndsARunningAttempt(t *testing.T) {
	for _, status := range []miniairflow.TaskStatus{miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskSkipped} {
		t.Run(string(status), func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				r := db.start(definition("etl", task("a")))
				w := db.worker("w")
				c := w.claim(1)[0]
				req := rerunOf(r, miniairflow.RerunMark, 0)
				req.Status = status
				db.rerun(req)
				require.Equal(t, status, db.task(r.ID, 0).Status)
				require.Contains(t, db.task(r.ID, 0).Reason, "by ann")
				require.True(t, db.run(r.ID).Status.IsTerminal())
				beat, err := db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{{RunID: c.RunID, Seq: c.Seq, Token: c.Token}}, lease)
				require.NoError(t, err)
				require.Len(t, beat.NotOwned, 1, "its worker learns of it")
				require.Equal(t, []bool{true}, w.exchange(0, finish(c, miniairflow.TaskSuccess)).Stale)
				require.Equal(t, status, db.task(r.ID, 0).Status)
			})
		})
	}
}

func TestRerunWithTheLatestVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a"), task("b", "a")), map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		later := definition("etl", task("a"), task("b", "a"), task("c", "b"))
		later.Tasks[1].Queue = "gpu"
		v := db.sync(later)

		asItWas := rerunOf(r, miniairflow.RerunFailed)
		asItWas.DryRun = true
		require.Len(t, db.rerun(asItWas).TaskRuns, 2)
		req := rerunOf(r, miniairflow.RerunFailed)
		req.Latest = true
		result := db.rerun(req)
		require.Equal(t, v.ID, result.Run.VersionID)
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, states("qpp"), db.statuses(r.ID), "it has the new task")
		require.Equal(t, "gpu", db.task(r.ID, 1).Queue, "and the new settings of others")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		require.Empty(t, w.exchange(5).Claims, "b is of another queue now")
		db.check()
	})
}

func TestRerunRefusesAVersionThatDoesNotFit(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a"), task("b", "a")), map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		db.sync(definition("etl", task("b"), task("a")))
		req := rerunOf(r, miniairflow.RerunFailed)
		req.Latest = true
		_, err := db.Rerun(t.Context(), req)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, `has not task "a" at its place 1`)
		require.Equal(t, r, db.run(r.ID))
	})
}

func TestRerunOfARunThatGoesOn(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b"), task("c", "a")))
		w := db.worker("w")
		claims := w.claim(2)
		w.end(miniairflow.TaskFailed, claims[0])
		db.decide()
		require.Equal(t, states("fru"), db.statuses(r.ID))
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		require.Equal(t, states("qrp"), db.statuses(r.ID), "it goes on at once")
		require.Equal(t, miniairflow.RunRunning, db.run(r.ID).Status)
		w.end(miniairflow.TaskSuccess, claims[1])
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestRerunAfterACancellation(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		_, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Nil(t, db.run(r.ID).CancelRequestedAt)
		db.worker("w").drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

// A run whose end was asked for is judged by its tasks once somebody has said how
// they ended.
func TestMarkOfARunThatWasEnded(t *testing.T) {
	for _, c := range []struct {
		name     string
		timedOut bool
		marks    []int
		as       miniairflow.TaskStatus
		result   miniairflow.RunStatus
		reason   string
	}{
		{name: "timed out, all well", timedOut: true, marks: []int{0, 1}, as: miniairflow.TaskSuccess, result: miniairflow.RunSuccess},
		{name: "cancelled, all well", marks: []int{0, 1}, as: miniairflow.TaskSkipped, result: miniairflow.RunSuccess},
		{name: "cancelled, some well", marks: []int{1}, as: miniairflow.TaskSuccess, result: miniairflow.RunFailed, reason: "task a did not run"},
		{name: "timed out, all bad", timedOut: true, marks: []int{0, 1}, as: miniairflow.TaskFailed, result: miniairflow.RunFailed, reason: "tasks a, b failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				r := db.start(withFinally(definition("etl", task("a"), task("b", "a")), task("z")))
				_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, TimedOut: c.timedOut})
				require.NoError(t, err)
				db.worker("w").drain(nil)
				require.Equal(t, states("ccs"), db.statuses(r.ID))
				req := rerunOf(r, miniairflow.RerunMark, c.marks...)
				req.Status = c.as
				marked := db.rerun(req).Run
				require.Equal(t, c.result, marked.Status)
				require.Equal(t, c.reason, marked.Reason)
				require.Nil(t, marked.CancelRequestedAt)
				require.Equal(t, 2, marked.Generation)
			})
		})
	}
}

func TestRerunWaitsForRoom(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", task("a"))
		d.MaxActiveRuns = 1
		w := db.worker("w")
		r := db.played(w, d, map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		db.start(d)
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, started, "max_active_runs holds for it, too")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		started, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{r.ID}, started)
	})
}

func TestManyReruns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", diamond()...), map[string]miniairflow.TaskStatus{"d": miniairflow.TaskFailed})
		for generation := 2; generation <= 5; generation++ {
			require.Equal(t, generation, db.rerun(rerunOf(r, miniairflow.RerunFailed)).Run.Generation)
			_, err := db.StartRuns(t.Context(), 10)
			require.NoError(t, err)
			w.end(miniairflow.TaskFailed, w.claim(1)...)
			db.check()
			require.Equal(t, generation, db.task(r.ID, 3).Attempt)
		}
	})
}
