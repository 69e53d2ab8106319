package persistencetest_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// pooled returns a task that needs so many slots of a pool.
func pooled(name, pool string, slots int) miniairflow.Task {
	t := task(name)
	t.Pool, t.PoolSlots = pool, slots
	return t
}

// setPool gives a pool its slots.
func (db *database) setPool(name string, slots int) *miniairflow.Pool {
	db.Helper()
	p, err := db.SetPool(db.Context(), miniairflow.Pool{Name: name, Slots: slots}, miniairflow.Actor{Name: "ann"})
	require.NoError(db, err)
	return p
}

// pool returns a pool with its holders.
func (db *database) pool(name string) *miniairflow.Pool {
	db.Helper()
	found, err := db.FindPools(db.Context(), 10)
	require.NoError(db, err)
	for _, p := range found {
		if p.Name == name {
			return p
		}
	}
	require.Fail(db, "no pool "+name)
	return nil
}

func TestPoolBoundsItsTasks(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 2)
		r := db.start(definition("etl", pooled("a", "db", 1), pooled("b", "db", 1), pooled("c", "db", 1), task("free")))
		w := db.worker("w")
		claims := w.exchange(10).Claims
		require.Equal(t, []int{0, 1, 3}, seqs(claims), "a full pool costs others nothing")
		p := db.pool("db")
		require.Equal(t, 2, p.Used)
		require.Equal(t, 1, p.Waiting)
		require.Len(t, p.Holders, 2)
		require.Equal(t, miniairflow.TaskRunKey{RunID: r.ID, Seq: 0}, p.Holders[0].TaskRunKey)
		require.Equal(t, "a", p.Holders[0].Task)
		next := w.exchange(10, finish(claims[1], miniairflow.TaskSuccess)).Claims
		require.Equal(t, []int{2}, seqs(next), "the slot of b is free in the same transaction")
		db.check()
	})
}

// What is waiting, in order, and what a claim of ten takes from a pool of four.
func TestOrderInAPool(t *testing.T) {
	high := func(t miniairflow.Task) miniairflow.Task {
		t.Priority = miniairflow.PriorityHigh
		return t
	}
	for name, c := range map[string]struct {
		tasks []miniairflow.Task
		taken []int
	}{
		"as many as fit": {[]miniairflow.Task{pooled("a", "db", 2), pooled("b", "db", 2), pooled("c", "db", 1)}, []int{0, 1}},
		"one that does not fit holds back the later": {[]miniairflow.Task{pooled("a", "db", 3), pooled("b", "db", 2), pooled("c", "db", 1)}, []int{0}},
		"one that could never fit holds back nobody": {[]miniairflow.Task{pooled("a", "db", 5), pooled("b", "db", 2), pooled("c", "db", 2)}, []int{1, 2}},
		"the higher priority first":                  {[]miniairflow.Task{pooled("a", "db", 2), pooled("b", "db", 2), high(pooled("c", "db", 4))}, []int{2}},
		"other pools have their own order":           {[]miniairflow.Task{pooled("a", "db", 4), pooled("b", "db", 1), pooled("c", "two", 1)}, []int{0, 2}},
		"a pool that is not there":                   {[]miniairflow.Task{pooled("a", "none", 1), pooled("b", "db", 1)}, []int{1}},
		"a pool without slots":                       {[]miniairflow.Task{pooled("a", "shut", 1), task("b")}, []int{1}},
		"tasks of no pool between":                   {[]miniairflow.Task{pooled("a", "db", 4), task("b"), pooled("c", "db", 1), task("d")}, []int{0, 1, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				db.setPool("db", 4)
				db.setPool("two", 2)
				db.setPool("shut", 0)
				db.start(definition("etl", c.tasks...))
				require.Equal(t, c.taken, seqs(db.worker("w").exchange(10).Claims))
				db.check()
			})
		})
	}
}

