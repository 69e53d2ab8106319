package miniairflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Slots that fall together are one where they make one run, and what clocks do to a
// slot is said beside it.
func TestUpcoming(t *testing.T) {
	const berlin = "Europe/Berlin"
	hour := miniairflow.Duration(time.Hour)
	tests := map[string]struct {
		after     string
		schedules []miniairflow.Schedule
		want      [][4]string
	}{
		"gap": {"2027-03-27T12:00:00Z", []miniairflow.Schedule{{Cron: "30 2 * * *", Timezone: berlin}}, [][4]string{
			{"2027-03-28T03:00:00+02:00", "", "30 2 * * * Europe/Berlin", "clocks go forward from 02:00 to 03:00: what lies in between fires now"},
			{"2027-03-29T02:30:00+02:00", "", "30 2 * * * Europe/Berlin", ""},
		}},
		"listed hour that comes twice": {"2027-10-30T12:00:00Z", []miniairflow.Schedule{{Cron: "30 2 * * *", Timezone: berlin}}, [][4]string{
			{"2027-10-31T02:30:00+02:00", "", "30 2 * * * Europe/Berlin", "clocks show 02:30 twice: the first time"},
			{"2027-11-01T02:30:00+01:00", "", "30 2 * * * Europe/Berlin", ""},
		}},
		"every hour": {"2027-10-30T23:00:00Z", []miniairflow.Schedule{{Cron: "30 * * * *", Timezone: berlin}}, [][4]string{
			{"2027-10-31T01:30:00+02:00", "", "30 * * * * Europe/Berlin", ""},
			{"2027-10-31T02:30:00+02:00", "", "30 * * * * Europe/Berlin", "clocks show 02:30 twice: the first time"},
			{"2027-10-31T02:30:00+01:00", "", "30 * * * * Europe/Berlin", "clocks show 02:30 twice: the second time"},
			{"2027-10-31T03:30:00+01:00", "", "30 * * * * Europe/Berlin", ""},
		}},
		"together and apart": {"2027-01-01T00:00:00Z", []miniairflow.Schedule{
			{Cron: "0 2 * * *", Timezone: "UTC"},
			{Every: hour, Timezone: "UTC", Start: time.Date(2027, 1, 1, 1, 0, 0, 0, time.UTC)},
			{Name: "own", Cron: "0 2 * * *", Timezone: "UTC"},
			{Name: "once", At: time.Date(2027, 1, 1, 2, 30, 0, 0, time.UTC), Timezone: "Asia/Tokyo"},
		}, [][4]string{
			{"2027-01-01T01:00:00Z", "", "every 1h from 2027-01-01T01:00:00Z", ""},
			{"2027-01-01T02:00:00Z", "", "0 2 * * * UTC, every 1h from 2027-01-01T01:00:00Z", ""},
			{"2027-01-01T02:00:00Z", "own", "0 2 * * * UTC", ""},
			{"2027-01-01T11:30:00+09:00", "once", "at 2027-01-01T02:30:00Z", ""},
			{"2027-01-01T03:00:00Z", "", "every 1h from 2027-01-01T01:00:00Z", ""},
		}},
		"over": {"2027-01-01T00:00:00Z", []miniairflow.Schedule{{At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Timezone: "UTC"}}, nil},
	}
	for name, tt := range tests {
		after, err := time.Parse(time.RFC3339, tt.after)
		require.NoError(t, err)
		slots, err := miniairflow.Upcoming(tt.schedules, after, max(1, len(tt.want)))
		require.NoError(t, err, name)
		var got [][4]string
		for _, s := range slots {
			got = append(got, [4]string{s.At.Format(time.RFC3339), s.Schedule, s.Text, s.Note})
		}
		require.Equal(t, tt.want, got, name)
	}
	_, err := miniairflow.Upcoming([]miniairflow.Schedule{{Cron: "x", Timezone: "UTC"}}, time.Now(), 1)
	require.ErrorContains(t, err, "cron")
}
