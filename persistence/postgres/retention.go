package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// deleteRowsMax bounds the rows that one statement of DeleteRuns deletes.
const deleteRowsMax = 2000

// DeleteRuns implements miniairflow.RunStore. What belongs to the runs goes
// first, in many short transactions, and the runs last: a call that ends in
// between is made good by the next one.
func (s *Store) DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error) {
	const candidates = `SELECT id FROM workflow_runs WHERE finished_at < $1 ORDER BY finished_at LIMIT $2`
	// Two schedulers may delete at once: a run that still has rows is left for the next call.
	const runs = `
		DELETE FROM workflow_runs r WHERE id = ANY($1) AND finished_at < $2
			AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = r.id)`
	ids, err := query(ctx, s, pgx.RowTo[uuid.UUID], candidates, finishedBefore, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	for _, table := range []string{"task_logs", "task_attempts", "task_queue", "task_decisions", "task_runs", "run_counters"} {
		if err := s.deleteOf(ctx, table, ids); err != nil {
			return 0, fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	deleted := 0
	err = s.inTx(ctx, func(t *tx) error {
		done, err := t.Exec(ctx, runs, ids, finishedBefore)
		deleted = int(done.RowsAffected())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete runs: %w", err)
	}
	return deleted, nil
}

// deleteOf deletes the rows of a table that belong to the runs, a few at a time.
func (s *Store) deleteOf(ctx context.Context, table string, runIDs []uuid.UUID) error {
	text := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE ctid = ANY(ARRAY(
			SELECT ctid FROM %[1]s WHERE workflow_run_id = ANY($1) ORDER BY workflow_run_id LIMIT %[2]d))`, table, deleteRowsMax)
	for {
		var deleted int64
		err := s.inTx(ctx, func(t *tx) error {
			done, err := t.Exec(ctx, text, runIDs)
			deleted = done.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
		if deleted < deleteRowsMax {
			return nil
		}
	}
}
