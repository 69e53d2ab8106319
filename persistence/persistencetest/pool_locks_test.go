package persistencetest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// holding runs do while another transaction holds the locks of a statement.
func (db *database) holding(lock string, do func()) {
	db.Helper()
	tx, err := db.raw.BeginTx(db.Context(), nil)
	require.NoError(db, err)
	defer func() { require.NoError(db, tx.Rollback()) }()
	_, err = tx.ExecContext(db.Context(), lock)
	require.NoError(db, err)
	do()
}

// soon makes an exchange of limit that must not wait for a lock.
func (w *worker) soon(limit int) []miniairflow.Claim {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 5*time.Second)
	defer cancel()
	result, err := w.Exchange(ctx, w.request(limit))
	require.NoError(w, err, "it waits for somebody")
	return result.Claims
}

// poolLocks tells which transactions have last locked the pools: their rows keep
// that when the transaction is over.
func (db *database) poolLocks() int {
	db.Helper()
	return db.number(`SELECT sum(xmax::text::bigint) FROM pools`)
}

// A claim locks no pool that can give it nothing. Only PostgreSQL has locks
// of rows: with SQLite there is one writer.
func TestClaimLocksNoPoolThatHasNothingForIt(t *testing.T) {
	for name, waiting := range map[string]miniairflow.Task{
		"a full pool":                    pooled("b", "full", 1),
		"a pool without slots":           pooled("b", "shut", 1),
		"a pool that is smaller":         pooled("b", "gpus", 3),
		"a pool with too few slots free": pooled("b", "half", 2),
	} {
		t.Run(name, func(t *testing.T) {
			db := openPostgres(t)
			for pool, slots := range map[string]int{"full": 1, "shut": 0, "gpus": 2, "half": 2} {
				db.setPool(pool, slots)
			}
			w := db.worker("w")
			db.start(definition("holder", pooled("f", "full", 1), pooled("h", "half", 1)))
			w.claim(2)
			db.start(definition("etl", waiting, task("free")))
			db.holding(`SELECT 1 FROM pools FOR UPDATE`, func() {
				require.Equal(t, []int{1}, seqs(w.soon(5)))
			})
			before := db.poolLocks()
			require.Empty(t, w.soon(5))
			require.Equal(t, before, db.poolLocks())
			db.check()
		})
	}
}

// A claim may read the time before a row that it takes comes into the queue: with
// PostgreSQL the two are of different transactions.
func TestClaimIsNotBeforeItsRowWasQueued(t *testing.T) {
	db := openPostgres(t)
	r := db.start(definition("etl", task("a")))
	db.change(map[string]string{"postgres": `UPDATE task_runs SET queued_at = queued_at + interval '1 minute'`})
	db.worker("w").claim(1)
	require.Equal(t, *db.task(r.ID, 0).QueuedAt, *db.task(r.ID, 0).StartedAt)
	require.Zero(t, db.number(`SELECT count(*) FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id WHERE o.started_at <> t.started_at`))
}

// Rows that others are about to take cost a claim nothing: it takes the next ones.
func TestClaimPassesRowsThatOthersTake(t *testing.T) {
	for name, c := range map[string]struct {
		pool  string
		taken []int
	}{
		"beside a pool that is not there": {"none", []int{6, 7, 8, 9, 10}},
		"beside a pool with free slots":   {"db", []int{0, 6, 7, 8, 9}},
	} {
		t.Run(name, func(t *testing.T) {
			db := openPostgres(t)
			db.setPool("db", 1)
			db.start(definition("etl", append([]miniairflow.Task{pooled("p", c.pool, 1)}, wide(20)...)...))
			w := db.worker("w")
			db.holding(`SELECT 1 FROM task_queue WHERE seq BETWEEN 1 AND 5 FOR UPDATE`, func() {
				require.ElementsMatch(t, c.taken, seqs(w.soon(5)))
			})
			db.check()
		})
	}
}

func TestClaimLocksNoPoolOfOtherQueues(t *testing.T) {
	db := openPostgres(t)
	db.setPool("db", 1)
	db.setPool("gpus", 1)
	elsewhere := pooled("b", "gpus", 1)
	elsewhere.Queue = "gpu"
	db.start(definition("etl", pooled("a", "db", 1), elsewhere))
	w := db.worker("w")
	db.holding(`SELECT 1 FROM pools WHERE name = 'gpus' FOR UPDATE`, func() {
		require.Equal(t, []int{0}, seqs(w.soon(5)))
	})
	before := db.poolLocks()
	require.Empty(t, w.soon(5))
	require.Equal(t, before, db.poolLocks())
	db.check()
}

// Whoever needs several pools takes them in the order of their names, or two
// would wait for each other: a claim, and the loader that replaces those of the file.
func TestPoolsOfTheFileAreLockedInOrder(t *testing.T) {
	db := openPostgres(t)
	_, err := db.raw.ExecContext(t.Context(), `
		INSERT INTO pools (name, slots, origin, created_at, updated_at)
		SELECT name, 1, 'file', now(), now() FROM unnest(ARRAY['z', 'm', 'a']) WITH ORDINALITY AS i(name, place) ORDER BY place`)
	require.NoError(t, err)
	replaced := make(chan error, 1)
	db.holding(`SELECT 1 FROM pools WHERE name = 'a' FOR UPDATE`, func() {
		go func() {
			_, err := db.SyncPools(context.WithoutCancel(t.Context()), "pools.yaml", []miniairflow.Pool{{Name: "m", Slots: 2}}, nil)
			replaced <- err
		}()
		require.Eventually(t, func() bool {
			return db.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
		}, 30*time.Second, time.Millisecond)
		db.holding(`SELECT 1 FROM pools WHERE name <> 'a' FOR UPDATE NOWAIT`, func() {})
	})
	require.NoError(t, <-replaced)
}

