package miniairflow

import "slices"

// RunStatus is the state of a WorkflowRun. Cancelling is not a state: it is
// CancelRequestedAt on a run that is still running.
type RunStatus string

// The states of a WorkflowRun.
const (
	RunPending   RunStatus = "pending" // waits its turn: max_active_runs, or a paused workflow
	RunRunning   RunStatus = "running"
	RunSuccess   RunStatus = "success"
	RunFailed    RunStatus = "failed"
	RunCancelled RunStatus = "cancelled"
	RunSkipped   RunStatus = "skipped" // the overlap policy left this slot out
)

// TaskStatus is the state of a TaskRun.
type TaskStatus string

// The states of a TaskRun.
const (
	TaskPending        TaskStatus = "pending" // upstream not finished, or the run is at its max_active_tasks
	TaskQueued         TaskStatus = "queued"  // may start now
	TaskRunning        TaskStatus = "running"
	TaskWaiting        TaskStatus = "waiting"      // its attempt is put aside until it looks again: it holds no slot
	TaskUpForRetry     TaskStatus = "up_for_retry" // waits for the delay of its next attempt
	TaskSuccess        TaskStatus = "success"
	TaskFailed         TaskStatus = "failed"
	TaskCancelled      TaskStatus = "cancelled"
	TaskSkipped        TaskStatus = "skipped"
	TaskUpstreamFailed TaskStatus = "upstream_failed"
)

// AttemptStatus is the state of a TaskAttempt.
type AttemptStatus string

// The states of a TaskAttempt.
const (
	AttemptRunning   AttemptStatus = "running"
	AttemptSuccess   AttemptStatus = "success"
	AttemptFailed    AttemptStatus = "failed"
	AttemptTimedOut  AttemptStatus = "timed_out"
	AttemptCancelled AttemptStatus = "cancelled"
	AttemptLost      AttemptStatus = "lost" // its worker went silent
)

// WorkerStatus is the state of a Worker.
type WorkerStatus string

// The states of a Worker.
const (
	WorkerActive   WorkerStatus = "active"
	WorkerDraining WorkerStatus = "draining" // finishes what it runs, takes nothing new
	WorkerInactive WorkerStatus = "inactive" // ended, or fenced after silence
)

// RunStatuses, TaskStatuses, AttemptStatuses and WorkerStatuses list every
// state, in the order in which people meet them.
var (
	RunStatuses     = []RunStatus{RunPending, RunRunning, RunSuccess, RunFailed, RunCancelled, RunSkipped}
	TaskStatuses    = []TaskStatus{TaskPending, TaskQueued, TaskRunning, TaskWaiting, TaskUpForRetry, TaskSuccess, TaskFailed, TaskCancelled, TaskSkipped, TaskUpstreamFailed}
	AttemptStatuses = []AttemptStatus{AttemptRunning, AttemptSuccess, AttemptFailed, AttemptTimedOut, AttemptCancelled, AttemptLost}
	WorkerStatuses  = []WorkerStatus{WorkerActive, WorkerDraining, WorkerInactive}
)

// runTransitions and those after it are the tables of allowed changes. The SQL
// guards repeat them; docs/state-machine.md draws them. A terminal state is one
// that the table knows and lets go nowhere.
var (
	runTransitions = map[RunStatus][]RunStatus{
		RunPending: {RunRunning, RunSkipped, RunCancelled},
		RunRunning: {RunSuccess, RunFailed, RunCancelled},
		RunSuccess: nil, RunFailed: nil, RunCancelled: nil, RunSkipped: nil,
	}
	taskTransitions = map[TaskStatus][]TaskStatus{
		TaskPending:    {TaskQueued, TaskWaiting, TaskSuccess, TaskSkipped, TaskUpstreamFailed, TaskFailed, TaskCancelled},
		TaskQueued:     {TaskRunning, TaskFailed, TaskCancelled},
		TaskRunning:    {TaskSuccess, TaskFailed, TaskSkipped, TaskCancelled, TaskUpForRetry, TaskWaiting, TaskQueued},
		TaskWaiting:    {TaskRunning, TaskSuccess, TaskFailed, TaskSkipped, TaskCancelled},
		TaskUpForRetry: {TaskRunning, TaskCancelled},
		TaskSuccess:    nil, TaskFailed: nil, TaskCancelled: nil, TaskSkipped: nil, TaskUpstreamFailed: nil,
	}
	attemptTransitions = map[AttemptStatus][]AttemptStatus{
		AttemptRunning: {AttemptSuccess, AttemptFailed, AttemptTimedOut, AttemptCancelled, AttemptLost},
		AttemptSuccess: nil, AttemptFailed: nil, AttemptTimedOut: nil, AttemptCancelled: nil, AttemptLost: nil,
	}
	workerTransitions = map[WorkerStatus][]WorkerStatus{
		WorkerActive:   {WorkerDraining, WorkerInactive},
		WorkerDraining: {WorkerInactive},
	}
)

// isTerminal reports whether table knows s and lets it go nowhere. A state of a
// newer program is none that is over.
func isTerminal[S comparable](table map[S][]S, s S) bool {
	next, known := table[s]
	return known && len(next) == 0
}

// CanTransition reports whether a run may go from s to next.
func (s RunStatus) CanTransition(next RunStatus) bool {
	return slices.Contains(runTransitions[s], next)
}

// IsTerminal reports whether a run in state s is over.
func (s RunStatus) IsTerminal() bool { return isTerminal(runTransitions, s) }

// CanTransition reports whether a task run may go from s to next. A running
// task goes back to queued only when its worker was lost.
func (s TaskStatus) CanTransition(next TaskStatus) bool {
	return slices.Contains(taskTransitions[s], next)
}

// IsTerminal reports whether a task run in state s is over.
func (s TaskStatus) IsTerminal() bool { return isTerminal(taskTransitions, s) }

// CanTransition reports whether an attempt may go from s to next.
func (s AttemptStatus) CanTransition(next AttemptStatus) bool {
	return slices.Contains(attemptTransitions[s], next)
}

// IsTerminal reports whether an attempt in state s is over.
func (s AttemptStatus) IsTerminal() bool { return isTerminal(attemptTransitions, s) }

// CanTransition reports whether a worker may go from s to next.
func (s WorkerStatus) CanTransition(next WorkerStatus) bool {
	return slices.Contains(workerTransitions[s], next)
}
