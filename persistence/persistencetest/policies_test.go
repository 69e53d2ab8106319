package persistencetest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// outage is what happens to a workflow in the test below.
type outage struct {
	catchup miniairflow.Catchup
	overlap miniairflow.Overlap
	event   string // none; paused or edited while nothing is up
	id      uuid.UUID
	due     []miniairflow.DueSlots // as the preview right before the end said
}

func (o *outage) name() string { return string(o.catchup) + "-" + string(o.overlap) + "-" + o.event }

// TestPolicyPairs lets each pair of catchup and overlap come through an outage from one
// to half past ten, alone, with a pause in it, and with an edit.
func TestPolicyPairs(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { playOutages(t, openSQLite(t), goOn) })
	})
	t.Run("postgres", func(t *testing.T) {
		db, pass := openWithClock(t)
		playOutages(t, db, pass)
	})
}

func playOutages(t *testing.T, db *database, pass func(time.Duration)) {
	t.Helper()
	y := &years{database: db}
	midnight := y.clock().Truncate(24 * time.Hour)
	goTo := func(at time.Duration) { pass(midnight.Add(at).Sub(y.clock())) }
	goTo(30 * time.Second)
	var all []*outage
	for _, catchup := range miniairflow.Catchups {
		for _, overlap := range miniairflow.Overlaps {
			for _, event := range []string{"none", "paused", "edited"} {
				o := &outage{catchup: catchup, overlap: overlap, event: event}
				o.id = db.sync(o.definition("UTC")).WorkflowID
				all = append(all, o)
			}
		}
	}
	look := func() {
		t.Helper()
		_, moved, err := db.FireDue(t.Context(), 100, y.plan)
		require.NoError(t, err)
		require.Equal(t, len(all), moved)
	}
	look()
	goTo(time.Hour)
	look()
	goTo(5*time.Hour + 30*time.Minute)
	for _, o := range all {
		switch o.event {
		case "paused":
			setPaused(true)(t, db, nil, o.id)
		case "edited":
			db.sync(o.definition("Etc/UTC"))
		}
	}
	goTo(8*time.Hour + 30*time.Minute)
	for _, o := range all {
		if o.event == "paused" {
			due := o.preview(db)
			require.Len(t, due, 1, o.name())
			require.Equal(t, miniairflow.MissedPaused, due[0].Reason, o.name())
			require.Equal(t, midnight.Add(6*time.Hour), due[0].First, o.name())
			setPaused(false)(t, db, nil, o.id)
		}
	}
	goTo(10*time.Hour + 30*time.Minute)
	for _, o := range all {
		o.due = o.preview(db)
	}
	look()
	for _, o := range all {
		o.check(t, db, midnight)
	}
	goTo(11 * time.Hour) // and all go on in time
	look()
	for _, o := range all {
		runs := db.runs(miniairflow.RunFilter{WorkflowID: o.id})
		require.Equal(t, midnight.Add(11*time.Hour), runs[0].LogicalDate, o.name())
	}
}

// preview returns what would become of the due slots now.
func (o *outage) preview(db *database) []miniairflow.DueSlots {
	db.Helper()
	w, err := db.FindWorkflow(db.Context(), o.id)
	require.NoError(db, err)
	cursors, err := db.FindCursors(db.Context(), o.id)
	require.NoError(db, err)
	due, err := miniairflow.PreviewDue(w, cursors)
	require.NoError(db, err)
	return due
}

func (o *outage) definition(zone string) *miniairflow.Definition {
	d := definition(o.name(), task("x"))
	d.MaxActiveRuns = 1
	d.Schedules = []miniairflow.Schedule{{Cron: "0 * * * *", Timezone: zone, Catchup: o.catchup, Overlap: o.overlap}}
	if o.catchup == miniairflow.CatchupAll {
		d.Schedules[0].MaxCatchup, d.Schedules[0].CatchupWindow = 2, miniairflow.Duration(4*time.Hour)
	}
	return d
}

// check compares what has become of the hours from one to ten with a line of a letter
// for each: a run, or the reason why there is none.
func (o *outage) check(t *testing.T, db *database, midnight time.Time) {
	const policies = "none: NNNNNNNNN, latest: LLLLLLLLR, all: WWWWWMMRR"
	_, line, _ := strings.Cut(policies, string(o.catchup)+": ")
	want := []byte("R" + line[:9]) // the first was on time
	switch o.event {
	case "paused": // from half past five to half past eight, and nothing has looked before
		copy(want[1:], "PPPPPPP")
	case "edited":
		copy(want[1:], "EEEE")
	}
	if last := want[8:]; o.overlap == miniairflow.OverlapCancelRunning && string(last) == "RR" {
		last[0] = 'C' // of two at once one takes the place of the first run
	}
	letters := map[miniairflow.MissedReason]byte{
		miniairflow.MissedByNone: 'N', miniairflow.MissedByLatest: 'L', miniairflow.MissedByWindow: 'W', miniairflow.MissedByMax: 'M',
		miniairflow.MissedPaused: 'P', miniairflow.MissedEdited: 'E', miniairflow.MissedReplaced: 'C',
	}
	got := []byte("..........")
	hour := func(at time.Time) int { return int(at.Sub(midnight)/time.Hour) - 1 }
	for _, m := range db.missed(o.id) {
		for i := hour(m.First); i <= hour(m.Last); i++ {
			require.Equal(t, byte('.'), got[i], "%s: two reasons for one slot", o.name())
			got[i] = letters[m.Reason]
		}
	}
	runs := db.runs(miniairflow.RunFilter{WorkflowID: o.id})
	for _, r := range runs {
		require.Equal(t, byte('.'), got[hour(r.LogicalDate)], "%s: a reason and a run", o.name())
		got[hour(r.LogicalDate)] = 'R'
		isLater := hour(r.LogicalDate) > 0
		require.Equal(t, isLater && o.overlap == miniairflow.OverlapSkip, r.Status == miniairflow.RunSkipped, o.name())
	}
	require.Equal(t, string(want), string(got), o.name())
	first := map[string]int{"none": 1, "paused": 8, "edited": 5}[o.event] // that is due in the end
	for _, d := range o.due {
		require.Equal(t, first, hour(d.First), o.name())
		for first <= hour(d.Last) {
			letter := letters[d.Reason]
			if d.Status != "" {
				letter = 'R'
				require.Equal(t, o.overlap == miniairflow.OverlapSkip, d.Status == miniairflow.RunSkipped, o.name())
			}
			require.Equal(t, string(got[first]), string(letter), o.name())
			first++
		}
	}
	require.Equal(t, 10, first, o.name())
	replaced, err := db.ReplacedRuns(t.Context(), 100)
	require.NoError(t, err)
	makesRoom := slices.ContainsFunc(replaced, func(r miniairflow.ReplacedRun) bool { return r.RunID == runs[len(runs)-1].ID })
	require.Equal(t, o.overlap == miniairflow.OverlapCancelRunning && len(runs) > 1, makesRoom, o.name())
}
