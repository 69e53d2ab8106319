package dialect

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// CauseOf returns the cause of a run as it is stored.
func CauseOf(run *miniairflow.PlannedRun) miniairflow.Cause {
	c := miniairflow.CauseOf(&run.NewRun)
	c.Detail, c.By = Text(c.Detail), Text(c.By)
	if len(c.Detail) > miniairflow.CauseDetailMax {
		c.Detail = strings.ToValidUTF8(c.Detail[:miniairflow.CauseDetailMax], "") + "…"
	}
	return c
}

// FireBatches splits fires so that no batch writes more than about rowsMax rows.
// The order stays.
func FireBatches(fires []miniairflow.Fire, rowsMax int) [][]miniairflow.Fire {
	var batches [][]miniairflow.Fire
	start, rows := 0, 0
	for i, f := range fires {
		if n := 1 + len(f.Runs) + len(f.Left); i > start && rows+n > rowsMax {
			batches = append(batches, fires[start:i])
			start, rows = i, n
		} else {
			rows += n
		}
	}
	if start < len(fires) {
		batches = append(batches, fires[start:])
	}
	return batches
}

// RunsOf returns the runs of fires.
func RunsOf(fires []miniairflow.Fire) []miniairflow.NewRun {
	var runs []miniairflow.NewRun
	for _, f := range fires {
		runs = append(runs, f.Runs...)
	}
	return runs
}

// WithRuns returns the fires with those of their runs that are at the given places of
// RunsOf, which are in order.
func WithRuns(fires []miniairflow.Fire, places []int) []miniairflow.Fire {
	kept := make([]miniairflow.Fire, len(fires))
	start := 0
	for i, f := range fires {
		end := start + len(f.Runs)
		kept[i] = f
		kept[i].Runs = nil
		for ; len(places) > 0 && places[0] < end; places = places[1:] {
			kept[i].Runs = append(kept[i].Runs, f.Runs[places[0]-start])
		}
		start = end
	}
	return kept
}

// LastSlot returns the last slot that a fire passes; zero if it passes none.
func LastSlot(f miniairflow.Fire) time.Time {
	var last time.Time
	if f.Cursor.NextAt != nil {
		last = *f.Cursor.NextAt
	}
	for _, run := range f.Runs {
		if run.LogicalDate.After(last) {
			last = run.LogicalDate
		}
	}
	return last
}

// HasSkips reports whether a run of the fires may be left out, so that all that is
// active of its workflow must be known.
func HasSkips(fires []miniairflow.Fire) bool {
	for _, f := range fires {
		if len(f.Runs) > 0 && f.Cursor.Schedules[0].Overlap == miniairflow.OverlapSkip {
			return true
		}
	}
	return false
}

// PlanRuns decides in which state each run of fires is created, and returns what they
// leave out.
func PlanRuns(fires []miniairflow.Fire, loads map[uuid.UUID]miniairflow.Load) ([]miniairflow.PlannedRun, []Missed) {
	var planned []miniairflow.PlannedRun
	var missed []Missed
	for _, f := range fires {
		load := loads[f.Cursor.WorkflowID]
		runs, left := miniairflow.AdmitRuns(f, &load)
		loads[f.Cursor.WorkflowID] = load
		planned = append(planned, runs...)
		for _, r := range miniairflow.JoinMissed(slices.Concat(f.Left, left)) {
			missed = append(missed, NewMissed(f.Cursor, r))
		}
	}
	return planned, missed
}

// Fired returns the events of a transaction that created these runs.
func Fired(runs []miniairflow.PlannedRun) []miniairflow.Event {
	if len(runs) == 0 {
		return nil
	}
	events := []miniairflow.Event{{Topic: miniairflow.TopicRuns}}
	for _, run := range runs {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicRun, ID: run.ID})
	}
	return events
}
