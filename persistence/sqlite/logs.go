package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// AppendLog implements miniairflow.LogStore.
func (s *Store) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	if len(chunks) == 0 {
		return nil
	}
	t, err := s.logs.begin(ctx, nil)
	if err != nil {
		return fmt.Errorf("append log: %w", mapError(err))
	}
	defer func() { s.logs.learn(ctx, t.unknown) }()
	if err := insertChunks(ctx, t, key, chunks); err != nil {
		return fmt.Errorf("append log: %w", mapError(errors.Join(err, t.Rollback())))
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("append log: %w", mapError(err))
	}
	s.publish([]miniairflow.Event{{Topic: miniairflow.TopicLog, ID: key.RunID}})
	s.logs.committed(ctx)
	return nil
}

func insertChunks(ctx context.Context, t *transaction, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	const text = `
		INSERT INTO task_logs (workflow_run_id, seq, attempt, start, size, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING`
	for _, c := range chunks {
		data := append([]byte{}, c.Data...) // a nil slice would be null
		if _, err := t.ExecContext(ctx, text, key.RunID, key.Seq, key.Attempt, c.Offset, c.Size, data); err != nil {
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
