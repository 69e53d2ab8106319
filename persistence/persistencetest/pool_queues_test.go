package persistencetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// gpu returns the task for the queue gpu.
func gpu(t miniairflow.Task) miniairflow.Task {
	t.Queue = "gpu"
	return t
}

// gpuWorker is a worker of the queue gpu.
func (db *database) gpuWorker(concurrency int) *worker {
	db.Helper()
	w, err := db.newWorkerOf(db.Context(), "gpu", "gpu", concurrency)
	require.NoError(db, err)
	return w
}

// Of a pool of two, one slot is held. The big one, of another queue, needs both; the
// small one came later. The order of a pool is that of all its queues.
func TestBigTaskIsNotStarvedByAnotherQueue(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 2)
		w, g := db.worker("w"), db.gpuWorker(1)
		db.start(definition("holder", pooled("a", "db", 1)))
		held := w.claim(1)
		big := db.start(definition("big", gpu(pooled("b", "db", 2))))
		small := db.start(definition("small", pooled("c", "db", 1), task("free")))
		require.Equal(t, []int{1}, of(w.exchange(5).Claims, small.ID), "without the pool")
		require.Empty(t, w.exchange(5, finish(held[0], miniairflow.TaskSuccess)).Claims, "the slots are kept for the big one")
		claims := g.claim(1)
		require.Equal(t, big.ID, claims[0].RunID)
		g.end(miniairflow.TaskSuccess, claims...)
		require.Equal(t, []int{0}, of(w.claim(1), small.ID))
		db.check()
	})
}

// Nothing is kept for a task run that no worker would start.
func TestPoolDoesNotWaitForAQueueThatNobodyServes(t *testing.T) {
	for name, leave := range map[string]func(db *database, g *worker){
		"there is no worker": func(db *database, g *worker) {
			require.NoError(db, db.EndSession(db.Context(), g.id, ""))
		},
		"the worker drains": func(db *database, _ *worker) {
			_, err := db.DrainWorker(db.Context(), "gpu", miniairflow.Actor{})
			require.NoError(db, err)
		},
		"the worker is silent": func(db *database, _ *worker) {
			db.change(map[string]string{
				"sqlite":   `UPDATE workers SET lease_until = 1 WHERE name = 'gpu'`,
				"postgres": `UPDATE workers SET lease_until = now() WHERE name = 'gpu'`,
			})
		},
		"the worker is full": func(db *database, g *worker) {
			db.start(definition("long", gpu(task("d"))))
			g.claim(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				db.setPool("db", 2)
				w, g := db.worker("w"), db.gpuWorker(1)
				db.start(definition("holder", pooled("a", "db", 1)))
				w.claim(1)
				leave(db, g)
				db.start(definition("big", gpu(pooled("b", "db", 2))))
				small := db.start(definition("small", pooled("c", "db", 1)))
				require.Equal(t, small.ID, w.claim(1)[0].RunID)
				db.check()
			})
		})
	}
}

// Slots are kept for those of another queue that come first; the rest is for all.
func TestQueuesShareAPool(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 3)
		g := db.gpuWorker(5)
		db.start(definition("etl", gpu(pooled("a", "db", 1)), gpu(pooled("b", "db", 1)), pooled("c", "db", 1), pooled("d", "db", 1)))
		require.Equal(t, []int{2}, seqs(db.worker("w").exchange(5).Claims), "two are kept for those before it")
		require.Equal(t, []int{0, 1}, seqs(g.exchange(5).Claims))
		db.check()
	})
}
