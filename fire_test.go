package miniairflow_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// However many runs wait, the newest one of cancel_running is made: who waits makes room.
func TestAdmitRunsWithAFullQueue(t *testing.T) {
	full := miniairflow.Load{Active: miniairflow.QueuedMax + 1, Max: 1, Queued: miniairflow.QueuedMax}
	for overlap, made := range map[miniairflow.Overlap]int{
		miniairflow.OverlapQueue: 0, miniairflow.OverlapCancelRunning: 1, miniairflow.OverlapSkip: 1,
	} {
		load := full
		planned, left := miniairflow.AdmitRuns(miniairflow.Fire{
			Cursor: miniairflow.ScheduleCursor{Schedules: miniairflow.ScheduleGroup{{Cron: "* * * * *", Timezone: "UTC", Overlap: overlap}}},
			Runs:   []miniairflow.NewRun{{ID: uuid.New(), LogicalDate: time.Unix(60, 0), Overlap: overlap}},
		}, &load)
		require.Len(t, planned, made, overlap)
		require.Len(t, left, 1-made, overlap)
	}
}

// What many schedules have missed is counted only so far: others wait meanwhile.
func TestPlanFireCountsWithinBounds(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	missed := now.Add(-10 * 24 * time.Hour)
	var tables miniairflow.Timetables
	counted, cut := 0, 0
	for i := range 300 {
		group := miniairflow.ScheduleGroup{{Cron: "* * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupNone, MaxCatchup: i + 1}}
		plan, err := tables.PlanFire(miniairflow.ScheduleCursor{Hash: fmt.Sprint(i), NextAt: &missed, Schedules: group}, now)
		require.NoError(t, err)
		require.Len(t, plan.Left, 1)
		require.Equal(t, missed.Truncate(time.Minute).Add(time.Minute), plan.Left[0].First)
		require.Equal(t, now.Truncate(time.Minute).Add(-time.Minute), plan.Left[0].Last, "the range is whole, however far it was counted")
		counted += plan.Left[0].Count
		if !plan.Left[0].CountIsExact() {
			cut++
		}
	}
	require.LessOrEqual(t, counted, 1_010_000)
	require.Greater(t, cut, 100)
}

func TestJoinMissed(t *testing.T) {
	at := func(minute int) time.Time { return time.Unix(int64(minute)*60, 0) }
	of := func(reason miniairflow.MissedReason, first, last int) miniairflow.MissedRange {
		return miniairflow.MissedRange{First: at(first), Last: at(last), Before: at(first - 1), Count: last - first + 1, Reason: reason}
	}
	full, none := miniairflow.MissedQueueFull, miniairflow.MissedByNone
	require.Equal(t, []miniairflow.MissedRange{of(none, 1, 2), of(full, 3, 9), of(full, 11, 12)}, miniairflow.JoinMissed([]miniairflow.MissedRange{
		of(none, 1, 2), of(full, 3, 4), of(full, 5, 9), of(full, 11, 12),
	}))
	require.Empty(t, miniairflow.JoinMissed(nil))
	long := miniairflow.JoinMissed([]miniairflow.MissedRange{of(full, 1, 9_000), of(full, 9_001, 18_000)})
	require.Equal(t, miniairflow.MissedMax, long[0].Count)
	require.False(t, long[0].CountIsExact())
}
