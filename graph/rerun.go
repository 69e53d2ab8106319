package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// poolHoldersMax is how many holders of a pool are shown.
const poolHoldersMax = 10

func (r *Resolver) setRunPaused(ctx context.Context, id uuid.UUID, paused bool, reason *string) (*miniairflow.WorkflowRun, []*model.UserError, error) {
	run, err := r.control.SetRunPaused(ctx, id, paused, actor(ctx, reason))
	problems, err := userErrors(err, "id")
	return run, problems, err
}

func (r *Resolver) retryRun(ctx context.Context, input model.RetryWorkflowRunInput) (*model.RetryWorkflowRunPayload, error) {
	done, problems, err := r.rerun(ctx, "id", miniairflow.RerunRequest{
		ID: valueOr(input.RequestID, uuid.Nil), RunID: input.ID, Kind: miniairflow.RerunFailed,
		Latest: valueOr(input.LatestVersion, false), DryRun: valueOr(input.DryRun, false), By: actor(ctx, input.Reason),
	})
	return &model.RetryWorkflowRunPayload{WorkflowRun: done.Run, TaskRuns: done.TaskRuns, UserErrors: problems}, err
}

func (r *Resolver) clearTaskRuns(ctx context.Context, input model.ClearTaskRunsInput) (*model.ClearTaskRunsPayload, error) {
	done, problems, err := r.rerun(ctx, "workflowRunId", miniairflow.RerunRequest{
		ID: valueOr(input.RequestID, uuid.Nil), RunID: input.WorkflowRunID, Kind: miniairflow.RerunClear,
		Tasks: input.Tasks, Downstream: valueOr(input.Downstream, false),
		Latest: valueOr(input.LatestVersion, false), DryRun: valueOr(input.DryRun, false), By: actor(ctx, input.Reason),
	})
	return &model.ClearTaskRunsPayload{WorkflowRun: done.Run, TaskRuns: done.TaskRuns, UserErrors: problems}, err
}

func (r *Resolver) markTaskRuns(ctx context.Context, input model.MarkTaskRunsInput) (*model.MarkTaskRunsPayload, error) {
	done, problems, err := r.rerun(ctx, "workflowRunId", miniairflow.RerunRequest{
		ID: valueOr(input.RequestID, uuid.Nil), RunID: input.WorkflowRunID, Kind: miniairflow.RerunMark,
		Tasks: input.Tasks, Status: input.Status, DryRun: valueOr(input.DryRun, false), By: actor(ctx, input.Reason),
	})
	return &model.MarkTaskRunsPayload{WorkflowRun: done.Run, TaskRuns: done.TaskRuns, UserErrors: problems}, err
}

func (r *Resolver) answerApproval(ctx context.Context, input model.AnswerApprovalInput) (*model.AnswerApprovalPayload, error) {
	done, err := r.control.AnswerApproval(ctx, miniairflow.AnswerRequest{
		ID: valueOr(input.RequestID, uuid.Nil), RunID: input.WorkflowRunID, Task: input.Task,
		Approve: input.Approve, Fields: input.Fields, By: actor(ctx, input.Reason),
	})
	problems, err := userErrors(err, "workflowRunId")
	if done.Run != nil && done.TaskRuns == nil {
		done.TaskRuns = []*miniairflow.TaskRun{}
	}
	return &model.AnswerApprovalPayload{WorkflowRun: done.Run, TaskRuns: done.TaskRuns, UserErrors: problems}, err
}

// rerun is what the three have in common. subject is the input field of the run.
func (r *Resolver) rerun(ctx context.Context, subject string, request miniairflow.RerunRequest) (miniairflow.RerunResult, []*model.UserError, error) {
	done, err := r.control.Rerun(ctx, request)
	problems, err := userErrors(err, subject)
	if done.Run != nil && done.TaskRuns == nil {
		done.TaskRuns = []*miniairflow.TaskRun{}
	}
	return done, problems, err
}

func (r *Resolver) drainWorker(ctx context.Context, input model.DrainWorkerInput) (*model.DrainWorkerPayload, error) {
	w, err := r.control.DrainWorker(ctx, input.Name, actor(ctx, input.Reason))
	problems, err := userErrors(err, "name")
	return &model.DrainWorkerPayload{Worker: w, UserErrors: problems}, err
}

func (r *Resolver) setPool(ctx context.Context, input model.SetPoolInput) (*model.SetPoolPayload, error) {
	pool := miniairflow.Pool{Name: input.Name, Slots: input.Slots, Description: valueOr(input.Description, "")}
	p, err := r.control.SetPool(ctx, pool, actor(ctx, nil))
	problems, err := userErrors(err, "name")
	return &model.SetPoolPayload{Pool: p, UserErrors: problems}, err
}

func (r *Resolver) deletePool(ctx context.Context, input model.DeletePoolInput) (*model.DeletePoolPayload, error) {
	err := r.control.DeletePool(ctx, input.Name, actor(ctx, input.Reason))
	isDeleted := err == nil
	problems, err := userErrors(err, "name")
	return &model.DeletePoolPayload{IsDeleted: isDeleted, UserErrors: problems}, err
}
