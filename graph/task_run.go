package graph

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

func (r *Resolver) taskRun(ctx context.Context, id uuid.UUID) (*miniairflow.TaskRun, error) {
	run, seq, ok := miniairflow.SplitMemberID(id)
	if !ok {
		return nil, nil
	}
	return orNil(r.store.FindTaskRun(ctx, run, seq))
}

func (r *Resolver) taskRuns(ctx context.Context, first *int, after *string, filter *model.TaskRunFilter) (*model.TaskRunConnection, error) {
	var f miniairflow.TaskRunFilter
	if filter != nil {
		f = miniairflow.TaskRunFilter{RunID: valueOr(filter.WorkflowRunID, uuid.Nil), Statuses: filter.Statuses}
	}
	list := query[*miniairflow.TaskRun, miniairflow.TaskRunKey]{encode: encodeTaskRunCursor, decode: decodeTaskRunCursor}
	list.find = func(ctx context.Context, after *miniairflow.TaskRunKey, limit int) ([]*miniairflow.TaskRun, error) {
		page := f
		page.After, page.Limit = after, limit
		return r.store.FindTaskRuns(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountTaskRuns(ctx, f, max) }
	return list.page(ctx, first, after)
}

func (r *Resolver) taskRunsOfRun(ctx context.Context, run *miniairflow.WorkflowRun, first *int, after *string, filter *model.TaskRunFilter) (*model.TaskRunConnection, error) {
	own := model.TaskRunFilter{WorkflowRunID: &run.ID}
	if filter != nil {
		if filter.WorkflowRunID != nil && *filter.WorkflowRunID != run.ID {
			return nil, invalid("filter.workflowRunId is another run's inside run %s: leave it out", run.ID)
		}
		own.Statuses = filter.Statuses
	}
	return r.taskRuns(ctx, first, after, &own)
}

// runsOf returns the run of each task run.
func (r *Resolver) runsOf(ctx context.Context, taskRuns []*miniairflow.TaskRun) ([]*miniairflow.WorkflowRun, error) {
	return byKey(taskRuns, func(t *miniairflow.TaskRun) uuid.UUID { return t.RunID },
		func(id uuid.UUID) (*miniairflow.WorkflowRun, error) { return r.store.FindRun(ctx, id) })
}

// tasksOfTaskRuns returns what the workflow's file says of each task run.
func (r *Resolver) tasksOfTaskRuns(ctx context.Context, taskRuns []*miniairflow.TaskRun) ([]*miniairflow.Task, error) {
	versions, err := byKey(taskRuns, func(t *miniairflow.TaskRun) uuid.UUID { return t.RunID },
		func(id uuid.UUID) (*miniairflow.WorkflowVersion, error) { return r.versionOfRun(ctx, id) })
	if err != nil {
		return nil, err
	}
	tasks := make([]*miniairflow.Task, len(taskRuns))
	for i, t := range taskRuns {
		if tasks[i] = versions[i].Definition.TaskAt(t.Seq); tasks[i] == nil {
			return nil, fmt.Errorf("version %s has no task %d", versions[i].ID, t.Seq)
		}
	}
	return tasks, nil
}

// versionOfRun returns the version that a run executes now: a rerun may have
// given it a later one.
func (r *Resolver) versionOfRun(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowVersion, error) {
	run, err := r.store.FindRun(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find run %s: %w", id, err)
	}
	return r.versions.find(ctx, run.VersionID)
}

func (r *Resolver) dependsOn(ctx context.Context, taskRuns []*miniairflow.TaskRun) ([][]string, error) {
	tasks, err := r.tasksOfTaskRuns(ctx, taskRuns)
	if err != nil {
		return nil, err
	}
	names := make([][]string, len(tasks))
	for i, t := range tasks {
		names[i] = append([]string{}, t.DependsOn...)
	}
	return names, nil
}

// attempts returns the attempts of each task run, the oldest first.
func (r *Resolver) attempts(ctx context.Context, taskRuns []*miniairflow.TaskRun) ([][]*miniairflow.TaskAttempt, error) {
	keys := make([]miniairflow.TaskRunKey, len(taskRuns))
	for i, t := range taskRuns {
		keys[i] = miniairflow.TaskRunKey{RunID: t.RunID, Seq: t.Seq}
	}
	found, err := r.store.FindAttempts(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("find attempts: %w", err)
	}
	attempts := make([][]*miniairflow.TaskAttempt, len(keys))
	for i, key := range keys {
		attempts[i] = append([]*miniairflow.TaskAttempt{}, found[key]...)
	}
	return attempts, nil
}