func TestPoolIsNeverOvershot(t *testing.T) {
	const workers, slots, tasks = 64, 5, 200
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", slots)
		d := definition("etl", wide(tasks)...)
		for i := range d.Tasks {
			d.Tasks[i].Pool, d.Tasks[i].PoolSlots = "db", 1+i%2
		}
		d.MaxActiveTasks = tasks
		r := db.start(d)
		var most atomic.Int32
		var wrong atomic.Value
		var claiming sync.WaitGroup
		for i := range workers {
			claiming.Go(func() {
				if err := claimFromPool(t.Context(), db, fmt.Sprintf("w%d", i), r.ID, tasks, &most); err != nil {
					wrong.Store(err)
				}
			})
		}
		claiming.Wait()
		require.Nil(t, wrong.Load())
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		require.Positive(t, most.Load())
		require.LessOrEqual(t, int(most.Load()), slots)
		db.check()
	})
}

// claimFromPool works until the run is over, and notes the most slots that it
// saw in use.
func claimFromPool(ctx context.Context, db *database, name string, runID uuid.UUID, limit int, most *atomic.Int32) error {
	w, err := db.newWorker(ctx, name)
	if err != nil {
		return err
	}
	var finishes []miniairflow.Finish
	for {
		result, err := db.Exchange(ctx, w.request(limit, finishes...))
		if err != nil {
			return err
		}
		finishes = nil
		for _, c := range result.Claims {
			finishes = append(finishes, finish(c, miniairflow.TaskSuccess))
		}
		pools, err := db.FindPools(ctx, 0)
		if err != nil {
			return err
		}
		for used := int32(pools[0].Used); ; {
			seen := most.Load()
			if used <= seen || most.CompareAndSwap(seen, used) {
				break
			}
		}
		r, err := db.FindRun(ctx, runID)
		if err != nil || r.Status.IsTerminal() {
			return err
		}
	}
}

func TestSlotsOfADeadWorkerComeBack(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 1)
		db.start(definition("etl", pooled("a", "db", 1), pooled("b", "db", 1)))
		dead, w := db.worker("dead"), db.worker("w")
		dead.claim(1)
		require.Empty(t, w.exchange(5).Claims)
		require.NoError(t, db.EndSession(t.Context(), dead.id, ""))
		_, err := db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, []int{0}, seqs(w.exchange(5).Claims), "the lost one is first")
		require.Equal(t, 1, db.pool("db").Used)
		db.check()
	})
}

func TestFewerSlotsEndNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 3)
		db.start(definition("etl", pooled("a", "db", 1), pooled("b", "db", 1), pooled("c", "db", 1), pooled("d", "db", 1)))
		w := db.worker("w")
		claims := w.claim(3)
		require.Equal(t, 1, db.setPool("db", 1).Slots)
		require.Equal(t, 3, db.pool("db").Used)
		require.Empty(t, w.exchange(5, finish(claims[0], miniairflow.TaskSuccess), finish(claims[1], miniairflow.TaskSuccess)).Claims)
		require.Equal(t, []int{3}, seqs(w.exchange(5, finish(claims[2], miniairflow.TaskSuccess)).Claims))
		db.check()
	})
}

func TestMoreSlotsWakeWhoWaits(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 0)
		db.start(definition("etl", pooled("a", "db", 1)))
		w := db.worker("w")
		require.Empty(t, w.exchange(5).Claims)
		events := db.Bus().SubscribeTopics(miniairflow.TopicQueue)
		defer events.Close()
		db.setPool("db", 1)
		require.NotEmpty(t, events.Take())
		w.claim(1)
	})
}

