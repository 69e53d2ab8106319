package persistencetest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// CreateBackfill implements miniairflow.BackfillStore.
func (f *Faulty) CreateBackfill(ctx context.Context, b miniairflow.Backfill, by miniairflow.Actor) (*miniairflow.Backfill, bool, error) {
	return tryTwo(f, "CreateBackfill", func() (*miniairflow.Backfill, bool, error) { return f.inner.CreateBackfill(ctx, b, by) })
}

// SetBackfillPaused implements miniairflow.BackfillStore.
func (f *Faulty) SetBackfillPaused(ctx context.Context, id uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.Backfill, error) {
	return try(f, "SetBackfillPaused", func() (*miniairflow.Backfill, error) { return f.inner.SetBackfillPaused(ctx, id, paused, by) })
}

// CancelBackfill implements miniairflow.BackfillStore.
func (f *Faulty) CancelBackfill(ctx context.Context, id uuid.UUID, keepRuns bool, by miniairflow.Actor) (*miniairflow.Backfill, error) {
	return try(f, "CancelBackfill", func() (*miniairflow.Backfill, error) { return f.inner.CancelBackfill(ctx, id, keepRuns, by) })
}

// DueBackfills implements miniairflow.BackfillStore.
func (f *Faulty) DueBackfills(ctx context.Context, limit int) ([]*miniairflow.Backfill, error) {
	return try(f, "DueBackfills", func() ([]*miniairflow.Backfill, error) { return f.inner.DueBackfills(ctx, limit) })
}

// AdvanceBackfill implements miniairflow.BackfillStore.
func (f *Faulty) AdvanceBackfill(ctx context.Context, id uuid.UUID, plan miniairflow.BackfillPlan) (bool, error) {
	return try(f, "AdvanceBackfill", func() (bool, error) { return f.inner.AdvanceBackfill(ctx, id, plan) })
}

// DeleteBackfills implements miniairflow.BackfillStore.
func (f *Faulty) DeleteBackfills(ctx context.Context, endedBefore time.Time, limit int) (int, error) {
	return try(f, "DeleteBackfills", func() (int, error) { return f.inner.DeleteBackfills(ctx, endedBefore, limit) })
}

// FindBackfill implements miniairflow.BackfillStore.
func (f *Faulty) FindBackfill(ctx context.Context, id uuid.UUID) (*miniairflow.Backfill, error) {
	return try(f, "FindBackfill", func() (*miniairflow.Backfill, error) { return f.inner.FindBackfill(ctx, id) })
}

// FindBackfills implements miniairflow.BackfillStore.
func (f *Faulty) FindBackfills(ctx context.Context, filter miniairflow.BackfillFilter) ([]*miniairflow.Backfill, error) {
	return try(f, "FindBackfills", func() ([]*miniairflow.Backfill, error) { return f.inner.FindBackfills(ctx, filter) })
}

// CountBackfills implements miniairflow.BackfillStore.
func (f *Faulty) CountBackfills(ctx context.Context, filter miniairflow.BackfillFilter, max int) (int, error) {
	return try(f, "CountBackfills", func() (int, error) { return f.inner.CountBackfills(ctx, filter, max) })
}

// CountBackfillRuns implements miniairflow.BackfillStore.
func (f *Faulty) CountBackfillRuns(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]map[miniairflow.RunStatus]int, error) {
	return try(f, "CountBackfillRuns", func() (map[uuid.UUID]map[miniairflow.RunStatus]int, error) {
		return f.inner.CountBackfillRuns(ctx, ids)
	})
}

// ViewBackfill implements miniairflow.BackfillStore.
func (f *Faulty) ViewBackfill(ctx context.Context, b *miniairflow.Backfill, dates []time.Time) (miniairflow.BackfillView, error) {
	return try(f, "ViewBackfill", func() (miniairflow.BackfillView, error) { return f.inner.ViewBackfill(ctx, b, dates) })
}
