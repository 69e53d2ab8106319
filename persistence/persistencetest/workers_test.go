package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestSessionOfALivingNameIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := miniairflow.Worker{ID: uuid.New(), Name: "w1", Hostname: "host", PID: 42, Version: "1.0", Queues: []string{"default", "gpu"}, Concurrency: 8}
		require.NoError(t, db.StartSession(t.Context(), w, lease))
		require.NoError(t, db.StartSession(t.Context(), w, lease), "the same call again")
		second := w
		second.ID = uuid.New()
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(db.StartSession(t.Context(), second, lease)))
		require.NoError(t, db.EndSession(t.Context(), w.ID, ""))
		require.NoError(t, db.StartSession(t.Context(), second, lease))
		require.ErrorIs(t, db.StartSession(t.Context(), w, lease), miniairflow.ErrFenced, "a session that is over does not come back")

		sessions, err := db.Sessions(t.Context())
		require.NoError(t, err)
		require.Len(t, sessions.Workers, 1)
		found := *sessions.Workers[0]
		require.Equal(t, found.StartedAt, found.LastHeartbeat)
		found.StartedAt, found.LastHeartbeat = time.Time{}, time.Time{}
		second.Status, second.Lease = miniairflow.WorkerActive, lease
		require.Equal(t, second, found)
		all, err := db.FindWorkers(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.ErrorIs(t, db.EndSession(t.Context(), uuid.New(), ""), miniairflow.ErrNotFound)
	})
}

// A clock that jumps forward must not give a name away whose process works on:
// only who has watched the beats may.
func TestOnlyAFenceGivesANameAway(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		silent := miniairflow.Worker{ID: uuid.New(), Name: "w", Queues: []string{"default"}}
		require.NoError(t, db.StartSession(t.Context(), silent, 0))
		next := silent
		next.ID = uuid.New()
		err := db.StartSession(t.Context(), next, lease)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, `a worker named "w" is alive`)
		fenced, err := db.FenceSession(t.Context(), silent.ID, 0)
		require.NoError(t, err)
		require.True(t, fenced)
		require.NoError(t, db.StartSession(t.Context(), next, lease))
		_, err = db.Heartbeat(t.Context(), silent.ID, nil, lease)
		require.ErrorIs(t, err, miniairflow.ErrFenced)
	})
}

func TestLapsedLeaseTakesNothingNew(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.start(definition("etl", task("a")))
		w := miniairflow.Worker{ID: uuid.New(), Name: "w", Queues: []string{"default"}}
		require.NoError(t, db.StartSession(t.Context(), w, 0))
		late := &worker{database: db, id: w.ID, queue: miniairflow.QueueDefault}
		result, err := db.Exchange(t.Context(), late.request(1))
		require.NoError(t, err)
		require.Empty(t, result.Claims)
		_, err = db.Heartbeat(t.Context(), w.ID, nil, lease)
		require.NoError(t, err, "nobody has fenced it")
		late.claim(1)
		unknown := &worker{database: db, id: uuid.New(), queue: miniairflow.QueueDefault}
		_, err = db.Exchange(t.Context(), unknown.request(1))
		require.ErrorIs(t, err, miniairflow.ErrFenced)
		db.check()
	})
}

func TestHeartbeat(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", wide(3)...))
		w, other := db.worker("w"), db.worker("other")
		claims := w.claim(3)
		held := func(c miniairflow.Claim) miniairflow.HeldAttempt {
			return miniairflow.HeldAttempt{RunID: c.RunID, Seq: c.Seq, Token: c.Token}
		}
		wrong := held(claims[1])
		wrong.Token = uuid.New()
		result, err := db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{held(claims[0]), wrong, held(claims[2])}, lease)
		require.NoError(t, err)
		require.Equal(t, miniairflow.HeartbeatResult{NotOwned: []miniairflow.HeldAttempt{wrong}, Unknown: []miniairflow.HeldAttempt{held(claims[1])}}, result)
		result, err = db.Heartbeat(t.Context(), other.id, []miniairflow.HeldAttempt{held(claims[0])}, lease)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.HeldAttempt{held(claims[0])}, result.NotOwned, "it is another session's")
		_, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		result, err = db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{held(claims[0]), held(claims[2])}, lease)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.HeldAttempt{held(claims[0]), held(claims[2])}, result.Cancel)
		sessions, err := db.Sessions(t.Context())
		require.NoError(t, err)
		for _, s := range sessions.Workers {
			if s.ID == w.id {
				require.Equal(t, int64(2), s.Beat)
				require.Equal(t, 3, s.Running)
			}
		}
	})
}

