package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// startsShown bounds the workflows that are listed of those that start after another one.
const startsShown = 200

func (r *Resolver) workflows(ctx context.Context, first *int, after *string, filter *model.WorkflowFilter) (*model.WorkflowConnection, error) {
	var f miniairflow.WorkflowFilter
	if filter != nil {
		f = miniairflow.WorkflowFilter{
			Search: valueOr(filter.Search, ""), Tag: valueOr(filter.Tag, ""), Paused: filter.IsPaused,
			IncludeRetired: valueOr(filter.IncludeRetired, false),
		}
	}
	list := query[*miniairflow.Workflow, string]{encode: encodeWorkflowCursor, decode: decodeWorkflowCursor}
	list.find = func(ctx context.Context, after *string, limit int) ([]*miniairflow.Workflow, error) {
		page := f
		page.AfterName, page.Limit = valueOr(after, ""), limit
		return r.store.FindWorkflows(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) {
		n, err := r.store.CountWorkflows(ctx, f)
		return min(n, max), err
	}
	return list.page(ctx, first, after)
}

func (r *Resolver) versionsOfWorkflow(ctx context.Context, w *miniairflow.Workflow, first *int) ([]*miniairflow.WorkflowVersion, error) {
	limit, err := pageSize(first)
	if err != nil {
		return nil, err
	}
	return r.store.FindVersions(ctx, w.ID, limit)
}

// startsOf returns the names of the workflows that start after each of some workflows.
func (r *Resolver) startsOf(ctx context.Context, workflows []*miniairflow.Workflow) ([][]string, error) {
	names := make([]string, len(workflows))
	for i, w := range workflows {
		names[i] = w.Name
	}
	followers, err := r.store.Followers(ctx, names, startsShown)
	starts := make([][]string, len(workflows))
	for i, name := range names {
		starts[i] = followers[name]
	}
	return starts, err
}

// areThere reports of workflows after which another one starts whether there are such.
func (r *Resolver) areThere(ctx context.Context, upstreams []*miniairflow.AfterWorkflow) ([]bool, error) {
	return byKey(upstreams, func(w *miniairflow.AfterWorkflow) string { return w.Workflow },
		func(name string) (bool, error) {
			w, err := orNil(r.store.FindWorkflowByName(ctx, name))
			return w != nil && w.RetiredAt == nil, err
		})
}

// latestRuns returns the newest run of each workflow; nil: none.
func (r *Resolver) latestRuns(ctx context.Context, workflows []*miniairflow.Workflow) ([]*miniairflow.WorkflowRun, error) {
	return byKey(workflows, func(w *miniairflow.Workflow) uuid.UUID { return w.ID },
		func(id uuid.UUID) (*miniairflow.WorkflowRun, error) {
			return orNil(r.store.FindRunByNumber(ctx, id, 0))
		})
}

// runByNumber returns the run with that number, which counts from 1; nil: none.
func (r *Resolver) runByNumber(ctx context.Context, w *miniairflow.Workflow, number int64) (*miniairflow.WorkflowRun, error) {
	if number < 1 {
		return nil, nil // the store takes 0 for the latest one
	}
	return orNil(r.store.FindRunByNumber(ctx, w.ID, number))
}

// workflowsOf returns the workflow of each run.
func (r *Resolver) workflowsOf(ctx context.Context, runs []*miniairflow.WorkflowRun) ([]*miniairflow.Workflow, error) {
	return byKey(runs, func(run *miniairflow.WorkflowRun) uuid.UUID { return run.WorkflowID },
		func(id uuid.UUID) (*miniairflow.Workflow, error) { return r.store.FindWorkflow(ctx, id) })
}
