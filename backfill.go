package miniairflow

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Limits of backfills.
const (
	// BackfillDatesMax bounds the dates of one backfill.
	BackfillDatesMax = 10_000
	// BackfillConcurrencyMax bounds Backfill.Concurrency.
	BackfillConcurrencyMax = 100
	// BackfillConcurrencyDefault is how many runs of a backfill are under way at a time.
	BackfillConcurrencyDefault = 1
	// BackfillsMax bounds the backfills of one workflow that are under way.
	BackfillsMax = 100
	// backfillStep bounds the dates that one transaction goes over.
	backfillStep = 200
)

// BackfillMode says of which dates of its range a backfill makes runs.
type BackfillMode string

// The modes. Each does what the one before does, and more.
const (
	BackfillMissing BackfillMode = "missing" // dates that have no run
	BackfillFailed  BackfillMode = "failed"  // and those whose latest run failed or was cancelled
	BackfillAll     BackfillMode = "all"     // and those that have succeeded
)

// BackfillModes lists all modes.
var BackfillModes = []BackfillMode{BackfillMissing, BackfillFailed, BackfillAll}

// BackfillOrder says with which end of its range a backfill begins.
type BackfillOrder string

// The orders.
const (
	BackfillOldest BackfillOrder = "oldest" // first
	BackfillNewest BackfillOrder = "newest" // first
)

// BackfillOrders lists all orders.
var BackfillOrders = []BackfillOrder{BackfillOldest, BackfillNewest}

// BackfillStatus is how far a backfill is.
type BackfillStatus string

// The states of a backfill. A pause is a time, as that of a run.
const (
	BackfillRunning   BackfillStatus = "running"
	BackfillFinished  BackfillStatus = "finished"  // it went over all dates, and its runs are over
	BackfillCancelled BackfillStatus = "cancelled" // by somebody, or its workflow is retired
)

// Backfill makes runs for the slots of a schedule that lie in a range of the past,
// a few at a time. They are those of the schedule and of the version that there were
// when it was created, so that it does what its plan has said.
type Backfill struct {
	ID           uuid.UUID
	WorkflowID   uuid.UUID
	WorkflowName string
	VersionID    uuid.UUID
	Name         string // unique within the workflow
	Hash         string // of the request, by which it is known again
	Schedules    ScheduleGroup
	From, To     time.Time // no date is before From or after To
	Mode         BackfillMode
	Order        BackfillOrder
	Concurrency  int // so many of its runs are pending or running, at most
	Params       map[string]any
	Selection    *Selection // of the tasks that its runs execute; nil: all

	Status     BackfillStatus
	PausedAt   *time.Time
	KeepsRuns  bool       // cancelled, but the runs that it had made go on
	Problem    string     // why it cannot make its next run; empty: nothing is wrong
	Total      int        // dates of its range
	Created    int        // dates that it has made runs for
	LeftAlone  int        // dates that it has passed over
	Cursor     *time.Time // the last date that it went over; nil: none
	By         string
	Reason     string
	CreatedAt  time.Time
	FinishedAt *time.Time
}

// Label returns the name that people use for the backfill: "daily-etl/january".
func (b *Backfill) Label() string { return b.WorkflowName + "/" + b.Name }

// Remaining returns how many dates are still to come.
func (b *Backfill) Remaining() int { return max(0, b.Total-b.Created-b.LeftAlone) }

// Timezone returns the zone by whose clocks the schedule counts, an IANA name.
func (b *Backfill) Timezone() string { return b.Schedules[0].Timezone }

// Hold says why a backfill that has dates to come makes no runs, whether or not somebody
// has paused it; empty: its workflow lets it make them.
func (b *Backfill) Hold(w *Workflow) string {
	if b.Status != BackfillRunning || b.Remaining() == 0 {
		return ""
	}
	return w.Hold()
}

// Slots returns up to limit slots of the range that come after the cursor, in the
// order of the backfill.
func (b *Backfill) Slots(limit int) ([]Slot, error) {
	t, err := new(Timetables).group(b.Schedules)
	if err != nil {
		return nil, fmt.Errorf("schedule of backfill %s: %w", b.Name, err)
	}
	delay := ScheduleCursor{WorkflowID: b.WorkflowID, Schedules: b.Schedules}.delay()
	var slots []Slot
	var last time.Time
	for fire := b.firstSlot(t); b.covers(fire) && len(slots) < limit; {
		before := last
		if b.Order == BackfillNewest || last.IsZero() {
			before = t.previous(fire)
		}
		slot := Slot{LogicalDate: fire, DataIntervalStart: before, RunAfter: fire.Add(delay)}
		if before.IsZero() {
			slot.DataIntervalStart = fire
		}
		slots = append(slots, slot)
		last, fire = fire, before
		if b.Order != BackfillNewest {
			fire = t.next(last)
		}
	}
	return slots, nil
}

// firstSlot returns the slot after the cursor, which may lie outside of the range.
func (b *Backfill) firstSlot(t timetable) time.Time {
	switch {
	case b.Order == BackfillNewest && b.Cursor != nil:
		return t.previous(b.Cursor.UTC())
	case b.Order == BackfillNewest:
		return t.previous(b.To.UTC().Add(1))
	case b.Cursor != nil:
		return t.next(b.Cursor.UTC())
	default:
		return t.next(b.From.UTC().Add(-1))
	}
}

func (b *Backfill) covers(fire time.Time) bool {
	return !fire.IsZero() && !fire.Before(b.From) && !fire.After(b.To)
}
