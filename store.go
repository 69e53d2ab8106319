package miniairflow

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps everything. There is one for each database, and persistencetest
// holds both to the contracts below.
//
// All methods may be called from any goroutine and honour ctx. Every change is
// one short transaction: after an error nothing of it has happened, unless the
// error is CodeUnavailable, when it may have; writes carry ids made by the
// caller, so the same call again returns the first outcome. Times are those of
// the database's clock, in UTC and whole microseconds. A thing that is not
// there is ErrNotFound. After a commit the store publishes to its Bus what may
// have changed, for this process and, on PostgreSQL, for the others.
type Store interface {
	CatalogStore
	ScheduleStore
	RunStore
	TaskStore
	WorkerStore
	LogStore

	// Bus returns the bus that carries this store's events.
	Bus() *Bus
	// Now returns the database's time; it is also the check that the database answers.
	Now(ctx context.Context) (time.Time, error)
	// Close waits for running calls and releases the database.
	Close() error
}

// CatalogStore keeps workflows, their versions, and import errors.
type CatalogStore interface {
	// SyncFiles writes what the loader found, each file in a transaction of its
	// own, in order, and returns one result per file. A definition whose hash is
	// that of its latest version makes no version. Schedules of a changed
	// definition keep their cursor where name and hash are the same; others start
	// without one (see DueSchedules). Workflows that came from the file and are
	// not among its definitions are retired, unless the file has problems: then
	// they stay as they are. The pending runs of a retired workflow are cancelled;
	// those that have started go on. The import errors of the file are replaced; an
	// equal one keeps its Since.
	SyncFiles(ctx context.Context, files []FileSync) ([]FileResult, error)
	// RetireFile retires the workflows of a file that is gone, as SyncFiles does,
	// and drops its import errors.
	RetireFile(ctx context.Context, path string) error
	// SourceFiles returns the paths that have workflows or import errors, sorted.
	SourceFiles(ctx context.Context) ([]string, error)

	FindWorkflow(ctx context.Context, id uuid.UUID) (*Workflow, error)
	// FindWorkflowByName finds retired workflows too.
	FindWorkflowByName(ctx context.Context, name string) (*Workflow, error)
	// FindWorkflows returns a page ordered by name.
	FindWorkflows(ctx context.Context, filter WorkflowFilter) ([]*Workflow, error)
	// CountWorkflows counts what FindWorkflows would return over all pages.
	CountWorkflows(ctx context.Context, filter WorkflowFilter) (int, error)
	FindVersion(ctx context.Context, id uuid.UUID) (*WorkflowVersion, error)
	// FindVersions returns the versions of a workflow, the latest first, at most limit.
	FindVersions(ctx context.Context, workflowID uuid.UUID, limit int) ([]*WorkflowVersion, error)
	// SetPaused sets or lifts an operator's pause and writes the audit log. After
	// it is lifted the schedules start without a cursor, so paused time is never
	// caught up. Setting it twice keeps the first time.
	SetPaused(ctx context.Context, workflowID uuid.UUID, paused bool, by Actor) (*Workflow, error)
	// FindImportErrors returns all import errors, ordered by file, line, column.
	FindImportErrors(ctx context.Context) ([]ImportError, error)

	// TryLease takes or extends the lease called name for holder until ttl from
	// now, and reports whether holder has it.
	TryLease(ctx context.Context, name string, holder uuid.UUID, ttl time.Duration) (bool, error)
}

// FileSync is what the loader found in one file.
type FileSync struct {
	Path        string // below dags/, with slashes
	Definitions []DefinitionAt
	Problems    []ImportError // File is Path; Since is ignored
}

// DefinitionAt is a definition with the place of its name in the file.
type DefinitionAt struct {
	*Definition
	Line   int
	Column int
}

// FileResult is what SyncFiles did with one file. A definition whose name
// belongs to a workflow of another file or origin is not written: it becomes an
// import error at its place.
type FileResult struct {
	Path      string
	Created   []string // names of new workflows, and of retired ones that came back
	Updated   []string // names with a new version
	Retired   []string
	Conflicts []ImportError
}

// WorkflowFilter chooses workflows. The zero value of a field does not restrict.
type WorkflowFilter struct {
	Search         string // part of the name, any case
	Tag            string
	Paused         *bool
	IncludeRetired bool
	AfterName      string // page: names after this one
	Limit          int    // 1 to 200; 0: 50
}

// Actor is who asked for a change, for the audit log.
type Actor struct {
	Name   string // "cli", "api", "scheduler", …
	Reason string
}

