package graph

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// runFilter translates a filter. A workflow name that does not exist is
// ErrNotFound.
func (r *Resolver) runFilter(ctx context.Context, filter *model.WorkflowRunFilter) (miniairflow.RunFilter, error) {
	if filter == nil {
		return miniairflow.RunFilter{}, nil
	}
	f := miniairflow.RunFilter{Statuses: filter.Statuses}
	if filter.Workflow != nil {
		w, err := r.store.FindWorkflowByName(ctx, *filter.Workflow)
		if err != nil {
			return f, fmt.Errorf("find workflow %q: %w", *filter.Workflow, err)
		}
		f.WorkflowID = w.ID
	}
	return f, nil
}

func (r *Resolver) runs(ctx context.Context, first *int, after *string, filter *model.WorkflowRunFilter) (*model.WorkflowRunConnection, error) {
	f, err := r.runFilter(ctx, filter)
	if err != nil {
		return nil, err
	}
	return r.runPage(ctx, first, after, f)
}

func (r *Resolver) runPage(ctx context.Context, first *int, after *string, f miniairflow.RunFilter) (*model.WorkflowRunConnection, error) {
	list := query[*miniairflow.WorkflowRun, miniairflow.RunCursor]{encode: encodeRunCursor, decode: decodeRunCursor}
	list.find = func(ctx context.Context, after *miniairflow.RunCursor, limit int) ([]*miniairflow.WorkflowRun, error) {
		page := f
		page.Before, page.Limit = after, limit
		return r.store.FindRuns(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountRuns(ctx, f, max) }
	return list.page(ctx, first, after)
}

func (r *Resolver) runsOfWorkflow(ctx context.Context, w *miniairflow.Workflow, first *int, after *string, filter *model.WorkflowRunFilter) (*model.WorkflowRunConnection, error) {
	own := miniairflow.RunFilter{WorkflowID: w.ID}
	if filter != nil {
		if filter.Workflow != nil && *filter.Workflow != w.Name {
			return nil, invalid("filter.workflow is %q inside workflow %q: leave it out", *filter.Workflow, w.Name)
		}
		own.Statuses = filter.Statuses
	}
	return r.runPage(ctx, first, after, own)
}

// versionsOfRuns returns the version of each run.
func (r *Resolver) versionsOfRuns(ctx context.Context, runs []*miniairflow.WorkflowRun) ([]*miniairflow.WorkflowVersion, error) {
	return byKey(runs, func(run *miniairflow.WorkflowRun) uuid.UUID { return run.VersionID },
		func(id uuid.UUID) (*miniairflow.WorkflowVersion, error) { return r.versions.find(ctx, id) })
}

// taskStates returns for each run how many of its task runs are in each state.
func (r *Resolver) taskStates(ctx context.Context, runs []*miniairflow.WorkflowRun) ([][]*model.TaskStateCount, error) {
	ids := make([]uuid.UUID, len(runs))
	for i, run := range runs {
		ids[i] = run.ID
	}
	counts, err := r.store.CountTasks(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("count task runs: %w", err)
	}
	states := make([][]*model.TaskStateCount, len(runs))
	for i, id := range ids {
		states[i] = []*model.TaskStateCount{}
		for _, status := range miniairflow.TaskStatuses {
			if n := counts[id][status]; n > 0 {
				states[i] = append(states[i], &model.TaskStateCount{Status: status, Count: n})
			}
		}
	}
	return states, nil
}
