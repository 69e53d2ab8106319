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
			c := miniairflow.ScheduleCursor{Schedules: miniairflow.ScheduleGroup{{
				Cron: cron, Timezone: "UTC", Catchup: tt.catchup, CatchupWindow: miniairflow.Duration(tt.window),
			}}}
			if !tt.nextAt.IsZero() {
				c.NextAt = &tt.nextAt
			}
			plan, err := miniairflow.PlanFire(c, tt.now)
			require.NoError(t, err)
			var hours []int
			for _, s := range plan.Slots {
				hours = append(hours, s.LogicalDate.Hour())
				require.Equal(t, s.LogicalDate.Add(-time.Hour), s.DataIntervalStart)
			}
			require.Equal(t, tt.want, hours)
			require.Equal(t, tt.next, plan.Next)
		})
	}
}

func TestPlanFireIsBounded(t *testing.T) {
	first := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	now := time.Date(2026, 1, 1, 0, 0, 30, 0, time.UTC)
	c := miniairflow.ScheduleCursor{NextAt: &first, Schedules: miniairflow.ScheduleGroup{{Cron: "* * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupAll}}}
	plan, err := miniairflow.PlanFire(c, now)
	require.NoError(t, err)
	require.Len(t, plan.Slots, miniairflow.QueuedMax)
	require.Equal(t, now.Truncate(time.Minute), plan.Slots[len(plan.Slots)-1].LogicalDate, "the newest are kept")
	require.True(t, plan.Next.After(now))
	left := miniairflow.MissedRange{
		First: first, Before: first.Add(-time.Minute), Last: plan.Slots[0].DataIntervalStart, Count: miniairflow.MissedMax, HasMore: true,
		Reason: miniairflow.MissedQueueFull, Text: miniairflow.MissedQueueFull.Text(),
	}
	require.Equal(t, []miniairflow.MissedRange{left}, plan.Left)

	c.Schedules[0].Overlap = miniairflow.OverlapSkip // nothing waits
	plan, err = miniairflow.PlanFire(c, now)
	require.NoError(t, err)
	require.Len(t, plan.Slots, miniairflow.SlotsMax)
	require.Equal(t, miniairflow.MissedByMax, plan.Left[0].Reason)

	c.Schedules[0].MaxCatchup = 3
	plan, err = miniairflow.PlanFire(c, now)
	require.NoError(t, err)
	require.Len(t, plan.Slots, 3)
	require.Equal(t, now.Truncate(time.Minute), plan.Slots[2].LogicalDate, "the newest are kept")

	plan, err = miniairflow.PlanFire(miniairflow.ScheduleCursor{Schedules: miniairflow.ScheduleGroup{{Cron: "0 0 30 2 *"}}}, now)
	require.NoError(t, err)
	require.True(t, plan.Next.IsZero(), "it never fires")
	_, err = miniairflow.PlanFire(miniairflow.ScheduleCursor{}, now)
	require.ErrorContains(t, err, "no times")
}

// Whatever the policy, no slot that is on time is left out, and a schedule that is new
// fires none of before, not even one whose run the jitter would let come now.
func TestPlanFireKeepsWhatIsOnTime(t *testing.T) {
	first := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for _, catchup := range miniairflow.Catchups {
		group := miniairflow.ScheduleGroup{{Every: miniairflow.Duration(time.Second), Timezone: "UTC", Catchup: catchup, MaxCatchup: 1}}
		plan, err := miniairflow.PlanFire(miniairflow.ScheduleCursor{NextAt: &first, Schedules: group}, first.Add(2500*time.Millisecond))
		require.NoError(t, err)
		require.Len(t, plan.Slots, 3, catchup)
		require.Empty(t, plan.Left)
	}
	for id := range byte(20) {
		c := miniairflow.ScheduleCursor{WorkflowID: uuid.UUID{id}, Schedules: miniairflow.ScheduleGroup{
			{Cron: "@daily", Timezone: "UTC", Catchup: miniairflow.CatchupAll, Jitter: miniairflow.Duration(24 * time.Hour)},
		}}
		plan, err := miniairflow.PlanFire(c, first)
		require.NoError(t, err)
		next := plan.Next
		require.False(t, next.Before(first.Add(18*time.Hour)), "of the next midnight: %s", next)
		c.NextAt = &next
		plan, err = miniairflow.PlanFire(c, next)
		require.NoError(t, err)
		require.Len(t, plan.Slots, 1)
		require.Equal(t, first.Add(18*time.Hour), plan.Slots[0].LogicalDate)
	}
}

// drawGroup draws schedules with times of every kind near a day, in whole minutes.
func drawGroup(t *rapid.T, zone string, day time.Time) miniairflow.ScheduleGroup {
	minute := func(what string) time.Time {
		return day.Add(time.Duration(rapid.IntRange(-24*60, 48*60).Draw(t, what)) * time.Minute)
	}
	jitter := miniairflow.Duration(rapid.IntRange(0, 90).Draw(t, "jitter")) * miniairflow.Duration(time.Minute)
	var group miniairflow.ScheduleGroup
	for range rapid.IntRange(1, 3).Draw(t, "entries") {
		s := miniairflow.Schedule{Timezone: zone, Catchup: miniairflow.CatchupAll, Overlap: miniairflow.OverlapSkip, Jitter: jitter}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			s.Cron = drawField(t, "minute", 0, 59).text + " " + drawField(t, "hour", 0, 23).text + " * * *"
		case 1:
			s.Every = miniairflow.Duration(rapid.IntRange(1, 100).Draw(t, "every")) * miniairflow.Duration(time.Minute)
		default:
			s.At = minute("at")
		}
		if rapid.Bool().Draw(t, "starts") {
			s.Start = minute("start")
		}
		if rapid.Bool().Draw(t, "ends") {
			s.End = minute("end")
		}
		group = append(group, s)
	}
	return group
}

// firesAt says in the plainest way whether a schedule fires in a minute.
func firesAt(t require.TestingT, s miniairflow.Schedule, at time.Time) bool {
	switch {
	case !s.Start.IsZero() && at.Before(s.Start), !s.End.IsZero() && at.After(s.End):
		return false
	case s.Every > 0:
		anchor := time.Unix(0, 0)
		if !s.Start.IsZero() {
			anchor = s.Start
		}
		return at.Sub(anchor)%s.Every.Std() == 0
	case !s.At.IsZero():
		return at.Equal(s.At)
	}
	fire, err := miniairflow.NextFire(miniairflow.Schedule{Cron: s.Cron, Timezone: s.Timezone}, at.Add(-1))
	require.NoError(t, err)
	return fire.Equal(at)
}

// However the looks fall, each minute in which an entry fires becomes one slot, which
// begins where the one before has ended, and whose run comes later by one delay.
func TestPlanFirePassesEverySlotOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom(clockChanges).Draw(t, "place")
		day, err := time.Parse(time.DateOnly, place.day)
		require.NoError(t, err)
		c := miniairflow.ScheduleCursor{WorkflowID: uuid.UUID{15: rapid.Byte().Draw(t, "id")}, Schedules: drawGroup(t, place.zone, day)}
		now := day.Add(-12 * time.Hour)
		plan, err := miniairflow.PlanFire(c, now)
		require.NoError(t, err)
		next, start, delay, made := plan.Next, now, time.Duration(-1), []time.Time(nil)
		for range 20 {
			now = now.Add(time.Duration(rapid.IntRange(1, 180).Draw(t, "step")) * time.Minute)
			if next.IsZero() || next.After(now) {
				continue
			}
			c.NextAt = &next
			plan, err := miniairflow.PlanFire(c, now)
			require.NoError(t, err)
			require.True(t, plan.Next.IsZero() || plan.Next.After(now))
			for _, slot := range plan.Slots {
				if delay < 0 {
					delay = slot.RunAfter.Sub(slot.LogicalDate)
				}
				require.Equal(t, delay, slot.RunAfter.Sub(slot.LogicalDate))
				require.False(t, slot.RunAfter.After(now))
				if len(made) > 0 {
					require.Equal(t, made[len(made)-1], slot.DataIntervalStart)
				}
				made = append(made, slot.LogicalDate)
			}
			next = plan.Next
		}
		if delay < 0 { // none was due
			require.Empty(t, made)
			return
		}
		require.Less(t, delay, max(c.Schedules[0].Jitter.Std(), 1))
		var want []time.Time
		for at := start.Truncate(time.Minute).Add(-2 * time.Hour); !at.Add(delay).After(now); at = at.Add(time.Minute) {
			if at.After(start) && slices.ContainsFunc(c.Schedules, func(s miniairflow.Schedule) bool { return firesAt(t, s, at) }) {
				want = append(want, at)
			}
		}
		require.Equal(t, want, made)
	})
}

