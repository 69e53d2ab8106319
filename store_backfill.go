package miniairflow

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// BackfillStore keeps backfills and makes their runs. A run of a backfill starts as
// soon as it is there, however many others of its workflow run: what bounds them is
// that a backfill has no more than Concurrency runs which are pending or running. One
// that has ended and was opened again by somebody does not count. Their task runs have
// PriorityBackfill, and so have those of the child runs below them.
type BackfillStore interface {
	// CreateBackfill creates a backfill with the ID, name and settings of b. created is
	// false if one with this ID, or one with this name and hash in the workflow, exists:
	// then that one is returned unchanged. CodeConflict: the name is taken by another
	// request, the workflow is retired, or it has BackfillsMax that are under way.
	CreateBackfill(ctx context.Context, b Backfill, by Actor) (made *Backfill, created bool, err error)
	// SetBackfillPaused pauses a backfill, which makes no runs then, or lets it go on,
	// and writes the audit log. The runs that it has made go on. It is idempotent; one
	// that is not running is returned as it is.
	SetBackfillPaused(ctx context.Context, id uuid.UUID, paused bool, by Actor) (*Backfill, error)
	// CancelBackfill ends a backfill and writes the audit log. Its runs that are not over
	// become runs of AbandonedRuns, unless they are to be kept. It is idempotent; one that
	// is not running is returned as it is.
	CancelBackfill(ctx context.Context, id uuid.UUID, keepRuns bool, by Actor) (*Backfill, error)
	// DueBackfills returns up to limit backfills of which AdvanceBackfill may move: they
	// have room for a run and dates left, or all of their runs are over, or their workflow
	// is retired. None makes a run while it or its workflow is paused. Those with a
	// Problem come last.
	DueBackfills(ctx context.Context, limit int) ([]*Backfill, error)
	// AdvanceBackfill takes the next Step of a backfill in one transaction: it creates the
	// runs that plan returns, one for each of the first dates, and moves the cursor. The
	// workflow is locked, so that what the dates have stays as it was seen. Each date is
	// gone over once, whoever asks and however often. One with no dates left and no run
	// that is not over becomes finished, one of a retired workflow cancelled. An error
	// of plan becomes its Problem, and nothing moves; plan must not use the store. Nothing
	// moves either while the next date is one that the schedule has not come to: its Problem
	// says so, and it is due until then. It reports whether anything moved.
	AdvanceBackfill(ctx context.Context, id uuid.UUID, plan BackfillPlan) (moved bool, err error)

	// DeleteBackfills deletes up to limit backfills that were over before the given time
	// and have no runs any more, and returns how many. Their names are free then.
	DeleteBackfills(ctx context.Context, endedBefore time.Time, limit int) (int, error)

	FindBackfill(ctx context.Context, id uuid.UUID) (*Backfill, error)
	// FindBackfills returns a page, the newest first (by creation, then ID).
	FindBackfills(ctx context.Context, filter BackfillFilter) ([]*Backfill, error)
	// CountBackfills counts what FindBackfills would return over all pages, up to max.
	CountBackfills(ctx context.Context, filter BackfillFilter, max int) (int, error)
	// CountBackfillRuns counts the runs of each of the backfills by state.
	CountBackfillRuns(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]map[RunStatus]int, error)
	// ViewBackfill returns what there is at the dates of a backfill, which need not be
	// stored.
	ViewBackfill(ctx context.Context, b *Backfill, dates []time.Time) (BackfillView, error)
}

// BackfillPlan makes the runs of the dates of a backfill, up to the first date whose run
// cannot be made; that of the very first one is an error.
type BackfillPlan func(b *Backfill, now time.Time, dates []BackfillDate) ([]NewRun, error)

// BackfillFilter chooses backfills. The zero value of a field does not restrict.
type BackfillFilter struct {
	WorkflowID uuid.UUID
	Name       string
	Statuses   []BackfillStatus
	Before     *RunCursor // page: backfills older than this one
	Limit      int        // 1 to 200; 0: 50
}
