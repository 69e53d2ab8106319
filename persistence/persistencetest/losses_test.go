package persistencetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// die ends a worker's session and reaps what it held.
func (w *worker) die() int {
	w.Helper()
	require.NoError(w, w.EndSession(w.Context(), w.id, ""))
	reaped, err := w.Reap(w.Context(), 100)
	require.NoError(w, err)
	w.check()
	return reaped
}

// What becomes of a task whose worker is lost for the nth time.
func TestLoss(t *testing.T) {
	for _, c := range []struct {
		name   string
		onLost miniairflow.OnLost
		losses int
		cancel bool
		status miniairflow.TaskStatus
		reason string
	}{
		{name: "the first", onLost: miniairflow.LostRetry, losses: 1, status: miniairflow.TaskQueued},
		{name: "the second", onLost: miniairflow.LostRetry, losses: 2, status: miniairflow.TaskQueued},
		{name: "the third", onLost: miniairflow.LostRetry, losses: 3, status: miniairflow.TaskFailed, reason: "3 times"},
		{name: "of a payment", onLost: miniairflow.LostFail, losses: 1, status: miniairflow.TaskFailed, reason: "on_lost is fail"},
		{name: "of a cancelled run", onLost: miniairflow.LostRetry, losses: 1, cancel: true, status: miniairflow.TaskCancelled},
		{name: "of a payment of a cancelled run", onLost: miniairflow.LostFail, losses: 1, cancel: true, status: miniairflow.TaskCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				d := definition("etl", task("a"))
				d.Tasks[0].OnLost = c.onLost
				r := db.start(d)
				for n := range c.losses {
					w := db.worker("w")
					require.Equal(t, n+1, w.claim(1)[0].Attempt)
					if c.cancel {
						_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
						require.NoError(t, err)
					}
					require.Equal(t, 1, w.die())
				}
				tr := db.task(r.ID, 0)
				require.Equal(t, c.status, tr.Status)
				require.Equal(t, c.losses, tr.Attempt)
				require.Zero(t, db.number(`SELECT failures FROM task_runs`), "a loss is none of the user's tries")
				require.Contains(t, tr.Reason, c.reason)
				require.Contains(t, tr.Reason, `w`)
				attempts, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{{RunID: r.ID}})
				require.NoError(t, err)
				for _, a := range attempts[miniairflow.TaskRunKey{RunID: r.ID}] {
					require.Equal(t, miniairflow.AttemptLost, a.Status)
				}
			})
		})
	}
}

func TestLostTaskIsFirstInTheQueue(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.start(definition("etl", wide(3)...))
		dead := db.worker("dead")
		dead.claim(1)
		dead.die()
		require.Equal(t, []int{0}, seqs(db.worker("w").claim(1)))
	})
}

func TestLossesOfManyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", wide(30)...)
		for i := range d.Tasks {
			d.Tasks[i].OnLost = []miniairflow.OnLost{miniairflow.LostRetry, miniairflow.LostFail}[i%2]
		}
		r := db.start(d)
		w := db.worker("w")
		w.claim(30)
		require.Equal(t, 30, w.die())
		for seq, s := range db.statuses(r.ID) {
			require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskQueued, miniairflow.TaskFailed}[seq%2], s)
		}
	})
}

func TestLateResultOfALostAttempt(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		dead, w := db.worker("dead"), db.worker("w")
		late := dead.claim(1)[0]
		dead.die()
		_, err := db.Exchange(t.Context(), dead.request(0, finish(late, miniairflow.TaskSuccess)))
		require.ErrorIs(t, err, miniairflow.ErrFenced)
		require.Equal(t, []bool{true}, w.exchange(0, finish(late, miniairflow.TaskSuccess)).Stale, "by whomever it comes")
		require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 0).Status)
		again := w.claim(1)[0]
		require.Equal(t, []bool{true}, w.exchange(0, finish(late, miniairflow.TaskFailed)).Stale)
		w.end(miniairflow.TaskSuccess, again)
		require.Equal(t, miniairflow.TaskSuccess, db.task(r.ID, 0).Status)
		db.check()
	})
}

// A claim that slipped in after the fence is found by the next pass.
func TestReapLooksAtTheStateEachTime(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		w := db.worker("w")
		require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		reaped, err := db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, reaped)
		db.change(map[string]string{
			"sqlite": `UPDATE workers SET status = 'active'`, "postgres": `UPDATE workers SET status = 'active'`,
		})
		w.claim(1)
		db.change(map[string]string{
			"sqlite": `UPDATE workers SET status = 'inactive'`, "postgres": `UPDATE workers SET status = 'inactive'`,
		})
		reaped, err = db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, reaped)
		require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 0).Status)
	})
}

