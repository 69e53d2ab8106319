package miniairflow_test

import (
	"archive/zip"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

var allYears = flag.Bool("cron.all", false, "TestNextFireInAllZones looks at every clock change since 1973")

// oracleCrons are the expressions that are tried at every clock change.
var oracleCrons = []string{
	"* * * * *", "*/15 * * * *", "30 * * * *", "0 0 * * *", "30 1 * * *", "30 2 * * *", "0 3 * * *",
	"5,35 0,1,2,3 * * *", "0 */2 * * *", "*/20 1-3 * * *", "59 23 * * 6,0", "0 0 1 * *",
}

// readField reads a field of an expression without the product's parser.
func readField(t *testing.T, text string, low, high int) cronField {
	t.Helper()
	f := cronField{text: text, stars: strings.Contains(text, "*")}
	for item := range strings.SplitSeq(text, ",") {
		span, stepText, hasStep := strings.Cut(item, "/")
		from, to, step := low, high, 1
		if first, last, isRange := strings.Cut(span, "-"); isRange {
			from, to = atoi(t, first), atoi(t, last)
		} else if span != "*" {
			from = atoi(t, span)
			to = from
		}
		if hasStep {
			step = atoi(t, stepText)
		}
		for n := from; n <= to; n += step {
			f.set |= 1 << n
		}
	}
	return f
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// zoneNames returns every zone that Go knows.
func zoneNames(t *testing.T) (names []string) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	defer archive.Close()
	for _, file := range archive.File {
		if !strings.HasSuffix(file.Name, "/") && file.Name != "Factory" {
			names = append(names, file.Name)
		}
	}
	return names
}

// clockChangesOf returns when the clocks of a zone change, where the time before
// and after differs from UTC by whole minutes: the oracle walks those.
func clockChangesOf(zone *time.Location, from, until time.Time) (changes []time.Time) {
	for at := from; at.Before(until); {
		_, at = at.In(zone).ZoneBounds()
		if at.IsZero() || !at.Before(until) {
			return changes
		}
		_, before := at.Add(-time.Second).In(zone).Zone()
		_, after := at.In(zone).Zone()
		if before%60 == 0 && after%60 == 0 {
			changes = append(changes, at)
		}
	}
	return changes
}

// TestNextFireInAllZones compares the fire times around the clock changes of all
// zones with what a look at the wall clock of every minute says. Each change is
// tried with one of the expressions, in turn; with -cron.all each is with all.
func TestNextFireInAllZones(t *testing.T) {
	from, until := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	each := 1
	if *allYears {
		from, until, each = time.Date(1973, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2037, 12, 1, 0, 0, 0, 0, time.UTC), len(oracleCrons)
	}
	names, changes, fires, turn := zoneNames(t), 0, 0, 0
	require.Greater(t, len(names), 500)
	tried := map[string]bool{} // many names are of the same clocks
	for _, name := range names {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for _, change := range clockChangesOf(zone, from, until) {
			_, offset := change.In(zone).Zone()
			_, before := change.Add(-time.Second).In(zone).Zone()
			clocks := fmt.Sprint(change.Unix(), before, offset)
			if tried[clocks] {
				continue
			}
			tried[clocks] = true
			changes++
			for range each {
				fires += compareFires(t, zone, oracleCrons[turn%len(oracleCrons)], change)
				turn++
			}
		}
	}
	t.Logf("%d zones, %d different clock changes, %d expressions each, %d fire times", len(names), changes, each, fires)
}

// compareFires compares the fires from six hours before a change to thirty after.
func compareFires(t *testing.T, zone *time.Location, cron string, change time.Time) int {
	t.Helper()
	fields := strings.Fields(cron)
	o := oracle{
		minute: readField(t, fields[0], 0, 59), hour: readField(t, fields[1], 0, 23), day: readField(t, fields[2], 1, 31),
		month: readField(t, fields[3], 1, 12), weekday: readField(t, fields[4], 0, 6), zone: zone,
	}
	middle := change.UTC().Truncate(time.Minute)
	start, end := middle.Add(-6*time.Hour), middle.Add(30*time.Hour)
	s := miniairflow.Schedule{Cron: cron, Timezone: zone.String()}
	next, err := miniairflow.NextFire(s, start)
	require.NoError(t, err)
	count := 0
	for at := start.Add(time.Minute); at.Before(end); at = at.Add(time.Minute) {
		if !o.fires(at) {
			require.False(t, next.Equal(at), "%s in %s fires at %s, and should not", cron, zone, at)
			continue
		}
		require.Equal(t, at, next, "%s in %s", cron, zone)
		count++
		next, err = miniairflow.NextFire(s, at)
		require.NoError(t, err)
		require.True(t, next.After(at))
	}
	return count
}
