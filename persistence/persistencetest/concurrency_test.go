package persistencetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
)

// together runs n functions at once and fails the test with their first error.
func together(t *testing.T, n int, do func(ctx context.Context, i int) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	start := make(chan struct{})
	for i := range n {
		group.Go(func() error {
			<-start
			return do(ctx, i)
		})
	}
	close(start)
	require.NoError(t, group.Wait())
}

func TestMaxActiveRunsWithManyStarters(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", task("a"))
		d.MaxActiveRuns = 3
		v := db.sync(d)
		for range 20 {
			db.trigger(v)
		}
		var started atomic.Int64
		together(t, 16, func(ctx context.Context, _ int) error {
			runs, err := db.StartRuns(ctx, 10)
			started.Add(int64(len(runs)))
			return err
		})
		require.Equal(t, int64(3), started.Load())
		db.check()
	})
}

func TestOneKeyOneRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a")))
		var created atomic.Int64
		var ids sync.Map
		requests := make([]miniairflow.NewRun, 16)
		for i := range requests {
			requests[i] = db.newRun(v)
			requests[i].IdempotencyKey = "same"
		}
		together(t, 16, func(ctx context.Context, i int) error {
			run := requests[i]
			r, isNew, err := db.CreateRun(ctx, run)
			if err != nil {
				return err
			}
			ids.Store(r.ID, true)
			if isNew {
				created.Add(1)
			}
			return nil
		})
		require.Equal(t, int64(1), created.Load())
		require.Equal(t, 1, db.number(`SELECT count(*) FROM workflow_runs`))
		ids.Range(func(id, _ any) bool {
			require.Equal(t, 1, db.number(`SELECT count(*) FROM workflow_runs WHERE id = '`+id.(uuid.UUID).String()+`'`))
			return true
		})
	})
}

func TestLastTasksEndAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := append(wide(8), task("join", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"))
		for i := range 8 {
			tasks = append(tasks, task(fmt.Sprintf("last%d", i), "join"))
		}
		for range 10 {
			r := db.start(definition("etl", tasks...))
			w := db.worker(r.ID.String())
			for _, n := range []int{8, 1, 8} {
				claims := w.claim(n)
				together(t, n, func(ctx context.Context, i int) error {
					_, err := db.Exchange(ctx, w.request(0, finish(claims[i], miniairflow.TaskSuccess)))
					return err
				})
			}
			require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
			db.check()
		}
	})
}

func TestNoTaskIsClaimedTwice(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.start(definition("etl", wide(100)...))
		var mu sync.Mutex
		owner := map[int]uuid.UUID{}
		together(t, 10, func(ctx context.Context, i int) error {
			w, err := db.newWorker(ctx, uuid.NewString())
			if err != nil {
				return err
			}
			for {
				result, err := db.Exchange(ctx, w.request(3))
				if err != nil || len(result.Claims) == 0 {
					return err
				}
				mu.Lock()
				for _, c := range result.Claims {
					if _, taken := owner[c.Seq]; taken {
						mu.Unlock()
						return errors.New("claimed twice")
					}
					owner[c.Seq] = w.id
				}
				mu.Unlock()
			}
		})
		require.Len(t, owner, 100)
		db.check()
	})
}

func TestSameExchangeAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.start(definition("etl", wide(80)...))
		w := db.worker("w")
		for range 5 {
			request := w.request(5)
			results := make([]miniairflow.ExchangeResult, 8)
			together(t, 8, func(ctx context.Context, i int) (err error) {
				results[i], err = db.Exchange(ctx, request)
				return err
			})
			for _, r := range results {
				require.Equal(t, results[0], r)
			}
			db.check()
		}
		require.Equal(t, 25, db.number(`SELECT count(*) FROM task_open`))
	})
}

func TestClaimAgainstCancel(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for range 10 {
			r := db.start(definition("etl", wide(30)...))
			var mu sync.Mutex
			var claims []miniairflow.Claim
			w := db.worker(r.ID.String())
			together(t, 6, func(ctx context.Context, i int) error {
				if i == 0 {
					_, err := db.CancelRun(ctx, miniairflow.Cancel{RunID: r.ID})
					return err
				}
				result, err := db.Exchange(ctx, w.request(4))
				mu.Lock()
				defer mu.Unlock()
				claims = append(claims, result.Claims...)
				return err
			})
			db.check()
			w.end(miniairflow.TaskCancelled, claims...)
			require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
			db.check()
		}
	})
}

