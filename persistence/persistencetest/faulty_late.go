package persistencetest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// DueDeadlines implements miniairflow.LateStore.
func (f *Faulty) DueDeadlines(ctx context.Context, limit int) (miniairflow.DueDeadlines, error) {
	return try(f, "DueDeadlines", func() (miniairflow.DueDeadlines, error) { return f.inner.DueDeadlines(ctx, limit) })
}

// NoteLate implements miniairflow.LateStore.
func (f *Faulty) NoteLate(ctx context.Context, look miniairflow.DeadlineLook, marks []miniairflow.LateMark, next *time.Time) error {
	return tryOnly(f, "NoteLate", func() error { return f.inner.NoteLate(ctx, look, marks, next) })
}

// UsualRuns implements miniairflow.LateStore.
func (f *Faulty) UsualRuns(ctx context.Context, run *miniairflow.WorkflowRun, limit int) ([]miniairflow.UsualRun, error) {
	return try(f, "UsualRuns", func() ([]miniairflow.UsualRun, error) { return f.inner.UsualRuns(ctx, run, limit) })
}

// TaskEnds implements miniairflow.LateStore.
func (f *Faulty) TaskEnds(ctx context.Context, runIDs []uuid.UUID, tasks []string) ([]miniairflow.TaskEnd, error) {
	return try(f, "TaskEnds", func() ([]miniairflow.TaskEnd, error) { return f.inner.TaskEnds(ctx, runIDs, tasks) })
}

// LateMarks implements miniairflow.LateStore.
func (f *Faulty) LateMarks(ctx context.Context, runIDs []uuid.UUID) (map[uuid.UUID][]miniairflow.LateMark, error) {
	return try(f, "LateMarks", func() (map[uuid.UUID][]miniairflow.LateMark, error) { return f.inner.LateMarks(ctx, runIDs) })
}
