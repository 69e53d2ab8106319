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

// replacedBatch is how many runs are looked for at once that have to make room.
const replacedBatch = 50

// endReplaced cancels the scheduled runs that have to make room for newer ones. The
// newer ones are there already, and wait: whoever dies in between leaves nothing undone
// that the next look does not find. Those that cannot be cancelled hide no others.
func endReplaced(ctx context.Context, store miniairflow.Store) (time.Duration, error) {
	aside := map[uuid.UUID]error{}
	for {
		limit := replacedBatch + len(aside)
		replaced, err := store.ReplacedRuns(ctx, limit)
		if err != nil {
			return 0, fmt.Errorf("find replaced runs: %w", err)
		}
		for _, r := range replaced {
			if aside[r.RunID] != nil {
				continue
			}
			by := miniairflow.Actor{Name: schedulerActor.Name, Reason: fmt.Sprintf("overlap: cancel_running: %s#%d takes its place", r.Workflow, r.By)}
			_, err := store.CancelRun(ctx, miniairflow.Cancel{RunID: r.RunID, By: by})
			if isTransient(err) {
				return 0, fmt.Errorf("cancel replaced run %s: %w", r.RunID, err)
			}
			if err != nil {
				aside[r.RunID] = fmt.Errorf("cancel replaced run %s: %w", r.RunID, err)
			}
		}
		switch {
		case len(replaced) == limit:
		case len(aside) > 0:
			return 0, errors.Join(slices.Collect(maps.Values(aside))...)
		default:
			return unknown, nil
		}
	}
}
