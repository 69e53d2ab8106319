package graph

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// childRuns returns the latest child run of each task run; nil where there is none.
func (r *Resolver) childRuns(ctx context.Context, taskRuns []*miniairflow.TaskRun) ([]*miniairflow.WorkflowRun, error) {
	tasks, err := r.tasksOfTaskRuns(ctx, taskRuns)
	if err != nil {
		return nil, err
	}
	runs := make([]*miniairflow.WorkflowRun, len(taskRuns))
	var keys []miniairflow.TaskRunKey
	for i, t := range taskRuns {
		if tasks[i].Workflow != nil {
			keys = append(keys, miniairflow.TaskRunKey{RunID: t.RunID, Seq: t.Seq})
		}
	}
	if len(keys) == 0 {
		return runs, nil
	}
	found, err := r.store.ChildRuns(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("find child runs: %w", err)
	}
	for i, t := range taskRuns {
		runs[i] = found[miniairflow.TaskRunKey{RunID: t.RunID, Seq: t.Seq}]
	}
	return runs, nil
}

// parents returns the task run that has started each run; nil where there is none.
func (r *Resolver) parents(ctx context.Context, runs []*miniairflow.WorkflowRun) ([]*miniairflow.TaskRun, error) {
	return byKey(runs, func(run *miniairflow.WorkflowRun) miniairflow.TaskRunKey {
		if run.Parent == nil {
			return miniairflow.TaskRunKey{}
		}
		return *run.Parent
	}, func(key miniairflow.TaskRunKey) (*miniairflow.TaskRun, error) {
		if key.RunID == uuid.Nil {
			return nil, nil
		}
		return orNil(r.store.FindTaskRun(ctx, key.RunID, key.Seq))
	})
}

// outputsOfRun returns the outputs of a run that has some, or what is wrong with them.
func (r *Resolver) outputsOfRun(ctx context.Context, run *miniairflow.WorkflowRun) (outputs map[string]any, wrong string, err error) {
	outputs, err = r.control.RunOutputs(ctx, run)
	if miniairflow.ErrorCode(err) == miniairflow.CodeInvalid {
		return nil, err.Error(), nil
	}
	return outputs, "", err
}