func TestFenceByBeat(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		_, err := db.Heartbeat(t.Context(), w.id, nil, lease)
		require.NoError(t, err)
		fenced, err := db.FenceSession(t.Context(), w.id, 0)
		require.NoError(t, err)
		require.False(t, fenced, "it was heard of since")
		fenced, err = db.FenceSession(t.Context(), w.id, 1)
		require.NoError(t, err)
		require.True(t, fenced)
		_, err = db.Heartbeat(t.Context(), w.id, nil, lease)
		require.ErrorIs(t, err, miniairflow.ErrFenced)
		fenced, err = db.FenceSession(t.Context(), w.id, 1)
		require.NoError(t, err)
		require.False(t, fenced)
	})
}

func TestLostTaskIsQueuedAgainUntilItFails(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", append(wide(2), task("after", "t0"))...))
		for i := range miniairflow.LossesMax {
			w := db.worker("w")
			require.Equal(t, []int{0}, seqs(w.claim(1)), "it goes to the head of the queue")
			require.NoError(t, db.EndSession(t.Context(), w.id, ""))
			reaped, err := db.Reap(t.Context(), 10)
			require.NoError(t, err)
			require.Equal(t, 1, reaped)
			db.check()
			if i < miniairflow.LossesMax-1 {
				require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 0).Status)
			}
		}
		lost := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskFailed, lost.Status)
		require.Equal(t, "worker w went silent (3 times)", lost.Reason)
		require.Zero(t, lost.Failures)
		w := db.worker("w")
		w.drain(nil)
		require.Equal(t, miniairflow.TaskUpstreamFailed, db.task(r.ID, 2).Status)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		key := miniairflow.TaskRunKey{RunID: r.ID, Seq: 0}
		attempts, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{key})
		require.NoError(t, err)
		require.Len(t, attempts[key], 3)
		require.Equal(t, miniairflow.AttemptLost, attempts[key][0].Status)
		require.Equal(t, "worker w went silent", attempts[key][0].Reason)
		db.check()
	})
}

// A worker that ends its session says why; one that is fenced does not, and
// cannot say so later.
func TestLossesHaveTheReasonOfTheirWorker(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for end, want := range map[miniairflow.EndReason]string{
			miniairflow.EndStopped:      "worker w was stopped before the task ended",
			miniairflow.EndGuardianDied: "worker w lost its guardian",
			miniairflow.EndContactLost:  "worker w lost contact with the database",
			"":                          "worker w went silent",
		} {
			r := db.start(definition("etl", task("a")))
			w := db.worker("w")
			w.claim(1)
			require.NoError(t, db.EndSession(t.Context(), w.id, end))
			require.NoError(t, db.EndSession(t.Context(), w.id, "said something else"), "again")
			_, err := db.Reap(t.Context(), 10)
			require.NoError(t, err)
			require.Equal(t, want, db.task(r.ID, 0).Reason)
			key := miniairflow.TaskRunKey{RunID: r.ID, Seq: 0}
			attempts, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{key})
			require.NoError(t, err)
			require.Equal(t, want, attempts[key][0].Reason)
			db.check()
			next := db.worker("next")
			next.drain(nil)
			require.NoError(t, db.EndSession(t.Context(), next.id, ""))
		}
	})
}

func TestReapOfACancelledRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", wide(5)...))
		w := db.worker("w")
		w.claim(3)
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		reaped, err := db.Reap(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, 2, reaped)
		db.check()
		reaped, err = db.Reap(t.Context(), 2)
		require.NoError(t, err)
		require.Equal(t, 1, reaped)
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}

func TestLostTaskKeepsItsSlot(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", wide(3)...)
		d.MaxActiveTasks = 1
		r := db.start(d)
		w := db.worker("w")
		w.claim(1)
		require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		_, err := db.Reap(t.Context(), 10)
		require.NoError(t, err)
		db.check()
		next := db.worker("next")
		next.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestOldSessionsAreForgotten(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.start(definition("etl", task("a")))
		holder, old, recent := db.worker("holder"), db.worker("old"), db.worker("recent")
		holder.claim(1)
		for _, w := range []*worker{holder, old, recent} {
			require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		}
		silent := map[string]string{
			"sqlite":   `UPDATE workers SET last_heartbeat = last_heartbeat - 8 * 86400000000 WHERE name <> 'recent'`,
			"postgres": `UPDATE workers SET last_heartbeat = last_heartbeat - interval '8 days' WHERE name <> 'recent'`,
		}
		db.change(silent)
		db.worker("new")
		require.Equal(t, 3, db.number(`SELECT count(*) FROM workers`))
		require.Zero(t, db.number(`SELECT count(*) FROM workers WHERE name = 'old'`), "one that still holds an attempt stays")
		shown, err := db.FindWorkers(t.Context())
		require.NoError(t, err)
		require.Len(t, shown, 2)
	})
}
