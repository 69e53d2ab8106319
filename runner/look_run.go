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

// runsLookedAt bounds the runs of one day that a look at a task reads, the newest first.
const runsLookedAt = 200

// lookAtRuns looks whether a run that the task waits for, or the task in it, has
// succeeded.
func (w *Worker) lookAtRuns(ctx context.Context, in *action.Input) error {
	spec, own := in.Task.Wait.Run, in.Claim.Run
	workflow, err := w.cfg.Store.FindWorkflowByName(ctx, spec.Workflow)
	if errors.Is(err, miniairflow.ErrNotFound) {
		in.Seen.Text = fmt.Sprintf("waits for %s, and no workflow is called so", wanted(spec))
		return nil
	}
	if err != nil {
		return fmt.Errorf("find workflow %q: %w", spec.Workflow, err)
	}
	runs, err := w.runsFor(ctx, workflow.ID, spec, own.LogicalDate)
	if err != nil {
		return fmt.Errorf("find runs of workflow %q: %w", spec.Workflow, err)
	}
	in.Seen.Text = fmt.Sprintf("waits for %s: there is none yet%s", wanted(spec), dated(spec.Match, own.LogicalDate))
	isFirst := true
	for _, run := range runs {
		if run.ID == own.ID {
			continue
		}
		state, err := w.stateIn(ctx, run, spec.Task)
		if err != nil {
			return err
		}
		if state == string(miniairflow.TaskSuccess) {
			in.Seen = action.Seen{IsOver: true, Text: fmt.Sprintf("%s of %s is there", wanted(spec), run.Label())}
			return nil
		}
		if isFirst {
			in.Seen.Text, isFirst = fmt.Sprintf("waits for %s: in %s it is %s", wanted(spec), run.Label(), state), false
		}
	}
	return nil
}

// runsFor returns the runs that may be meant, the newest first.
func (w *Worker) runsFor(ctx context.Context, workflowID uuid.UUID, spec *miniairflow.WaitRun, logical time.Time) ([]*miniairflow.WorkflowRun, error) {
	if spec.Match == miniairflow.WaitLatest {
		run, err := w.cfg.Store.FindRunByNumber(ctx, workflowID, 0)
		if errors.Is(err, miniairflow.ErrNotFound) {
			return nil, nil
		}
		return []*miniairflow.WorkflowRun{run}, err
	}
	from, to := spec.Match.Window(logical)
	filter := miniairflow.RunFilter{WorkflowID: workflowID, From: &from, To: &to, Limit: runsLookedAt}
	if spec.Task != "" {
		return w.cfg.Store.FindRuns(ctx, filter)
	}
	filter.Limit, filter.Statuses = 1, []miniairflow.RunStatus{miniairflow.RunSuccess}
	if runs, err := w.cfg.Store.FindRuns(ctx, filter); err != nil || len(runs) > 0 {
		return runs, err
	}
	filter.Limit, filter.Statuses = 2, nil // for what is said of them; one may be the own run
	return w.cfg.Store.FindRuns(ctx, filter)
}

// stateIn returns how far a run is, or the task of that name in it.
func (w *Worker) stateIn(ctx context.Context, run *miniairflow.WorkflowRun, task string) (string, error) {
	if task == "" || run.TaskCount == 0 {
		return string(run.Status), nil
	}
	g, err := w.versions.dag(ctx, run.VersionID)
	if err != nil {
		return "", err
	}
	seq, found := g.Seq(task)
	if !found {
		return "missing", nil
	}
	results, err := w.cfg.Store.TaskResults(ctx, run.ID, []int{seq})
	if err != nil || len(results) == 0 {
		return string(run.Status), err
	}
	return string(results[0].Status), nil
}

// wanted names what a task waits for.
func wanted(spec *miniairflow.WaitRun) string {
	what := "a run"
	if spec.Task != "" {
		what = "task " + spec.Task
	}
	return "the success of " + what + " of workflow " + spec.Workflow
}

// dated says which logical date is wanted.
func dated(match miniairflow.WaitMatch, logical time.Time) string {
	switch match {
	case miniairflow.WaitExact:
		return " of logical date " + logical.UTC().Format(time.RFC3339)
	case miniairflow.WaitSameDay:
		return " of " + logical.UTC().Format(time.DateOnly)
	default:
		return ""
	}
}
