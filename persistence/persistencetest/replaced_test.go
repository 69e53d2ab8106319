package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// With overlap: cancel_running the newest scheduled runs stay, as many as may run at a
// time; older ones are to be cancelled, those of other kinds are left alone.
func TestReplacedRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := scheduled("a", miniairflow.OverlapCancelRunning, "0 * * * *")
		d.MaxActiveRuns = 2
		v := db.sync(d)
		db.sync(scheduled("b", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		manual, _, err := db.CreateRun(t.Context(), miniairflow.NewRun{ID: uuid.New(), WorkflowID: v.WorkflowID, VersionID: v.ID, Type: miniairflow.RunManual})
		require.NoError(t, err)
		fired := 0
		fire := func(count int) []*miniairflow.WorkflowRun {
			t.Helper()
			for _, c := range db.due().Due {
				var dates []time.Time
				for hour := range count {
					dates = append(dates, slot.Add(time.Duration(fired+hour)*time.Hour))
				}
				require.Equal(t, 1, db.fire(db.fireOf(c, slot.Add(time.Duration(fired+count-1000)*time.Hour), dates...)))
			}
			fired += count
			return db.runs(miniairflow.RunFilter{WorkflowID: v.WorkflowID, Types: []miniairflow.RunType{miniairflow.RunScheduled}})
		}
		replaced := func() map[uuid.UUID]int64 {
			t.Helper()
			found, err := db.ReplacedRuns(t.Context(), 10)
			require.NoError(t, err)
			byID := map[uuid.UUID]int64{}
			for _, r := range found {
				require.Equal(t, "a", r.Workflow)
				byID[r.RunID] = r.By
			}
			return byID
		}
		first := fire(1)[0]
		require.Empty(t, replaced())
		runs := fire(5)
		require.Len(t, runs, 3, "of several slots at once as many as may run are made")
		require.Equal(t, []miniairflow.MissedRange{hours(miniairflow.MissedReplaced, slot.Add(time.Hour), slot.Add(3*time.Hour))}, db.missed(v.WorkflowID))
		require.Equal(t, map[uuid.UUID]int64{first.ID: 4}, replaced())

		started, err := db.StartRuns(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, started, 1)
		require.Equal(t, map[uuid.UUID]int64{first.ID: 4}, replaced(), "whether it runs makes no difference")
		_, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: runs[0].ID, By: by})
		require.NoError(t, err)
		require.Empty(t, replaced(), "who is cancelled takes nobody's place")
		fire(1)
		require.Equal(t, map[uuid.UUID]int64{first.ID: 5}, replaced())
		_, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: first.ID, By: by})
		require.NoError(t, err)
		require.Empty(t, replaced())
		again, err := db.FindRun(t.Context(), manual.ID)
		require.NoError(t, err)
		require.False(t, again.IsTerminal())
	})
}
