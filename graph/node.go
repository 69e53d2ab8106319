package graph

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// node returns the thing with that id, whatever it is; nil: none.
func (r *Resolver) node(ctx context.Context, id uuid.UUID) (model.Node, error) {
	lookups := []func() (model.Node, error){
		func() (model.Node, error) { return asNode(r.taskRun(ctx, id)) },
		func() (model.Node, error) { return asNode(orNil(r.store.FindRun(ctx, id))) },
		func() (model.Node, error) { return asNode(orNil(r.store.FindWorkflow(ctx, id))) },
		func() (model.Node, error) { return asNode(orNil(r.store.FindVersion(ctx, id))) },
		func() (model.Node, error) { return asNode(r.worker(ctx, id)) },
		func() (model.Node, error) { return asNode(orNil(r.store.FindBackfill(ctx, id))) },
	}
	for _, lookup := range lookups {
		if found, err := lookup(); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// asNode keeps a nil pointer from becoming a Node that is not nil.
func asNode[T any](found *T, err error) (model.Node, error) {
	if found == nil || err != nil {
		return nil, err
	}
	return found, nil
}

func (r *Resolver) worker(ctx context.Context, id uuid.UUID) (*miniairflow.Worker, error) {
	workers, err := r.store.FindWorkers(ctx)
	if err != nil {
		return nil, fmt.Errorf("find workers: %w", err)
	}
	for _, w := range workers {
		if w.ID == id {
			return w, nil
		}
	}
	return nil, nil
}

func (r *Resolver) queueDepths(ctx context.Context) ([]*model.QueueDepth, error) {
	found, err := r.store.QueueDepth(ctx)
	if err != nil {
		return nil, fmt.Errorf("read depth of queues: %w", err)
	}
	depths := make([]*model.QueueDepth, 0, len(found))
	for _, queue := range slices.Sorted(maps.Keys(found)) {
		if found[queue] > 0 {
			depths = append(depths, &model.QueueDepth{Queue: queue, Depth: found[queue]})
		}
	}
	return depths, nil
}

func (r *Resolver) importErrors(ctx context.Context) ([]*miniairflow.ImportError, error) {
	found, err := r.store.FindImportErrors(ctx)
	return pointers(found), err
}
