package persistencetest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestCreateRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		run := db.newRun(v)
		run.Params = map[string]any{"region": "eu", "limit": int64(9007199254740993), "share": 0.5, "odd": "a\x00b"}
		run.IdempotencyKey = "key"
		run.By = miniairflow.Actor{Name: "cli", Reason: "try it"}
		first, created, err := db.CreateRun(t.Context(), run)
		require.NoError(t, err)
		require.True(t, created)
		require.Equal(t, "etl#1", first.Label())
		require.Equal(t, miniairflow.RunPending, first.Status)
		require.Equal(t, map[string]any{"region": "eu", "limit": int64(9007199254740993), "share": 0.5, "odd": "a\uFFFDb"}, first.Params)
		require.Equal(t, first.LogicalDate, first.DataIntervalStart)
		require.Equal(t, first.CreatedAt, first.RunAfter)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE actor = 'cli' AND action = 'create_run' AND reason = 'try it'`))

		again, created, err := db.CreateRun(t.Context(), run)
		require.NoError(t, err, "the reply was lost and the call is repeated")
		require.False(t, created)
		require.Equal(t, first, again)

		sameKey := db.newRun(v)
		sameKey.IdempotencyKey = "key"
		again, created, err = db.CreateRun(t.Context(), sameKey)
		require.NoError(t, err)
		require.False(t, created)
		require.Equal(t, first.ID, again.ID)

		require.Equal(t, int64(2), db.trigger(v).Number, "a repetition takes no number")
	})
}

// A run keeps why it was started, and by whom.
func TestRunCause(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		for _, c := range []struct {
			run  func(*miniairflow.NewRun)
			want miniairflow.Cause
		}{
			{func(*miniairflow.NewRun) {}, miniairflow.Cause{Kind: miniairflow.CauseManual, By: "test"}},
			{
				func(r *miniairflow.NewRun) {
					r.Type, r.ScheduleName, r.By.Name = miniairflow.RunScheduled, "eu", "scheduler"
				},
				miniairflow.Cause{Kind: miniairflow.CauseSchedule, Detail: "eu", By: "scheduler"},
			},
			{
				func(r *miniairflow.NewRun) {
					r.Cause = miniairflow.Cause{Kind: miniairflow.CauseManual, Detail: "a\x00" + strings.Repeat("é", miniairflow.CauseDetailMax), By: "ann"}
				},
				miniairflow.Cause{Kind: miniairflow.CauseManual, Detail: "a\uFFFD" + strings.Repeat("é", (miniairflow.CauseDetailMax-4)/2) + "…", By: "ann"},
			},
		} {
			run := db.newRun(v)
			c.run(&run)
			created, _, err := db.CreateRun(t.Context(), run)
			require.NoError(t, err)
			require.Equal(t, c.want, created.Cause)
			found, err := db.FindRuns(t.Context(), miniairflow.RunFilter{Limit: 1})
			require.NoError(t, err)
			require.Equal(t, c.want, found[0].Cause)
		}
		for _, kind := range []miniairflow.CauseKind{miniairflow.CauseAfter, miniairflow.CauseWebhook, miniairflow.CauseFile} {
			run := db.newRun(v)
			run.Cause.Kind = kind
			created, _, err := db.CreateRun(t.Context(), run)
			require.NoError(t, err)
			require.Equal(t, miniairflow.Cause{Kind: kind, By: "test"}, created.Cause)
		}
	})
}

func TestCreateRunRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		unknown := db.newRun(v)
		unknown.WorkflowID = uuid.New()
		_, _, err := db.CreateRun(t.Context(), unknown)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)

		require.NoError(t, db.RetireFile(t.Context(), "etl.yaml"))
		_, _, err = db.CreateRun(t.Context(), db.newRun(v))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
	})
}

func TestScheduledRunIsCreatedOncePerSlot(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		slot := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
		var first *miniairflow.WorkflowRun
		for i := range 2 {
			run := db.newRun(v)
			run.Type, run.ScheduleName, run.LogicalDate = miniairflow.RunScheduled, "0 2 * * * UTC", slot
			run.DataIntervalStart = slot.AddDate(0, 0, -1)
			r, created, err := db.CreateRun(t.Context(), run)
			require.NoError(t, err)
			require.Equal(t, i == 0, created)
			if first == nil {
				first = r
			}
			require.Equal(t, first, r)
		}
		require.Equal(t, slot, first.RunAfter)
		require.Equal(t, slot, first.DataIntervalEnd)
		require.Equal(t, slot.AddDate(0, 0, -1), first.DataIntervalStart)
	})
}

func TestStartRunWritesTaskRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		root := task("root")
		root.Queue, root.Priority = "gpu", miniairflow.PriorityHigh
		late := task("late", "root")
		guarded := task("guarded")
		guarded.When = "false"
		d := definition("etl", root, late, guarded)
		d.Timeout = miniairflow.Duration(time.Hour)
		r := db.start(d)
		require.Equal(t, miniairflow.RunRunning, r.Status)
		require.Equal(t, 3, r.TaskCount)
		require.Equal(t, time.Hour, r.DeadlineAt.Sub(*r.StartedAt))
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskQueued, miniairflow.TaskPending, miniairflow.TaskPending}, db.statuses(r.ID))
		first := db.task(r.ID, 0)
		require.Equal(t, "root", first.Name)
		require.Equal(t, "gpu", first.Queue)
		require.Equal(t, miniairflow.PriorityHigh, first.Priority)
		require.NotNil(t, first.QueuedAt)
		undecided, err := db.Undecided(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{r.ID}, undecided, "a root with when asks for a decision")
		db.check()
	})
}

func TestStartRunsInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", task("a"))
		d.MaxActiveRuns = 2
		v := db.sync(d)
		var runs []uuid.UUID
		for range 4 {
			runs = append(runs, db.trigger(v).ID)
		}
		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.ElementsMatch(t, runs[:2], started, "the oldest ones, up to max_active_runs")
		again, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, again)

		w := db.worker("w")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		started, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, runs[2:3], started)
		db.check()
	})
}

func TestStartRunsLeavesOut(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		by := miniairflow.Actor{Name: "test"}
		paused := db.sync(definition("paused", task("a")))
		db.trigger(paused)
		_, err := db.SetPaused(t.Context(), paused.WorkflowID, true, by)
		require.NoError(t, err)

		inactive := definition("inactive", task("a"))
		inactive.IsActive = false
		db.trigger(db.sync(inactive))

		now, err := db.Now(t.Context())
		require.NoError(t, err)
		future := db.newRun(db.sync(definition("future", task("a"))))
		future.Type, future.ScheduleName, future.LogicalDate = miniairflow.RunScheduled, "0 2 * * * UTC", now.Add(time.Hour)
		_, _, err = db.CreateRun(t.Context(), future)
		require.NoError(t, err)

		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, started)

		_, err = db.SetPaused(t.Context(), paused.WorkflowID, false, by)
		require.NoError(t, err)
		started, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, started, 1)
	})
}

func TestStartRunsObeysLimit(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", wide(300)...))
		for range 5 {
			db.trigger(v)
		}
		started, err := db.StartRuns(t.Context(), 3)
		require.NoError(t, err)
		require.Len(t, started, 3)
		started, err = db.StartRuns(t.Context(), 100)
		require.NoError(t, err)
		require.Len(t, started, 2)
		db.check()
	})
}

func TestStartLargeRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("large", wide(10_000)...)
		d.MaxActiveTasks = 16
		r := db.start(d)
		require.Equal(t, 10_000, r.TaskCount)
		require.Equal(t, 16, db.number(`SELECT count(*) FROM task_queue WHERE state = 'ready'`))
		require.Equal(t, 9_984, db.number(`SELECT count(*) FROM task_queue WHERE state = 'limited'`))
		cancelled, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, cancelled.Status)
		db.check()
	})
}

func TestCancelPendingRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.trigger(db.sync(definition("etl", task("a"))))
		cancelled, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, By: miniairflow.Actor{Name: "api", Reason: "not today"}})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, cancelled.Status)
		require.Equal(t, "cancelled by api: not today", cancelled.Reason)
		require.NotNil(t, cancelled.FinishedAt)
		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, started)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE actor = 'api' AND action = 'cancel_run' AND reason = 'not today'`))
		_, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: uuid.New()})
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
	})
}

func TestCancelRunningRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", append(wide(4), task("after", "t0"))...)
		d.MaxActiveTasks = 3
		r := db.start(d)
		w := db.worker("w")
		claims := w.claim(2)
		retry := finish(claims[1], miniairflow.TaskUpForRetry)
		retry.Delay = time.Hour
		require.Equal(t, []bool{false}, w.exchange(0, retry).Stale)

		cancelled, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, By: miniairflow.Actor{Name: "api"}})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunRunning, cancelled.Status, "until the running task has ended")
		require.NotNil(t, cancelled.CancelRequestedAt)
		c := miniairflow.TaskCancelled
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskRunning, c, c, c, c}, db.statuses(r.ID))
		require.Empty(t, w.exchange(10).Claims)
		db.check()

		again, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, TimedOut: true})
		require.NoError(t, err)
		require.Equal(t, cancelled, again, "a second one changes nothing")

		held := miniairflow.HeldAttempt{RunID: r.ID, Seq: claims[0].Seq, Token: claims[0].Token}
		beat, err := db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{held}, lease)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.HeldAttempt{held}, beat.Cancel)

		w.end(miniairflow.TaskUpForRetry, claims[0])
		require.Equal(t, miniairflow.TaskCancelled, db.task(r.ID, 0).Status, "no attempt opens after a cancellation")
		over := db.run(r.ID)
		require.Equal(t, miniairflow.RunCancelled, over.Status)
		require.Equal(t, "cancelled by api", over.Reason)
		db.check()

		again, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, over, again, "a terminal run is returned as it is")
	})
}

