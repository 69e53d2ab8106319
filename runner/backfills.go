package runner

import (
	"context"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// backfillBatch is how many backfills one look goes over.
const backfillBatch = 100

// advanceBackfills lets backfills make their next runs, in turns, until nothing moves.
func advanceBackfills(ctx context.Context, control *miniairflow.Control, advances *steps) (time.Duration, error) {
	for {
		anyMoved := false
		wait, err := advances.pass(ctx, backfillBatch, func(limit int) (found []step, err error) {
			due, err := control.Store.DueBackfills(ctx, limit)
			if err != nil {
				return nil, fmt.Errorf("find due backfills: %w", err)
			}
			for _, b := range due {
				found = append(found, step{b.ID, func() error {
					moved, err := control.AdvanceBackfill(ctx, b)
					anyMoved = anyMoved || moved
					return err
				}})
			}
			return found, nil
		})
		if err != nil || !anyMoved {
			return wait, err
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
