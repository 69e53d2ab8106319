package graph

import (
	"context"
	"errors"
	"strings"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// actor is who asked, for the audit log.
func actor(ctx context.Context, reason *string) miniairflow.Actor {
	return miniairflow.Actor{Name: miniairflow.Caller(ctx), Reason: valueOr(reason, "")}
}

func (r *Resolver) triggerWorkflow(ctx context.Context, input model.TriggerWorkflowInput) (*model.TriggerWorkflowPayload, error) {
	request := miniairflow.TriggerRequest{
		Workflow: input.Workflow, Params: input.Params,
		IdempotencyKey: valueOr(input.IdempotencyKey, ""), By: actor(ctx, nil),
	}
	request.Selection = miniairflow.Selection{Only: input.Only, From: input.From, Until: input.Until}
	if input.LogicalDate != nil {
		request.LogicalDate = *input.LogicalDate
	}
	if valueOr(input.DryRun, false) {
		plan, err := r.control.PlanTrigger(ctx, request)
		problems, err := userErrors(err, "workflow")
		return &model.TriggerWorkflowPayload{Plan: plan, UserErrors: problems}, err
	}
	run, err := r.control.TriggerWorkflow(ctx, request)
	problems, err := userErrors(err, "workflow")
	return &model.TriggerWorkflowPayload{WorkflowRun: run, UserErrors: problems}, err
}

func (r *Resolver) cancelRun(ctx context.Context, input model.CancelWorkflowRunInput) (*model.CancelWorkflowRunPayload, error) {
	run, err := r.control.CancelRun(ctx, input.ID, actor(ctx, input.Reason))
	problems, err := userErrors(err, "id")
	return &model.CancelWorkflowRunPayload{WorkflowRun: run, UserErrors: problems}, err
}

func (r *Resolver) setPaused(ctx context.Context, workflow string, paused bool, reason *string) (*miniairflow.Workflow, []*model.UserError, error) {
	w, err := r.control.SetPaused(ctx, workflow, paused, actor(ctx, reason))
	problems, err := userErrors(err, "workflow")
	return w, problems, err
}

// userErrors turns an error that the caller can put right into the payload's
// form. subject is the input field that names the thing. Other errors come back.
func userErrors(err error, subject string) ([]*model.UserError, error) {
	if err == nil {
		return []*model.UserError{}, nil
	}
	problem := &model.UserError{Message: miniairflow.ErrorMessage(err)}
	switch miniairflow.ErrorCode(err) {
	case miniairflow.CodeConflict:
		problem.Code = model.UserErrorCodeConflict
	case miniairflow.CodeInvalid:
		problem.Code = model.UserErrorCodeInvalid
	case miniairflow.CodeForbidden:
		problem.Code = model.UserErrorCodeForbidden
	case miniairflow.CodeNotFound:
		problem.Code, problem.Field = model.UserErrorCodeNotFound, []string{subject}
	default:
		return nil, err
	}
	var e *miniairflow.Error
	if errors.As(err, &e) && e.Field != "" {
		problem.Field = strings.SplitN(e.Field, ".", 2)
	}
	return []*model.UserError{problem}, nil
}