// ScheduleStore keeps the cursors of schedules and makes scheduled runs (T1).
type ScheduleStore interface {
	// DueSchedules returns up to limit cursors that have no next time yet or
	// whose next time has come, of workflows that are active, not paused and not
	// retired; the most overdue first.
	DueSchedules(ctx context.Context, limit int) (DueSchedules, error)
	// FireSchedules advances each cursor by compare-and-set on NextAt and Hash and
	// creates its runs; a cursor that another scheduler moved is left out with
	// its runs. It returns how many cursors moved. A slot that has a run already
	// gets no second one. A run whose Overlap is OverlapSkip is created as
	// skipped when the workflow has max_active_runs runs that are pending or
	// running; counted under the workflow's lock.
	FireSchedules(ctx context.Context, fires []Fire) (int, error)
}

// DueSchedules is the answer of ScheduleStore.DueSchedules.
type DueSchedules struct {
	Now  time.Time // the database's
	Due  []ScheduleCursor
	Next *time.Time // the earliest time after Now at which another is due; nil: none
}

// ScheduleCursor is the place that a schedule has reached.
type ScheduleCursor struct {
	WorkflowID   uuid.UUID
	WorkflowName string
	VersionID    uuid.UUID // the latest
	Schedule     Schedule
	Hash         string     // of Schedule, for the compare-and-set
	NextAt       *time.Time // nil: not computed yet
	LastAt       *time.Time // the last slot that was passed; nil: none
}

// Fire moves a cursor and makes its runs.
type Fire struct {
	Cursor ScheduleCursor // as DueSchedules returned it
	NextAt time.Time      // after Cursor.NextAt; zero: the schedule never fires again
	Runs   []NewRun
}

// NewRun is a run to be created.
type NewRun struct {
	ID                uuid.UUID // made by the caller with NewParentID
	WorkflowID        uuid.UUID
	VersionID         uuid.UUID
	Type              RunType
	ScheduleName      string
	LogicalDate       time.Time // zero: the database's time; of a scheduled run also its run_after
	DataIntervalStart time.Time // zero: LogicalDate
	Params            map[string]any
	IdempotencyKey    string // of a trigger; empty: none
	Overlap           Overlap
	By                Actor
}

// RunStore keeps workflow runs: creates (T1), starts (T2) and cancels (T8) them.
type RunStore interface {
	// CreateRun creates a pending run. The run_after of a manual one is the time of
	// its creation, whatever its logical date is. created is false if a run with
	// this ID or, in this workflow, this idempotency key or logical date of the same
	// schedule exists: then that run is returned unchanged. A retired workflow is a
	// CodeConflict.
	CreateRun(ctx context.Context, run NewRun) (r *WorkflowRun, created bool, err error)
	// StartRuns starts up to limit pending runs, the oldest of each workflow first,
	// where the workflow is not paused, has fewer than max_active_runs running ones
	// (counted under its lock), and run_after has come: task runs are written, fast
	// roots are queued up to max_active_tasks, other roots ask for a decision. A
	// workflow of which none can be started holds up no other: the error tells of
	// it, beside the runs of the others, which have started.
	StartRuns(ctx context.Context, limit int) ([]uuid.UUID, error)
	// CancelRun asks for the end of a run. A pending run is cancelled at once. Of
	// a running one the task runs that have not started are cancelled, the running
	// ones are flagged for their workers (Heartbeat), and the run ends when they
	// have. It is idempotent; a terminal run is returned as it is.
	CancelRun(ctx context.Context, cancel Cancel) (*WorkflowRun, error)
	// OverdueRuns returns up to limit running runs past their deadline that nobody
	// has cancelled yet, and the next deadline after now, if any.
	OverdueRuns(ctx context.Context, limit int) (overdue []uuid.UUID, next *time.Time, err error)
	// DeleteRuns deletes up to limit terminal runs that finished before the given
	// time, with their task runs, attempts and logs, and returns how many.
	DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error)

	FindRun(ctx context.Context, id uuid.UUID) (*WorkflowRun, error)
	// FindRunByNumber finds a run by its number; number 0 is the latest one.
	FindRunByNumber(ctx context.Context, workflowID uuid.UUID, number int64) (*WorkflowRun, error)
	// FindRuns returns a page, the newest first (by creation, then ID).
	FindRuns(ctx context.Context, filter RunFilter) ([]*WorkflowRun, error)
	// CountRuns counts what FindRuns would return over all pages, up to max.
	CountRuns(ctx context.Context, filter RunFilter, max int) (int, error)
	// CountTasks returns how many task runs of each of the runs are in each state.
	CountTasks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID]map[TaskStatus]int, error)
	// RunChanges returns the run and those of its task runs that may have changed
	// since the cursor, which is the Revision of an earlier answer, or 0 for all.
	// No change is ever missed, not even one of a slower transaction; one may come
	// twice. The new cursor is never less than the old one.
	RunChanges(ctx context.Context, runID uuid.UUID, since int64) (RunChanges, error)
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
	// retry becomes cancelled. Claims take the highest priority first, then the
	// oldest, and skip what others hold. ErrFenced if the session is inactive or
	// its lease has run out: then nothing was changed, and attempts end by Reap.
	// A draining session gets no claims.
	Exchange(ctx context.Context, request Exchange) (ExchangeResult, error)
	// Claimed returns the claims that an Exchange with this token has made and
	// that are still open: what to ask after an unknown outcome.
	Claimed(ctx context.Context, token uuid.UUID) ([]Claim, error)
	// PromoteRetries makes up to limit task runs whose retry delay is over
	// claimable and returns how many, and when the next delay ends, if any.
	PromoteRetries(ctx context.Context, limit int) (promoted int, next *time.Time, err error)

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
	// ApplyChanges writes the decisions for task runs that are still pending, moves
	// the children of those that became terminal, and ends the run if they were
	// the last. A request for a decision is answered only if its generation is
	// that of the change.
	ApplyChanges(ctx context.Context, runID uuid.UUID, changes []Change) error
	// TaskResults returns status, outputs and exit code of the task runs at the
	// given places.
	TaskResults(ctx context.Context, runID uuid.UUID, seqs []int) ([]*TaskRun, error)

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

