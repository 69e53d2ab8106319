package persistencetest_test

import (
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