// A claim that stands still while it holds a pool holds up neither the results
// that others report nor what they claim besides.
func TestHeldPoolHoldsUpNothingElse(t *testing.T) {
	db := openPostgres(t)
	db.setPool("db", 2)
	w := db.worker("w")
	done := db.start(definition("done", task("x")))
	claims := w.claim(1)
	etl := db.start(definition("etl", pooled("a", "db", 1), task("free")))
	db.holding(`SELECT 1 FROM pools FOR UPDATE`, func() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		result, err := db.Exchange(ctx, w.request(3, finish(claims[0], miniairflow.TaskSuccess)))
		require.NoError(t, err, "it waits for the pool")
		require.Equal(t, []int{1}, seqs(result.Claims))
		require.Equal(t, miniairflow.RunSuccess, db.run(done.ID).Status)
	})
	require.Equal(t, []int{0}, of(w.claim(1), etl.ID))
	db.check()
}

// A run whose lock somebody holds keeps no other from being reaped, expired or
// tried again.
func TestHeldRunHoldsUpNoOther(t *testing.T) {
	db := openPostgres(t)
	twice := task("x")
	twice.Retry = &miniairflow.RetryPolicy{Count: 1, Delay: retryDelay}
	expires := task("y")
	expires.Priority, expires.QueueTimeout = miniairflow.PriorityLow, miniairflow.Duration(time.Hour)
	d := func(name string) *miniairflow.Definition {
		return definition(name, task("lost"), twice, expires)
	}
	held, free := db.start(d("held")), db.start(d("free"))
	w := db.worker("w")
	for _, c := range w.claim(4) {
		if c.Seq == 1 {
			w.end(miniairflow.TaskUpForRetry, c)
		}
	}
	require.NoError(t, db.EndSession(t.Context(), w.id, ""))
	db.change(map[string]string{"postgres": `UPDATE task_queue SET due_at = now() - interval '1 hour' WHERE seq = 1`})
	db.change(map[string]string{"postgres": `UPDATE task_queue SET expires_at = now() - interval '1 hour' WHERE seq = 2`})
	key := fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, int64(binary.BigEndian.Uint64(held.ID[5:13])))
	db.holding(key, func() {
		reaped, err := db.Reap(t.Context(), 10)
		require.ErrorIs(t, err, miniairflow.ErrLocked)
		require.Equal(t, 1, reaped)
		_, _, err = db.PromoteRetries(t.Context(), 10)
		require.ErrorIs(t, err, miniairflow.ErrLocked)
		_, _, err = db.FailExpired(t.Context(), 10)
		require.ErrorIs(t, err, miniairflow.ErrLocked)
	})
	require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskQueued, miniairflow.TaskUpForRetry, miniairflow.TaskFailed}, db.statuses(free.ID))
	require.Equal(t, 1, db.number(`SELECT count(*) FROM task_queue WHERE seq = 1 AND state = 'ready'`))
	require.Equal(t, 1, db.number(`SELECT count(*) FROM task_open`))
}

// What a scheduler does by itself waits for nobody who holds a workflow or a run for
// long; what people ask for does.
func TestSchedulersDoNotWaitLong(t *testing.T) {
	db := openPostgres(t)
	v := db.sync(scheduled("held", miniairflow.OverlapQueue, "0 * * * *"))
	run := db.trigger(v)
	backfill := db.backfill(dates("held", 2, 1))
	byItself := miniairflow.Actor{Name: miniairflow.SchedulerName}
	for name, c := range map[string]struct {
		lock string
		do   func(ctx context.Context) error
	}{
		"the start of a run": {
			fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, int64(binary.BigEndian.Uint64(run.ID[5:13]))),
			func(ctx context.Context) error { _, err := db.StartRuns(ctx, 10); return err },
		},
		"the end of a run": {
			fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, int64(binary.BigEndian.Uint64(run.ID[5:13]))),
			func(ctx context.Context) error {
				_, err := db.CancelRun(ctx, miniairflow.Cancel{RunID: run.ID, By: byItself})
				return err
			},
		},
		"a new run": {
			`SELECT 1 FROM workflows FOR UPDATE`,
			func(ctx context.Context) error {
				_, _, err := db.CreateRun(ctx, miniairflow.NewRun{ID: uuid.New(), WorkflowID: v.WorkflowID, VersionID: v.ID, Type: miniairflow.RunManual, By: byItself})
				return err
			},
		},
		"the next runs of a backfill": {
			`SELECT 1 FROM workflows FOR UPDATE`,
			func(ctx context.Context) error {
				_, err := db.AdvanceBackfill(ctx, backfill.ID, nil)
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			db.holding(c.lock, func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // half of what others wait
				defer cancel()
				err := c.do(ctx)
				if faults, is := errors.AsType[miniairflow.StartFaults](err); is {
					err = faults[v.WorkflowID]
				}
				require.ErrorIs(t, err, miniairflow.ErrLocked)
			})
		})
	}
}
