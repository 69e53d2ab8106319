package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// logPartsMax is how many bytes of chunks a transaction stores: what it sends is
// in memory once more.
const logPartsMax = 4 << 20

// AppendLog implements miniairflow.LogStore. Attempts that print at the same time
// share transactions.
func (s *Store) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	if len(chunks) == 0 {
		return nil
	}
	if err := s.appends.Call(ctx, dialect.LogPart{Key: key, Chunks: chunks}); err != nil {
		return fmt.Errorf("append log: %w", err)
	}
	return nil
}

// storeLogs stores parts of logs in one transaction and one round trip.
func (s *Store) storeLogs(ctx context.Context, parts []dialect.LogPart) error {
	events, size := make([]miniairflow.Event, 0, len(parts)), 0
	for _, p := range parts {
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicLog, ID: p.Key.RunID})
		size += p.Size()
	}
	if size >= copyMin && s.settings == nil { // settings need a transaction around it
		err := s.copyLogs(ctx, parts)
		if err == nil {
			s.publish(events)
			return nil
		}
		if ctx.Err() != nil || dialect.IsAway(err) {
			return err
		}
		// The chunks of a call whose reply was lost may be stored already.
	}
	return s.inTx(ctx, func(t *tx) error {
		batch := &pgx.Batch{}
		for _, p := range parts {
			insertChunks(batch, p)
		}
		t.publish(events...)
		return t.end(ctx, batch)
	})
}

func insertChunks(batch *pgx.Batch, p dialect.LogPart) {
	const text = `
		INSERT INTO task_logs (workflow_run_id, seq, attempt, start, size, data)
		SELECT $1, $2, $3, u.* FROM unnest($4::bigint[], $5::int[], $6::bytea[]) AS u
		ON CONFLICT DO NOTHING`
	starts, sizes, data := make([]int64, len(p.Chunks)), make([]int, len(p.Chunks)), make([][]byte, len(p.Chunks))
	for i, c := range p.Chunks {
		starts[i], sizes[i], data[i] = c.Offset, c.Size, c.Data
	}
	batch.Queue(text, p.Key.RunID, p.Key.Seq, p.Key.Attempt, starts, sizes, data)
}

// ReadLog implements miniairflow.LogStore.
func (s *Store) ReadLog(ctx context.Context, key miniairflow.AttemptKey, offset int64, limit int) ([]miniairflow.LogChunk, error) {
	// The first chunk wanted is the last one that starts at or before the offset.
	const text = `
		SELECT start, size, data FROM task_logs
		WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 AND start + size > $4
			AND start >= coalesce((SELECT max(start) FROM task_logs
				WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 AND start <= $4), 0)
		ORDER BY start LIMIT $5`
	return query(ctx, s, scanLogChunk, text, key.RunID, key.Seq, key.Attempt, offset, limit)
}

// LogSize implements miniairflow.LogStore.
func (s *Store) LogSize(ctx context.Context, key miniairflow.AttemptKey) (int64, error) {
	const text = `
		SELECT coalesce((SELECT start + size FROM task_logs
			WHERE workflow_run_id = $1 AND seq = $2 AND attempt = $3 ORDER BY start DESC LIMIT 1), 0)`
	return queryOne(ctx, s, pgx.RowTo[int64], text, key.RunID, key.Seq, key.Attempt)
}

func scanLogChunk(row pgx.CollectableRow) (c miniairflow.LogChunk, err error) {
	err = row.Scan(&c.Offset, &c.Size, &c.Data)
	return c, err
}
