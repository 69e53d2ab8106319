package runner

import (
	"context"
	"errors"
	"fmt"

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
		var failed []error
		for _, b := range due {
			moved, err := control.AdvanceBackfill(ctx, b)
			if isTransient(err) && !errors.Is(err, miniairflow.ErrLocked) || ctx.Err() != nil {
				return err // the database is away
			}
			failed = append(failed, err)
			anyMoved = anyMoved || moved
		}
		if !anyMoved {
			return errors.Join(failed...)
		}
	}
}
