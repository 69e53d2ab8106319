package miniairflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// RunStore keeps workflow runs: creates (T1), starts (T2) and cancels (T8) them.
type RunStore interface {
	// CreateRun creates a pending run. The run_after of a manual one is the time of
	// its creation, whatever its logical date is. created is false if a run with
	// this ID or, in this workflow, this idempotency key or logical date of the same
	// schedule exists: then that run is returned unchanged. A retired workflow is a
	// CodeConflict. A child run is made once for a task run, whatever replies and
	// workers are lost: if the task waits for one (TaskWait.ChildID), that one is
	// returned, else the task waits for this one from now on. A child run for an
	// attempt that is not open is a CodeConflict.
	CreateRun(ctx context.Context, run NewRun) (r *WorkflowRun, created bool, err error)
	// StartRuns starts up to limit pending runs, of each workflow its child runs first, and
	// those of backfills last, the oldest first,
	// where the workflow is not paused, has fewer than max_active_runs running ones
	// (counted under its lock), and run_after has come; child runs and those of backfills are
	// not counted, and start however many others run: task runs are written, those
	// that the run's selection leaves out as skipped, fast
	// roots are queued up to max_active_tasks, other roots ask for a decision; of a
	// run that was opened again, what is due goes on. Paused runs are left out, and so
	// are the workflows in without. A workflow of which none can be started holds up no
	// other: the error is StartFaults, beside the runs of the others, which have started.
	StartRuns(ctx context.Context, limit int, without ...uuid.UUID) ([]uuid.UUID, error)
	// CancelRun asks for the end of a run. A pending run is cancelled at once. Of
	// a running one the task runs that have not started are cancelled, the running
	// ones are flagged for their workers (Heartbeat), and when they have ended the
	// tasks of finally begin; the run ends with them. A pause of the run is lifted, which
	// would hold these back; the audit log gets the cancellation only. It is
	// idempotent; a run that is terminal, or whose tasks of finally have begun, is
	// returned as it is.
	CancelRun(ctx context.Context, cancel Cancel) (*WorkflowRun, error)
	// SetRunPaused pauses a run or lets it go on, and writes the audit log. Nothing
	// of a paused run starts: a pending one stays pending, what is queued stays
	// queued; what runs goes on, and so does the run's timeout. It is idempotent; a
	// terminal run, and one to be paused whose end was asked for, is returned as it is.
	SetRunPaused(ctx context.Context, runID uuid.UUID, paused bool, by Actor) (*WorkflowRun, error)
	// Rerun does what PlanRerun says for the request, in one transaction, and writes
	// the audit log. A run that was over becomes pending, with its next generation;
	// StartRuns lets it go on. A run that goes on takes up what is due (DAG.Due). A run
	// of which only the ends of task runs were changed gets the result that follows
	// from them, whatever had ended it: the request to cancel it, or its timeout, is
	// forgotten but for the audit log. With Latest all task runs become those of the
	// latest version, also what has ended. The attempts of task runs that are marked
	// while they run become cancelled, and their workers learn it by NotOwned.
	// Reopened task runs lose outputs, exit code, failures and losses, and keep their
	// attempts; those of a pending run wait for its start. CodeConflict: the run has
	// not been started yet, is being cancelled or deleted, its workflow is retired, or
	// Latest is asked for a run that is not over or that FitsVersion refuses; and what
	// PlanRerun says.
	Rerun(ctx context.Context, rerun Rerun) (RerunResult, error)
	// OverdueRuns returns up to limit running runs past their deadline that nobody
	// has cancelled yet and whose tasks of finally have not begun, and the next deadline after now, if any.
	OverdueRuns(ctx context.Context, limit int) (overdue []uuid.UUID, next *time.Time, err error)
	// AbandonedRuns returns up to limit runs that go on, or wait for their turn, while
	// nobody waits for them any more, and that nobody has cancelled yet: child runs whose
	// task does not, and runs of backfills that are cancelled (CancelBackfill). One that
	// was over and was opened again is nobody's child and of no backfill in this sense.
	AbandonedRuns(ctx context.Context, limit int) ([]uuid.UUID, error)
	// ReplacedRuns returns up to limit scheduled runs that are pending or running and
	// have to make room for a newer one of OverlapCancelRunning: of their workflow, at least
	// max_active_runs newer scheduled runs are. Left alone are those that somebody has
	// cancelled already, has opened again or changed by hand, and whose tasks of finally
	// have begun.
	ReplacedRuns(ctx context.Context, limit int) ([]ReplacedRun, error)
	// DeleteRuns deletes up to limit terminal runs that finished before the given
	// time, with their task runs, attempts and logs, and returns how many. One that
	// Rerun opens meanwhile is left as it is, unless its deletion has begun.
	DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error)

	FindRun(ctx context.Context, id uuid.UUID) (*WorkflowRun, error)
	// FindRunByNumber finds a run by its number; number 0 is the latest one.
	FindRunByNumber(ctx context.Context, workflowID uuid.UUID, number int64) (*WorkflowRun, error)
	// FindRuns returns a page, the newest first (by creation, then ID).
	FindRuns(ctx context.Context, filter RunFilter) ([]*WorkflowRun, error)
	// CountRuns counts what FindRuns would return over all pages, up to max.
	CountRuns(ctx context.Context, filter RunFilter, max int) (int, error)
	// ChildRuns returns the latest child run of each of the task runs that has one.
	ChildRuns(ctx context.Context, parents []TaskRunKey) (map[TaskRunKey]*WorkflowRun, error)
	// CountTasks returns how many task runs of each of the runs are in each state.
	CountTasks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID]map[TaskStatus]int, error)
	// RunChanges returns the run and those of its task runs that may have changed
	// since the cursor, which is the Revision of an earlier answer, or 0 for all.
	// No change is ever missed, not even one of a slower transaction; one may come
	// twice. The new cursor is never less than the old one.
	RunChanges(ctx context.Context, runID uuid.UUID, since int64) (RunChanges, error)
}

