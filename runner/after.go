package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// afterBatch is how many ends of runs are looked at between two deletions of them.
const afterBatch = 100

// afters starts the runs that the ends of others start. An end is forgotten when what
// it starts is there: whoever looks at it again finds that run.
type afters struct {
	control *miniairflow.Control
	logger  *slog.Logger
	// refused are those of which the database has refused the start in the last pass, and
	// all before it that did not come to an end, each with the last such pass.
	refused map[miniairflow.AfterEnd]int
	before  map[miniairflow.AfterEnd]int // refused, as the pass before this one has left it
	passes  int
	held    map[uuid.UUID]error // of the workflows that somebody has held in the last pass
}

// pass looks at all ends that there are. One whose start the database refuses holds up
// no other: it is passed over, and comes after all others in the next pass, and after
// those that were refused before it. Of a workflow that somebody holds, one end waits for
// all.
func (a *afters) pass(ctx context.Context) (time.Duration, error) {
	a.passes++
	a.before = a.refused
	a.refused, a.held = map[miniairflow.AfterEnd]int{}, map[uuid.UUID]error{}
	for {
		limit := afterBatch + len(a.before) + len(a.refused)
		ends, err := a.control.Store.AfterEnds(ctx, limit)
		if err != nil {
			return 0, a.failed(fmt.Errorf("find ends of runs: %w", err))
		}
		isLast := len(ends) < limit
		ends = slices.DeleteFunc(ends, func(end miniairflow.AfterEnd) bool {
			return a.refused[end] > 0 || a.before[end] > 0 && !isLast
		})
		slices.SortStableFunc(ends, func(x, y miniairflow.AfterEnd) int { return a.before[x] - a.before[y] })
		done, faults, err := a.start(ctx, ends)
		if forgot := a.control.Store.ForgetAfterEnds(ctx, done, faults); forgot != nil {
			err = errors.Join(err, fmt.Errorf("forget ends of runs: %w", forgot))
		}
		switch {
		case err != nil:
			return 0, a.failed(err)
		case isLast && len(a.refused) > 0:
			return runRetryDelay, nil
		case isLast:
			return unknown, nil
		}
	}
}

// failed keeps what was refused before and not tried in this pass, which err ends.
func (a *afters) failed(err error) error {
	for end, pass := range a.before {
		if a.refused[end] == 0 {
			a.refused[end] = pass
		}
	}
	return err
}

// start starts what the ends start, and returns those for which it has done so. One
// that cannot start its run starts none: the fault is logged, and returned as people
// read it.
func (a *afters) start(
	ctx context.Context, ends []miniairflow.AfterEnd,
) (done []miniairflow.AfterEnd, faults map[miniairflow.AfterEnd]string, err error) {
	s, err := startEach(ctx, ends, func(end miniairflow.AfterEnd) error {
		if held := a.held[end.WorkflowID]; held != nil {
			return held
		}
		_, err := a.control.StartAfter(ctx, end)
		if errors.Is(err, miniairflow.ErrLocked) {
			a.held[end.WorkflowID] = err
		}
		if isTransient(err) {
			a.logger.Log(ctx, refusalLevel(a.before[end] > 0), "Scheduler: No run can be started now after the end of another, tried again later",
				"run_id", end.RunID, "workflow_id", end.WorkflowID, "error", err)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("start runs after others: %w", err)
	}
	for end := range s.refused {
		a.refused[end] = a.passes
	}
	for _, end := range s.done {
		delete(a.before, end)
	}
	faults = make(map[miniairflow.AfterEnd]string, len(s.faults))
	for end, fault := range s.faults {
		faults[end] = miniairflow.StartedNone("run "+a.label(ctx, end), fault)
		a.logger.ErrorContext(ctx, "Scheduler: No run was started after the end of another",
			"run_id", end.RunID, "workflow_id", end.WorkflowID, "error", fault)
	}
	return s.done, faults, err
}

// label returns what people call the run that has ended, if it can be read.
func (a *afters) label(ctx context.Context, end miniairflow.AfterEnd) string {
	name := end.RunID.String()
	err := safely(func() error {
		run, err := a.control.Store.FindRun(ctx, end.RunID)
		if err == nil {
			name = run.Label()
		}
		return err
	})
	if err != nil {
		a.logger.WarnContext(ctx, "Scheduler: Run that has ended cannot be read", "run_id", end.RunID, "error", err)
	}
	return name
}