func TestTimedOutRunFails(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		short := definition("short", task("a"))
		short.Timeout = miniairflow.Duration(time.Microsecond)
		r := db.start(short)
		long := definition("long", task("a"))
		long.Timeout = miniairflow.Duration(time.Hour)
		other := db.start(long)
		overdue, next, err := db.OverdueRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{r.ID}, overdue)
		require.Equal(t, other.DeadlineAt, next)

		over, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, TimedOut: true})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunFailed, over.Status)
		require.Equal(t, "timed out", over.Reason)
		overdue, _, err = db.OverdueRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, overdue)
		db.check()
	})
}

func TestEventsOfARun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		subscription := db.Bus().Subscribe(nil)
		defer subscription.Close()
		take := func() []miniairflow.Event {
			// A store that has just begun to listen to other processes says so.
			return slices.DeleteFunc(subscription.Take(), func(e miniairflow.Event) bool { return e.Topic == miniairflow.TopicAll })
		}
		v := db.sync(definition("etl", task("a")))
		take()
		r := db.trigger(v)
		run := miniairflow.Event{Topic: miniairflow.TopicRun, ID: r.ID}
		runs := miniairflow.Event{Topic: miniairflow.TopicRuns}
		queue := miniairflow.Event{Topic: miniairflow.TopicQueue}
		require.ElementsMatch(t, []miniairflow.Event{runs, run}, take())
		_, err := db.StartRuns(t.Context(), 1)
		require.NoError(t, err)
		require.ElementsMatch(t, []miniairflow.Event{queue, run}, take())
		w := db.worker("w")
		require.Equal(t, []miniairflow.Event{{Topic: miniairflow.TopicWorkers}}, take())
		claims := w.claim(1)
		require.Equal(t, []miniairflow.Event{run}, take())
		w.end(miniairflow.TaskSuccess, claims...)
		require.ElementsMatch(t, []miniairflow.Event{runs, run}, take())
	})
}

func TestFailedRunNamesItsTasks(t *testing.T) {
	for failing, reason := range map[int]string{1: "task t0 failed", 2: "tasks t0, t1 failed", 5: "tasks t0, t1, t2 and 2 more failed"} {
		t.Run(fmt.Sprint(failing), func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				tolerated := task("tolerated")
				tolerated.AllowFailure = true
				r := db.start(definition("etl", append(wide(failing), tolerated)...))
				w := db.worker("w")
				w.end(miniairflow.TaskFailed, w.claim(failing+1)...)
				require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
				require.Equal(t, reason, db.run(r.ID).Reason)
				db.check()
			})
		})
	}
}

func TestLogicalDateDelaysNoManualRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		for _, off := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
			run := db.newRun(v)
			run.LogicalDate = time.Now().UTC().Add(off).Truncate(time.Second)
			r, _, err := db.CreateRun(t.Context(), run)
			require.NoError(t, err)
			require.Equal(t, run.LogicalDate, r.LogicalDate)
			require.Equal(t, r.CreatedAt, r.RunAfter)
			started, err := db.StartRuns(t.Context(), 10)
			require.NoError(t, err)
			require.Equal(t, []uuid.UUID{r.ID}, started)
		}
	})
}

// unstartable makes a pending run one that the database refuses to start.
func (db *database) unstartable(runID uuid.UUID) {
	db.Helper()
	text := `INSERT INTO run_counters (workflow_run_id) VALUES ('` + runID.String() + `')`
	db.change(map[string]string{"sqlite": text, "postgres": text})
}

func TestBrokenWorkflowHoldsUpNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		broken := db.sync(definition("broken", task("a")))
		db.unstartable(db.trigger(broken).ID)
		good := db.trigger(db.sync(definition("good", task("a"))))
		started, err := db.StartRuns(t.Context(), 10)
		require.ErrorContains(t, err, broken.WorkflowID.String())
		var faults miniairflow.StartFaults
		require.ErrorAs(t, err, &faults)
		require.Len(t, faults, 1)
		require.Error(t, faults[broken.WorkflowID])
		require.Equal(t, []uuid.UUID{good.ID}, started)
		// Who knows of it can leave it out.
		another := db.trigger(db.sync(definition("another", task("a"))))
		started, err = db.StartRuns(t.Context(), 10, broken.WorkflowID)
		require.NoError(t, err)
		require.Equal(t, []uuid.UUID{another.ID}, started)
	})
}
