package persistencetest_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Finishes, cancels, reaps, clears, pauses and starts of the same runs at the
// same time get in each other's way and never lock each other out: no caller sees
// an error but those that the contract names, and everything comes to its end.
func TestConcurrentChangesOfTheSameRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) { withoutDeadlocks(t, db, changeTheSameRuns) })
}

func changeTheSameRuns(t *testing.T, db *database) {
	d := definition("etl", append(diamond(), wide(6)...)...)
	for i, pool := range []string{"b", "a", "c"} {
		d.Tasks[len(d.Tasks)-1-i].Pool, d.Tasks[len(d.Tasks)-1-i].PoolSlots = pool, 1
	}
	d = withFinally(d, task("z"))
	v := db.sync(d)
	var runs []uuid.UUID
	for range 6 {
		runs = append(runs, db.trigger(v).ID)
	}
	var acting sync.WaitGroup
	errs := make(chan error, 64)
	act := func(n int, do func(r *rand.Rand) error) {
		for range n {
			acting.Go(func() {
				r := rand.New(rand.NewPCG(rand.Uint64(), 0))
				for range 25 {
					if err := do(r); err != nil && miniairflow.ErrorCode(err) != miniairflow.CodeConflict {
						errs <- err
						return
					}
				}
			})
		}
	}
	any := func(r *rand.Rand) uuid.UUID { return runs[r.IntN(len(runs))] }
	ctx := t.Context()
	act(16, func(*rand.Rand) error { return workOnce(ctx, db) })
	act(2, func(*rand.Rand) error { _, err := db.Reap(ctx, 5); return err })
	act(2, func(*rand.Rand) error { _, err := db.StartRuns(ctx, 3); return err })
	act(2, func(r *rand.Rand) error {
		_, err := db.CancelRun(ctx, miniairflow.Cancel{RunID: any(r)})
		return err
	})
	act(3, func(r *rand.Rand) error {
		_, err := db.SetRunPaused(ctx, any(r), r.IntN(3) == 0, miniairflow.Actor{})
		return err
	})
	act(3, func(r *rand.Rand) error {
		_, err := db.Rerun(ctx, miniairflow.Rerun{ID: uuid.New(), RunID: any(r), Kind: miniairflow.RerunClear, Seqs: []int{r.IntN(10)}, Downstream: true})
		return notYet(err)
	})
	act(2, func(*rand.Rand) error { return decideOnce(ctx, db) })
	act(2, func(r *rand.Rand) error {
		pools := []miniairflow.Pool{{Name: "c", Slots: 1 + r.IntN(3)}, {Name: "b", Slots: 1 + r.IntN(3)}, {Name: "a", Slots: 1 + r.IntN(3)}}
		_, err := db.SyncPools(ctx, "pools.yaml", pools[:1+r.IntN(3)], nil)
		return err
	})
	acting.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	db.check()
	endAll(t, db, runs)
}

// endAll lets the runs go on until all are over.
func endAll(t *testing.T, db *database, runs []uuid.UUID) {
	t.Helper()
	ctx := t.Context()
	for _, id := range runs {
		_, err := db.SetRunPaused(ctx, id, false, miniairflow.Actor{})
		require.NoError(t, err)
	}
	_, err := db.SyncPools(ctx, "pools.yaml", []miniairflow.Pool{{Name: "a", Slots: 9}, {Name: "b", Slots: 9}, {Name: "c", Slots: 9}}, nil)
	require.NoError(t, err)
	w := db.worker("last")
	for open := 1; open > 0; open = db.number(`SELECT count(*) FROM workflow_runs WHERE status IN ('pending', 'running')`) {
		_, err := db.Reap(ctx, 100)
		require.NoError(t, err)
		_, err = db.StartRuns(ctx, 100)
		require.NoError(t, err)
		w.drain(nil)
	}
	db.check()
}

// withoutDeadlocks runs a test, and fails it on PostgreSQL if transactions have
// locked each other out: the store tries these again, so that nobody sees a wrong
// order of locks. The server counts them.
func withoutDeadlocks(t *testing.T, db *database, test func(t *testing.T, db *database)) {
	t.Helper()
	if strings.HasPrefix(db.url, "sqlite:") {
		test(t, db)
		return
	}
	withProbe(t, db, func(probe *database) { test(t, probe) })
	require.Zero(t, db.number(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`), "deadlocks")
}

// workOnce plays a worker that claims, ends some of it, and dies with the rest.
func workOnce(ctx context.Context, db *database) error {
	w, err := db.newWorker(ctx, uuid.NewString())
	if err != nil {
		return err
	}
	result, err := db.Exchange(ctx, w.request(4))
	if err != nil {
		return err
	}
	var finishes []miniairflow.Finish
	for i, c := range result.Claims {
		if i > 0 {
			finishes = append(finishes, finish(c, []miniairflow.TaskStatus{miniairflow.TaskSuccess, miniairflow.TaskFailed}[i%2]))
		}
	}
	if _, err := db.Exchange(ctx, w.request(0, finishes...)); err != nil {
		return err
	}
	return db.EndSession(ctx, w.id, "")
}

// notYet forgives a request that came before the run had begun.
func notYet(err error) error {
	if miniairflow.ErrorCode(err) == miniairflow.CodeInvalid {
		return nil
	}
	return err
}

// decideOnce answers open requests, as a scheduler does.
func decideOnce(ctx context.Context, db *database) error {
	ids, err := db.Undecided(ctx, 3)
	if err != nil {
		return err
	}
	for _, id := range ids {
		open, err := db.LoadDecisions(ctx, id, 100)
		if err != nil {
			return err
		}
		v, err := db.FindVersion(ctx, open.Run.VersionID)
		if err != nil {
			return err
		}
		graph, err := miniairflow.NewDAG(v.Definition)
		if err != nil {
			return err
		}
		var asked []int
		for _, n := range open.Nodes {
			asked = append(asked, n.Seq)
		}
		changes := miniairflow.Advance(graph, open.Nodes, asked, miniairflow.Conditions{When: func(*miniairflow.Task) (bool, error) { return true, nil }})
		if err := db.ApplyChanges(ctx, id, open.Run.Generation, changes); err != nil {
			return err
		}
	}
	return nil
}
