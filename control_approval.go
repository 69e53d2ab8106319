package miniairflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// AnswerRequest answers a task that asks for an approval.
type AnswerRequest struct {
	ID      uuid.UUID // zero: a new one. The same again changes nothing
	RunID   uuid.UUID
	Task    string // its name
	Approve bool   // else it is rejected
	Fields  map[string]any
	By      Actor
}

// AnswerApproval ends the wait of a task for an approval. Errors: ErrNotFound;
// CodeInvalid with Field "task" for one that asks for none, and "fields.<name>";
// CodeForbidden for somebody who is none of the approvers;
// CodeConflict for one that does not wait (any more).
func (c *Control) AnswerApproval(ctx context.Context, req AnswerRequest) (RerunResult, error) {
	rerun := Rerun{ID: req.ID, RunID: req.RunID, Kind: RerunAnswer, By: req.By}
	if rerun.ID == uuid.Nil {
		rerun.ID = uuid.New()
	}
	seqs, err := c.taskPlaces(ctx, RerunRequest{RunID: req.RunID, Kind: RerunAnswer, Tasks: []string{req.Task}})
	if err != nil {
		return RerunResult{}, renamed(err, "tasks", "task")
	}
	rerun.Seqs = seqs
	approval, err := c.approvalAt(ctx, req.RunID, seqs[0])
	if err != nil {
		return RerunResult{}, err
	}
	if !approval.admits(req.By.Name) {
		return RerunResult{}, Errorf(CodeForbidden, "task %q may be answered by %s, and you are %s: use a token of one of them (miniairflow tokens create NAME)",
			req.Task, strings.Join(approval.Approvers, " or "), show(req.By.Name))
	}
	rerun.Status = approval.outcome(req.Approve)
	if rerun.Outputs, err = approval.answer(req.Approve, req.Fields, req.By); err != nil {
		return RerunResult{}, renamed(err, "params.", "fields.")
	}
	result, err := c.Store.Rerun(ctx, rerun)
	if err != nil {
		return RerunResult{}, runError("answer task of", req.RunID, err)
	}
	return result, nil
}

// approvalAt returns what a task of a run asks for.
func (c *Control) approvalAt(ctx context.Context, runID uuid.UUID, seq int) (*Approval, error) {
	run, err := c.Store.FindRun(ctx, runID)
	if err != nil {
		return nil, runError("find", runID, err)
	}
	v, err := c.Store.FindVersion(ctx, run.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of run %s: %w", run.Label(), err)
	}
	task := &v.Definition.Tasks[seq]
	if task.Approval == nil {
		e := Errorf(CodeInvalid, "task %q asks for no approval", task.Name)
		e.Field = "task"
		return nil, e
	}
	return task.Approval, nil
}

// asField turns what is said of the params of a workflow into words about fields.
var asField = strings.NewReplacer("unknown param ", "unknown field ", "param ", "field ", "; the workflow has ", "; the approval asks for ")

// renamed returns an error whose field has another name in the request.
func renamed(err error, from, to string) error {
	var e *Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Field, from) {
		return err
	}
	other := *e
	other.Field = to + strings.TrimPrefix(e.Field, from)
	other.Message = asField.Replace(e.Message)
	return &other
}
