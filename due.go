package miniairflow

import "time"

// WorkflowCursors is where the schedules of a workflow are, and what it has to do.
type WorkflowCursors struct {
	Now     time.Time        // the database's
	Cursors []ScheduleCursor // that may fire again, also those that stand still
	Load    Load
}

// DueSlots are slots of a schedule, one after the other, that are due and that no
// scheduler has come to yet, with what becomes of them.
type DueSlots struct {
	Schedule    string // the name of the schedule; empty: it has none
	First, Last time.Time
	Count       int       // up to MissedMax
	HasMore     bool      // there are more than Count
	Status      RunStatus // of the runs that they get: pending or skipped; empty: they get none
	Reason      MissedReason
	Text        string // why they get none, or skipped ones
}

// CountIsExact reports whether Count is the whole count.
func (d DueSlots) CountIsExact() bool { return !d.HasMore }

// PreviewDue returns what would become of the slots of a workflow that are due if a
// scheduler looked now, of each schedule the oldest first. A run of the same slot that is
// there already is not seen.
func PreviewDue(w *Workflow, at WorkflowCursors) ([]DueSlots, error) {
	var tables Timetables
	var due []DueSlots
	load := at.Load
	for _, c := range at.Cursors {
		if reason := StandsFor(w.IsActive, w.PausedAt != nil, w.RetiredAt != nil); reason != "" {
			if left := tables.LeaveOut(c, at.Now, reason); left != nil {
				due = append(due, c.leftDue(*left))
			}
			continue
		}
		plan, err := tables.PlanFire(c, at.Now)
		if err != nil {
			return nil, err
		}
		f := Fire{Cursor: c, Left: plan.Left}
		for _, slot := range plan.Slots {
			f.Runs = append(f.Runs, NewRun{
				Type: RunScheduled, LogicalDate: slot.LogicalDate, DataIntervalStart: slot.DataIntervalStart, Overlap: c.Schedules[0].Overlap,
			})
		}
		runs, left := AdmitRuns(f, &load)
		for _, r := range append(plan.Left, left...) {
			due = append(due, c.leftDue(r))
		}
		due = append(due, c.runsDue(runs)...)
	}
	return due, nil
}

func (c ScheduleCursor) leftDue(r MissedRange) DueSlots {
	return DueSlots{Schedule: c.Schedules.Name(), First: r.First, Last: r.Last, Count: r.Count, HasMore: r.HasMore, Reason: r.Reason, Text: r.Text}
}

// runsDue returns the slots of runs, those with the same state together.
func (c ScheduleCursor) runsDue(runs []PlannedRun) (due []DueSlots) {
	for _, run := range runs {
		if n := len(due); n > 0 && due[n-1].Status == run.Status {
			due[n-1].Last = run.LogicalDate
			due[n-1].Count++
			continue
		}
		due = append(due, DueSlots{Schedule: c.Schedules.Name(), First: run.LogicalDate, Last: run.LogicalDate, Count: 1, Status: run.Status, Text: run.Reason})
	}
	return due
}
