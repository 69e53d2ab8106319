package graph

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// missedSlots returns a page of the slots of a workflow that have got no run.
func (r *Resolver) missedSlots(ctx context.Context, w *miniairflow.Workflow, first *int, after *string) (*model.MissedSlotsConnection, error) {
	f := miniairflow.MissedFilter{WorkflowID: w.ID}
	list := query[*miniairflow.MissedSlots, int64]{encode: encodeMissedCursor, decode: decodeMissedCursor}
	list.find = func(ctx context.Context, after *int64, limit int) ([]*miniairflow.MissedSlots, error) {
		page := f
		page.Before, page.Limit = valueOr(after, 0), limit
		return r.store.FindMissedSlots(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountMissedSlots(ctx, f, max) }
	return list.page(ctx, first, after)
}

// dueSlots returns what would become of the due slots of a workflow now.
func (r *Resolver) dueSlots(ctx context.Context, w *miniairflow.Workflow) ([]*miniairflow.DueSlots, error) {
	cursors, err := r.store.FindCursors(ctx, w.ID)
	if err != nil {
		return nil, err
	}
	due, err := miniairflow.PreviewDue(w, cursors)
	if err != nil {
		return nil, err
	}
	list := make([]*miniairflow.DueSlots, len(due))
	for i := range due {
		list[i] = &due[i]
	}
	return list, nil
}
