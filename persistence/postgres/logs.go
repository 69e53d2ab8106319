package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// AppendLog implements miniairflow.LogStore.
func (s *Store) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	const text = `
		INSERT INTO task_logs (workflow_run_id, seq, attempt, start, size, data)
		SELECT $1, $2, $3, u.* FROM unnest($4::bigint[], $5::int[], $6::bytea[]) AS u
		ON CONFLICT DO NOTHING`
	if len(chunks) == 0 {
		return nil
	}
	starts, sizes, data := make([]int64, len(chunks)), make([]int, len(chunks)), make([][]byte, len(chunks))
	for i, c := range chunks {
		starts[i], sizes[i], data[i] = c.Offset, c.Size, c.Data
	}
	err := s.inTx(ctx, func(t *tx) error {
		t.publish(miniairflow.Event{Topic: miniairflow.TopicLog, ID: key.RunID})
		_, err := t.Exec(ctx, text, key.RunID, key.Seq, key.Attempt, starts, sizes, data)
		return err
	})
	if err != nil {
		return fmt.Errorf("append log: %w", err)
	}
	return nil
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