func TestReaperAgainstFinisher(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for range 10 {
			r := db.start(definition("etl", task("a"), task("b", "a")))
			w := db.worker(r.ID.String())
			c := w.claim(1)[0]
			var accepted atomic.Bool
			var reaped atomic.Int64
			together(t, 4, func(ctx context.Context, i int) error {
				switch i {
				case 0:
					result, err := db.Exchange(ctx, w.request(0, finish(c, miniairflow.TaskSuccess)))
					if errors.Is(err, miniairflow.ErrFenced) {
						return nil
					}
					accepted.Store(err == nil && !result.Stale[0])
					return err
				case 1:
					return db.EndSession(ctx, w.id, "")
				default:
					n, err := db.Reap(ctx, 10)
					reaped.Add(int64(n))
					return err
				}
			})
			n, err := db.Reap(t.Context(), 10)
			require.NoError(t, err)
			lost := reaped.Load() + int64(n)
			require.Equal(t, accepted.Load(), lost == 0, "exactly one of them ended the attempt")
			require.LessOrEqual(t, lost, int64(1))
			db.check()
			db.worker("next" + r.ID.String()).drain(nil)
			require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
			db.check()
		}
	})
}

func TestSchedulersDecideAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		var tasks []miniairflow.Task
		for _, name := range []string{"a", "b", "c", "d"} {
			guarded := task(name+"2", name)
			guarded.When = "true"
			tasks = append(tasks, task(name), guarded, task(name+"3", name+"2"))
		}
		r := db.start(definition("etl", tasks...))
		w := db.worker("w")
		w.end(miniairflow.TaskSuccess, w.claim(4)...)
		decisions, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		changes := db.changes(decisions)
		together(t, 6, func(ctx context.Context, _ int) error { return db.ApplyChanges(ctx, r.ID, 1, changes) })
		db.check()
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestEverythingAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		var tasks []miniairflow.Task
		tasks = append(tasks, wide(12)...)
		tasks = append(tasks, task("join", "t0", "t1", "t2"), ruled(miniairflow.AllDone, "report", "join", "t3"), ruled(miniairflow.OneFailed, "alarm", "t4", "t5"))
		d := definition("etl", tasks...)
		d.MaxActiveTasks, d.MaxActiveRuns = 4, 3
		v := db.sync(d)
		runs := make([]uuid.UUID, 12)
		for i := range runs {
			runs[i] = db.trigger(v).ID
		}
		var left atomic.Int64
		left.Store(int64(len(runs)))
		together(t, 6, func(ctx context.Context, i int) error { return db.playPart(ctx, i, runs) })
		for _, id := range runs {
			require.True(t, db.run(id).IsTerminal())
		}
		db.check()
	})
}

// playPart is one of several that work at the same runs until all are over:
// workers 0 to 2, of which the first is lost now and then, and three that do
// everything else.
func (db *database) playPart(ctx context.Context, i int, runs []uuid.UUID) error {
	var w *worker
	var finishes []miniairflow.Finish
	for round := 0; ; round++ {
		if over, err := db.allOver(ctx, runs); over || err != nil {
			return err
		}
		if i > 2 {
			if err := db.schedule(ctx, round, runs[(i+round)%len(runs)]); err != nil {
				return err
			}
			continue
		}
		if w == nil {
			var err error
			if w, err = db.newWorker(ctx, uuid.NewString()); err != nil {
				return err
			}
		}
		result, err := db.Exchange(ctx, w.request(3, finishes...))
		if err != nil {
			return err
		}
		finishes = finishes[:0]
		for _, c := range result.Claims {
			finishes = append(finishes, finish(c, outcomeOf(c)))
		}
		if i == 0 && round%5 == 4 {
			if err := db.EndSession(ctx, w.id, ""); err != nil {
				return err
			}
			w, finishes = nil, nil
		}
	}
}

// outcomeOf lets every fifth task run fail, half of them after a retry.
func outcomeOf(c miniairflow.Claim) miniairflow.TaskStatus {
	switch {
	case c.Seq%5 != 4:
		return miniairflow.TaskSuccess
	case c.Failures == 0:
		return miniairflow.TaskUpForRetry
	case c.RunID[12]%2 == 0:
		return miniairflow.TaskFailed
	default:
		return miniairflow.TaskSuccess
	}
}

// schedule does what schedulers and reapers do, once, and cancels a run now and then.
func (db *database) schedule(ctx context.Context, round int, runID uuid.UUID) error {
	if _, err := db.StartRuns(ctx, 5); err != nil {
		return err
	}
	if _, _, err := db.PromoteRetries(ctx, 10); err != nil {
		return err
	}
	if _, err := db.Reap(ctx, 10); err != nil {
		return err
	}
	if round%40 == 39 {
		if _, err := db.CancelRun(ctx, miniairflow.Cancel{RunID: runID}); err != nil {
			return err
		}
	}
	undecided, err := db.Undecided(ctx, 3)
	if err != nil {
		return err
	}
	for _, id := range undecided {
		decisions, err := db.LoadDecisions(ctx, id, 10)
		if err != nil {
			return err
		}
		if err := db.ApplyChanges(ctx, id, decisions.Run.Generation, db.changes(decisions)); err != nil {
			return err
		}
	}
	return nil
}

func (db *database) allOver(ctx context.Context, runs []uuid.UUID) (bool, error) {
	for _, id := range runs {
		r, err := db.FindRun(ctx, id)
		if err != nil || !r.IsTerminal() {
			return false, err
		}
	}
	return true, nil
}
