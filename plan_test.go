package miniairflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

func TestPlanFire(t *testing.T) {
	const cron = "0 * * * *"
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	clock := func(hour, minute int) time.Time {
		return day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	tests := []struct {
		name    string
		catchup miniairflow.Catchup
		window  time.Duration
		nextAt  time.Time // zero: none
		now     time.Time
		want    []int // hours of the slots
		next    time.Time
	}{
		{"no cursor misses nothing", miniairflow.CatchupAll, 0, time.Time{}, clock(5, 30), nil, clock(6, 0)},
		{"not due", miniairflow.CatchupAll, 0, clock(6, 0), clock(5, 30), nil, clock(6, 0)},
		{"on time: none", miniairflow.CatchupNone, 0, clock(6, 0), clock(6, 0), []int{6}, clock(7, 0)},
		{"a minute late: none", miniairflow.CatchupNone, 0, clock(6, 0), clock(6, 1), []int{6}, clock(7, 0)},
		{"late: none", miniairflow.CatchupNone, 0, clock(3, 0), clock(6, 2), nil, clock(7, 0)},
		{"late and on time: none", miniairflow.CatchupNone, 0, clock(3, 0), clock(6, 0), []int{6}, clock(7, 0)},
		{"late: latest", miniairflow.CatchupLatest, 0, clock(3, 0), clock(6, 30), []int{6}, clock(7, 0)},
		{"late beyond the window: latest", miniairflow.CatchupLatest, 10 * time.Minute, clock(3, 0), clock(6, 30), nil, clock(7, 0)},
		{"late: all", miniairflow.CatchupAll, 0, clock(3, 0), clock(6, 30), []int{3, 4, 5, 6}, clock(7, 0)},
		{"late: all within the window", miniairflow.CatchupAll, 2 * time.Hour, clock(3, 0), clock(6, 30), []int{5, 6}, clock(7, 0)},
		{"a window below the grace leaves the slot on time", miniairflow.CatchupAll, time.Second, clock(6, 0), clock(6, 1), []int{6}, clock(7, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := miniairflow.ScheduleCursor{Schedule: miniairflow.Schedule{
				Cron: cron, Timezone: "UTC", Catchup: tt.catchup, CatchupWindow: miniairflow.Duration(tt.window),
			}}
			if !tt.nextAt.IsZero() {
				c.NextAt = &tt.nextAt
			}
			slots, next, err := miniairflow.PlanFire(c, tt.now)
			require.NoError(t, err)
			var hours []int
			for _, s := range slots {
				hours = append(hours, s.LogicalDate.Hour())
				require.Equal(t, s.LogicalDate.Add(-time.Hour), s.DataIntervalStart)
			}
			require.Equal(t, tt.want, hours)
			require.Equal(t, tt.next, next)
		})
	}
}

func TestPlanFireIsBounded(t *testing.T) {
	first := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	now := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	c := miniairflow.ScheduleCursor{NextAt: &first, Schedule: miniairflow.Schedule{Cron: "* * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupAll}}
	slots, next, err := miniairflow.PlanFire(c, now)
	require.NoError(t, err)
	require.Len(t, slots, miniairflow.SlotsMax)
	require.Equal(t, now.Truncate(time.Minute), slots[len(slots)-1].LogicalDate, "the newest are kept")
	require.True(t, next.After(now))

	_, next, err = miniairflow.PlanFire(miniairflow.ScheduleCursor{Schedule: miniairflow.Schedule{Cron: "0 0 30 2 *"}}, now)
	require.NoError(t, err)
	require.True(t, next.IsZero(), "it never fires")
}

func TestPlanFirePassesEverySlotOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom(clockChanges).Draw(t, "place")
		s := miniairflow.Schedule{
			Cron:     drawField(t, "minute", 0, 59).text + " " + drawField(t, "hour", 0, 23).text + " * * *",
			Timezone: place.zone, Catchup: miniairflow.CatchupAll,
		}
		now, err := time.Parse(time.DateOnly, place.day)
		require.NoError(t, err)
		now = now.Add(-12 * time.Hour)
		c := miniairflow.ScheduleCursor{Schedule: s}
		_, next, err := miniairflow.PlanFire(c, now)
		require.NoError(t, err)
		start, made := now, []time.Time(nil)
		for range 20 {
			now = now.Add(time.Duration(rapid.IntRange(1, 180).Draw(t, "step")) * time.Minute)
			if next.After(now) {
				continue
			}
			c.NextAt = &next
			slots, moved, err := miniairflow.PlanFire(c, now)
			require.NoError(t, err)
			require.True(t, moved.After(now))
			for _, slot := range slots {
				made = append(made, slot.LogicalDate)
			}
			next = moved
		}
		var want []time.Time
		for at := start; ; {
			at, err = miniairflow.NextFire(s, at)
			require.NoError(t, err)
			if !at.Before(next) {
				break
			}
			want = append(want, at)
		}
		require.Equal(t, want, made)
		require.True(t, slices.IsSortedFunc(made, time.Time.Compare))
	})
}
