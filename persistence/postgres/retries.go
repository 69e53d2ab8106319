package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// PromoteRetries implements miniairflow.TaskStore.
func (s *Store) PromoteRetries(ctx context.Context, limit int) (int, *time.Time, error) {
	next, isOver, err := s.nextRetry(ctx)
	if err != nil || !isOver {
		return 0, next, err
	}
	const dueText = `
		SELECT workflow_run_id, seq FROM task_queue
		WHERE state = 'delayed' AND due_at <= (SELECT clock_timestamp()) ORDER BY due_at LIMIT $1`
	due, err := query(ctx, s, pgx.RowToStructByPos[dialect.Place], dueText, limit)
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
	next, _, err = s.nextRetry(ctx)
	return promoted, next, err
}

// nextRetry returns when the next retry delay is over, and whether it is: what
// schedulers and workers ask again and again, and so it is one statement.
func (s *Store) nextRetry(ctx context.Context) (next *time.Time, isOver bool, err error) {
	const text = `
		SELECT min(due_at), coalesce(min(due_at) <= clock_timestamp(), false) FROM task_queue
		WHERE state = 'delayed'`
	return s.nextTime(ctx, text)
}

// promote makes delayed task runs wait for a slot, or gives them one.
func (s *Store) promote(ctx context.Context, due []dialect.Place) (promoted int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		promoted = 0
		runIDs, seqs := columns(due)
		ids := sortedIDs(runIDs)
		if err := lockRunsSoon(ctx, t, ids...); err != nil {
			return err
		}
		runs, now, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		const text = `
			DELETE FROM task_queue q USING unnest($1::uuid[], $2::int[]) AS i(run_id, seq)
			WHERE q.workflow_run_id = i.run_id AND q.seq = i.seq AND q.state = 'delayed' AND q.due_at <= $3
			RETURNING q.workflow_run_id, q.seq, q.priority`
		type row struct {
			RunID uuid.UUID
			dialect.Ready
		}
		taken, err := collect(ctx, t, func(r pgx.CollectableRow) (found row, err error) {
			err = r.Scan(&found.RunID, &found.Seq, &found.Priority)
			return found, err
		}, text, runIDs, seqs, now)
		if err != nil {
			return fmt.Errorf("promote retries: %w", err)
		}
		var moves []move
		for _, id := range ids {
			m := move{run: runs[id]}
			for _, found := range taken {
				if found.RunID == id {
					m.ready = append(m.ready, found.Ready)
				}
			}
			if len(m.ready) > 0 {
				moves = append(moves, m)
			}
		}
		promoted = len(taken)
		return s.settle(ctx, t, now, moves)
	})
	return promoted, err
}
