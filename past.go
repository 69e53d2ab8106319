package miniairflow

import "time"

// Past is the scheduled run before another one of its workflow, by logical date,
// for the tasks that depend on it (Task.DependsOnPast). One that ended before it
// had begun, such as a slot that was skipped, is nobody's past.
type Past struct {
	Run    *WorkflowRun          // nil: there is none
	States map[string]TaskStatus // by name, of those of the tasks that were asked for which it has; pending before it starts
}

// Reason says why a task waits for its past; empty if it need not: the task was a
// success or skipped then, or there was no such task, or no such run.
func (p Past) Reason(task string) string {
	if p.Run == nil {
		return ""
	}
	state, found := p.States[task]
	if !found || state == TaskSuccess || state == TaskSkipped {
		return ""
	}
	waits := "waits for " + p.Run.Label() + " of " + p.Run.LogicalDate.UTC().Format(time.DateOnly) + ": "
	switch {
	case p.Run.Status == RunPending:
		return waits + "it has not started"
	case state == TaskFailed:
		return waits + task + " failed"
	case state == TaskCancelled:
		return waits + task + " was cancelled"
	default:
		return waits + task + " is " + string(state)
	}
}