func TestParseMoment(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for text, want := range map[string]string{
		"2027-01-31T06:00:00Z":      "2027-01-31T06:00:00Z",
		"2027-01-31T06:00:00+05:30": "2027-01-31T00:30:00Z",
		"2027-01-31 06:00":          "2027-01-31T05:00:00Z",
		"2027-07-31T06:00:30":       "2027-07-31T04:00:30Z",
		"2027-07-31":                "2027-07-30T22:00:00Z",
		"2027-10-31 02:30":          "2027-10-31T00:30:00Z", // the first of two
	} {
		at, err := miniairflow.ParseMoment(text, berlin)
		require.NoError(t, err, text)
		require.Equal(t, want, at.Format(time.RFC3339), text)
	}
	for _, tt := range [][3]string{
		{"Antarctica/Troll", "2027-10-31 01:30", "2027-10-30T23:30:00Z"}, // clocks go back by two hours
		{"Australia/Lord_Howe", "2027-04-04 01:45", "2027-04-03T14:45:00Z"},
		{"America/Santiago", "2027-09-05", "2027-09-05T04:00:00Z"}, // the day has no midnight
		{"Africa/Cairo", "2027-04-30", "2027-04-29T22:00:00Z"},
		{"Pacific/Kiritimati", "2027-01-01", "2026-12-31T10:00:00Z"},
	} {
		zone, err := time.LoadLocation(tt[0])
		require.NoError(t, err)
		at, err := miniairflow.ParseMoment(tt[1], zone)
		require.NoError(t, err, tt)
		require.Equal(t, tt[2], at.Format(time.RFC3339), tt)
	}
	for text, want := range map[string]string{
		"2027-03-28 02:30": "the clocks of Europe/Berlin never show 2027-03-28 02:30",
		"tomorrow":         `"tomorrow" is no time: write it like 2027-01-31T06:00:00Z`,
		"2027-02-30":       "is no time",
	} {
		_, err := miniairflow.ParseMoment(text, berlin)
		require.ErrorContains(t, err, want, text)
	}
}
