package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// wakes reports whether do tells those who wait that there is something to claim.
func (db *database) wakes(do func()) bool {
	db.Helper()
	events := db.Bus().SubscribeTopics(miniairflow.TopicQueue)
	defer events.Close()
	do()
	return len(events.Take()) > 0
}

// Of a pool of two, a holds both slots; b and c, of one each, wait. Whatever lets
// one start that the caller does not claim itself wakes the others.
func TestFreedSlotsWakeWhoWaits(t *testing.T) {
	for name, free := range map[string]func(db *database, w *worker, a miniairflow.Claim){
		"the end of an attempt": func(_ *database, w *worker, a miniairflow.Claim) {
			w.end(miniairflow.TaskSuccess, a)
		},
		"an exchange that claims only one": func(_ *database, w *worker, a miniairflow.Claim) {
			require.Equal(w, []int{1}, seqs(w.exchange(1, finish(a, miniairflow.TaskSuccess)).Claims))
		},
		"a retry": func(_ *database, w *worker, a miniairflow.Claim) {
			f := finish(a, miniairflow.TaskUpForRetry)
			f.Delay = time.Hour
			w.exchange(0, f)
		},
		"a loss": func(db *database, w *worker, _ miniairflow.Claim) {
			require.NoError(db, db.EndSession(db.Context(), w.id, ""))
			n, err := db.Reap(db.Context(), 10)
			require.NoError(db, err)
			require.Equal(db, 1, n)
		},
		"a mark": func(db *database, _ *worker, a miniairflow.Claim) {
			_, err := db.Rerun(db.Context(), miniairflow.Rerun{
				ID: uuid.New(), RunID: a.RunID, Kind: miniairflow.RerunMark, Seqs: []int{0}, Status: miniairflow.TaskSuccess,
			})
			require.NoError(db, err)
		},
		"another pool size": func(db *database, _ *worker, _ miniairflow.Claim) { db.setPool("db", 3) },
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				db.setPool("db", 2)
				a := pooled("a", "db", 2)
				a.OnLost = miniairflow.LostFail
				db.start(definition("etl", a, pooled("b", "db", 1), pooled("c", "db", 1)))
				w := db.worker("w")
				claims := w.claim(1)
				require.True(t, db.wakes(func() { free(db, w, claims[0]) }))
				require.NotEmpty(t, db.worker("other").exchange(5).Claims)
				db.check()
			})
		})
	}
}

// In a pool of two, a holds one slot; b, which needs both, holds back c. What
// takes b out of the line wakes those who could claim c.
func TestNextInLineIsWoken(t *testing.T) {
	for name, drop := range map[string]func(db *database, b *miniairflow.WorkflowRun){
		"a cancellation": func(db *database, b *miniairflow.WorkflowRun) {
			_, err := db.CancelRun(db.Context(), miniairflow.Cancel{RunID: b.ID})
			require.NoError(db, err)
		},
		"a pause": func(db *database, b *miniairflow.WorkflowRun) {
			_, err := db.SetRunPaused(db.Context(), b.ID, true, miniairflow.Actor{})
			require.NoError(db, err)
		},
		"its expiry": func(db *database, _ *miniairflow.WorkflowRun) {
			db.change(map[string]string{
				"sqlite":   `UPDATE task_queue SET expires_at = 1 WHERE pool_slots = 2`,
				"postgres": `UPDATE task_queue SET expires_at = now() WHERE pool_slots = 2`,
			})
			n, _, err := db.FailExpired(db.Context(), 10)
			require.NoError(db, err)
			require.Equal(db, 1, n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				db.setPool("db", 2)
				db.start(definition("first", pooled("a", "db", 1)))
				w := db.worker("w")
				w.claim(1)
				big := pooled("b", "db", 2)
				big.QueueTimeout = miniairflow.Duration(time.Hour)
				b := db.start(definition("big", big))
				c := db.start(definition("small", pooled("c", "db", 1)))
				require.Empty(t, w.exchange(5).Claims)
				require.True(t, db.wakes(func() { drop(db, b) }))
				require.Equal(t, c.ID, w.claim(1)[0].RunID)
				db.check()
			})
		})
	}
}

// The hops of a chain and a pool that stays full wake nobody.
func TestNobodyIsWokenForNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 1)
		db.start(definition("etl", pooled("a", "db", 1), pooled("b", "db", 1), pooled("c", "db", 1)))
		w := db.worker("w")
		claims := w.claim(1)
		require.False(t, db.wakes(func() { claims = w.exchange(1, finish(claims[0], miniairflow.TaskSuccess)).Claims }), "the pool is full again")
		claims = w.exchange(1, finish(claims[0], miniairflow.TaskSuccess)).Claims
		require.False(t, db.wakes(func() { w.end(miniairflow.TaskSuccess, claims...) }), "nobody waits")
		db.check()
	})
}

// A big task run of a pool is claimed by one worker; what it held back in another
// queue may start then, and the worker of that queue hears of it.
func TestOtherQueueOfAPoolIsWoken(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 3)
		elsewhere := pooled("b", "db", 1)
		elsewhere.Queue = "gpu"
		db.start(definition("etl", pooled("a", "db", 2), elsewhere))
		w := db.worker("w")
		require.True(t, db.wakes(func() { w.claim(1) }))
		request := w.request(5)
		request.Queues = []string{"gpu"}
		var result miniairflow.ExchangeResult
		var err error
		require.False(t, db.wakes(func() { result, err = db.Exchange(t.Context(), request) }))
		require.NoError(t, err)
		require.Len(t, result.Claims, 1)
		db.check()
	})
}
