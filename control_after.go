package miniairflow

import (
	"context"
	"errors"
	"fmt"
)

// afterRunsMax bounds the runs of one workflow that are looked at for one logical date.
const afterRunsMax = 200

// StartAfter creates the run that the end of another run starts, or returns the one
// that it has started already; nil if it starts none: the workflow has changed, stands
// still, or waits for further workflows. Errors are those of TriggerWorkflow.
func (c *Control) StartAfter(ctx context.Context, end AfterEnd) (*WorkflowRun, error) {
	run, err := c.Store.FindRun(ctx, end.RunID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find run %s: %w", end.RunID, err)
	}
	w, err := c.Store.FindWorkflow(ctx, end.WorkflowID)
	if err != nil {
		return nil, fmt.Errorf("find workflow %s: %w", end.WorkflowID, err)
	}
	g, err := c.Store.FindDAG(ctx, w.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of workflow %q: %w", w.Name, err)
	}
	after := g.Definition.After()
	if after == nil || w.IsPaused() || w.RetiredAt != nil || !after.wants(run.WorkflowName, end.Status) {
		return nil, nil
	}
	labels, err := c.afterRuns(ctx, after, run)
	if err != nil || labels == nil {
		return nil, err
	}
	return c.TriggerWorkflow(ctx, TriggerRequest{
		Workflow: w.Name, LogicalDate: run.LogicalDate, DataIntervalStart: run.DataIntervalStart, IdempotencyKey: after.key(run),
		Cause: Cause{Kind: CauseAfter, Detail: listSome(labels)}, By: Actor{Name: SchedulerName},
	})
}

// afterRuns names the runs that start one together, the run that has just ended first;
// nil if others are still to come.
func (c *Control) afterRuns(ctx context.Context, after *AfterTrigger, run *WorkflowRun) ([]string, error) {
	labels := []string{run.Label()}
	if after.Any {
		return labels, nil
	}
	from, to := after.Match.Window(run.LogicalDate)
	for _, other := range after.Workflows {
		if other.Workflow == run.WorkflowName {
			continue
		}
		w, err := c.Store.FindWorkflowByName(ctx, other.Workflow)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find workflow %q: %w", other.Workflow, err)
		}
		runs, err := c.Store.FindRuns(ctx, RunFilter{WorkflowID: w.ID, Statuses: other.Status.Statuses(), From: &from, To: &to, Limit: afterRunsMax})
		if err != nil {
			return nil, fmt.Errorf("find runs of workflow %q: %w", other.Workflow, err)
		}
		i := indexWhole(runs)
		if i < 0 {
			return nil, nil
		}
		labels = append(labels, runs[i].Label())
	}
	return labels, nil
}

// indexWhole returns the place of the first run whose end is noted, or -1: that of all
// of its tasks, and of no backfill.
func indexWhole(runs []*WorkflowRun) int {
	for i, r := range runs {
		if r.Selection == nil && r.BackfillID == nil {
			return i
		}
	}
	return -1
}