// ReplacedRun is a run that has to make room for another one of its workflow.
type ReplacedRun struct {
	RunID    uuid.UUID
	Workflow string // its name
	By       int64  // the number of the newest run that takes its place
}

// Cancel is a request to end a run.
type Cancel struct {
	RunID    uuid.UUID
	TimedOut bool // by the run's own timeout: it ends failed, not cancelled
	By       Actor
}

// RunFilter chooses runs. The zero value of a field does not restrict.
type RunFilter struct {
	WorkflowID uuid.UUID
	Statuses   []RunStatus
	Types      []RunType
	BackfillID uuid.UUID  // runs of its dates
	From, To   *time.Time // logical dates, from From up to but without To; only with WorkflowID
	Before     *RunCursor // page: runs older than this one
	Limit      int        // 1 to 200; 0: 50
}

// RunCursor is the place of a run in the order of FindRuns.
type RunCursor struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// RunChanges is the answer of RunStore.RunChanges.
type RunChanges struct {
	Run      *WorkflowRun
	TaskRuns []*TaskRun // by Seq
	Revision int64
}

// TaskStore moves task runs: decisions (T3), claims (T4) and finishes (T5).
type TaskStore interface {
	// Exchange ends attempts and claims new ones for the slots that are free, in
	// one transaction: what a worker does at each hop. Each finish is checked by
	// its token; one that is not open (any more) is Stale and changes nothing,
	// unless it is the repetition of one that was stored: then its first outcome
	// is returned. An ended task run moves its children (DAG.Fanout) and, if it is
	// the last one, ends its run. If cancellation of the run was requested, a
	// retry becomes cancelled, but for tasks of finally, which begin when all others
	// have ended. Claims take the highest priority first, then the oldest, within
	// the slots of their pools, and skip what others hold. ErrFenced if the session
	// is inactive: then nothing was changed, and attempts end by Reap. A session that
	// is draining or whose lease has run out gets no claims. A finish with Next waiting
	// puts its attempt aside: the task run holds no slot, PromoteRetries makes it
	// claimable again after Delay, and that claim goes on with the same attempt. On PostgreSQL a claim that
	// takes slots of pools is a transaction of its own, after that of the finishes.
	Exchange(ctx context.Context, request Exchange) (ExchangeResult, error)
	// Claimed returns the claims that an Exchange with this token has made and
	// that are still open: what to ask after an unknown outcome.
	Claimed(ctx context.Context, token uuid.UUID) ([]Claim, error)
	// FindWait returns what the last look of a task run has left, with the database's
	// time; ErrNotFound if it has not waited since it last ended by itself or was opened.
	FindWait(ctx context.Context, runID uuid.UUID, seq int) (TaskWait, error)
	// PromoteRetries makes up to limit task runs whose delay is over, until their next
	// attempt or their next look,
	// claimable and returns how many, and when the next delay ends, if any. A run of
	// which that fails is the error, and holds up no other; the same in FailExpired.
	PromoteRetries(ctx context.Context, limit int) (promoted int, next *time.Time, err error)

	// FailExpired fails up to limit task runs that have been queued for their
	// queue_timeout, without an attempt, and returns how many, and when the next one
	// expires, if any. A pause of their run starts their time anew.
	FailExpired(ctx context.Context, limit int) (failed int, next *time.Time, err error)

	// Undecided returns up to limit runs with task runs that need a decision, the
	// one that waits longest first. A run that cannot be decided stays in the list:
	// the caller asks for as many more as it leaves alone.
	Undecided(ctx context.Context, limit int) ([]uuid.UUID, error)
	// LoadDecisions returns up to limit nodes of a run that need a decision, and
	// what is needed to take it.
	LoadDecisions(ctx context.Context, runID uuid.UUID, limit int) (Decisions, error)
	// LoadNodes returns the nodes of a run at the given places, in their order;
	// only pending ones.
	LoadNodes(ctx context.Context, runID uuid.UUID, seqs []int) ([]Node, error)
	// FindPast returns the Past of a run, with the states of the given tasks.
	FindPast(ctx context.Context, runID uuid.UUID, tasks []string) (Past, error)
	// AskForPasts asks for decisions about up to limit task runs that wait for their
	// past, and returns how many. Ends there ask by themselves, in their transaction:
	// this is for what nobody ends, such as a run that is deleted or cancelled before it has begun.
	AskForPasts(ctx context.Context, limit int) (asked int, err error)
	// ApplyChanges writes the decisions for task runs that are still pending, or wait
	// for items, moves
	// the children of those that became terminal, and ends the run if they were
	// the last. A request for a decision is answered only if its generation is
	// that of the change. generation is the run's when the decisions were loaded: if
	// somebody has changed the run by hand since, they may be wrong, and nothing is
	// written.
	ApplyChanges(ctx context.Context, runID uuid.UUID, generation int, changes []Change) error
	// FindItem returns the value of an item, as JSON.
	FindItem(ctx context.Context, runID uuid.UUID, seq int) (json.RawMessage, error)
	// FindItems returns up to limit items of the task run at place seq, by their numbers,
	// after the place of that one; none while it has none (yet).
	FindItems(ctx context.Context, runID uuid.UUID, seq, after, limit int) ([]ItemRun, error)
	// FindFanOut returns how far the items of a task run are; ErrNotFound if it has none (yet).
	FindFanOut(ctx context.Context, runID uuid.UUID, seq int) (FanOut, error)
	// ItemOutputs returns the outputs of the items of a task run, by their numbers: nil
	// for one that was no success. More than most bytes of them are CodeInvalid.
	ItemOutputs(ctx context.Context, runID uuid.UUID, seq, most int) ([]map[string]any, error)
	// TaskResults returns status, outputs and exit code of the task runs at the
	// given places.
	TaskResults(ctx context.Context, runID uuid.UUID, seqs []int) ([]*TaskRun, error)
	// TaskStates returns what the task runs at the given places wait for, by Seq,
	// without their results: those of a wide fan-in are large.
	TaskStates(ctx context.Context, runID uuid.UUID, seqs []int) ([]TaskState, error)

	FindTaskRun(ctx context.Context, runID uuid.UUID, seq int) (*TaskRun, error)
	// FindTaskRuns returns a page: of one run by Seq, else the newest run first.
	// Over all runs, statuses that are all open ones, or all without success but
	// ended or up_for_retry, are found by an index; another mix reads task runs from
	// the newest run on until the page is full.
	FindTaskRuns(ctx context.Context, filter TaskRunFilter) ([]*TaskRun, error)
	// CountTaskRuns counts what FindTaskRuns would return over all pages, up to max.
	CountTaskRuns(ctx context.Context, filter TaskRunFilter, max int) (int, error)
	// FindAttempts returns the attempts of each of the task runs, oldest first,
	// the open one included.
	FindAttempts(ctx context.Context, keys []TaskRunKey) (map[TaskRunKey][]*TaskAttempt, error)
	// QueueDepth returns how many task runs may be claimed now, by queue.
	QueueDepth(ctx context.Context) (map[string]int, error)
}

