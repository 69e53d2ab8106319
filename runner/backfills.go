package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// backfillBatch is how many backfills one look goes over.
const backfillBatch = 100

// advanceBackfills lets backfills make their next runs. One that cannot go on holds up
// no other.
func advanceBackfills(ctx context.Context, control *miniairflow.Control) error {
	for {
		due, err := control.Store.DueBackfills(ctx, backfillBatch)
		if err != nil {
			return fmt.Errorf("find due backfills: %w", err)
		}
		anyMoved := false
		var refused refusals
		var failed []error
		for _, b := range due {
			moved, err := control.AdvanceBackfill(ctx, b)
			isAway := !errors.Is(err, miniairflow.ErrLocked) && refused.isAway(err)
			if isAway || ctx.Err() != nil {
				return err
			}
			failed = append(failed, err)
			anyMoved = anyMoved || moved
		}
		if !anyMoved {
			return errors.Join(failed...)
		}
	}
}

// deleteOldBackfills deletes the backfills that were over longer than keep ago and whose
// runs are deleted.
func deleteOldBackfills(ctx context.Context, store miniairflow.Store, keep time.Duration) (time.Duration, error) {
	now, err := store.Now(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's time: %w", err)
	}
	for {
		deleted, err := store.DeleteBackfills(ctx, now.Add(-keep), deleteBatch)
		if err != nil {
			return 0, fmt.Errorf("delete old backfills: %w", err)
		}
		if deleted < deleteBatch {
			return unknown, nil
		}
	}
}
