package miniairflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// datesOf returns the dates of a backfill in its order, found step by step.
func datesOf(t require.TestingT, b miniairflow.Backfill, step int) (dates []time.Time, starts []time.Time) {
	for {
		slots, err := b.Slots(step)
		require.NoError(t, err)
		if len(slots) == 0 {
			return dates, starts
		}
		for _, s := range slots {
			dates, starts = append(dates, s.LogicalDate), append(starts, s.DataIntervalStart)
		}
		b.Cursor = &slots[len(slots)-1].LogicalDate
	}
}

// A workflow holds a backfill only while that has dates to come.
func TestBackfillHold(t *testing.T) {
	now := time.Now()
	b := miniairflow.Backfill{Status: miniairflow.BackfillRunning, Total: 3, Created: 1, LeftAlone: 1, PausedAt: &now}
	active, paused, off := &miniairflow.Workflow{IsActive: true}, &miniairflow.Workflow{IsActive: true, PausedAt: &now}, &miniairflow.Workflow{}
	require.Empty(t, b.Hold(active))
	require.Equal(t, "its workflow is paused", b.Hold(paused))
	require.Equal(t, "its workflow is not active", b.Hold(off))
	b.Created++
	require.Empty(t, b.Hold(paused), "it waits for its runs alone")
	b.Created, b.Status = 1, miniairflow.BackfillCancelled
	require.Empty(t, b.Hold(paused))
}

// However a range is gone over, it has each slot of the schedule once, with the slot
// before it as the beginning of its interval.
func TestBackfillSlots(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		group := rapid.SampledFrom([]miniairflow.ScheduleGroup{
			{{Cron: "30 2 * * *", Timezone: "Europe/Berlin"}},
			{{Cron: "*/20 1-3 * * *", Timezone: "America/New_York"}},
			{{Every: miniairflow.Duration(7 * time.Hour), Timezone: "UTC"}},
			{{Cron: "0 2 * * *", Timezone: "UTC"}, {Cron: "0 2,14 * * 1", Timezone: "Europe/Berlin"}},
		}).Draw(rt, "schedules")
		from := instant(t, "2026-03-01T00:00:00Z").Add(time.Duration(rapid.IntRange(0, 300*24*60).Draw(rt, "from")) * time.Minute)
		b := miniairflow.Backfill{
			WorkflowID: uuid.New(), Schedules: group, From: from, To: from.Add(time.Duration(rapid.IntRange(0, 30*24*60).Draw(rt, "minutes")) * time.Minute),
			Order: miniairflow.BackfillOldest,
		}
		oldest, starts := datesOf(rt, b, rapid.IntRange(1, 50).Draw(rt, "step"))
		b.Order = miniairflow.BackfillNewest
		newest, newestStarts := datesOf(rt, b, rapid.IntRange(1, 50).Draw(rt, "other step"))
		slices.Reverse(newest)
		slices.Reverse(newestStarts)
		require.Equal(rt, oldest, newest)
		require.Equal(rt, starts, newestStarts)
		upcoming, err := miniairflow.Upcoming(group, b.From.Add(-1), len(oldest)+1)
		require.NoError(rt, err)
		for i, at := range oldest {
			require.True(rt, at.Equal(upcoming[i].At))
			if i > 0 {
				require.Equal(rt, oldest[i-1], starts[i])
			}
		}
		require.True(rt, upcoming[len(oldest)].At.After(b.To), "a slot is left out at the end")
	})
}

func TestBackfillStep(t *testing.T) {
	b := miniairflow.Backfill{
		Schedules: miniairflow.ScheduleGroup{{Cron: "0 0 * * *", Timezone: "UTC"}}, Mode: miniairflow.BackfillMissing,
		From: instant(t, "2026-03-01T00:00:00Z"), To: instant(t, "2026-03-06T00:00:00Z"),
	}
	slots, err := b.Slots(100)
	require.NoError(t, err)
	next := slots[4].LogicalDate
	view := miniairflow.BackfillView{Now: slots[5].LogicalDate.Add(-1), Place: &miniairflow.SchedulePlace{NextAt: &next}, Runs: []miniairflow.DateRun{
		{Number: 1, Status: miniairflow.RunSuccess, LogicalDate: slots[0].LogicalDate, HasStarted: true},
		{Number: 2, Status: miniairflow.RunSkipped, LogicalDate: slots[1].LogicalDate},
		{Number: 3, Status: miniairflow.RunRunning, LogicalDate: slots[3].LogicalDate, HasStarted: true},
		{Number: 4, Status: miniairflow.RunFailed, LogicalDate: slots[3].LogicalDate, HasStarted: true},
	}}
	var reasons []string
	for _, d := range b.Plan(slots, view) {
		reasons = append(reasons, string(d.Action)+": "+d.Reason)
	}
	require.Equal(t, []string{
		"leave: run #1 has succeeded", "create: it has no run", "create: it has no run", "leave: run #3 is running",
		"leave: the schedule is about to come to it", "leave: its time has not come",
	}, reasons)

	one := b.Step(slots, view, 1)
	require.Len(t, one.Dates, 1)
	require.Equal(t, slots[1].LogicalDate, one.Dates[0].LogicalDate)
	require.Equal(t, [2]any{2, slots[1].LogicalDate}, [2]any{one.Passed, one.Cursor}, "the next date that needs a run is not passed")
	all := b.Step(slots, view, 9)
	require.Len(t, all.Dates, 2)
	require.Equal(t, 4, all.Passed, "the date that the schedule comes to first is not passed")
	require.Equal(t, slots[4].LogicalDate, all.Waits.LogicalDate)
	require.Empty(t, all.Problem())
	waits := b.Step(slots[4:], view, 9)
	require.Zero(t, waits.Passed)
	require.Contains(t, waits.Problem(), slots[4].LogicalDate.Format(time.RFC3339))

	part := all.Of(1)
	require.Equal(t, [3]any{1, 2, slots[1].LogicalDate}, [3]any{len(part.Dates), part.Passed, part.Cursor}, "up to the date without a run")
	require.Equal(t, all, all.Of(2))

	view.Place = &miniairflow.SchedulePlace{Since: slots[1].LogicalDate} // fresh: it owes all after its beginning
	fresh := b.Step(slots, view, 9)
	require.Equal(t, [2]any{2, slots[2].LogicalDate}, [2]any{fresh.Passed, fresh.Waits.LogicalDate})
	view.Place = nil
	require.Equal(t, 6, b.Step(slots, view, 9).Passed)
	require.True(t, b.Step(nil, view, 9).IsAtEnd)
}
