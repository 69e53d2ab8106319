package dialect

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// ItemEnds is how many items of a task run have ended, and how.
type ItemEnds struct {
	RunID                               uuid.UUID
	Seq                                 int // of the task
	Success, Failed, Skipped, Cancelled int
}

// ItemEnds counts the ends of items by their tasks, ascending.
func (r *Run) ItemEnds(ended []miniairflow.Ended) []ItemEnds {
	var all []ItemEnds
	for _, e := range ended {
		if !miniairflow.IsItem(e.Seq) {
			continue
		}
		task, _, _ := r.Graph.Place(e.Seq)
		at := slices.IndexFunc(all, func(c ItemEnds) bool { return c.Seq == task })
		if at < 0 {
			at = len(all)
			all = append(all, ItemEnds{RunID: r.ID, Seq: task})
		}
		switch e.Status {
		case miniairflow.TaskSuccess:
			all[at].Success++
		case miniairflow.TaskSkipped:
			all[at].Skipped++
		case miniairflow.TaskCancelled:
			all[at].Cancelled++
		default:
			all[at].Failed++
		}
	}
	slices.SortFunc(all, func(a, b ItemEnds) int { return cmp.Compare(a.Seq, b.Seq) })
	return all
}

// Fan is a row of task_fanouts: how far the items of a task run are.
type Fan struct {
	Seq   int // of the task
	First int // place of its first item
	Next  int // number of the first item that may still be held back
	miniairflow.FanOut
}

// IsDue reports whether somebody has to decide about the task run now: its items
// have ended, or more of them may start.
func (f Fan) IsDue(isCancelling bool) bool {
	return f.Ended() == f.Total || f.Held > 0 && !isCancelling
}

// ItemRow is an item of a task run as it begins.
type ItemRow struct {
	Seq      int
	TaskID   uuid.UUID
	Name     string
	Item     string // JSON
	Status   miniairflow.TaskStatus
	Reason   string
	Task     *miniairflow.Task
	Priority miniairflow.Priority
}

// KeptItem is an item that was a success before its task run was opened again.
type KeptItem struct {
	Name string
	Item string
}

// FanOut plans the items of a decision: the row that counts them, the task runs to
// write, and which of these may start. Items that are the same as the one in kept, by
// place, stay as they are. Of those that have failed already the run takes note.
func (r *Run) FanOut(c miniairflow.Change, kept map[int]KeptItem) (fan Fan, rows []ItemRow, ready []Ready) {
	task := r.Graph.TaskAt(c.Seq)
	fan = Fan{Seq: c.Seq, First: r.Graph.FirstItemOf(c.Seq), FanOut: miniairflow.FanOut{Total: len(c.Items)}}
	for _, item := range c.Items {
		row := ItemRow{
			Seq: fan.First + item.Index, TaskID: miniairflow.MemberID(r.VersionID, c.Seq), Name: Text(miniairflow.ItemName(task.Name, item.Key)),
			Item: Text(string(item.Value)), Status: item.Status, Reason: Text(item.Reason), Task: task,
			Priority: priorityOf(task, r.IsBackfill),
		}
		switch {
		case kept[row.Seq] == KeptItem{Name: row.Name, Item: row.Item}:
			fan.Success++
			continue
		case item.Status == miniairflow.TaskSkipped:
			fan.Skipped++
		case item.Status == miniairflow.TaskFailed:
			fan.Failed++
			r.stillborn = append(r.stillborn, miniairflow.Ended{Seq: row.Seq, Status: item.Status})
		case len(ready) < c.Release:
			ready = append(ready, Ready{Seq: row.Seq, Priority: task.Priority})
			fan.Next = item.Index + 1
		default:
			fan.Held++
		}
		rows = append(rows, row)
	}
	return fan, rows, ready
}

// Sorted is a batch of decisions by what is to be written for them.
type Sorted struct {
	Ended    []miniairflow.Change
	Queued   []miniairflow.Change
	FanOuts  []miniairflow.Change // with Items
	Releases []miniairflow.Change // of task runs that wait for items
	Answered []miniairflow.Change // stay as they are, Releases and Pasts among them
	Pasts    []miniairflow.Change // wait for their past
}

// Sort sorts decisions.
func Sort(changes []miniairflow.Change) (s Sorted) {
	for _, c := range changes {
		switch {
		case c.To.IsTerminal():
			s.Ended = append(s.Ended, c)
		case c.To == miniairflow.TaskQueued:
			s.Queued = append(s.Queued, c)
		case len(c.Items) > 0:
			s.FanOuts = append(s.FanOuts, c)
		default:
			s.Answered = append(s.Answered, c)
			switch {
			case c.Release > 0:
				s.Releases = append(s.Releases, c)
			case !c.OfItems && c.Reason != "":
				s.Pasts = append(s.Pasts, c)
			}
		}
	}
	return s
}

// Decided returns the changes that need no further decision for now.
func (s Sorted) Decided() []miniairflow.Change { return slices.Concat(s.Ended, s.Queued, s.FanOuts) }

// NoItemReason is why a task run has ended that was an item of an earlier time.
const NoItemReason = "not among the items any more"

// Budget bounds what is read of the outputs of items.
type Budget struct{ Left int }

// Decode returns outputs and takes their size from the budget.
func (b *Budget) Decode(outputs []byte) (map[string]any, error) {
	if b.Left -= len(outputs); b.Left < 0 {
		return nil, miniairflow.Errorf(miniairflow.CodeInvalid, "the outputs of the items are too large to be read together: write large results to files")
	}
	return DecodeObject(outputs)
}
