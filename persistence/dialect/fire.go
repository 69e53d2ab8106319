package dialect

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// PlannedRun is a run with the state in which it is created.
type PlannedRun struct {
	miniairflow.NewRun
	Status miniairflow.RunStatus
	Reason string
}

// CauseOf returns the cause of a run as it is stored.
func CauseOf(run *PlannedRun) miniairflow.Cause {
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
		if n := 1 + len(f.Runs); i > start && rows+n > rowsMax {
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

// Load is how many of a workflow's runs are pending or running, and how many
// may be running.
type Load struct {
	Active int
	Max    int
}

// HasSkips reports whether a run of the list may be left out, so that its
// workflow's Load is needed.
func HasSkips(runs []miniairflow.NewRun) bool {
	for _, run := range runs {
		if run.Overlap == miniairflow.OverlapSkip {
			return true
		}
	}
	return false
}

// PlanRuns decides in which state each run is created. A run that others do not
// leave room for is skipped, if its overlap policy says so.
func PlanRuns(runs []miniairflow.NewRun, loads map[uuid.UUID]Load) []PlannedRun {
	planned := make([]PlannedRun, len(runs))
	for i, run := range runs {
		planned[i] = PlannedRun{NewRun: run, Status: miniairflow.RunPending}
		load := loads[run.WorkflowID]
		if run.Overlap == miniairflow.OverlapSkip && load.Active >= load.Max {
			planned[i].Status, planned[i].Reason = miniairflow.RunSkipped, "overlap: skip: max_active_runs was reached"
			continue
		}
		load.Active++
		loads[run.WorkflowID] = load
	}
	return planned
}

// Fired returns the events of a transaction that created these runs.
func Fired(runs []PlannedRun) []miniairflow.Event {
	if len(runs) == 0 {
		return nil
	}
	events := []miniairflow.Event{{Topic: miniairflow.TopicRuns}}
	for _, run := range runs {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicRun, ID: run.ID})
	}
	return events
}
