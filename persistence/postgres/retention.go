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

// DeleteRuns implements miniairflow.RunStore. It goes on in many short
// transactions: first the task runs, without which a run is never opened again
// (see dialect.CheckRerun), then what else belongs to the runs, and the runs last.
// A call that ends in between is made good by the next one.
func (s *Store) DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error) {
	const candidates = `SELECT id FROM workflow_runs WHERE finished_at < $1 ORDER BY finished_at LIMIT $2`
	ids, err := query(ctx, s, pgx.RowTo[uuid.UUID], candidates, finishedBefore, limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := s.deleteOf(ctx, "task_runs", ids, finishedBefore); err != nil {
		return 0, fmt.Errorf("delete from task_runs: %w", err)
	}
	// One that was opened again in time has kept its task runs.
	const bare = `
		SELECT id FROM workflow_runs r WHERE id = ANY($1) AND finished_at < $2
			AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = r.id)`
	if ids, err = query(ctx, s, pgx.RowTo[uuid.UUID], bare, ids, finishedBefore); err != nil {
		return 0, fmt.Errorf("find runs without task runs: %w", err)
	}
	if err := s.deleteArtifacts(ctx, ids, `workflow_run_id = ANY($1)`, ids); err != nil {
		return 0, err
	}
	for _, table := range []string{"task_logs", "task_attempts", "task_waits", "task_items", "task_fanouts", "task_queue", "task_decisions", "late_marks", "run_counters", "notices", "notifications"} {
		if err := s.deleteOf(ctx, table, ids, finishedBefore); err != nil {
			return 0, fmt.Errorf("delete from %s: %w", table, err)
		}
	}
	return s.deleteRows(ctx, "runs", `DELETE FROM workflow_runs WHERE id = ANY($1)`, ids)
}

// deleteRows executes a statement that deletes, and returns of how many rows. what
// names them in errors.
func (s *Store) deleteRows(ctx context.Context, what, text string, args ...any) (int, error) {
	deleted := 0
	err := s.inTx(ctx, func(t *tx) error {
		done, err := t.Exec(ctx, text, args...)
		deleted = int(done.RowsAffected())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete %s: %w", what, err)
	}
	return deleted, nil
}

// deleteOf deletes the rows of a table that belong to those of the runs that are
// still over, a few at a time. It takes the locks of the runs for each batch: a
// rerun comes before it or after it, and of two schedulers that delete at once
// none takes the rows that the other is about to delete for the last ones.
func (s *Store) deleteOf(ctx context.Context, table string, runIDs []uuid.UUID, finishedBefore time.Time) error {
	text := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE ctid = ANY(ARRAY(
			SELECT o.ctid FROM %[1]s o JOIN workflow_runs r ON r.id = o.workflow_run_id
			WHERE o.workflow_run_id = ANY($1) AND r.finished_at < $2 ORDER BY o.workflow_run_id LIMIT %[2]d))`, table, deleteRowsMax)
	for {
		var deleted int64
		err := s.inTx(ctx, func(t *tx) error {
			if err := lockRuns(ctx, t, runIDs...); err != nil {
				return err
			}
			done, err := t.Exec(ctx, text, runIDs, finishedBefore)
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
