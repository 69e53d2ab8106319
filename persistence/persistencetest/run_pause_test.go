package persistencetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// pause pauses a run or lets it go on.
func (db *database) pause(r *miniairflow.WorkflowRun, paused bool) *miniairflow.WorkflowRun {
	db.Helper()
	found, err := db.SetRunPaused(db.Context(), r.ID, paused, miniairflow.Actor{Name: "ann", Reason: "look first"})
	require.NoError(db, err)
	db.check()
	return found
}

func TestPausedRunStartsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b")))
		other := db.start(definition("other", task("a")))
		require.NotNil(t, db.pause(r, true).PausedAt)
		w := db.worker("w")
		claims := w.exchange(5).Claims
		require.Len(t, claims, 1)
		require.Equal(t, other.ID, claims[0].RunID, "others go on")
		require.Equal(t, states("qq"), db.statuses(r.ID))
		require.Nil(t, db.pause(r, false).PausedAt)
		require.Equal(t, []int{0, 1}, seqs(w.claim(2)), "in the order that they had")
	})
}

func TestPausedRunFinishesWhatRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		w := db.worker("w")
		c := w.claim(1)[0]
		db.pause(r, true)
		beat, err := db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{{RunID: c.RunID, Seq: c.Seq, Token: c.Token}}, lease)
		require.NoError(t, err)
		require.Empty(t, beat.Cancel)
		require.Empty(t, w.exchange(5, finish(c, miniairflow.TaskSuccess)).Claims, "b is held back")
		require.Equal(t, states("sq"), db.statuses(r.ID))
		db.check()
		db.pause(r, false)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
	})
}

func TestPausedRunEndsWithItsLastTask(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		w := db.worker("w")
		c := w.claim(1)[0]
		db.pause(r, true)
		w.end(miniairflow.TaskSuccess, c)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestPausedPendingRunDoesNotStart(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		first, second := db.trigger(v), db.trigger(v)
		db.pause(first, true)
		started, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, started, 1)
		require.Equal(t, second.ID, started[0], "it does not hold up those behind it")
		db.pause(first, false)
		started, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, first.ID, started[0])
	})
}

func TestPauseIsIdempotent(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		first := db.pause(r, true)
		require.Equal(t, first, db.pause(r, true))
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'pause_run' AND actor = 'ann' AND reason = 'look first'`))
		db.pause(r, false)
		db.pause(r, false)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'resume_run'`))
	})
}

func TestPauseOfARunThatIsOver(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a")), nil)
		require.Nil(t, db.pause(r, true).PausedAt, "it is returned as it is")
		require.Zero(t, db.number(`SELECT count(*) FROM audit_log WHERE action = 'pause_run'`))
	})
}

func TestPausedRunIsCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		db.pause(r, true)
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		require.Equal(t, states("cc"), db.statuses(r.ID))
		require.Zero(t, db.number(`SELECT count(*) FROM audit_log WHERE action = 'cancel_run'`), "nobody is named")
		db.check()
	})
}

// The tasks of finally of a run that is asked to end are not held back.
func TestCancelLiftsThePause(t *testing.T) {
	for name, c := range map[string]struct {
		timedOut bool
		result   miniairflow.RunStatus
	}{
		"cancelled": {result: miniairflow.RunCancelled},
		"timed out": {timedOut: true, result: miniairflow.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				r := db.start(withFinally(definition("etl", task("a"), task("b", "a")), task("z")))
				w := db.worker("w")
				claim := w.claim(1)[0]
				db.pause(r, true)
				cancelled, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, TimedOut: c.timedOut, By: by})
				require.NoError(t, err)
				require.Nil(t, cancelled.PausedAt)
				require.Equal(t, cancelled, db.pause(r, true), "it is not paused anew")
				w.end(miniairflow.TaskCancelled, claim)
				require.Equal(t, []int{2}, seqs(w.claim(1)))
				require.Equal(t, db.run(r.ID), db.pause(r, true))
				require.Zero(t, db.number(`SELECT count(*) FROM audit_log WHERE action = 'resume_run'`))
				require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'pause_run'`))
				require.NoError(t, db.EndSession(t.Context(), w.id, miniairflow.EndStopped))
				_, err = db.Reap(t.Context(), 10)
				require.NoError(t, err)
				db.worker("other").drain(nil)
				require.Equal(t, c.result, db.run(r.ID).Status)
				db.check()
			})
		})
	}
}

func TestCancelOfAPausedPendingRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		first, second := db.trigger(v), db.trigger(v)
		db.pause(first, true)
		db.pause(second, true)
		cancelled, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: first.ID})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, cancelled.Status)
		db.check()
		require.NoError(t, db.RetireFile(t.Context(), "etl.yaml"))
		require.Equal(t, miniairflow.RunCancelled, db.run(second.ID).Status)
		db.check()
	})
}

func TestPausedRunHoldsItsRetriesBack(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		w := db.worker("w")
		f := finish(w.claim(1)[0], miniairflow.TaskUpForRetry)
		f.Delay = time.Microsecond
		w.exchange(0, f)
		db.pause(r, true)
		require.Eventually(t, func() bool {
			n, _, err := db.PromoteRetries(t.Context(), 10)
			return err == nil && n == 1
		}, 10*time.Second, time.Millisecond)
		db.check()
		require.Empty(t, w.exchange(5).Claims)
		db.pause(r, false)
		require.Equal(t, 2, w.claim(1)[0].Attempt)
	})
}

func TestPausedRunKeepsLostTasksBack(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		dead, w := db.worker("dead"), db.worker("w")
		dead.claim(1)
		db.pause(r, true)
		require.NoError(t, db.EndSession(t.Context(), dead.id, ""))
		reaped, err := db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, reaped)
		db.check()
		require.Empty(t, w.exchange(5).Claims)
		db.pause(r, false)
		w.claim(1)
	})
}

func TestPausedRunGivesItsFreeSlotsToNobody(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", wide(4)...)
		d.MaxActiveTasks = 2
		r := db.start(d)
		w := db.worker("w")
		claims := w.claim(2)
		db.pause(r, true)
		w.end(miniairflow.TaskSuccess, claims...)
		db.check()
		require.Empty(t, w.exchange(5).Claims)
		db.pause(r, false)
		w.claim(2)
		db.check()
	})
}

func TestPauseStartsTheTimeInTheQueueAnew(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", task("a"))
		d.Tasks[0].QueueTimeout = miniairflow.Duration(time.Hour)
		r := db.start(d)
		_, before, err := db.FailExpired(t.Context(), 10)
		require.NoError(t, err)
		db.pause(r, true)
		_, next, err := db.FailExpired(t.Context(), 10)
		require.NoError(t, err)
		require.Nil(t, next, "a paused run does not expire")
		db.pause(r, false)
		_, after, err := db.FailExpired(t.Context(), 10)
		require.NoError(t, err)
		require.True(t, after.After(*before))
	})
}