func TestExpiry(t *testing.T) {
	short := func(db *database, tasks ...miniairflow.Task) *miniairflow.WorkflowRun {
		for i := range tasks {
			tasks[i].QueueTimeout = miniairflow.Duration(time.Hour)
		}
		r := db.start(definition("etl", tasks...))
		return r
	}
	elapse := map[string]string{
		"sqlite":   `UPDATE task_queue SET expires_at = 1 WHERE expires_at IS NOT NULL`,
		"postgres": `UPDATE task_queue SET expires_at = to_timestamp(1) WHERE expires_at IS NOT NULL`,
	}
	expire := func(db *database) int {
		n, _, err := db.FailExpired(db.Context(), 100)
		require.NoError(db, err)
		db.check()
		return n
	}
	for name, test := range map[string]func(t *testing.T, db *database){
		"fails what nobody took": func(t *testing.T, db *database) {
			r := short(db, task("a"), task("b", "a"))
			require.Zero(t, expire(db), "not before its time")
			db.change(elapse)
			require.Equal(t, 1, expire(db))
			require.Equal(t, "no worker of queue default took it within its queue_timeout of 1h0m0s", db.task(r.ID, 0).Reason)
			db.decide()
			require.Equal(t, states("fu"), db.statuses(r.ID))
			require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		},
		"leaves what runs alone": func(t *testing.T, db *database) {
			r := short(db, task("a"))
			db.worker("w").claim(1)
			db.change(elapse)
			require.Zero(t, expire(db))
			require.Equal(t, states("r"), db.statuses(r.ID))
		},
		"leaves retries alone": func(t *testing.T, db *database) {
			r := short(db, task("a"))
			w := db.worker("w")
			w.exchange(0, finish(w.claim(1)[0], miniairflow.TaskUpForRetry))
			_, _, err := db.PromoteRetries(t.Context(), 10)
			require.NoError(t, err)
			db.change(elapse)
			require.Zero(t, expire(db))
			require.Equal(t, miniairflow.TaskUpForRetry, db.task(r.ID, 0).Status)
		},
		"counts anew after a loss": func(t *testing.T, db *database) {
			r := short(db, task("a"))
			w := db.worker("w")
			w.claim(1)
			w.die()
			db.change(elapse)
			require.Equal(t, 1, expire(db))
			require.Equal(t, states("f"), db.statuses(r.ID))
		},
		"begins when a task is ready": func(t *testing.T, db *database) {
			r := short(db, task("a"), task("b", "a"))
			w := db.worker("w")
			w.end(miniairflow.TaskSuccess, w.claim(1)...)
			db.change(elapse)
			require.Equal(t, 1, expire(db))
			require.Equal(t, states("sf"), db.statuses(r.ID))
		},
		"gives the slot of the run to the next": func(t *testing.T, db *database) {
			d := definition("etl", wide(2)...)
			d.MaxActiveTasks = 1
			d.Tasks[0].QueueTimeout = miniairflow.Duration(time.Hour)
			r := db.start(d)
			db.change(elapse)
			require.Equal(t, 1, expire(db))
			require.Equal(t, states("fq"), db.statuses(r.ID))
		},
		"runs what finally has to do": func(t *testing.T, db *database) {
			d := withFinally(definition("etl", task("a")), task("z"))
			d.Tasks[0].QueueTimeout = miniairflow.Duration(time.Hour)
			r := db.start(d)
			db.change(elapse)
			require.Equal(t, 1, expire(db))
			require.Equal(t, states("fq"), db.statuses(r.ID))
		},
		"tells when the next is due": func(t *testing.T, db *database) {
			short(db, task("a"))
			now, err := db.Now(t.Context())
			require.NoError(t, err)
			_, next, err := db.FailExpired(t.Context(), 10)
			require.NoError(t, err)
			require.WithinRange(t, *next, now.Add(time.Hour-time.Minute), now.Add(time.Hour+time.Minute))
		},
		"ends at most so many": func(t *testing.T, db *database) {
			short(db, wide(5)...)
			db.change(elapse)
			n, _, err := db.FailExpired(t.Context(), 3)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.Equal(t, 2, expire(db))
		},
	} {
		t.Run(name, func(t *testing.T) { onEach(t, test) })
	}
}

func TestDrainedWorkerTakesNothingNew(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		w := db.worker("w")
		c := w.claim(1)[0]
		for range 2 {
			drained, err := db.DrainWorker(t.Context(), "w", miniairflow.Actor{Name: "ann"})
			require.NoError(t, err)
			require.Equal(t, miniairflow.WorkerDraining, drained.Status)
		}
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'drain_worker' AND actor = 'ann'`))
		beat, err := db.Heartbeat(t.Context(), w.id, nil, lease)
		require.NoError(t, err)
		require.True(t, beat.Draining)
		require.Empty(t, w.exchange(5, finish(c, miniairflow.TaskSuccess)).Claims, "what it runs is taken, and nothing given")
		require.Equal(t, states("sq"), db.statuses(r.ID))
		require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		_, err = db.DrainWorker(t.Context(), "w", miniairflow.Actor{Name: "ann"})
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		db.worker("w").claim(1)
	})
}

// An operator who is told that a worker drains can rely on it, also when it has
// only just started.
func TestDrainOfWorkerThatJustStarts(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range 100 {
			started := make(chan *worker, 1)
			go func() {
				defer close(started)
				if w, err := db.newWorker(t.Context(), "w"); err == nil {
					started <- w
				}
			}()
			err := error(miniairflow.ErrNotFound)
			for errors.Is(err, miniairflow.ErrNotFound) {
				_, err = db.DrainWorker(ctx, "w", miniairflow.Actor{Name: "ann"})
			}
			require.NoError(t, err)
			w := <-started
			require.NotNil(t, w)
			beat, err := db.Heartbeat(t.Context(), w.id, nil, lease)
			require.NoError(t, err)
			require.True(t, beat.Draining)
			require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		}
	})
}

// The heartbeat names what the worker holds and does not know, so that the lost
// reply of a claim is found.
func TestHeartbeatNamesUnknownAttempts(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.start(definition("etl", wide(2)...))
		w := db.worker("w")
		claims := w.claim(2)
		known := miniairflow.HeldAttempt{RunID: claims[0].RunID, Seq: claims[0].Seq, Token: claims[0].Token}
		beat, err := db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{known}, lease)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.HeldAttempt{{RunID: claims[1].RunID, Seq: claims[1].Seq, Token: claims[1].Token}}, beat.Unknown)
		again, err := db.Claimed(t.Context(), beat.Unknown[0].Token)
		require.NoError(t, err)
		require.Equal(t, []int{0, 1}, seqs(again))
		nobody, err := db.Claimed(t.Context(), uuid.New())
		require.NoError(t, err)
		require.Empty(t, nobody)
	})
}
