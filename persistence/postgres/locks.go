package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// tokenLock is the class of the advisory locks on the tokens of exchanges.
const tokenLock = 0x746f6b65

// lockRuns takes the locks of the runs, alone and in ascending order, until the
// end of the transaction. Two runs may share a lock, which only costs time.
func lockRuns(ctx context.Context, t *tx, ids ...uuid.UUID) error {
	keys := make([]int64, len(ids))
	for i, id := range ids {
		// The middle of a run's id is its random part.
		keys[i] = int64(binary.BigEndian.Uint64(id[5:13]))
	}
	slices.Sort(keys)
	const text = `SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key`
	if _, err := t.Exec(ctx, text, slices.Compact(keys)); err != nil {
		return fmt.Errorf("lock runs: %w", err)
	}
	return nil
}

// lockToken holds up a second exchange with the same token until the first has
// ended, so that the second sees the claims of the first.
func lockToken(ctx context.Context, t *tx, token uuid.UUID) error {
	key := int32(binary.BigEndian.Uint32(token[12:16]))
	if _, err := t.Exec(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, int32(tokenLock), key); err != nil {
		return fmt.Errorf("lock token: %w", err)
	}
	return nil
}
