package miniairflow_test

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed.UTC()
}

func TestNextFireKnowsClockChanges(t *testing.T) {
	tests := []struct {
		name, cron, zone, after string
		want                    []string // in UTC
	}{
		{
			"gap fires once right after it", "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"},
		},
		{
			"several slots of a gap fire once", "*/15 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z"},
		},
		{
			"gap and the slot right after it are one", "0 2,3 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:00:00Z", "2026-03-09T07:00:00Z"},
		},
		{
			"repeated hour fires first only", "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"},
		},
		{
			"after the first of a repeated hour", "30 1 * * *", "America/New_York", "2026-11-01T05:45:00Z",
			[]string{"2026-11-02T06:30:00Z"},
		},
		{
			"star fires at every real half hour over the gap", "*/30 * * * *", "America/New_York", "2026-03-08T06:00:00Z",
			[]string{"2026-03-08T06:30:00Z", "2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z"},
		},
		{
			"star has no extra slot after the gap", "15 * * * *", "America/New_York", "2026-03-08T06:00:00Z",
			[]string{"2026-03-08T06:15:00Z", "2026-03-08T07:15:00Z"},
		},
		{
			"star fires at every real repeated one", "30 * * * *", "America/New_York", "2026-11-01T05:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"},
		},
		{
			"step hours fire at every real repeated one", "30 1-23/2 * * *", "America/New_York", "2026-11-01T05:00:00Z",
			[]string{"2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T08:30:00Z"},
		},
		{
			"step hours in a gap are made up for", "0 */2 * * *", "America/New_York", "2026-03-08T05:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"},
		},
		{
			"a day without midnight", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z",
			[]string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		},
		{
			"half an hour only", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
			[]string{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"},
		},
		{
			"a day that was left out", "0 9 30 * *", "Pacific/Apia", "2011-12-01T00:00:00Z",
			[]string{"2011-12-30T10:00:00Z", "2012-01-29T19:00:00Z"},
		},
		{
			"quarter hours from Greenwich", "0 6 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z",
			[]string{"2026-01-01T00:15:00Z", "2026-01-02T00:15:00Z"},
		},
		{"rare day", "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{
			"day of month or of week", "0 0 13 * 5", "UTC", "2026-11-01T00:00:00Z",
			[]string{"2026-11-06T00:00:00Z", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
		},
		{"seven is Sunday", "0 0 * * 7", "UTC", "2026-11-20T00:00:00Z", []string{"2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"}},
		{
			"range to Sunday", "0 0 * * fri-sun", "UTC", "2026-11-20T00:00:00Z",
			[]string{"2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-27T00:00:00Z"},
		},
		{
			"range to seven with step", "0 0 * * 1-7/3", "UTC", "2026-11-20T00:00:00Z",
			[]string{"2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-26T00:00:00Z"},
		},
		{"macro", "@daily", "Europe/Berlin", "2026-11-22T12:00:00Z", []string{"2026-11-22T23:00:00Z"}},
		{"strictly after", "0 12 * * *", "", "2026-11-22T12:00:00Z", []string{"2026-11-23T12:00:00Z"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := miniairflow.Schedule{Cron: tt.cron, Timezone: tt.zone}
			at := instant(t, tt.after)
			for _, want := range tt.want {
				next, err := miniairflow.NextFire(s, at)
				require.NoError(t, err)
				require.Equal(t, want, next.Format(time.RFC3339))
				require.Equal(t, time.UTC, next.Location())
				at = next
			}
		})
	}
}

func TestNextFireGoesOnPastTheZoneTables(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Sydney", "UTC"} {
		location, err := time.LoadLocation(zone)
		require.NoError(t, err)
		at := time.Date(2039, 12, 30, 12, 0, 0, 0, location)
		for day := 31; day < 31+400; day++ {
			next, err := miniairflow.NextFire(miniairflow.Schedule{Cron: "0 12 * * *", Timezone: zone}, at)
			require.NoError(t, err)
			require.Equal(t, time.Date(2039, 12, day, 12, 0, 0, 0, location).UTC(), next)
			at = next
		}
	}
}

// cronField is one field of a generated cron expression with its meaning.
type cronField struct {
	text  string
	set   uint64
	stars bool // has a star or a step
}

