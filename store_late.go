package miniairflow

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// LateStore keeps which runs and tasks were not over at their deadline.
type LateStore interface {
	// DueDeadlines returns up to limit runs of which a deadline may have passed, those
	// that wait longest first: each run of a workflow with deadlines when it is created,
	// and then when NoteLate has said.
	DueDeadlines(ctx context.Context, limit int) (DueDeadlines, error)
	// NoteLate keeps the marks of a run, each once, with notices for who is to be told, and when to look at it again; nil:
	// never. Nothing happens if another scheduler has looked at it since.
	NoteLate(ctx context.Context, look DeadlineLook, marks []LateMark, next *time.Time) error
	// UsualRuns returns up to limit of the latest runs by which one can tell how long a run
	// usually takes, but that one: successful ones of its workflow, by schedule and by
	// hand, of all tasks. Runs of backfills say nothing of it, since they wait for all others.
	UsualRuns(ctx context.Context, run *WorkflowRun, limit int) ([]UsualRun, error)
	// TaskEnds returns when the tasks of those names ended successfully, in those of the
	// runs in which they did.
	TaskEnds(ctx context.Context, runIDs []uuid.UUID, tasks []string) ([]TaskEnd, error)
	// LateMarks returns the marks of each of the runs, by deadline.
	LateMarks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID][]LateMark, error)
}

// DueDeadlines is the answer of LateStore.DueDeadlines.
type DueDeadlines struct {
	Now  time.Time // the database's
	Due  []DeadlineLook
	Next *time.Time // the earliest time after Now at which another is due; nil: none
}

// DeadlineLook is a run whose deadlines are to be looked at.
type DeadlineLook struct {
	Run *WorkflowRun
	At  time.Time // when the look was due
}

// UsualRun is when a run could begin, and when it was over.
type UsualRun struct {
	ID    uuid.UUID
	Began time.Time // what a schedule has made up for could not before it was there
	Ended time.Time
}

// TaskEnd is when a task of a run has ended.
type TaskEnd struct {
	RunID uuid.UUID
	Task  string // its name
	At    time.Time
}
