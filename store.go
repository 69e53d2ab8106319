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
	FileStore
	ScheduleStore
	AfterStore
	ArrivalStore
	MissedStore
	PoolStore
	VarStore
	SecretStore
	TokenStore
	NotificationStore
	RunStore
	BackfillStore
	LateStore
	TaskStore
	WorkerStore
	LogStore
	ArtifactStore
	AuditStore

	// Bus returns the bus that carries this store's events.
	Bus() *Bus
	// Now returns the database's time; it is also the check that the database answers.
	Now(ctx context.Context) (time.Time, error)
	// Close waits for running calls and releases the database.
	Close() error
}

// CatalogStore keeps workflows, their versions, and import errors.
type CatalogStore interface {
	// SyncFiles writes what the loader found, as if one file came after the other,
	// and returns one result per file. Some files share a transaction, and each is
	// written wholly or not at all; after an error those before may be written. A
	// definition whose hash is that of its latest version makes no version.
	// Schedules of a changed definition keep their cursor where name and hash are
	// the same; others start without one (see DueSchedules). Workflows that came
	// from the file and are not among its definitions are retired, unless the file
	// has problems: then they stay as they are. The pending runs of a retired
	// workflow are cancelled; those that have started go on. The import errors of
	// the file are replaced; an equal one keeps its Since.
	SyncFiles(ctx context.Context, files []FileSync) ([]FileResult, error)
	// RetireFile retires the workflows of a file that is gone, as SyncFiles does,
	// and drops its import errors.
	RetireFile(ctx context.Context, path string) error
	// SourceFiles returns the files that have workflows or import errors, sorted.
	SourceFiles(ctx context.Context) ([]SourceFile, error)

	FindWorkflow(ctx context.Context, id uuid.UUID) (*Workflow, error)
	// FindWorkflowByName finds retired workflows too.
	FindWorkflowByName(ctx context.Context, name string) (*Workflow, error)
	// FindWorkflows returns a page ordered by name.
	FindWorkflows(ctx context.Context, filter WorkflowFilter) ([]*Workflow, error)
	// CountWorkflows counts what FindWorkflows would return over all pages.
	CountWorkflows(ctx context.Context, filter WorkflowFilter) (int, error)
	// FindVersion returns a version. Its definition is that of FindDAG.
	FindVersion(ctx context.Context, id uuid.UUID) (*WorkflowVersion, error)
	// FindDAG returns the shape of a version. The store keeps those that were used
	// last and gives all callers the same one, which nobody may change.
	FindDAG(ctx context.Context, versionID uuid.UUID) (*DAG, error)
	// FindSelectedDAG returns the shape of a run of a version: DAG.Select of what
	// FindDAG returns, kept in the same way.
	FindSelectedDAG(ctx context.Context, versionID uuid.UUID, selection *Selection) (*DAG, error)
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
	Commit      *Commit       // that new versions are noted with; nil: none
	Hash        string        // of all that this was made from, to know it again; empty: it is read again after each start
}

// SourceFile is a file of which the store has something.
type SourceFile struct {
	Path string
	// Hash is that of the last FileSync of the file, if the store has all of it and
	// nothing else: it had no problem and no name that belongs to others. Else it is empty.
	Hash string
}

// DefinitionAt is a definition with the place of its name in the file.
type DefinitionAt struct {
	*Definition
	Line     int
	Column   int
	Calls    []Call        // of its tasks that run workflows
	After    []Call        // the workflows that it starts after
	Warnings []ImportError // what it hardly means, but may say
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

// IsScheduler reports whether nobody has asked: what a scheduler does by itself it tries
// again, and so it does not wait long for a lock. No token has its name.
func (a Actor) IsScheduler() bool { return a.Name == SchedulerName }

// ScheduleStore keeps the cursors of schedules and makes scheduled runs (T1).
type ScheduleStore interface {
	// DueSchedules returns up to limit cursors that have no next time yet or
	// whose next time has come, of workflows that are active, not paused and not
	// retired; the most overdue first.
	DueSchedules(ctx context.Context, limit int) (DueSchedules, error)
	// FindCursors returns where the schedules of a workflow are. Another scheduler may
	// have some of them in its hands.
	FindCursors(ctx context.Context, workflowID uuid.UUID) (WorkflowCursors, error)
	// FireSchedules advances each cursor by compare-and-set on NextAt, Since and Hash,
	// creates its runs and keeps what it leaves out; a cursor that another scheduler
	// moved, or whose workflow somebody else holds at the time, is left out with both. It
	// returns how many cursors moved. A slot that has a run already
	// gets no second one. A run whose Overlap is OverlapSkip is created as
	// skipped when the workflow has max_active_runs runs that are pending or
	// running; counted under the workflow's lock.
	FireSchedules(ctx context.Context, fires []Fire) (int, error)
	// FireDue is DueSchedules and FireSchedules of what plan makes of its answer,
	// but for the cursors that another scheduler has in its hands at the time: these
	// are left to it. Of many runs it makes a part; the other cursors stay due. plan may
	// be called again, with another answer; it must not use the store. Next is set
	// when no cursor moved: to Now if others have due cursors, or their workflows, in
	// their hands. Cursors whose workflow somebody was seen to hold are not planned again
	// while it is held.
	FireDue(ctx context.Context, limit int, plan FirePlan) (due DueSchedules, moved int, err error)
}

// FirePlan decides what to do with due cursors. It may leave some out.
type FirePlan func(due DueSchedules) []Fire

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
	Schedules    ScheduleGroup
	Hash         string     // of Schedules, for the compare-and-set
	Params       []Param    // as Definition.ParamsOf has them, for the parameters of its runs
	NextAt       *time.Time // when the run of the next slot is to start; nil: not computed yet
	Since        time.Time  // when the cursor began: it owes no slot up to then
	LastAt       *time.Time // when the last run that was made, or passed over, was to start; nil: none
}

// Fire moves a cursor and makes its runs.
type Fire struct {
	Cursor ScheduleCursor // as DueSchedules returned it
	NextAt time.Time      // after Cursor.NextAt; zero: the schedule never fires again
	Runs   []NewRun       // of slots that come one after the other, oldest first
	Left   []MissedRange  // slots that it passes without a run
}

// NewRun is a run to be created.
type NewRun struct {
	ID                uuid.UUID // made by the caller with NewParentID
	WorkflowID        uuid.UUID
	VersionID         uuid.UUID
	Type              RunType
	Cause             Cause // see CauseOf
	ScheduleName      string
	LogicalDate       time.Time // zero: the database's time
	RunAfter          time.Time // of a scheduled run, not before LogicalDate; zero: LogicalDate
	DataIntervalStart time.Time // zero: LogicalDate
	Params            map[string]any
	Parent            *Parent    // of a RunChild, and only of one
	BackfillID        uuid.UUID  // of a RunBackfill, and only of one
	Selection         *Selection // that DAG.Select takes; nil: all tasks
	IdempotencyKey    string     // of a trigger; empty: none
	Overlap           Overlap
	By                Actor
}

// Parent is the attempt for which a child run is created.
type Parent struct {
	TaskRunKey
	Token uuid.UUID // of its claim
}
