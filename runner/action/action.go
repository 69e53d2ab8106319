// Package action executes one attempt of a task: one file per kind of action
// behind the Runner interface. It knows nothing of the store; the worker hands
// it everything rendered and takes back a Result.
package action

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

// The causes with which a worker cancels the context of a running attempt, see
// context.Cause. They decide the status of the Result.
var (
	ErrTimedOut  = errors.New("attempt timed out")
	ErrCancelled = errors.New("attempt was cancelled")
	ErrLost      = errors.New("worker no longer owns the attempt")
)

// Input is everything that one attempt needs. A Runner only reads it.
type Input struct {
	Claim       miniairflow.Claim
	Task        *miniairflow.Task // rendered, see Task.Render; its Env is the workflow's with its own over it
	Item        *Item             // nil: the task has no for_each
	Dir         string            // absolute working directory
	Seen        Seen              // of the run that it waits for
	Child       Child             // of a task that runs a workflow
	Look        Look              // of a task that waits
	Mask        []string          // texts that nothing may show: its secrets, in their forms
	LogFrom     int64             // so many bytes its log has already
	RunDir      string            // shared by the run's tasks on this worker; exists
	ScratchRoot string            // a private directory is made below it and removed after
	Later       func(do func())   // takes what can wait until the result was handed on; nil: nothing can
	InputsDir   string            // where the artifacts of its inputs are; set by the Runner
	Files       Files             // of a task with artifacts or inputs
	FileLimits  FileLimits        // of its artifacts
	AllowEnv    []string          // names passed on from the worker's own environment beyond the built-in list
	Grace       time.Duration     // between SIGTERM and SIGKILL
	Taken       <-chan struct{}   // closed when others may run the task already: then there is no grace; nil: never
	NotAfter    func() time.Time  // when others may run the task, as of now: nothing is started later; nil: never
}

// Item is what an attempt of a task with for_each works on.
type Item struct {
	Index int
	Text  string // as ${{ item }} has it
}

// isTooLate reports whether the attempt may not be started any more.
func (in Input) isTooLate() bool { return in.NotAfter != nil && time.Now().After(in.NotAfter()) }

// later has do done when the result was handed on, or now.
func (in Input) later(do func()) {
	if in.Later == nil {
		do()
		return
	}
	in.Later(do)
}

// Result is the outcome of one attempt.
type Result struct {
	Status   miniairflow.AttemptStatus // success, failed, timed_out, cancelled or lost
	Reason   string                    // "exit code 3", "timed out after 10m0s", …; empty on success
	ExitCode *int                      // if a process exited by itself
	Outputs  map[string]any            // on success; nil if there are none
	Again    *Again                    // the attempt waits and looks again: Status is running, and Reason says for what
}

// Look is one look of an attempt that waits, in times of the database.
type Look struct {
	Since  time.Time // when the first look began
	Now    time.Time
	Memory string // of the last look; empty for the first one
}

// Seen is what the worker has seen of a run that a task waits for.
type Seen struct {
	IsOver bool
	Text   string // how far it is
}

// Again says when an attempt that waits looks again, and what it remembers until then.
type Again struct {
	After   time.Duration
	Memory  string    // at most WaitMemoryMax bytes
	ChildID uuid.UUID // the child run whose end cuts After short; zero: none
}

// Runner executes attempts. Run blocks until the attempt and every process that
// it can reach have ended, which takes at most Grace and a few seconds after
// ctx is done. What a process prints goes to log as it comes; log is not used
// after Run has returned. Run may be called from any goroutine.
type Runner interface {
	Run(ctx context.Context, in Input, log io.Writer) Result
}

// Processes starts commands: a process.Guardian.
type Processes interface {
	Start(ctx context.Context, spec process.Spec) (*process.Process, error)
}

// New returns the Runner for every kind of action, which starts what it has to
// start through processes. logger takes what concerns
// the operator and no task, such as a scratch directory that cannot be removed;
// nil discards it.
func New(logger *slog.Logger, processes Processes) Runner {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	commands, requests := &command{logger: logger, processes: processes}, newRequest()
	return kinds{
		miniairflow.ActionCommand:  commands,
		miniairflow.ActionHTTP:     requests,
		miniairflow.ActionWait:     &wait{command: commands, request: requests},
		miniairflow.ActionApproval: approval{},
		miniairflow.ActionWorkflow: workflow{},
		miniairflow.ActionNoop:     noop{},
	}
}

// kinds has a Runner for each kind of action.
type kinds map[miniairflow.ActionKind]Runner

// Run implements Runner.
func (k kinds) Run(ctx context.Context, in Input, log io.Writer) Result {
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx, in.Task)
	case in.isTooLate():
		return Result{Status: miniairflow.AttemptLost, Reason: "the worker lost contact before the task began"}
	}
	for _, action := range in.Task.Actions() {
		if runner := k[action.Kind()]; runner != nil {
			return runner.Run(ctx, in, log)
		}
	}
	return failed("the task has no action that this worker knows")
}

// interrupted returns the Result of an attempt whose ctx is done.
func interrupted(ctx context.Context, task *miniairflow.Task) Result {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, ErrTimedOut), errors.Is(cause, context.DeadlineExceeded):
		return Result{Status: miniairflow.AttemptTimedOut, Reason: "timed out after " + task.Timeout.String()}
	case errors.Is(cause, ErrLost):
		return Result{Status: miniairflow.AttemptLost, Reason: "the worker lost the attempt"}
	default:
		return Result{Status: miniairflow.AttemptCancelled, Reason: "cancelled"}
	}
}

// failed returns the Result of an attempt that failed by itself.
func failed(reason string) Result {
	return Result{Status: miniairflow.AttemptFailed, Reason: reason}
}
