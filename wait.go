package miniairflow

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// waitNamesMax bounds the tasks that a wait reason names.
const waitNamesMax = 5

// Waiting is what a task run's wait reason is made of.
type Waiting struct {
	Task           *Task
	Upstream       []*TaskRun // of the tasks that it depends on, in file order
	MaxActiveTasks int        // of its run
	Queues         []string   // those that active workers serve
}

// WaitReason says in one sentence why t does not run now. It is empty for a task
// run that is running or over.
func WaitReason(t *TaskRun, w Waiting) string {
	switch t.Status {
	case TaskPending:
		if open := openTasks(w.Upstream); len(open) > 0 {
			return "waits for " + listSome(open)
		}
		return fmt.Sprintf("waits for other tasks of its run: max_active_tasks %d", w.MaxActiveTasks)
	case TaskQueued:
		if !slices.Contains(w.Queues, t.Queue) {
			return "no active worker serves queue " + t.Queue
		}
		return "waits for a free worker of queue " + t.Queue
	case TaskUpForRetry:
		at := "soon"
		if t.NextRetryAt != nil {
			at = "at " + t.NextRetryAt.UTC().Format(time.TimeOnly) + " UTC"
		}
		return fmt.Sprintf("retry %d of %d %s", t.Failures, w.Task.Retry.Count, at)
	default:
		return ""
	}
}

// openTasks returns the names of the task runs that are not over.
func openTasks(upstream []*TaskRun) []string {
	var names []string
	for _, t := range upstream {
		if !t.IsTerminal() {
			names = append(names, t.Name)
		}
	}
	return names
}

// listSome joins names, the first few of many.
func listSome(names []string) string {
	if len(names) <= waitNamesMax {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:waitNamesMax], ", "), len(names)-waitNamesMax)
}