func TestSetPoolIsIdempotent(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		first := db.setPool("db", 2)
		require.Equal(t, first, db.setPool("db", 2))
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'set_pool'`))
		_, err := db.SetPool(t.Context(), miniairflow.Pool{Name: "db", Slots: 2, Description: "of the warehouse"}, miniairflow.Actor{Name: "ann"})
		require.NoError(t, err)
		require.Equal(t, 3, db.setPool("db", 3).Slots)
		require.Equal(t, 3, db.number(`SELECT count(*) FROM audit_log WHERE action = 'set_pool'`))
	})
}

func TestDeletedPoolHoldsItsTasks(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 1)
		db.start(definition("etl", pooled("a", "db", 1)))
		require.NoError(t, db.DeletePool(t.Context(), "db", miniairflow.Actor{Name: "ann"}))
		require.ErrorIs(t, db.DeletePool(t.Context(), "db", miniairflow.Actor{Name: "ann"}), miniairflow.ErrNotFound)
		w := db.worker("w")
		require.Empty(t, w.exchange(5).Claims)
		db.setPool("db", 1)
		w.claim(1)
		require.Equal(t, 3, db.number(`SELECT count(*) FROM audit_log WHERE action IN ('set_pool', 'delete_pool') AND actor = 'ann'`))
	})
}

func TestPoolsOfTheFile(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, ann := t.Context(), miniairflow.Actor{Name: "ann"}
		db.setPool("mine", 1)
		db.setPool("shared", 1)
		file := []miniairflow.Pool{{Name: "shared", Slots: 4, Description: "of the file"}, {Name: "new", Slots: 2}}
		changed, err := db.SyncPools(ctx, "pools.yaml", file, nil)
		require.NoError(t, err)
		require.True(t, changed)
		changed, err = db.SyncPools(ctx, "pools.yaml", file, nil)
		require.NoError(t, err)
		require.False(t, changed, "the same again is no change")
		require.Equal(t, 4, db.pool("shared").Slots, "the file takes it over")
		require.Equal(t, miniairflow.OriginFile, db.pool("shared").Origin)
		_, err = db.SetPool(ctx, miniairflow.Pool{Name: "shared", Slots: 9}, ann)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(db.DeletePool(ctx, "new", ann)))

		problem := []miniairflow.ImportError{{File: "pools.yaml", Line: 1, Message: "is wrong"}}
		_, err = db.SyncPools(ctx, "pools.yaml", nil, problem)
		require.NoError(t, err)
		require.Equal(t, 4, db.pool("shared").Slots, "a wrong file leaves them as they are")
		_, err = db.SyncPools(ctx, "pools.yaml", file[:1], nil)
		require.NoError(t, err)
		pools, err := db.FindPools(ctx, 0)
		require.NoError(t, err)
		require.Len(t, pools, 2, "new is gone, mine is nobody's")
	})
}

func TestManyWaitingForAPoolCostOthersNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.setPool("db", 1)
		d := definition("crowd", wide(500)...)
		for i := range d.Tasks {
			d.Tasks[i].Pool, d.Tasks[i].PoolSlots, d.Tasks[i].Priority = "db", 1, miniairflow.PriorityCritical
		}
		d.MaxActiveTasks = 1000
		db.start(d)
		r := db.start(definition("etl", wide(3)...))
		claims := db.worker("w").exchange(5).Claims
		require.Len(t, claims, 4)
		of := 0
		for _, c := range claims {
			if c.RunID == r.ID {
				of++
			}
		}
		require.Equal(t, 3, of, "one of the pool, and all of the others")
	})
}

// A full pool, and one that does not exist, are nothing to a claim of other
// tasks: it neither waits for the pool's lock nor leaves tasks behind.
func TestFullPoolsCostOthersNothing(t *testing.T) {
	db := openPostgres(t)
	db.setPool("full", 1)
	d := definition("etl", pooled("holds", "full", 1), pooled("waits", "full", 1), pooled("nowhere", "absent", 1), task("a"), task("b"))
	for i := range 3 {
		d.Tasks[i].Priority = miniairflow.PriorityHigh
	}
	db.start(d)
	w := db.worker("w")
	require.Equal(t, []int{0}, seqs(w.claim(1)))
	lock, err := db.raw.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, lock.Rollback()) }()
	_, err = lock.ExecContext(t.Context(), `SELECT 1 FROM pools WHERE name = 'full' FOR NO KEY UPDATE`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second) // shorter than the store's lock_timeout
	defer cancel()
	result, err := w.Exchange(ctx, w.request(5))
	require.NoError(t, err)
	require.Equal(t, []int{3, 4}, seqs(result.Claims))
}