// drawField generates a field over low..high and, apart from any parser, what it means.
func drawField(t *rapid.T, label string, low, high int) cronField {
	every := func(from, to, step int) (set uint64) {
		for i := from; i <= to; i += step {
			set |= 1 << i
		}
		return set
	}
	switch rapid.IntRange(0, 4).Draw(t, label+" form") {
	case 0:
		return cronField{"*", every(low, high, 1), true}
	case 1:
		step := rapid.IntRange(1, high).Draw(t, label+" step")
		return cronField{fmt.Sprintf("*/%d", step), every(low, high, step), true}
	case 2:
		from := rapid.IntRange(low, high).Draw(t, label+" from")
		to := rapid.IntRange(from, high).Draw(t, label+" to")
		return cronField{fmt.Sprintf("%d-%d", from, to), every(from, to, 1), false}
	default:
		numbers := rapid.SliceOfN(rapid.IntRange(low, high), 1, 3).Draw(t, label)
		f := cronField{}
		var texts []string
		for _, n := range numbers {
			f.set |= 1 << n
			texts = append(texts, strconv.Itoa(n))
		}
		f.text = strings.Join(texts, ",")
		return f
	}
}

// oracle says minute by minute when a schedule fires. It knows nothing of zone
// tables: it only looks at what a clock on the wall shows.
type oracle struct {
	minute, hour, day, month, weekday cronField
	zone                              *time.Location
}

func (o oracle) cron() string {
	return strings.Join([]string{o.minute.text, o.hour.text, o.day.text, o.month.text, o.weekday.text}, " ")
}

// wall returns what the clock on the wall shows, as a time in UTC.
func (o oracle) wall(t time.Time) time.Time {
	l := t.In(o.zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
}

func (o oracle) matches(wall time.Time) bool {
	has := func(f cronField, n int) bool { return f.set&(1<<n) != 0 }
	byMonth, byWeek := has(o.day, wall.Day()), has(o.weekday, int(wall.Weekday()))
	day := byMonth || byWeek
	if o.day.text == "*" || o.weekday.text == "*" || o.day.text == "*/1" || o.weekday.text == "*/1" {
		day = byMonth && byWeek
	}
	return day && has(o.month, int(wall.Month())) && has(o.hour, wall.Hour()) && has(o.minute, wall.Minute())
}

func (o oracle) fires(t time.Time) bool {
	wall, before := o.wall(t), o.wall(t.Add(-time.Minute))
	allHours := bits.OnesCount64(o.hour.set) == 24
	if !allHours {
		for missing := before.Add(time.Minute); missing.Before(wall); missing = missing.Add(time.Minute) {
			if o.matches(missing) {
				return true
			}
		}
	}
	if !o.matches(wall) {
		return false
	}
	if o.hour.stars || allHours {
		return true
	}
	const look = 3 * time.Hour
	if o.wall(t.Add(-look)).Add(look).Equal(wall) {
		return true // no clock was touched
	}
	for back := time.Minute; back <= look; back += time.Minute {
		if o.wall(t.Add(-back)).Equal(wall) {
			return false // seen before
		}
	}
	return true
}

// clockChanges are days around which clocks do odd things, and some quiet ones.
var clockChanges = []struct{ zone, day string }{
	{"America/New_York", "2026-03-08"},
	{"America/New_York", "2026-11-01"},
	{"Europe/Berlin", "2026-03-29"},
	{"Europe/Berlin", "2026-10-25"},
	{"America/Sao_Paulo", "2018-11-04"},
	{"America/Sao_Paulo", "2018-02-18"},
	{"Australia/Lord_Howe", "2026-04-05"},
	{"Australia/Lord_Howe", "2026-10-04"},
	{"Africa/Cairo", "2026-04-24"},
	{"Africa/Cairo", "2026-10-30"},
	{"Antarctica/Troll", "2026-03-29"},
	{"Antarctica/Troll", "2026-10-25"},
	{"Europe/Dublin", "2026-10-25"},
	{"Africa/Casablanca", "2026-02-15"},
	{"Pacific/Chatham", "2026-04-05"},
	{"Pacific/Apia", "2011-12-30"},
	{"Asia/Kathmandu", "2026-01-01"},
	{"UTC", "2028-02-29"},
	{"Asia/Tokyo", "2026-12-31"},
}

func TestNextFireEqualsTheClockOnTheWall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom(clockChanges).Draw(t, "place")
		zone, err := time.LoadLocation(place.zone)
		require.NoError(t, err)
		o := oracle{
			minute: drawField(t, "minute", 0, 59), hour: drawField(t, "hour", 0, 23),
			day: drawField(t, "day", 1, 31), month: drawField(t, "month", 1, 12), weekday: drawField(t, "weekday", 0, 6),
			zone: zone,
		}
		if rapid.Bool().Draw(t, "every day") {
			o.day, o.month, o.weekday = cronField{"*", 1<<32 - 1, true}, cronField{"*", 1<<13 - 1, true}, cronField{"*", 1<<7 - 1, true}
		}
		day, err := time.Parse(time.DateOnly, place.day)
		require.NoError(t, err)
		from := day.Add(time.Duration(rapid.IntRange(-36*60, 6*60).Draw(t, "minutes")) * time.Minute)
		until := from.Add(48 * time.Hour)

		var want, got []time.Time
		for at := from.Add(time.Minute); at.Before(until); at = at.Add(time.Minute) {
			if o.fires(at) {
				want = append(want, at)
			}
		}
		s := miniairflow.Schedule{Cron: o.cron(), Timezone: place.zone}
		for at := from; ; {
			next, err := miniairflow.NextFire(s, at)
			require.NoError(t, err)
			require.True(t, next.IsZero() || next.After(at))
			if next.IsZero() || !next.Before(until) {
				break
			}
			got = append(got, next)
			at = next
		}
		require.Equal(t, want, got, "cron %s", s.Cron)
		for i := 1; i < len(got); i++ {
			previous, err := miniairflow.PreviousFire(s, got[i])
			require.NoError(t, err)
			require.Equal(t, got[i-1], previous)
		}
	})
}

func TestCheckScheduleSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ cron, zone, want string }{
		{"", "UTC", "cron is empty"},
		{"* * * *", "UTC", "has 4 fields, not 5"},
		{"0 0 2 * * *", "UTC", "no field for seconds"},
		{"61 * * * *", "UTC", `field minute "61"`},
		{"* 24 * * *", "UTC", `field hour "24"`},
		{"* * 0 * *", "UTC", `field day of month "0"`},
		{"* * * jann *", "UTC", `field month "jann"`},
		{"* * * * 8", "UTC", `field day of week "8"`},
		{"* * * * 5-7/0", "UTC", "step"},
		{"* * * * L", "UTC", "day of week"},
		{"*-5 * * * *", "UTC", "a star has no range"},
		{"1,,2 * * * *", "UTC", "an item of the list is empty"},
		{", * * * *", "UTC", "an item of the list is empty"},
		{"0 0 30 2 *", "UTC", "never fires"},
		{"0 0 31 4,6,9,11 *", "UTC", "never fires"},
		{"TZ=UTC 0 0 * * *", "UTC", "write it as timezone:"},
		{"CRON_TZ=Europe/Berlin 0 0 * * *", "UTC", "write it as timezone:"},
		{"TZ=TZ=TZ=", "UTC", "write it as timezone:"},
		{"TZ=0", "UTC", "write it as timezone:"},
		{"@every 1h", "UTC", "write a step"},
		{"@reboot", "UTC", "macro"},
		{"0 0 * * *", "Europe/Berlinn", "IANA name"},
		{"0 0 * * *", "Local", "depends on the machine"},
		{"0 0 * * *", "+02:00", "is an offset"},
		{"0 0 * * *", "UTC+2", "is an offset"},
		{"0 0 * * *", "../etc/passwd", "IANA name"},
		{strings.Repeat("1,", 600) + "1 * * * *", "UTC", "longer than"},
	}
	for _, tt := range tests {
		t.Run(tt.cron+" "+tt.zone, func(t *testing.T) {
			require.ErrorContains(t, miniairflow.CheckSchedule(miniairflow.Schedule{Cron: tt.cron, Timezone: tt.zone}), tt.want)
		})
	}
	for _, good := range []string{"*/5 * * * *", "0 0 29 2 *", "@weekly", "@hourly", "0 0 ? * MON-FRI", "0 0 1 1 0", " 0  0 * * 6,7 "} {
		require.NoError(t, miniairflow.CheckSchedule(miniairflow.Schedule{Cron: good, Timezone: "Europe/Berlin"}), good)
	}
}

func FuzzSchedule(f *testing.F) {
	for _, cron := range []string{"* * * * *", "TZ=0", "TZ=TZ=TZ=", "@every 1h", "@daily", "0 0 * * 5-7/9", "*/99999999999999999999 * * * *", "0 0 29 2 *", ", , , , ,", "1-0 * * * *"} {
		f.Add(cron, "Europe/Berlin", int64(1_790_000_000))
	}
	f.Add("0 0 * * *", "../../x", int64(0))
	f.Fuzz(func(t *testing.T, cron, zone string, unix int64) {
		s := miniairflow.Schedule{Cron: cron, Timezone: zone}
		if miniairflow.CheckSchedule(s) != nil {
			return
		}
		after := time.Unix(unix%(1<<36), 0)
		next, err := miniairflow.NextFire(s, after)
		require.NoError(t, err)
		require.True(t, next.After(after), "a valid schedule always fires again")
		previous, err := miniairflow.PreviousFire(s, next)
		require.NoError(t, err)
		require.False(t, previous.After(after))
	})
}