// Finish is the end of one attempt.
type Finish struct {
	RunID    uuid.UUID
	Seq      int
	Token    uuid.UUID     // of its claim
	Attempt  AttemptStatus // success, failed, timed_out or cancelled
	Next     TaskStatus    // of the task run: success, failed, cancelled or up_for_retry, see FinishOf
	Delay    time.Duration // until the next attempt, for up_for_retry
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

// Decisions is the answer of TaskStore.LoadDecisions.
type Decisions struct {
	Run   *WorkflowRun
	Nodes []Node // Status pending, Generation set
}

// WorkerStore keeps the sessions of workers (T6, T7).
type WorkerStore interface {
	// StartSession registers a session under w.ID with a lease of that length.
	// A second session of the same name is refused with CodeConflict while the
	// lease of the first is alive. Sessions that ended more than a week ago are
	// forgotten.
	StartSession(ctx context.Context, w Worker, lease time.Duration) error
	// Heartbeat raises the session's beat, extends its lease, and tells what the
	// worker must know. held are the tokens and keys of the attempts it runs.
	// ErrFenced if the session is inactive.
	Heartbeat(ctx context.Context, sessionID uuid.UUID, held []HeldAttempt, lease time.Duration) (HeartbeatResult, error)
	// EndSession makes the session inactive. Attempts it still holds end by Reap.
	EndSession(ctx context.Context, sessionID uuid.UUID) error
	// Sessions returns the sessions that are not inactive.
	Sessions(ctx context.Context) ([]*Worker, error)
	// FenceSession makes a session inactive if its beat is still the given one,
	// and reports whether it did.
	FenceSession(ctx context.Context, sessionID uuid.UUID, beat int64) (bool, error)
	// Reap ends up to limit open attempts of inactive sessions as lost: the task
	// run is queued again at once or, after LossesMax losses, failed, or cancelled
	// if its run is being cancelled. It returns how many.
	Reap(ctx context.Context, limit int) (int, error)
	// FindWorkers returns all sessions that are not inactive, and those that ended
	// within the last day, newest first.
	FindWorkers(ctx context.Context) ([]*Worker, error)
}

// HeldAttempt is an attempt that a worker runs.
type HeldAttempt struct {
	RunID uuid.UUID
	Seq   int
	Token uuid.UUID
}

// HeartbeatResult is the answer of WorkerStore.Heartbeat.
type HeartbeatResult struct {
	Draining bool
	Cancel   []HeldAttempt // held attempts whose run is being cancelled
	NotOwned []HeldAttempt // held attempts that are not open for this session: kill them
}

// LogStore keeps the logs of attempts as compressed chunks.
type LogStore interface {
	// AppendLog stores chunks of one attempt, durable when it returns. A chunk
	// whose offset is stored already is left as it is. On each success TopicLog is
	// published for the run.
	AppendLog(ctx context.Context, key AttemptKey, chunks []LogChunk) error
	// ReadLog returns the chunks that hold bytes at or after offset, in order, at
	// most limit chunks. An attempt without a log has none.
	ReadLog(ctx context.Context, key AttemptKey, offset int64, limit int) ([]LogChunk, error)
	// LogSize returns how many bytes, uncompressed, the log has.
	LogSize(ctx context.Context, key AttemptKey) (int64, error)
}
