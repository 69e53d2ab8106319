package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// replacedBatch is how many runs are looked for at once that have to make room.
const replacedBatch = 50

// endReplaced cancels the scheduled runs that have to make room for newer ones. The
// newer ones are there already, and wait: whoever dies in between leaves nothing undone
// that the next look does not find.
func endReplaced(ctx context.Context, store miniairflow.Store, ends *steps) (time.Duration, error) {
	return ends.pass(ctx, replacedBatch, func(limit int) (found []step, err error) {
		replaced, err := store.ReplacedRuns(ctx, limit)
		if err != nil {
			return nil, fmt.Errorf("find replaced runs: %w", err)
		}
		for _, r := range replaced {
			by := miniairflow.Actor{Name: schedulerActor.Name, Reason: fmt.Sprintf("overlap: cancel_running: %s#%d takes its place", r.Workflow, r.By)}
			found = append(found, step{r.RunID, func() error {
				if _, err := store.CancelRun(ctx, miniairflow.Cancel{RunID: r.RunID, By: by}); err != nil {
					return fmt.Errorf("cancel replaced run: %w", err)
				}
				return nil
			}})
		}
		return found, nil
	})
}
