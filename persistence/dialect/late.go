package dialect

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// MarksByRun returns marks by their runs.
func MarksByRun(marks []miniairflow.LateMark) map[uuid.UUID][]miniairflow.LateMark {
	byRun := map[uuid.UUID][]miniairflow.LateMark{}
	for _, m := range marks {
		byRun[m.RunID] = append(byRun[m.RunID], m)
	}
	return byRun
}

// NotesOfLate returns the notices of those marks of a run that are new, by their tasks,
// with its graph.
func NotesOfLate(run *miniairflow.WorkflowRun, graph *miniairflow.DAG, marks []miniairflow.LateMark, isNew []string) []Note {
	var notes []Note
	for _, m := range marks {
		if !slices.Contains(isNew, m.Task) {
			continue
		}
		note := Note{
			RunID: run.ID, VersionID: run.VersionID, Seq: miniairflow.RunSeq, Event: miniairflow.NotifyLate,
			Reason: "not over at its deadline, " + m.Deadline.UTC().Format(time.RFC3339),
		}
		told := graph.Definition.Notify
		if m.Task != "" {
			seq, found := graph.Seq(m.Task)
			if !found {
				continue
			}
			note.Seq, told = seq, graph.TaskAt(seq).Notify
		}
		if len(told[miniairflow.NotifyLate]) > 0 {
			notes = append(notes, note)
		}
	}
	return notes
}
