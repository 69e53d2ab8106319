package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// logPartsMax is how many bytes of chunks a transaction stores, so that nobody
// waits long for the one writer.
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

// storeLogs stores parts of logs in one transaction.
func (s *Store) storeLogs(ctx context.Context, parts []dialect.LogPart) error {
	t, err := s.logs.beginWrite(ctx)
	if err != nil {
		return mapError(err)
	}
	defer func() {
		// Only after a panic it is still open.
		_ = t.Rollback()
		t.release()
		s.logs.learn(ctx, t.unknown)
	}()
	events := make([]miniairflow.Event, 0, len(parts))
	for _, p := range parts {
		if err := insertChunks(ctx, t, p); err != nil {
			return mapError(errors.Join(err, t.Rollback()))
		}
		events = append(events, miniairflow.Event{Topic: miniairflow.TopicLog, ID: p.Key.RunID})
	}
	if err := t.Commit(); err != nil {
		return mapError(err)
	}
	t.release() // what follows may write by itself
	s.publish(events)
	s.logs.committed(ctx)
	return nil
}

func insertChunks(ctx context.Context, t *transaction, p dialect.LogPart) error {
	const text = `
		INSERT INTO task_logs (workflow_run_id, seq, attempt, start, size, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
	for _, c := range p.Chunks {
		data := c.Data
		if data == nil { // it would be null
			data = []byte{}
		}
		if _, err := t.ExecContext(ctx, text, p.Key.RunID, p.Key.Seq, p.Key.Attempt, c.Offset, c.Size, data); err != nil {
			return err
		}
	}
	return nil
}

// ReadLog implements miniairflow.LogStore.
func (s *Store) ReadLog(ctx context.Context, key miniairflow.AttemptKey, offset int64, limit int) ([]miniairflow.LogChunk, error) {
	// The first chunk wanted is the last one that starts at or before the offset.
	const text = `
		SELECT start, size, data FROM task_logs
		WHERE workflow_run_id = ?1 AND seq = ?2 AND attempt = ?3 AND start + size > ?4
			AND start >= coalesce((SELECT max(start) FROM task_logs
				WHERE workflow_run_id = ?1 AND seq = ?2 AND attempt = ?3 AND start <= ?4), 0)
		ORDER BY start LIMIT ?5 + 0`
	return query(ctx, s.tail, scanLogChunk, text, key.RunID, key.Seq, key.Attempt, offset, max(limit, 0))
}

// LogSize implements miniairflow.LogStore.
func (s *Store) LogSize(ctx context.Context, key miniairflow.AttemptKey) (int64, error) {
	const text = `
		SELECT coalesce((SELECT start + size FROM task_logs
			WHERE workflow_run_id = ? AND seq = ? AND attempt = ? ORDER BY start DESC LIMIT 1), 0)`
	return queryOne(ctx, s.tail, scanOne[int64], text, key.RunID, key.Seq, key.Attempt)
}

func scanLogChunk(row row) (c miniairflow.LogChunk, err error) {
	err = row.Scan(&c.Offset, &c.Size, &c.Data)
	return c, err
}
