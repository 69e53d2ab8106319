package graph

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

func (r *Resolver) createBackfill(ctx context.Context, input model.CreateBackfillInput) (*model.CreateBackfillPayload, error) {
	request := miniairflow.BackfillRequest{
		Workflow: input.Workflow, Name: valueOr(input.Name, ""), Schedule: valueOr(input.Schedule, ""), From: input.From, To: input.To,
		Mode: valueOr(input.Mode, miniairflow.BackfillMissing), Order: valueOr(input.Order, miniairflow.BackfillOldest),
		Concurrency: valueOr(input.Concurrency, miniairflow.BackfillConcurrencyDefault), Params: input.Params,
		Selection: miniairflow.Selection{Only: input.Only, From: input.FromTasks, Until: input.UntilTasks}, By: actor(ctx, input.Reason),
	}
	if valueOr(input.DryRun, false) {
		_, dates, err := r.control.PlanBackfill(ctx, request)
		problems, err := userErrors(err, "workflow")
		return &model.CreateBackfillPayload{Dates: pointers(dates), UserErrors: problems}, err
	}
	b, isNew, err := r.control.CreateBackfill(ctx, request)
	problems, err := userErrors(err, "workflow")
	return &model.CreateBackfillPayload{Backfill: b, IsNew: isNew, UserErrors: problems}, err
}

func (r *Resolver) setBackfillPaused(ctx context.Context, id uuid.UUID, paused bool, reason *string) (*miniairflow.Backfill, []*model.UserError, error) {
	b, err := r.control.SetBackfillPaused(ctx, id, paused, actor(ctx, reason))
	problems, err := userErrors(err, "id")
	return b, problems, err
}

func (r *Resolver) cancelBackfill(ctx context.Context, input model.CancelBackfillInput) (*model.CancelBackfillPayload, error) {
	b, err := r.control.CancelBackfill(ctx, input.ID, valueOr(input.KeepRuns, false), actor(ctx, input.Reason))
	problems, err := userErrors(err, "id")
	return &model.CancelBackfillPayload{Backfill: b, UserErrors: problems}, err
}

func (r *Resolver) backfills(ctx context.Context, first *int, after *string, filter *model.BackfillFilter) (*model.BackfillConnection, error) {
	var f miniairflow.BackfillFilter
	if filter != nil {
		f = miniairflow.BackfillFilter{Name: valueOr(filter.Name, ""), Statuses: filter.Statuses}
	}
	if filter != nil && filter.Workflow != nil {
		w, err := r.store.FindWorkflowByName(ctx, *filter.Workflow)
		if err != nil {
			return nil, fmt.Errorf("find workflow %q: %w", *filter.Workflow, err)
		}
		f.WorkflowID = w.ID
	}
	list := query[*miniairflow.Backfill, miniairflow.RunCursor]{encode: encodeBackfillCursor, decode: decodeBackfillCursor}
	list.find = func(ctx context.Context, after *miniairflow.RunCursor, limit int) ([]*miniairflow.Backfill, error) {
		page := f
		page.Before, page.Limit = after, limit
		return r.store.FindBackfills(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountBackfills(ctx, f, max) }
	return list.page(ctx, first, after)
}

// holds says for each backfill why its workflow lets it make no runs; nil: it lets it.
func (r *Resolver) holds(ctx context.Context, backfills []*miniairflow.Backfill) ([]*string, error) {
	workflows, err := byKey(backfills, func(b *miniairflow.Backfill) uuid.UUID { return b.WorkflowID },
		func(id uuid.UUID) (*miniairflow.Workflow, error) { return r.store.FindWorkflow(ctx, id) })
	if err != nil {
		return nil, fmt.Errorf("find workflows of backfills: %w", err)
	}
	holds := make([]*string, len(backfills))
	for i, b := range backfills {
		holds[i] = model.OrNull(b.Hold(workflows[i]))
	}
	return holds, nil
}

// backfillsOf returns the backfill that each run is part of; nil: none.
func (r *Resolver) backfillsOf(ctx context.Context, runs []*miniairflow.WorkflowRun) ([]*miniairflow.Backfill, error) {
	return byKey(runs, func(run *miniairflow.WorkflowRun) uuid.UUID { return valueOr(run.BackfillID, uuid.Nil) },
		func(id uuid.UUID) (*miniairflow.Backfill, error) {
			if id == uuid.Nil {
				return nil, nil
			}
			return orNil(r.store.FindBackfill(ctx, id))
		})
}

// runStates returns for each backfill how many of its runs are in each state.
func (r *Resolver) runStates(ctx context.Context, backfills []*miniairflow.Backfill) ([][]*model.RunStateCount, error) {
	ids := make([]uuid.UUID, len(backfills))
	for i, b := range backfills {
		ids[i] = b.ID
	}
	counts, err := r.store.CountBackfillRuns(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("count runs of backfills: %w", err)
	}
	states := make([][]*model.RunStateCount, len(backfills))
	for i, id := range ids {
		states[i] = []*model.RunStateCount{}
		for _, status := range miniairflow.RunStatuses {
			if n := counts[id][status]; n > 0 {
				states[i] = append(states[i], &model.RunStateCount{Status: status, Count: n})
			}
		}
	}
	return states, nil
}
