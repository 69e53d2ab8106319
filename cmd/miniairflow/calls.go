package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// pageSize is the largest page that the API gives.
const pageSize = 200

// findWorkflows returns all workflows whose name contains search.
func (c *client) findWorkflows(ctx context.Context, search string) ([]workflowView, error) {
	all := []workflowView{}
	var after *string
	for {
		var data struct {
			Workflows struct {
				Nodes    []workflowView
				PageInfo pageInfo
			}
		}
		err := c.query(ctx, `query($first: Int, $after: String, $search: String) {
			workflows(first: $first, after: $after, filter: {search: $search}) { nodes { `+workflowFields+` } pageInfo { hasNextPage endCursor } } }`,
			map[string]any{"first": pageSize, "after": after, "search": search}, &data)
		if err != nil {
			return nil, err
		}
		all = append(all, data.Workflows.Nodes...)
		if !data.Workflows.PageInfo.HasNextPage {
			return all, nil
		}
		after = &data.Workflows.PageInfo.EndCursor
	}
}

type pageInfo struct {
	HasNextPage bool
	EndCursor   string
}

// findWorkflow returns the workflow of that name.
func (c *client) findWorkflow(ctx context.Context, name string) (*workflowView, error) {
	var data struct{ Workflow *workflowView }
	if err := c.query(ctx, `query($name: String!) { workflow(name: $name) { `+workflowFields+` `+versionFields+` `+namedFields+` `+startFields+` } }`, map[string]any{"name": name}, &data); err != nil {
		return nil, err
	}
	if data.Workflow == nil {
		return nil, noWorkflow(name)
	}
	return data.Workflow, nil
}

// setPaused pauses or unpauses a workflow.
func (c *client) setPaused(ctx context.Context, name string, paused bool, reason string) (*workflowView, error) {
	mutation := "unpauseWorkflow"
	if paused {
		mutation = "pauseWorkflow"
	}
	input := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!"
	var data map[string]struct {
		Workflow   *workflowView
		UserErrors []userError
	}
	err := c.query(ctx, `mutation($input: `+input+`) { `+mutation+`(input: $input) { workflow { `+workflowFields+` } userErrors { message code field } } }`,
		map[string]any{"input": map[string]any{"workflow": name, "reason": reason}}, &data)
	if err != nil {
		return nil, err
	}
	if err := firstUserError(data[mutation].UserErrors); err != nil {
		return nil, err
	}
	return data[mutation].Workflow, nil
}

// findNamed returns what the workflow of that name names; nothing if there is none.
func (c *client) findNamed(ctx context.Context, workflow string) (*namedView, error) {
	var data struct{ Workflow namedView }
	err := c.query(ctx, `query($name: String!) { workflow(name: $name) { `+namedFields+` } }`, map[string]any{"name": workflow}, &data)
	return &data.Workflow, err
}

// trigger creates a run.
func (c *client) trigger(ctx context.Context, input map[string]any) (*runView, error) {
	var data struct {
		TriggerWorkflow struct {
			WorkflowRun *runView
			UserErrors  []userError
		}
	}
	err := c.query(ctx, `mutation($input: TriggerWorkflowInput!) { triggerWorkflow(input: $input) { workflowRun { `+runFields+` } userErrors { message code field } } }`,
		map[string]any{"input": input}, &data)
	if err != nil {
		return nil, err
	}
	if err := firstUserError(data.TriggerWorkflow.UserErrors); err != nil {
		return nil, err
	}
	return data.TriggerWorkflow.WorkflowRun, nil
}

// findRuns returns the newest runs, at most limit.
func (c *client) findRuns(ctx context.Context, workflow string, statuses []string, limit int) ([]runView, error) {
	filter := map[string]any{}
	if workflow != "" {
		filter["workflow"] = workflow
	}
	if len(statuses) > 0 {
		filter["statuses"] = statuses
	}
	var data struct{ WorkflowRuns struct{ Nodes []runView } }
	err := c.query(ctx, `query($first: Int, $filter: WorkflowRunFilter) { workflowRuns(first: $first, filter: $filter) { nodes { `+runFields+` } } }`,
		map[string]any{"first": min(limit, pageSize), "filter": filter}, &data)
	return data.WorkflowRuns.Nodes, err
}

// findRun returns the run that ref names: an id, "daily-etl#142", or
// "daily-etl@latest".
func (c *client) findRun(ctx context.Context, ref string) (*runView, error) {
	missing := miniairflow.Errorf(miniairflow.CodeNotFound, "no run is called %q; `miniairflow runs list` shows them", ref)
	if _, err := uuid.Parse(ref); err == nil {
		var data struct{ WorkflowRun *runView }
		if err := c.query(ctx, `query($id: ID!) { workflowRun(id: $id) { `+runFields+` } }`, map[string]any{"id": ref}, &data); err != nil {
			return nil, err
		}
		if data.WorkflowRun == nil {
			return nil, missing
		}
		return data.WorkflowRun, nil
	}
	if name, number, ok := strings.Cut(ref, "#"); ok {
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 1 {
			return nil, usageErrorf("run %q: write a number after the #, as in %s#1", ref, name)
		}
		var data struct{ Workflow *struct{ Run *runView } }
		if err := c.query(ctx, `query($name: String!, $number: Int64!) { workflow(name: $name) { run(number: $number) { `+runFields+` } } }`,
			map[string]any{"name": name, "number": n}, &data); err != nil {
			return nil, err
		}
		if data.Workflow == nil || data.Workflow.Run == nil {
			return nil, missing
		}
		return data.Workflow.Run, nil
	}
	if name, ok := strings.CutSuffix(ref, "@latest"); ok {
		w, err := c.findWorkflow(ctx, name)
		if err != nil {
			return nil, err
		}
		if w.LatestRun == nil {
			return nil, missing
		}
		return w.LatestRun, nil
	}
	return nil, usageErrorf("run %q: name it by its id, as workflow#number, or as workflow@latest", ref)
}

// findTaskRuns returns all task runs of a run with their attempts, in file order.
func (c *client) findTaskRuns(ctx context.Context, runID string) ([]taskRunView, error) {
	all := []taskRunView{}
	var after *string
	for {
		var data struct {
			WorkflowRun *struct {
				TaskRuns struct {
					Nodes    []taskRunView
					PageInfo pageInfo
				}
			}
		}
		err := c.query(ctx, `query($id: ID!, $first: Int, $after: String) { workflowRun(id: $id) {
			taskRuns(first: $first, after: $after) { nodes { `+taskRunFields+` waitReason childRun `+childFields+` `+attemptFields+` } pageInfo { hasNextPage endCursor } } } }`,
			map[string]any{"id": runID, "first": pageSize, "after": after}, &data)
		if err != nil {
			return nil, err
		}
		if data.WorkflowRun == nil {
			return nil, fmt.Errorf("run %s is gone", runID)
		}
		all = append(all, data.WorkflowRun.TaskRuns.Nodes...)
		if !data.WorkflowRun.TaskRuns.PageInfo.HasNextPage {
			return all, nil
		}
		after = &data.WorkflowRun.TaskRuns.PageInfo.EndCursor
	}
}
