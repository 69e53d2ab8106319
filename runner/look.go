package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// lookMin is what a look gets at least, also when the time of the task is over: the
// last one has to see what is there then.
const lookMin = time.Second

// recall fills in what the last look of a task that waits has left. The first one
// begins with its attempt.
func (w *Worker) recall(ctx context.Context, in *action.Input) error {
	in.Look = action.Look{Since: in.Claim.StartedAt, Now: in.Claim.StartedAt}
	if in.Task.Wait != nil && in.Task.Wait.Run != nil {
		if err := w.lookAtRuns(ctx, in); err != nil {
			return err
		}
	}
	wait, err := w.cfg.Store.FindWait(ctx, in.Claim.RunID, in.Claim.Seq)
	isFirst := errors.Is(err, miniairflow.ErrNotFound)
	if err != nil && !isFirst {
		return fmt.Errorf("read what the last look has left: %w", err)
	}
	if in.Task.Workflow != nil {
		if err := w.lookAtChild(ctx, in, wait.ChildID); err != nil {
			return err
		}
	}
	if isFirst {
		return nil
	}
	in.Look = action.Look{Since: wait.Since, Now: wait.Now, Memory: wait.Memory}
	if wait.Attempt != in.Claim.Attempt {
		return nil // the attempt that looked was lost, and this one has a log of its own
	}
	if in.LogFrom, err = w.cfg.Store.LogSize(ctx, attemptKey(in.Claim)); err != nil {
		return fmt.Errorf("read size of log: %w", err)
	}
	return nil
}

// timeLeft returns how long the action may take: of one that waits, its earlier
// looks count.
func timeLeft(task *miniairflow.Task, in action.Input) time.Duration {
	limit := task.Timeout.Std()
	if !task.Waits() {
		return limit
	}
	return max(limit-in.Look.Now.Sub(in.Look.Since), lookMin)
}
