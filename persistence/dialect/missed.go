package dialect

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// missedTextMax bounds what is kept about why slots have no run, in bytes.
const missedTextMax = 1000

// Missed is a range of slots without a run to be kept. It is added to one with
// the same reason that ends right before it, of a schedule with the same hash.
type Missed struct {
	WorkflowID     uuid.UUID
	Schedule, Hash string
	miniairflow.MissedRange
}

// NewMissed returns the range of a schedule as it is kept.
func NewMissed(c miniairflow.ScheduleCursor, r miniairflow.MissedRange) Missed {
	r.Text = missedText(r.Text)
	return Missed{WorkflowID: c.WorkflowID, Schedule: c.Schedules.Name(), Hash: c.Hash, MissedRange: r}
}

func missedText(text string) string {
	text = Text(text)
	if len(text) > missedTextMax {
		return Text(text[:missedTextMax]) + "…"
	}
	return text
}

// Faults are what the triggers of a workflow could not start, to be added to what is
// kept of them already.
type Faults struct {
	WorkflowID uuid.UUID
	Count      int    // up to MissedMax
	Text       string // of the last one
}

// AfterFaults returns the faults of those of some ends that were forgotten, in the order
// in which all who write them lock their rows.
func AfterFaults(ends, forgotten []miniairflow.AfterEnd, faults map[miniairflow.AfterEnd]string) []Faults {
	var list []Faults
	for _, end := range ends {
		if text := faults[end]; text != "" && slices.Contains(forgotten, end) {
			list = addFault(list, end.WorkflowID, text)
		}
	}
	slices.SortFunc(list, func(a, b Faults) int { return bytes.Compare(a.WorkflowID[:], b.WorkflowID[:]) })
	return list
}

// FileFaults returns the faults of those files of a workflow that nobody had seen.
func FileFaults(workflowID uuid.UUID, unseen []string, faults map[string]string) []Faults {
	var list []Faults
	for _, path := range unseen {
		if text := faults[path]; text != "" {
			list = addFault(list, workflowID, text)
		}
	}
	return list
}

// NewFault returns one fault.
func NewFault(workflowID uuid.UUID, text string) Faults {
	return Faults{WorkflowID: workflowID, Count: 1, Text: missedText(text)}
}

func addFault(list []Faults, workflowID uuid.UUID, text string) []Faults {
	i := slices.IndexFunc(list, func(f Faults) bool { return f.WorkflowID == workflowID })
	if i < 0 {
		return append(list, NewFault(workflowID, text))
	}
	list[i].Count, list[i].Text = min(list[i].Count+1, miniairflow.MissedMax), missedText(text)
	return list
}

// LeftOut returns the slots up to now that cursors leave out since they begin anew,
// for the same reason.
func LeftOut(
	tables *miniairflow.Timetables, cursors []miniairflow.ScheduleCursor, now time.Time, reason miniairflow.MissedReason,
) []Missed {
	var missed []Missed
	for _, c := range cursors {
		if left := tables.LeaveOut(c, now, reason); left != nil {
			missed = append(missed, NewMissed(c, *left))
		}
	}
	return missed
}

// standsFor says why the schedules of a workflow make no runs; empty: they make some.
func (k Known) standsFor() miniairflow.MissedReason {
	return miniairflow.StandsFor(k.IsActive, k.IsPaused, k.IsRetired)
}

// Stopping returns the workflows of which schedules may stop, change or go.
func (w *Writes) Stopping() []uuid.UUID {
	var ids []uuid.UUID
	for _, save := range w.Saves {
		if !save.IsNew {
			ids = append(ids, save.Workflow.ID)
		}
	}
	for _, retired := range w.Retired {
		ids = append(ids, retired.ID)
	}
	return ids
}

// LeftOut returns the slots up to now that schedules leave out which stop, change or
// go. The cursors are those of Stopping.
func (w *Writes) LeftOut(cursors []miniairflow.ScheduleCursor, now time.Time) []Missed {
	byWorkflow := map[uuid.UUID][]miniairflow.ScheduleCursor{}
	for _, c := range cursors {
		byWorkflow[c.WorkflowID] = append(byWorkflow[c.WorkflowID], c)
	}
	byReason := map[miniairflow.MissedReason][]miniairflow.ScheduleCursor{}
	for i := range w.Saves {
		save := &w.Saves[i]
		reason := save.leaves()
		byReason[reason] = append(byReason[reason], save.stops(byWorkflow[save.Workflow.ID])...)
	}
	for _, retired := range w.Retired {
		retired.IsRetired = true
		reason := retired.standsFor()
		byReason[reason] = append(byReason[reason], byWorkflow[retired.ID]...)
	}
	var missed []Missed
	var tables miniairflow.Timetables
	for reason, stopped := range byReason {
		missed = append(missed, LeftOut(&tables, stopped, now, reason)...)
	}
	return missed
}

// leaves says why the schedules that stop with a save have left out what was due.
func (s *Save) leaves() miniairflow.MissedReason {
	switch {
	case s.StoodFor != "":
		return s.StoodFor
	case !s.Workflow.IsActive:
		return miniairflow.MissedInactive
	default:
		return miniairflow.MissedEdited
	}
}

// stops returns those of a workflow's cursors that do not go on from where they are.
func (s *Save) stops(cursors []miniairflow.ScheduleCursor) []miniairflow.ScheduleCursor {
	if len(cursors) == 0 || s.ResetCursors {
		return cursors
	}
	hashes := map[string]string{}
	for _, group := range s.Graph.Definition.ScheduleGroups() {
		hashes[group.Name()] = group.Hash()
	}
	var stopped []miniairflow.ScheduleCursor
	for _, c := range cursors {
		if hashes[c.Schedules.Name()] != c.Hash {
			stopped = append(stopped, c)
		}
	}
	return stopped
}
