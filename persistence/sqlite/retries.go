package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// PromoteRetries implements miniairflow.TaskStore.
func (s *Store) PromoteRetries(ctx context.Context, limit int) (int, *time.Time, error) {
	next, err := s.nextRetry(ctx)
	if err != nil || next == nil || next.After(timeOf(now())) {
		return 0, next, err
	}
	const dueText = `
		SELECT workflow_run_id, seq FROM task_queue WHERE state = 'delayed' AND due_at <= ? ORDER BY due_at LIMIT ? + 0`
	due, err := query(ctx, s.read, scanPlace, dueText, now(), limit)
	if err != nil {
		return 0, nil, err
	}
	promoted := 0
	if len(due) > 0 {
		promoted, err = dialect.Apart(ctx, due, dialect.RunOfPlace, func(part []dialect.Place) (int, error) { return s.promote(ctx, part) })
		if err != nil {
			return 0, nil, err
		}
	}
	next, err = s.nextRetry(ctx)
	return promoted, next, err
}

// nextRetry returns when the next retry delay is over, or was: what schedulers and
// workers ask again and again, and so it is one statement.
func (s *Store) nextRetry(ctx context.Context) (*time.Time, error) {
	const text = `SELECT min(due_at) FROM task_queue WHERE state = 'delayed'`
	return queryOne(ctx, brief{s.read}, scanNullTime, text)
}

// promote makes delayed task runs wait for a slot, or gives them one.
func (s *Store) promote(ctx context.Context, due []dialect.Place) (promoted int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var ids []uuid.UUID
		for _, p := range due {
			ids = append(ids, p.RunID)
		}
		ids = sortedIDs(ids)
		runs, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		const text = `
			DELETE FROM task_queue
			WHERE (workflow_run_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1)) AND state = 'delayed' AND due_at <= ?2
			RETURNING workflow_run_id, seq, priority`
		type taken struct {
			runID uuid.UUID
			dialect.Ready
		}
		all, err := query(ctx, t, func(row row) (found taken, err error) {
			err = row.Scan(&found.runID, &found.Seq, &found.Priority)
			return found, err
		}, text, places(due), t.now)
		if err != nil {
			return fmt.Errorf("promote retries: %w", err)
		}
		var moves []move
		for _, id := range ids {
			m := move{run: runs[id]}
			for _, found := range all {
				if found.runID == id {
					m.ready = append(m.ready, found.Ready)
				}
			}
			if len(m.ready) > 0 {
				moves = append(moves, m)
			}
		}
		promoted = len(all)
		_, err = s.settle(ctx, t, moves)
		return err
	})
	return promoted, err
}
