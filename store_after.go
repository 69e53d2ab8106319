package miniairflow

import (
	"context"

	"github.com/google/uuid"
)

// AfterStore keeps the ends of runs for the workflows that start after them.
type AfterStore interface {
	// AfterEnds returns up to limit ends that somebody has yet to look at, the oldest
	// runs first. Whatever ends a run notes its end in the same transaction, for each
	// workflow whose latest version starts after it (Definition.After), unless that is
	// retired, not active or paused then. A run of only some of its tasks, one of a
	// backfill, and one that is skipped has no such end. A run that is opened again ends
	// again, and of one that ends twice in the same way the later end replaces the earlier.
	AfterEnds(ctx context.Context, limit int) ([]AfterEnd, error)
	// ForgetAfterEnds forgets ends, when what they start has been started. An end that
	// was noted anew since AfterEnds returned it stays. Those that have started nothing
	// for a fault are kept as missed, see MissedStore: who forgets them counts them, once.
	ForgetAfterEnds(ctx context.Context, ends []AfterEnd, faults map[AfterEnd]string) error
	// Followers returns for each of the given names of workflows those of up to max that
	// start after it, sorted; of those that are retired it returns none.
	Followers(ctx context.Context, workflows []string, max int) (map[string][]string, error)
}

// AfterEnd is the end of a run for a workflow that may start after it.
type AfterEnd struct {
	RunID      uuid.UUID
	WorkflowID uuid.UUID // that may start
	Status     RunStatus // with which the run ended
	Noted      int64     // differs each time that the run ends so
}
