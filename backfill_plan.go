package miniairflow

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// BackfillAction is what a backfill does with a date.
type BackfillAction string

// The actions.
const (
	BackfillCreate BackfillAction = "create" // makes its first run
	BackfillRerun  BackfillAction = "rerun"  // makes a new run beside those that it has
	BackfillLeave  BackfillAction = "leave"  // leaves it alone
)

// BackfillDate is a date of a backfill and what becomes of it.
type BackfillDate struct {
	Slot
	Action BackfillAction
	Reason string   // why, in one sentence
	Run    *DateRun // the latest run that the date has; nil: none
	Waits  bool     // left alone now: the schedule comes to it first, and then it is asked about again
}

// DateRun is a run that a date of a backfill has already.
type DateRun struct {
	ID          uuid.UUID
	Number      int64
	Status      RunStatus
	LogicalDate time.Time
	HasStarted  bool // now, or before it was opened again
}

// BackfillView is what there is in a range of dates, by which they are judged.
type BackfillView struct {
	Now   time.Time
	Place *SchedulePlace // nil: the schedule makes no run by itself
	Runs  []DateRun      // of the dates, by number
}

// SchedulePlace is where the cursor of a schedule stands.
type SchedulePlace struct {
	NextAt *time.Time // see ScheduleCursor; nil: not computed yet
	Since  time.Time  // see ScheduleCursor
}

// isAhead reports whether a slot is one that the schedule has not come to.
func (p *SchedulePlace) isAhead(s Slot) bool {
	switch {
	case p == nil:
		return false
	case p.NextAt == nil:
		return s.LogicalDate.After(p.Since)
	default:
		return !s.RunAfter.Before(*p.NextAt)
	}
}

// Plan says what becomes of slots. Only runs that do the same count: scheduled runs
// and backfills of the same schedule, and manual runs with that logical date, and of
// those that execute a part of the tasks only the ones with the selection of the
// backfill; which ones these are the store knows.
func (b *Backfill) Plan(slots []Slot, view BackfillView) []BackfillDate {
	latest, open := map[int64]*DateRun{}, map[int64]*DateRun{}
	for i := range view.Runs {
		run := &view.Runs[i]
		if run.Status.IsTerminal() && !run.HasStarted {
			continue // skipped, or cancelled before its turn came: as if it had never been
		}
		key := run.LogicalDate.UnixMicro()
		latest[key] = run
		if !run.Status.IsTerminal() {
			open[key] = run
		}
	}
	dates := make([]BackfillDate, len(slots))
	for i, slot := range slots {
		key := slot.LogicalDate.UnixMicro()
		dates[i] = BackfillDate{Slot: slot, Run: latest[key]}
		if open[key] != nil {
			dates[i].Run = open[key]
		}
		dates[i].decide(b.Mode, view)
	}
	return dates
}

// decide sets what becomes of the date, and why.
func (d *BackfillDate) decide(mode BackfillMode, view BackfillView) {
	d.Action = BackfillLeave
	switch {
	case d.RunAfter.After(view.Now):
		d.Reason = "its time has not come"
	case view.Place.isAhead(d.Slot):
		d.Reason, d.Waits = "the schedule is about to come to it", true
	case d.Run == nil:
		d.Action, d.Reason = BackfillCreate, "it has no run"
	case !d.Run.Status.IsTerminal():
		d.Reason = fmt.Sprintf("run #%d is %s", d.Run.Number, d.Run.Status)
	case mode == BackfillMissing, mode == BackfillFailed && d.Run.Status == RunSuccess:
		d.Reason = d.ended()
	default:
		d.Action, d.Reason = BackfillRerun, d.ended()
	}
}

// ended says how the latest run of the date has ended.
func (d *BackfillDate) ended() string {
	switch d.Run.Status {
	case RunSuccess:
		return fmt.Sprintf("run #%d has succeeded", d.Run.Number)
	case RunCancelled:
		return fmt.Sprintf("run #%d was cancelled", d.Run.Number)
	default:
		return fmt.Sprintf("run #%d has %s", d.Run.Number, d.Run.Status)
	}
}

// BackfillMove is one step of a backfill.
type BackfillMove struct {
	Dates   []BackfillDate // that get runs, in the order of the backfill
	Passed  int            // how many dates it goes over, those of Dates included
	Cursor  time.Time      // the last of these
	IsAtEnd bool           // it had none left
	Waits   *BackfillDate  // the date that it stands before until the schedule has come to it; nil: none

	before []BackfillMove // for each of Dates, how far it goes without it
}

// Of returns the move with the first count of its dates only, and what comes before the
// next one.
func (m BackfillMove) Of(count int) BackfillMove {
	if count >= len(m.Dates) {
		return m
	}
	return BackfillMove{Dates: m.Dates[:count], Passed: m.before[count].Passed, Cursor: m.before[count].Cursor}
}

// Problem says what a move that goes over no date waits for; empty: nothing.
func (m *BackfillMove) Problem() string {
	if m.Waits == nil || m.Passed > 0 {
		return ""
	}
	return fmt.Sprintf("%s: waits for the schedule, which has not come to this date yet", m.Waits.LogicalDate.UTC().Format(time.RFC3339))
}

// Step decides the next step, with room for so many runs. It stops before a date that
// the schedule comes to first: whether that one gets a run of it is known only then.
func (b *Backfill) Step(slots []Slot, view BackfillView, room int) BackfillMove {
	move := BackfillMove{IsAtEnd: len(slots) == 0}
	for _, date := range b.Plan(slots, view) {
		if date.Waits {
			move.Waits = &date
			break
		}
		if date.Action != BackfillLeave {
			if len(move.Dates) >= room {
				break
			}
			move.before = append(move.before, BackfillMove{Passed: move.Passed, Cursor: move.Cursor})
			move.Dates = append(move.Dates, date)
		}
		move.Passed, move.Cursor = move.Passed+1, date.LogicalDate
	}
	return move
}

// NextSlots returns the slots of the next step.
func (b *Backfill) NextSlots() ([]Slot, error) { return b.Slots(backfillStep) }

// DatesOf returns the logical dates of slots.
func DatesOf(slots []Slot) []time.Time {
	dates := make([]time.Time, len(slots))
	for i, slot := range slots {
		dates[i] = slot.LogicalDate
	}
	return dates
}
