package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// lateBatch is how many runs are looked at in one step.
const lateBatch = 100

// noteLate keeps which runs and tasks were not over at their deadline.
func noteLate(ctx context.Context, store miniairflow.Store, looks *steps) (time.Duration, error) {
	var next *time.Time
	wait, err := looks.pass(ctx, lateBatch, func(limit int) (found []step, err error) {
		due, err := store.DueDeadlines(ctx, limit)
		if err != nil {
			return nil, fmt.Errorf("find runs with deadlines: %w", err)
		}
		next = due.Next
		for _, look := range due.Due {
			found = append(found, step{look.Run.ID, func() error {
				if err := lookForLate(ctx, store, look, due.Now); err != nil {
					return fmt.Errorf("look at the deadlines of run %s: %w", look.Run.Label(), err)
				}
				return nil
			}})
		}
		return found, nil
	})
	if err != nil {
		return 0, err
	}
	return sooner(ctx, store, next, wait)
}

func lookForLate(ctx context.Context, store miniairflow.Store, look miniairflow.DeadlineLook, now time.Time) error {
	g, err := store.FindSelectedDAG(ctx, look.Run.VersionID, look.Run.Selection)
	if err != nil {
		return err
	}
	ends := map[string]time.Time{}
	if seqs := g.Definition.DeadlineTasks(); len(seqs) > 0 {
		results, err := store.TaskResults(ctx, look.Run.ID, seqs)
		if err != nil {
			return err
		}
		for _, t := range results {
			if t.FinishedAt != nil {
				ends[t.Name] = *t.FinishedAt
			}
		}
	}
	usual, err := usualLimits(ctx, store, g.Definition, look.Run)
	if err != nil {
		return err
	}
	late, next := miniairflow.JudgeDeadlines(g, look.Run, ends, usual, now)
	return store.NoteLate(ctx, look, late, next)
}

// usualLimits returns the UsualLimit of a run, by the empty name, and of its tasks, as far
// as deadlines ask for them.
func usualLimits(ctx context.Context, store miniairflow.Store, d *miniairflow.Definition, run *miniairflow.WorkflowRun) (map[string]time.Duration, error) {
	tasks := d.UsualTasks()
	if (d.Deadline == nil || !d.Deadline.IsUsual) && len(tasks) == 0 {
		return nil, nil
	}
	before, err := store.UsualRuns(ctx, run, miniairflow.UsualRunsMax)
	if err != nil {
		return nil, fmt.Errorf("find earlier runs: %w", err)
	}
	took := map[string][]time.Duration{}
	began := map[uuid.UUID]time.Time{}
	for _, r := range before {
		began[r.ID] = r.Began
		took[""] = append(took[""], r.Ended.Sub(r.Began))
	}
	if len(tasks) > 0 && len(began) > 0 {
		ends, err := store.TaskEnds(ctx, slices.Collect(maps.Keys(began)), tasks)
		if err != nil {
			return nil, fmt.Errorf("find ends of %d tasks in earlier runs: %w", len(tasks), err)
		}
		for _, e := range ends {
			took[e.Task] = append(took[e.Task], e.At.Sub(began[e.RunID]))
		}
	}
	limits := make(map[string]time.Duration, len(took))
	for name, all := range took {
		limits[name] = miniairflow.UsualLimit(all)
	}
	return limits, nil
}
