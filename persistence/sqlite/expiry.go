package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FailExpired implements miniairflow.TaskStore.
func (s *Store) FailExpired(ctx context.Context, limit int) (int, *time.Time, error) {
	next, err := s.nextExpiry(ctx)
	if err != nil || next == nil || next.After(timeOf(now())) {
		return 0, next, err
	}
	const expiredText = `
		SELECT workflow_run_id, seq FROM task_queue
		WHERE state = 'ready' AND expires_at IS NOT NULL AND expires_at <= ? ORDER BY expires_at LIMIT ? + 0`
	expired, err := query(ctx, s.read, scanPlace, expiredText, now(), limit)
	if err != nil {
		return 0, nil, err
	}
	failed := 0
	if len(expired) > 0 {
		failed, err = dialect.Apart(ctx, expired, dialect.RunOfPlace, func(part []dialect.Place) (int, error) { return s.failExpired(ctx, part) })
		if err != nil {
			return 0, nil, err
		}
	}
	next, err = s.nextExpiry(ctx)
	return failed, next, err
}

// nextExpiry returns when the next task run expires, or has expired: what
// schedulers ask again and again, and so it is one statement.
func (s *Store) nextExpiry(ctx context.Context) (*time.Time, error) {
	const text = `SELECT min(expires_at) FROM task_queue WHERE state = 'ready' AND expires_at IS NOT NULL`
	return queryOne(ctx, brief{s.read}, scanNullTime, text)
}

// failExpired ends task runs that are still queued and have expired.
func (s *Store) failExpired(ctx context.Context, expired []dialect.Place) (failed int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		failed = 0
		var ids []uuid.UUID
		for _, p := range expired {
			ids = append(ids, p.RunID)
		}
		ids = sortedIDs(ids)
		runs, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		const takeText = `
			DELETE FROM task_queue
			WHERE (workflow_run_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1)) AND state = 'ready' AND expires_at <= ?2
			RETURNING workflow_run_id, seq`
		taken, err := query(ctx, t, scanPlace, takeText, places(expired), t.now)
		if err != nil {
			return fmt.Errorf("take expired task runs: %w", err)
		}
		var moves []move
		for _, id := range ids {
			m := move{run: runs[id]}
			for _, p := range taken {
				if p.RunID != id {
					continue
				}
				if err := failQueued(ctx, t, m.run, p.Seq); err != nil {
					return fmt.Errorf("fail expired task run: %w", err)
				}
				m.freed++
				t.moved(m.run.Pool(p.Seq))
				m.ended = append(m.ended, miniairflow.Ended{Seq: p.Seq, Status: miniairflow.TaskFailed})
			}
			if m.freed > 0 {
				moves = append(moves, m)
			}
		}
		failed = len(taken)
		_, err = s.settle(ctx, t, moves)
		return err
	})
	return failed, err
}

func failQueued(ctx context.Context, t *tx, run *dialect.Run, seq int) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	task := run.Graph.TaskAt(seq)
	const text = `
		UPDATE task_runs SET status = 'failed', reason = ?3, finished_at = ?4, changed = ?5
		WHERE workflow_run_id = ?1 AND seq = ?2 AND status = 'queued'`
	_, err = t.ExecContext(ctx, text, run.ID, seq, dialect.ExpiredReason(task), t.now, changed)
	return err
}
