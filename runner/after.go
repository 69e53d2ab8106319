package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// afterBatch is how many ends of runs are looked at between two deletions of them.
const afterBatch = 100

// afters starts the runs that the ends of others start. An end is forgotten when what
// it starts is there: whoever looks at it again finds that run.
type afters struct {
	control *miniairflow.Control
	logger  *slog.Logger
}

// pass looks at all ends that there are.
func (a *afters) pass(ctx context.Context) (time.Duration, error) {
	for {
		ends, err := a.control.Store.AfterEnds(ctx, afterBatch)
		if err != nil {
			return 0, fmt.Errorf("find ends of runs: %w", err)
		}
		done, err := a.start(ctx, ends)
		if forgot := a.control.Store.ForgetAfterEnds(ctx, ends[:done]); forgot != nil {
			err = errors.Join(err, fmt.Errorf("forget ends of runs: %w", forgot))
		}
		switch {
		case err != nil:
			return 0, err
		case len(ends) < afterBatch:
			return unknown, nil
		}
	}
}

// start starts what the ends start, and returns of how many of them it has done so. One
// that cannot start its run starts none: the fault is logged, and delays no other.
func (a *afters) start(ctx context.Context, ends []miniairflow.AfterEnd) (done int, err error) {
	for i, end := range ends {
		err := a.startOne(ctx, end)
		if isTransient(err) || ctx.Err() != nil {
			return i, fmt.Errorf("start run after run %s: %w", end.RunID, err)
		}
		if err != nil {
			a.logger.ErrorContext(ctx, "Scheduler: No run was started after the end of another",
				"run_id", end.RunID, "workflow_id", end.WorkflowID, "error", err)
		}
	}
	return len(ends), nil
}

// startOne starts what an end starts. An end that the code cannot stand fails, and not
// those after it, which would wait for it for ever.
func (a *afters) startOne(ctx context.Context, end miniairflow.AfterEnd) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	_, err = a.control.StartAfter(ctx, end)
	return err
}
