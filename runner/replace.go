package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// replacedBatch is how many runs are looked for at once that have to make room.
const replacedBatch = 50

// endReplaced cancels the scheduled runs that have to make room for newer ones. The
// newer ones are there already, and wait: whoever dies in between leaves nothing undone
// that the next look does not find.
func endReplaced(ctx context.Context, store miniairflow.Store) (time.Duration, error) {
	for {
		replaced, err := store.ReplacedRuns(ctx, replacedBatch)
		if err != nil {
			return 0, fmt.Errorf("find replaced runs: %w", err)
		}
		var failed []error
		for _, r := range replaced {
			by := miniairflow.Actor{Name: schedulerActor.Name, Reason: fmt.Sprintf("overlap: cancel_running: %s#%d takes its place", r.Workflow, r.By)}
			if _, err := store.CancelRun(ctx, miniairflow.Cancel{RunID: r.RunID, By: by}); err != nil {
				failed = append(failed, fmt.Errorf("cancel replaced run %s: %w", r.RunID, err))
			}
		}
		switch {
		case len(failed) > 0:
			return 0, errors.Join(failed...)
		case len(replaced) < replacedBatch:
			return unknown, nil
		}
	}
}
