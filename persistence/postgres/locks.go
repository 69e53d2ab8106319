package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// lockPatience is how long what is done by itself waits for a lock: it is tried again,
// and others of its kind come after it.
const lockPatience = time.Second

// tokenLock is the class of the advisory locks on the tokens of exchanges.
const tokenLock = 0x746f6b65

// lockRuns takes the locks of the runs, alone and in ascending order, until the
// end of the transaction. Two runs may share a lock, which only costs time.
func lockRuns(ctx context.Context, t *tx, ids ...uuid.UUID) error {
	if _, err := t.Exec(ctx, lockRunsText, lockKeys(ids)); err != nil {
		return fmt.Errorf("lock runs: %w", err)
	}
	return nil
}

// queueSoon lets the transaction wait for no lock for long.
func queueSoon(batch *pgx.Batch) {
	batch.Queue(`SELECT set_config('lock_timeout', $1, true)`, strconv.FormatInt(lockPatience.Milliseconds(), 10))
}

// lockRunsSoon is lockRuns for what is done by itself.
func lockRunsSoon(ctx context.Context, t *tx, ids ...uuid.UUID) error {
	batch := &pgx.Batch{}
	queueSoon(batch)
	batch.Queue(lockRunsText, lockKeys(ids))
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("lock runs: %w", err)
	}
	return nil
}

const lockRunsText = `SELECT pg_advisory_xact_lock(key) FROM unnest($1::bigint[]) AS key`

// lockKeys returns the keys of the locks of the runs, ascending, each once.
func lockKeys(ids []uuid.UUID) []int64 {
	keys := make([]int64, len(ids))
	for i, id := range ids {
		// The middle of a run's id is its random part.
		keys[i] = int64(binary.BigEndian.Uint64(id[5:13]))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// lockWorkflows locks the workflows of fires, but for those that somebody else has
// locked: one that is held for long must not hold up the schedules of all others. It
// returns the fires of those that it has locked, and of those that are held.
func lockWorkflows(ctx context.Context, t *tx, fires []miniairflow.Fire) (free, held []miniairflow.Fire, err error) {
	const text = `SELECT id FROM workflows WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`
	ids := make([]uuid.UUID, len(fires))
	for i, f := range fires {
		ids[i] = f.Cursor.WorkflowID
	}
	locked, err := collect(ctx, t, pgx.RowTo[uuid.UUID], text, ids)
	if err != nil {
		return nil, nil, err
	}
	isLocked := make(map[uuid.UUID]bool, len(locked))
	for _, id := range locked {
		isLocked[id] = true
	}
	for _, f := range fires {
		if isLocked[f.Cursor.WorkflowID] {
			free = append(free, f)
		} else {
			held = append(held, f)
		}
	}
	return free, held, nil
}

// stillHeld returns which of the workflows somebody else still holds, and locks the
// others. It is not nil without an error.
func stillHeld(ctx context.Context, t *tx, known *[]uuid.UUID) ([]uuid.UUID, error) {
	const text = `
		WITH free AS MATERIALIZED (SELECT id FROM workflows WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
		SELECT id FROM workflows WHERE id = ANY($1) AND id NOT IN (SELECT id FROM free)`
	if known == nil || len(*known) == 0 {
		return []uuid.UUID{}, nil
	}
	held, err := collect(ctx, t, pgx.RowTo[uuid.UUID], text, *known)
	return append([]uuid.UUID{}, held...), err
}

// queueLockToken holds up a second exchange with the same token until the first
// has ended, so that the second sees the claims of the first.
func queueLockToken(batch *pgx.Batch, token uuid.UUID) {
	key := int32(binary.BigEndian.Uint32(token[12:16]))
	batch.Queue(`SELECT pg_advisory_xact_lock($1, $2)`, int32(tokenLock), key)
}
