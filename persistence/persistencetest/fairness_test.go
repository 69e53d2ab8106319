package persistencetest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// bigRun starts a run whose tasks all wait for nothing.
func (db *database) bigRun(tasks, maxActive int) *miniairflow.WorkflowRun {
	db.Helper()
	d := definition("big", wide(tasks)...)
	d.MaxActiveTasks = maxActive
	return db.start(d)
}

// play ends what the worker holds and claims up to limit, again and again, and
// returns the claims in order until enough says so or nothing is left.
func (w *worker) play(limit int, enough func(claims []miniairflow.Claim) bool) (claims []miniairflow.Claim, exchanges int) {
	w.Helper()
	var finishes []miniairflow.Finish
	for {
		result := w.exchange(limit, finishes...)
		exchanges++
		claims = append(claims, result.Claims...)
		if len(result.Claims) == 0 || enough(claims) {
			return claims, exchanges
		}
		finishes = finishes[:0]
		for _, c := range result.Claims {
			finishes = append(finishes, finish(c, miniairflow.TaskSuccess))
		}
	}
}

// of returns the places of the claims of a run, in order.
func of(claims []miniairflow.Claim, runID uuid.UUID) []int {
	var all []int
	for _, c := range claims {
		if c.RunID == runID {
			all = append(all, c.Seq)
		}
	}
	return all
}

// A run of 2,000 tasks holds up a later one by its share at most, however many of
// its tasks may be active, and its own tasks keep their order.
func TestBigRunLeavesRoomForOthers(t *testing.T) {
	const tasks, limit = 2000, 50
	for _, maxActive := range []int{tasks, 400, 100} {
		t.Run(fmt.Sprintf("max_active_tasks %d", maxActive), func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				big := db.bigRun(tasks, maxActive)
				w := db.worker("w")
				first, _ := w.play(limit, func(claims []miniairflow.Claim) bool { return len(claims) >= 4*limit })
				small := db.start(definition("small", wide(3)...))
				claims, exchanges := db.worker("next").play(limit, func(claims []miniairflow.Claim) bool { return len(of(claims, small.ID)) == 3 })
				require.Len(t, of(claims, small.ID), 3)
				require.LessOrEqual(t, exchanges, dialect.ShareMax/limit+1)
				rest, _ := db.worker("last").play(limit, func([]miniairflow.Claim) bool { return false })
				w.end(miniairflow.TaskSuccess, first[len(first)-limit:]...)
				order := slices.Concat(of(first, big.ID), of(claims, big.ID), of(rest, big.ID))
				require.True(t, slices.IsSorted(order), "first come, first served within the run")
				db.check()
			})
		})
	}
}

// Two runs that are big take turns.
func TestBigRunsTakeTurns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		big := db.bigRun(1500, 1500)
		d := definition("second", wide(1500)...)
		d.MaxActiveTasks = 1500
		second := db.start(d)
		claims, _ := db.worker("w").play(50, func(claims []miniairflow.Claim) bool { return len(claims) >= 1500 })
		require.InDelta(t, len(of(claims, big.ID)), len(of(claims, second.ID)), dialect.ShareMax)
		db.check()
	})
}

// What goes behind those of all runs still goes: a worker that has room gets it.
func TestBigRunMayUseEveryWorker(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		big := db.bigRun(1000, 700)
		w := db.worker("w")
		claims := slices.Concat(w.claim(500), w.claim(200))
		require.True(t, slices.IsSorted(of(claims, big.ID)))
		require.Empty(t, w.exchange(10).Claims, "max_active_tasks")
		db.check()
	})
}

// A pause, a clear and a mark lose nothing of what waits behind.
func TestBigRunIsSteered(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		big := db.bigRun(600, 600)
		w, ann := db.worker("w"), miniairflow.Actor{Name: "ann"}
		claims := w.claim(20)
		_, err := db.SetRunPaused(t.Context(), big.ID, true, ann)
		require.NoError(t, err)
		require.Empty(t, w.exchange(10, finish(claims[0], miniairflow.TaskSuccess)).Claims)
		_, err = db.SetRunPaused(t.Context(), big.ID, false, ann)
		require.NoError(t, err)
		claims = append(claims, w.claim(1)...)
		require.Equal(t, 20, claims[20].Seq)
		marked := make([]int, 500)
		for i := range marked {
			marked[i] = 30 + i
		}
		_, err = db.Rerun(t.Context(), miniairflow.Rerun{
			ID: uuid.New(), RunID: big.ID, Kind: miniairflow.RerunMark, Seqs: marked, Status: miniairflow.TaskSuccess, By: ann,
		})
		require.NoError(t, err)
		small := db.start(definition("small", wide(3)...))
		require.Empty(t, of(w.exchange(70).Claims, small.ID), "what is left of the big run has come forward")
		w.end(miniairflow.TaskSuccess, claims[1:]...)
		db.check()
	})
}
