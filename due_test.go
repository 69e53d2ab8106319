package miniairflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// The preview counts what waits already, for all schedules of the workflow together.
func TestPreviewDue(t *testing.T) {
	first := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	now := first.Add(5*time.Hour + 30*time.Minute)
	cursor := func(name string, overlap miniairflow.Overlap) miniairflow.ScheduleCursor {
		return miniairflow.ScheduleCursor{NextAt: &first, Schedules: miniairflow.ScheduleGroup{
			{Name: name, Cron: "0 * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupAll, Overlap: overlap},
		}}
	}
	at := miniairflow.WorkflowCursors{
		Now: now, Load: miniairflow.Load{Active: 98, Max: 100, Queued: 97},
		Cursors: []miniairflow.ScheduleCursor{cursor("skip", miniairflow.OverlapSkip), cursor("queue", miniairflow.OverlapQueue)},
	}
	due, err := miniairflow.PreviewDue(&miniairflow.Workflow{IsActive: true}, at)
	require.NoError(t, err)
	hour := func(n int) time.Time { return first.Add(time.Duration(n) * time.Hour) }
	require.Equal(t, []miniairflow.DueSlots{
		{Schedule: "skip", First: hour(0), Last: hour(1), Count: 2, Status: miniairflow.RunPending},
		{Schedule: "skip", First: hour(2), Last: hour(5), Count: 4, Status: miniairflow.RunSkipped, Text: "overlap: skip: max_active_runs was reached"},
		{Schedule: "queue", First: hour(0), Last: hour(4), Count: 5, Reason: miniairflow.MissedQueueFull, Text: miniairflow.MissedQueueFull.Text()},
		{Schedule: "queue", First: hour(5), Last: hour(5), Count: 1, Status: miniairflow.RunPending},
	}, due)

	due, err = miniairflow.PreviewDue(&miniairflow.Workflow{PausedAt: &now, IsActive: true}, at)
	require.NoError(t, err)
	require.Len(t, due, 2)
	require.Equal(t, miniairflow.DueSlots{
		Schedule: "skip", First: hour(0), Last: hour(5), Count: 6, Reason: miniairflow.MissedPaused, Text: "the workflow was paused",
	}, due[0])
	require.True(t, due[0].CountIsExact())
}
