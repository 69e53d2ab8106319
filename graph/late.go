package graph

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// lateMarks returns what of each run was not over at its deadline.
func (r *Resolver) lateMarks(ctx context.Context, runs []*miniairflow.WorkflowRun) ([][]*miniairflow.LateMark, error) {
	marks := make([][]*miniairflow.LateMark, len(runs))
	var ids []uuid.UUID
	for i, run := range runs {
		marks[i] = []*miniairflow.LateMark{}
		if run.LateAt != nil {
			ids = append(ids, run.ID)
		}
	}
	if len(ids) == 0 {
		return marks, nil
	}
	found, err := r.store.LateMarks(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("find late marks: %w", err)
	}
	for i, run := range runs {
		marks[i] = pointers(found[run.ID])
	}
	return marks, nil
}
