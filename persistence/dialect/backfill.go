package dialect

import (
	"encoding/json"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// AdvancingBackfill is a backfill with what its next step depends on.
type AdvancingBackfill struct {
	*miniairflow.Backfill
	Open      int  // its runs that are pending or running
	IsHeld    bool // its workflow is paused or not active
	IsRetired bool // its workflow
}

// RetiredBackfillReason is why a backfill of a retired workflow ends.
const RetiredBackfillReason = "the workflow was retired"

// End returns how the backfill ends now; empty: it goes on.
func (b *AdvancingBackfill) End() miniairflow.BackfillStatus {
	switch {
	case b.Status != miniairflow.BackfillRunning:
		return ""
	case b.IsRetired:
		return miniairflow.BackfillCancelled
	case b.Remaining() == 0 && b.Open == 0:
		return miniairflow.BackfillFinished
	default:
		return ""
	}
}

// Room returns for how many runs the backfill has room now.
func (b *AdvancingBackfill) Room() int {
	if b.Status != miniairflow.BackfillRunning || b.IsHeld || b.PausedAt != nil || b.Remaining() == 0 {
		return 0
	}
	return max(0, b.Concurrency-b.Open)
}

// TakesPause reports whether a pause, or its end, changes anything.
func (b *AdvancingBackfill) TakesPause(paused bool) bool {
	return b.Status == miniairflow.BackfillRunning && paused == (b.PausedAt == nil)
}

// EncodedBackfill is a backfill with its parts as they are stored.
type EncodedBackfill struct{ Entries, Params, Selection string }

// EncodeBackfill encodes the parts of a backfill.
func EncodeBackfill(b *miniairflow.Backfill) (e EncodedBackfill, err error) {
	entries, err := json.Marshal(b.Schedules)
	if err != nil {
		return e, fmt.Errorf("encode schedules of backfill %s: %w", b.Name, err)
	}
	params, err := EncodeObject(b.Params)
	if err != nil {
		return e, fmt.Errorf("params of backfill %s: %w", b.Name, err)
	}
	e.Selection, err = EncodeSelection(b.Selection)
	if err != nil {
		return e, fmt.Errorf("tasks of backfill %s: %w", b.Name, err)
	}
	e.Entries, e.Params = string(entries), string(params)
	return e, nil
}

// DecodeBackfill is the inverse of EncodeBackfill.
func DecodeBackfill(b *miniairflow.Backfill, entries, params []byte, selection string) (err error) {
	if b.Schedules, err = DecodeSchedules(entries); err != nil {
		return fmt.Errorf("schedule of backfill %s: %w", b.Label(), err)
	}
	if b.Params, err = DecodeObject(params); err != nil {
		return fmt.Errorf("params of backfill %s: %w", b.Label(), err)
	}
	if b.Selection, err = DecodeSelection(selection); err != nil {
		return fmt.Errorf("tasks of backfill %s: %w", b.Label(), err)
	}
	return nil
}

// BackfillExists is the error of a backfill whose name another one has.
func BackfillExists(name string) error {
	e := miniairflow.Errorf(miniairflow.CodeConflict,
		"the workflow has a backfill %s already, with other settings: choose another name, or ask for the same to get that one", name)
	e.Field = "name"
	return e
}

// TooManyBackfills is the error of one backfill more than may be under way.
func TooManyBackfills() error {
	return miniairflow.Errorf(miniairflow.CodeConflict,
		"the workflow has %d backfills that are under way: wait for the end of one, or cancel one", miniairflow.BackfillsMax)
}

// WorkflowRetired is the error of a backfill of a retired workflow.
func WorkflowRetired() error {
	return miniairflow.Errorf(miniairflow.CodeConflict, "the workflow is retired: its file is gone")
}

// PlannedBackfill returns the runs of a backfill as they are created.
func PlannedBackfill(runs []miniairflow.NewRun) []miniairflow.PlannedRun {
	planned := make([]miniairflow.PlannedRun, len(runs))
	for i, run := range runs {
		planned[i] = miniairflow.PlannedRun{NewRun: run, Status: miniairflow.RunPending}
	}
	return planned
}
