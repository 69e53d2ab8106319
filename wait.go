package miniairflow

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// waitNamesMax bounds the tasks that a wait reason names.
const waitNamesMax = 5

// TaskState is how far a task run is, and whom it waits for.
type TaskState struct {
	Seq       int
	Status    TaskStatus
	IsLimited bool   // it could start, but its run has no slot for it (max_active_tasks)
	IsAsked   bool   // a scheduler has yet to decide whether it runs
	Past      string // what it waits for in the run before its own; empty: nothing that is known
}

// Waiting is what a task run's wait reason is made of.
type Waiting struct {
	Run            *WorkflowRun
	Task           *Task
	State          TaskState
	Upstream       []string // names of the tasks that it depends on and that are not over, in file order
	MaxActiveTasks int      // of its run
	Queues         []string // those that active workers serve
	FanOut         *FanOut  // of one that waits for its items; else nil
	Pool           *Pool    // of the task, with its holders; nil: there is none of that name
	Now            time.Time
}

// WaitReason says in one sentence why t does not run now. It is empty for a task
// run that is running or over.
func WaitReason(t *TaskRun, w Waiting) string {
	waits := slices.Contains([]TaskStatus{TaskPending, TaskQueued, TaskWaiting, TaskUpForRetry}, t.Status)
	switch {
	case !waits:
		return ""
	case w.Run != nil && w.Run.Status == RunPending:
		return "waits for the start of its run"
	case w.Run != nil && w.Run.PausedAt != nil && t.Status != TaskPending:
		return "run is paused"
	}
	switch {
	case w.State.IsLimited:
		return fmt.Sprintf("waits for other tasks of its run: max_active_tasks %d", w.MaxActiveTasks)
	case w.FanOut != nil:
		return fmt.Sprintf("waits for its items: %d of %d ended", w.FanOut.Ended(), w.FanOut.Total)
	case t.Status == TaskPending && IsItem(t.Seq):
		return fmt.Sprintf("waits for other items of its task: max_parallel %d", w.Task.ForEach.MaxParallel)
	case t.Status == TaskPending:
		return pendingReason(t, w)
	case t.Status == TaskWaiting && t.NextRetryAt != nil && t.NextRetryAt.After(w.Now):
		return lookReason(t, w.Task)
	case t.Status == TaskUpForRetry && t.NextRetryAt != nil && t.NextRetryAt.After(w.Now):
		return fmt.Sprintf("retry %d of %d at %s UTC", t.Failures, w.Task.RetryPolicy().Count, t.NextRetryAt.UTC().Format(time.TimeOnly))
	default:
		return queuedReason(t, w)
	}
}

// lookReason says what a task run waits for, as its last look told, and when it
// looks again.
func lookReason(t *TaskRun, task *Task) string {
	if task != nil && (task.Approval != nil || task.Workflow != nil) && t.Reason != "" {
		return t.Reason // its looks see to the time only, or to what nobody told
	}
	next := "next look at " + t.NextRetryAt.UTC().Format(time.DateTime) + " UTC"
	if t.Reason == "" {
		return next
	}
	return t.Reason + "; " + next
}

// pendingReason says why a task run is not queued.
func pendingReason(t *TaskRun, w Waiting) string {
	switch {
	case w.State.Past != "" && len(w.Upstream) == 0:
		return w.State.Past
	case w.State.IsAsked:
		return "waits for a scheduler to decide whether it runs"
	case len(w.Upstream) > 0:
		return "waits for " + listSome(w.Upstream)
	case t.Finally && w.Run != nil && w.Run.Outcome == "":
		return "waits for the end of all other tasks"
	default:
		return "is about to start"
	}
}

// queuedReason says why nobody takes a task run that could start.
func queuedReason(t *TaskRun, w Waiting) string {
	switch {
	case t.Pool != "" && w.Pool == nil:
		return fmt.Sprintf("pool %s does not exist: declare it in pools.yaml, or use `miniairflow pools set %s --slots N`", t.Pool, t.Pool)
	case t.Pool != "" && t.PoolSlots > w.Pool.Slots:
		return fmt.Sprintf("pool %s has %d slots, but the task needs %d", t.Pool, w.Pool.Slots, t.PoolSlots)
	case !slices.Contains(w.Queues, t.Queue):
		return "no active worker serves queue " + t.Queue
	case t.Pool != "" && w.Pool.Used+t.PoolSlots > w.Pool.Slots:
		return poolReason(w.Pool)
	case t.Pool != "" && w.Pool.Waiting > 1:
		return fmt.Sprintf("waits for its turn in pool %s, in which %d tasks wait, or for a free worker of queue %s", t.Pool, w.Pool.Waiting, t.Queue)
	default:
		return "waits for a free worker of queue " + t.Queue
	}
}

// poolReason says who holds the slots of a pool.
func poolReason(p *Pool) string {
	holders := make([]string, len(p.Holders))
	for i, h := range p.Holders {
		holders[i] = h.Run + "/" + h.Task
	}
	state := "is full"
	if p.Used < p.Slots {
		state = "has too few free slots"
	}
	if len(holders) == 0 {
		return fmt.Sprintf("pool %s %s: %d/%d", p.Name, state, p.Used, p.Slots)
	}
	return fmt.Sprintf("pool %s %s %d/%d: held by %s", p.Name, state, p.Used, p.Slots, listSome(holders))
}

// RunWaitReason says in one sentence why a run does not go on now. active are
// the labels of the workflow's running runs, as many as matter. It is empty for a
// run that goes on or is over.
func RunWaitReason(r *WorkflowRun, w *Workflow, active []string, now time.Time) string {
	switch {
	case r.IsTerminal():
		return ""
	case r.PausedAt != nil:
		return "run is paused"
	case r.Status != RunPending:
		return ""
	case r.RunAfter.After(now):
		return "waits for its time: " + r.RunAfter.UTC().Format(time.RFC3339)
	case w.IsPaused():
		return "workflow is paused"
	case slices.Contains(active, r.Label()): // it has started since it was read
		return ""
	case r.Type.CountsAsActive() && len(active) >= w.MaxActiveRuns:
		return fmt.Sprintf("run waits: max_active_runs %d (running: %s)", w.MaxActiveRuns, listSome(active))
	default:
		return "waits for a scheduler"
	}
}

// listSome joins names, the first few of many.
func listSome(names []string) string {
	if len(names) <= waitNamesMax {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:waitNamesMax], ", "), len(names)-waitNamesMax)
}
