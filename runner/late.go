package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// lateBatch is how many runs are looked at in one step.
const lateBatch = 100

// noteLate keeps which runs and tasks were not over at their deadline. Those that cannot
// be looked at hold up no other.
func noteLate(ctx context.Context, store miniairflow.Store) (time.Duration, error) {
	aside := map[uuid.UUID]error{}
	for {
		limit := lateBatch + len(aside)
		due, err := store.DueDeadlines(ctx, limit)
		if err != nil {
			return 0, fmt.Errorf("find runs with deadlines: %w", err)
		}
		for _, look := range due.Due {
			if aside[look.Run.ID] != nil {
				continue
			}
			err := lookForLate(ctx, store, look, due.Now)
			if isTransient(err) {
				return 0, fmt.Errorf("look at the deadlines of run %s: %w", look.Run.Label(), err)
			}
			if err != nil {
				aside[look.Run.ID] = fmt.Errorf("look at the deadlines of run %s: %w", look.Run.Label(), err)
			}
		}
		switch {
		case len(due.Due) == limit:
		case len(aside) > 0:
			return 0, errors.Join(slices.Collect(maps.Values(aside))...)
		default:
			return until(ctx, store, due.Next)
		}
	}
}

func lookForLate(ctx context.Context, store miniairflow.Store, look miniairflow.DeadlineLook, now time.Time) error {
	g, err := store.FindDAG(ctx, look.Run.VersionID)
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
	usual, err := usualLimit(ctx, store, g.Definition, look.Run)
	if err != nil {
		return err
	}
	late, next := miniairflow.JudgeDeadlines(g.Definition, look.Run, ends, usual, now)
	return store.NoteLate(ctx, look, late, next)
}

// usualLimit returns the UsualLimit of a run, if its deadline asks for it. Runs of
// backfills say nothing of it, since they wait for all others, and neither do those of
// some tasks.
func usualLimit(ctx context.Context, store miniairflow.Store, d *miniairflow.Definition, run *miniairflow.WorkflowRun) (time.Duration, error) {
	if d.Deadline == nil || !d.Deadline.IsUsual {
		return 0, nil
	}
	before, err := store.FindRuns(ctx, miniairflow.RunFilter{
		WorkflowID: run.WorkflowID, Statuses: []miniairflow.RunStatus{miniairflow.RunSuccess},
		Types: []miniairflow.RunType{miniairflow.RunScheduled, miniairflow.RunManual}, Limit: miniairflow.UsualRunsMax,
	})
	if err != nil {
		return 0, err
	}
	var took []time.Duration
	for _, r := range before {
		if r.Selection == nil && r.ID != run.ID {
			took = append(took, r.FinishedAt.Sub(r.RunAfter))
		}
	}
	return miniairflow.UsualLimit(took), nil
}
