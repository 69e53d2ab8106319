package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// abandonedBatch is how many runs are looked for at once of which nobody waits for the
// end.
const abandonedBatch = 50

// lookAtChild finds the child run of the task, which its first look creates. What is
// wrong with it fails the attempt; an error of the store is tried again.
func (w *Worker) lookAtChild(ctx context.Context, in *action.Input, childID uuid.UUID) error {
	control := &miniairflow.Control{Store: w.cfg.Store, Evaluator: w.cfg.Evaluator}
	child, err := w.findChild(ctx, control, in, childID)
	if err == nil {
		in.Child.Run = child
		switch child.Status {
		case miniairflow.RunSuccess:
			in.Child.Outputs, err = control.RunOutputs(ctx, child)
		case miniairflow.RunPending:
			in.Child.Held, err = w.held(ctx, child)
		}
	}
	if isTransient(err) || ctx.Err() != nil {
		return err
	}
	if err != nil {
		in.Child.Fault = err.Error()
	}
	return nil
}

// findChild returns the child run of the task.
func (w *Worker) findChild(
	ctx context.Context, control *miniairflow.Control, in *action.Input, childID uuid.UUID,
) (*miniairflow.WorkflowRun, error) {
	spec := in.Task.Workflow
	if childID != uuid.Nil {
		child, err := w.cfg.Store.FindRun(ctx, childID)
		if errors.Is(err, miniairflow.ErrNotFound) {
			return nil, fmt.Errorf("the run of workflow %q that the task waited for was deleted", spec.Name)
		}
		return child, err
	}
	given, err := spec.Given()
	if err != nil {
		return nil, err
	}
	return control.StartChild(ctx, miniairflow.ChildRequest{
		Parent: in.Claim.Run, Seq: in.Claim.Seq, Task: in.Task.Name, Token: in.Claim.Token, Workflow: spec.Name, Params: given,
	})
}

// held says why a child run does not start, if that is a word of people.
func (w *Worker) held(ctx context.Context, child *miniairflow.WorkflowRun) (string, error) {
	workflow, err := w.cfg.Store.FindWorkflow(ctx, child.WorkflowID)
	if err != nil {
		return "", fmt.Errorf("find workflow %q: %w", child.WorkflowName, err)
	}
	switch {
	case child.PausedAt != nil:
		return "that run is paused", nil
	case workflow.IsPaused():
		return "workflow " + workflow.Name + " is paused", nil
	default:
		return "", nil
	}
}

// endAbandoned cancels the runs of which nobody waits for the end: child runs of tasks
// that were cancelled with their run, timed out, were marked or are done anew, and runs
// of cancelled backfills.
func endAbandoned(ctx context.Context, store miniairflow.Store, ends *steps) (time.Duration, error) {
	return ends.pass(ctx, abandonedBatch, func(limit int) (found []step, err error) {
		abandoned, err := store.AbandonedRuns(ctx, limit)
		if err != nil {
			return nil, fmt.Errorf("find abandoned runs: %w", err)
		}
		for _, id := range abandoned {
			found = append(found, step{id, func() error {
				if err := endAbandonedRun(ctx, store, id); err != nil {
					return fmt.Errorf("cancel abandoned run: %w", err)
				}
				return nil
			}})
		}
		return found, nil
	})
}

func endAbandonedRun(ctx context.Context, store miniairflow.Store, id uuid.UUID) error {
	run, err := store.FindRun(ctx, id)
	if err != nil {
		return err
	}
	by := miniairflow.Actor{Name: schedulerActor.Name, Reason: "the task that started it waits for it no more"}
	if run.Type == miniairflow.RunBackfill {
		by.Reason = "its backfill was cancelled"
	}
	_, err = store.CancelRun(ctx, miniairflow.Cancel{RunID: id, By: by})
	return err
}
