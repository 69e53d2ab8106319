package dialect

import (
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Wake tells of tasks of a run that have ended, or were marked, and whose ends later
// scheduled runs may wait for.
type Wake struct {
	RunID uuid.UUID
	Tasks []string // names
}

// wakes returns the tasks among the ended ones that depend on their past: those of
// a later run depend on them. A later version may have made a task depend on it, so
// those of a graph without any are left to AskForPasts.
func (r *Run) wakes(ended []miniairflow.Ended) []string {
	if len(r.Graph.Pasts) == 0 {
		return nil
	}
	var names []string
	for _, e := range ended {
		if _, depends := slices.BinarySearch(r.Graph.Pasts, e.Seq); depends {
			names = append(names, r.Graph.Definition.Tasks[e.Seq].Name)
		}
	}
	return names
}

// WakeFuture plans to ask about the task runs that wait for what has ended in a run.
func (p *Plan) WakeFuture(r *Run, ended []miniairflow.Ended) {
	if names := r.wakes(ended); len(names) > 0 {
		p.Wakes = append(p.Wakes, Wake{RunID: r.ID, Tasks: names})
	}
}

// Waits returns what to note of the task runs that a batch of decisions is about: of
// those that wait for their past for what, and of the others that they do not (any
// more).
func (s Sorted) Waits(r *Run) []miniairflow.Change {
	if len(r.Graph.Pasts) == 0 {
		return nil
	}
	notes := slices.Clone(s.Pasts)
	for _, c := range s.Decided() {
		notes = append(notes, miniairflow.Change{Seq: c.Seq})
	}
	return notes
}

// Union returns the elements of both lists, each once.
func Union[T any, K comparable](a, b []T, key func(T) K) []T {
	known := make(map[K]bool, len(a))
	for _, one := range a {
		known[key(one)] = true
	}
	for _, one := range b {
		if !known[key(one)] {
			a = append(a, one)
		}
	}
	return a
}