// ItemRun is the task run of an item, without its results.
type ItemRun struct {
	Seq    int
	Name   string
	Status TaskStatus
}

// TaskRunKey names a task run.
type TaskRunKey struct {
	RunID uuid.UUID
	Seq   int
}

// TaskRunFilter chooses task runs. The zero value of a field does not restrict.
type TaskRunFilter struct {
	RunID    uuid.UUID
	Statuses []TaskStatus
	After    *TaskRunKey // page: after this one in the order of FindTaskRuns
	Limit    int         // 1 to 200; 0: 50
}

// Exchange is the request of TaskStore.Exchange.
type Exchange struct {
	SessionID uuid.UUID
	Finishes  []Finish
	Queues    []string  // to claim from
	Limit     int       // how many to claim; 0: none
	Token     uuid.UUID // a new one, made by the worker, for all claims of this call
}

// Finish is the end of one attempt, or of one look of an attempt that waits.
type Finish struct {
	RunID    uuid.UUID
	Seq      int
	Token    uuid.UUID     // of its claim
	Attempt  AttemptStatus // success, failed, timed_out or cancelled; running with Next waiting
	Next     TaskStatus    // of the task run: success, failed, skipped, cancelled or up_for_retry, see FinishOf; or waiting
	Delay    time.Duration // until the next attempt, for up_for_retry; until the next look, for waiting
	Memory   string        // for waiting: what the next look gets back, see FindWait
	ChildID  uuid.UUID     // for waiting: the child run whose end cuts Delay short; zero: none
	Reason   string
	ExitCode *int
	Outputs  map[string]any
}

