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
	late, next := miniairflow.JudgeDeadlines(g.Definition, look.Run, ends, now)
	return store.NoteLate(ctx, look, late, next)
}
