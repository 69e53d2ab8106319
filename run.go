package miniairflow

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// RunType says what made a run.
type RunType string

// The run types.
const (
	RunScheduled RunType = "scheduled"
	RunManual    RunType = "manual"
	RunChild     RunType = "child"    // a task of another run has started it, see ChildWorkflow
	RunBackfill  RunType = "backfill" // of a date of a Backfill
)

// CountsAsActive reports whether runs of the type count in max_active_runs. Others
// start however many run: what bounds them is who makes them.
func (t RunType) CountsAsActive() bool { return t != RunChild && t != RunBackfill }

// WorkflowRun is one execution of one version of a workflow.
type WorkflowRun struct {
	ID                uuid.UUID
	WorkflowID        uuid.UUID
	WorkflowName      string
	VersionID         uuid.UUID
	Number            int64 // counts from 1 within the workflow
	Status            RunStatus
	Reason            string // why it failed, was cancelled or skipped; empty otherwise
	Type              RunType
	Cause             Cause
	ScheduleName      string     // of a scheduled run, and of one of a backfill
	LogicalDate       time.Time  // the slot's fire time; of a manual run, its trigger time; of a child run, that of its parent
	DataIntervalStart time.Time  // the previous slot; of a manual run, the logical date
	DataIntervalEnd   time.Time  // the logical date
	RunAfter          time.Time  // not before this time
	DeadlineAt        *time.Time // start plus the workflow's timeout
	LateAt            *time.Time // when it, or one of its tasks, was first noted as late, see LateMark; nil: never
	Params            map[string]any
	Selection         *Selection // of the tasks that it executes; nil: all
	TaskCount         int        // 0 until the run starts
	CreatedAt         time.Time
	StartedAt         *time.Time
	FinishedAt        *time.Time
	CancelRequestedAt *time.Time
	PausedAt          *time.Time  // an operator's word: nothing of it starts until it is resumed
	Generation        int         // counts from 1, and each Rerun of a run that has begun
	Outcome           RunStatus   // how all but the tasks of finally ended, from when these begin; empty before
	Parent            *TaskRunKey // of a child run: the task that has started it, which may have been deleted since; else nil
	BackfillID        *uuid.UUID  // that it is part of, also of a child run below one of its runs; else nil
	Revision          int64       // rises with each change, see Store.RunChanges
}

// Label returns the name that people use for the run: "daily-etl#142".
func (r *WorkflowRun) Label() string { return fmt.Sprintf("%s#%d", r.WorkflowName, r.Number) }

// IsTerminal reports whether the run is over.
func (r *WorkflowRun) IsTerminal() bool { return r.Status.IsTerminal() }

// TaskRun is one task in one run.
type TaskRun struct {
	RunID       uuid.UUID
	Seq         int // its place in the run; today the task's place in its version
	Name        string
	Status      TaskStatus
	Reason      string         // why it failed, was skipped or cancelled; of the last attempt
	Attempt     int            // number of the current or last try; 0 before the first
	Failures    int            // tries that count against retry.count; a loss does not
	Outputs     map[string]any // of the successful attempt
	ExitCode    *int           // of the last attempt, if its process exited by itself
	Queue       string
	Priority    Priority
	Pool        string // empty: none
	PoolSlots   int
	Finally     bool
	QueuedAt    *time.Time
	StartedAt   *time.Time // of the current or last attempt, that is of its first look
	FinishedAt  *time.Time
	NextRetryAt *time.Time // of the next attempt while up_for_retry, of the next look while waiting
	Revision    int64
}

// ID returns the id of the task run, see MemberID.
func (t *TaskRun) ID() uuid.UUID { return MemberID(t.RunID, t.Seq) }

// IsTerminal reports whether the task run is over.
func (t *TaskRun) IsTerminal() bool { return t.Status.IsTerminal() }

// TaskAttempt is one try of a task run.
type TaskAttempt struct {
	RunID      uuid.UUID
	Seq        int
	Number     int // counts from 1
	Status     AttemptStatus
	Reason     string // "exit code 3", "timed out after 10m0s", "worker w1 went silent", …
	ExitCode   *int
	WorkerID   uuid.UUID
	WorkerName string
	StartedAt  time.Time
	FinishedAt *time.Time
}

// AttemptKey names one attempt, and so its log.
type AttemptKey struct {
	RunID   uuid.UUID
	Seq     int
	Attempt int
}

// LogChunk is a piece of an attempt's log: Size bytes from Offset on, as zstd in Data.
type LogChunk struct {
	Offset int64
	Size   int
	Data   []byte
}

// Worker is a session of a worker process: from its start until it ends or goes
// silent. The same name starts again as a new session with a new ID.
type Worker struct {
	ID            uuid.UUID
	Name          string
	Hostname      string
	PID           int
	Version       string // of the program
	Queues        []string
	Concurrency   int
	Running       int // open attempts
	Status        WorkerStatus
	Lease         time.Duration // after so long a silence its tasks are taken away
	Beat          int64         // rises with each heartbeat
	StartedAt     time.Time
	LastHeartbeat time.Time
}

// HasCapacity reports whether the worker can take one more task.
func (w *Worker) HasCapacity() bool { return w.Status == WorkerActive && w.Running < w.Concurrency }

// IsAlive reports whether the worker was heard of within lease of now, both of
// the database's clock. It is for showing; a reaper judges by Beat.
func (w *Worker) IsAlive(now time.Time, lease time.Duration) bool {
	return w.Status != WorkerInactive && now.Sub(w.LastHeartbeat) <= lease
}

// ImportError is a problem of a file in dags/. The last good version of its
// workflows goes on.
type ImportError struct {
	File    string // path below dags/, with slashes
	Line    int    // counts from 1; 0: the whole file
	Column  int    // counts from 1, in characters; 0: the whole line
	Message string
	Since   time.Time
}

// String returns the error as compilers print it: file:line:column: message,
// without the parts that are 0.
func (e ImportError) String() string {
	place := e.File
	if e.Line > 0 {
		place += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			place += fmt.Sprintf(":%d", e.Column)
		}
	}
	return place + ": " + e.Message
}