// ExchangeResult is the answer of TaskStore.Exchange.
type ExchangeResult struct {
	Stale  []bool // by place in Exchange.Finishes
	Claims []Claim
}

// Claim is a task run that the worker now owns: it has an open attempt with the
// token of the Exchange.
type Claim struct {
	RunID     uuid.UUID
	Seq       int
	Attempt   int
	Failures  int // earlier attempts that count against retry.count
	Token     uuid.UUID
	VersionID uuid.UUID
	Run       *WorkflowRun // shared by the claims of one run; read only
	StartedAt time.Time
}

// TaskWait is what a task run that waits remembers from one look to the next.
type TaskWait struct {
	Attempt int       // that looked last
	Since   time.Time // when the first look began that was put aside, whatever attempts it took since
	Memory  string    // of the last Finish
	ChildID uuid.UUID // the child run that it waits for; zero: none
	Now     time.Time // of the database
}

// WaitMemoryMax bounds Finish.Memory, in bytes.
const WaitMemoryMax = 64 << 10

// Decisions is the answer of TaskStore.LoadDecisions.
type Decisions struct {
	Run   *WorkflowRun
	Nodes []Node // Status pending, or waiting with Fan set; Generation set
}

// StartFaults has the workflows of which RunStore.StartRuns could not start runs, with the
// reason.
type StartFaults map[uuid.UUID]error

// OrNil returns the faults as an error, or nil if there are none.
func (f StartFaults) OrNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error returns the faults, one a line.
func (f StartFaults) Error() string {
	lines := make([]string, 0, len(f))
	for id, err := range f {
		lines = append(lines, fmt.Sprintf("start runs of workflow %s: %v", id, err))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
