package graph_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// The slots to come of a workflow and of a schedule that is only tried out.
func TestNextSlots(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("nightly", "a")
		d.Schedules = []miniairflow.Schedule{
			{Cron: "30 2 * * *", Timezone: "Europe/Berlin", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue},
			{Name: "once", At: time.Date(2027, 3, 28, 4, 0, 0, 0, time.UTC), Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue},
		}
		w.save(t, d)
		type slot struct{ At, Timezone, Schedule, Times, Note string }
		var got struct{ Named, Tried []slot }
		const fields = ` { at timezone schedule times note }`
		w.ask(t, `query($schedule: ScheduleInput) {
			named: nextSlots(workflow: "nightly", after: "2027-03-27T12:00:00Z", first: 2)`+fields+`
			tried: nextSlots(schedule: $schedule, after: "2027-01-01T00:00:00Z", first: 5)`+fields+` }`,
			vars{"schedule": vars{"everySeconds": 3600, "endsAt": "2027-01-01T02:00:00Z"}}, &got)
		require.Equal(t, []slot{
			{"2027-03-28T01:00:00Z", "Europe/Berlin", "", "30 2 * * * Europe/Berlin", "clocks go forward from 02:00 to 03:00: what lies in between fires now"},
			{"2027-03-28T04:00:00Z", "UTC", "once", "at 2027-03-28T04:00:00Z", ""},
		}, got.Named)
		require.Equal(t, []slot{
			{"2027-01-01T01:00:00Z", "UTC", "", "every 1h until 2027-01-01T02:00:00Z", ""}, {"2027-01-01T02:00:00Z", "UTC", "", "every 1h until 2027-01-01T02:00:00Z", ""},
		}, got.Tried)

		const ask = `query($workflow: String, $schedule: ScheduleInput, $first: Int) { nextSlots(workflow: $workflow, schedule: $schedule, first: $first) { at } }`
		for _, bad := range []vars{
			{},
			{"workflow": "nightly", "schedule": vars{"cron": "@daily"}},
			{"workflow": "nightly", "first": 201},
			{"schedule": vars{}},
			{"schedule": vars{"cron": "daily"}},
			{"schedule": vars{"cron": "@daily", "everySeconds": 60}},
			{"schedule": vars{"everySeconds": -1}},
			{"schedule": vars{"everySeconds": 2147483647}},
			{"schedule": vars{"cron": "@daily", "timezone": "Mars/Base"}},
			{"schedule": vars{"cron": "0 0 30 2 *"}},
			{"schedule": vars{"cron": "@daily", "endsAt": "1969-01-01T00:00:00Z"}},
		} {
			require.Equal(t, miniairflow.CodeInvalid, w.code(t, ask, bad), "%v", bad)
		}
		require.Equal(t, miniairflow.CodeNotFound, w.code(t, ask, vars{"workflow": "none"}))
	})
}
