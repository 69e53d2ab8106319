package persistencetest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A run of a backfill stands for none of the runs that start one together, whichever
// of them comes first.
func TestStartAfterSeveralCountsNoBackfill(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		first, second := db.sync(hourly("first", task("a"))), db.sync(hourly("second", task("a")))
		db.sync(after("all", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterSuccess, "first", "second")}))
		w := db.worker("w1")
		for _, name := range []string{"first", "second"} {
			db.backfill(dates(name, 1, 1))
			db.advance()
			db.endAll(w)
			require.Empty(t, db.startAfters("all"))
		}
		w.ran(second, slot, miniairflow.TaskSuccess)
		require.Empty(t, db.startAfters("all"), "the first one has a run of a backfill alone")
		again := w.ran(first, slot, miniairflow.TaskSuccess)
		runs := db.startAfters("all")
		require.Len(t, runs, 1)
		require.Equal(t, again.Label()+", second#2", runs[0].Cause.Detail)
		db.endAll(w)

		w.ran(first, slot.Add(24*time.Hour), miniairflow.TaskSuccess)
		require.Len(t, db.startAfters("all"), 1, "another date")
		req := dates("second", 1, 1)
		req.From = slot.Add(24 * time.Hour).Format(time.RFC3339)
		req.To = req.From
		db.backfill(req)
		db.advance()
		db.endAll(w)
		require.Len(t, db.startAfters("all"), 1, "the second one has a run of a backfill alone")
		w.ran(second, slot.Add(24*time.Hour), miniairflow.TaskSuccess)
		require.Len(t, db.startAfters("all"), 2)
	})
}

// A scheduler that has looked at an end forgets that one, and no later one: a run that
// is opened again meanwhile, and ends in the same way, starts what it starts. Another
// scheduler has forgotten the first end before, or has not.
func TestForgetAfterEndsLeavesLaterOnes(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		a, b := db.sync(definition("a", task("a"))), db.sync(definition("b", task("a")))
		db.sync(after("both", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterSuccess, "a", "b")}))
		w := db.worker("w1")
		control := &miniairflow.Control{Store: db.Store}
		look := func() []miniairflow.AfterEnd {
			t.Helper()
			found, err := db.AfterEnds(t.Context(), 100)
			require.NoError(t, err)
			return found
		}
		for day, isForgotten := range []bool{false, true} {
			run := w.ran(a, slot.AddDate(0, 0, day), miniairflow.TaskSuccess)
			slow := look()
			require.Len(t, slow, 1)
			started, err := control.StartAfter(t.Context(), slow[0])
			require.NoError(t, err)
			require.Nil(t, started, "there is no run of b")
			if isForgotten {
				require.NoError(t, db.ForgetAfterEnds(t.Context(), slow, nil))
			}

			other := db.newRun(b)
			other.LogicalDate = run.LogicalDate
			_, _, err = db.CreateRun(t.Context(), other)
			require.NoError(t, err)
			_, err = db.Rerun(t.Context(), miniairflow.Rerun{ID: other.ID, RunID: run.ID, Kind: miniairflow.RerunClear, Seqs: []int{0}, By: by})
			require.NoError(t, err)
			db.startPending()
			claims := w.claim(2)
			slices.SortFunc(claims, func(c, _ miniairflow.Claim) int {
				if c.RunID == other.ID {
					return -1
				}
				return 1
			})
			w.end(miniairflow.TaskSuccess, claims[0])
			for _, end := range look() {
				if end.RunID != other.ID {
					continue
				}
				started, err := control.StartAfter(t.Context(), end)
				require.NoError(t, err)
				require.Nil(t, started, "the run of a is open")
				require.NoError(t, db.ForgetAfterEnds(t.Context(), []miniairflow.AfterEnd{end}, nil))
			}
			w.end(miniairflow.TaskSuccess, claims[1])
			require.NoError(t, db.ForgetAfterEnds(t.Context(), slow, nil))
			require.Len(t, db.startAfters("both"), day+1, "both have succeeded; forgotten before: %v", isForgotten)
			db.endAll(w)
			require.Empty(t, db.noted())
		}
	})
}
