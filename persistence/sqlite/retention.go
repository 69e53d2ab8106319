package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// deleteRowsMax bounds the rows that one statement of DeleteRuns deletes.
const deleteRowsMax = 500

// DeleteRuns implements miniairflow.RunStore. What belongs to the runs goes
// first, in many short transactions, and the runs last: a call that ends in
// between is made good by the next one.
func (s *Store) DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error) {
	const candidates = `SELECT id FROM workflow_runs WHERE finished_at < ? ORDER BY finished_at LIMIT ?`
	// Two callers may delete at once: a run that still has rows is left for the next call.
	const runs = `
		DELETE FROM workflow_runs WHERE id IN (SELECT value FROM json_each(?)) AND finished_at < ?
			AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = workflow_runs.id)`
	ids, err := query(ctx, s.read, scanOne[uuid.UUID], candidates, micros(finishedBefore), max(limit, 0))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := deleteOf(ctx, s.logs, "task_logs", "seq, attempt, start", ids); err != nil {
		return 0, fmt.Errorf("delete logs: %w", err)
	}
	tables := []struct{ name, key string }{
		{"task_attempts", "seq, number"}, {"task_queue", "seq"}, {"task_decisions", "seq"}, {"task_runs", "seq"}, {"run_counters", ""},
	}
	for _, table := range tables {
		if err := deleteOf(ctx, s.write, table.name, table.key, ids); err != nil {
			return 0, fmt.Errorf("delete from %s: %w", table.name, err)
		}
	}
	var deleted int64
	err = s.inTx(ctx, func(t *tx) error {
		done, err := t.ExecContext(ctx, runs, list[uuid.UUID](ids), micros(finishedBefore))
		if err != nil {
			return err
		}
		deleted, err = done.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete runs: %w", err)
	}
	return int(deleted), nil
}

// deleteOf deletes the rows of a table that belong to the runs, a few at a
// time. key is what names a row of a run.
func deleteOf(ctx context.Context, db *pool, table, key string, runIDs []uuid.UUID) error {
	if key = "workflow_run_id, " + key; key == "workflow_run_id, " {
		key = "workflow_run_id"
	}
	text := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE (%[2]s) IN (
			SELECT %[2]s FROM %[1]s WHERE workflow_run_id IN (SELECT value FROM json_each(?)) LIMIT %[3]d)`, table, key, deleteRowsMax)
	for {
		done, err := db.ExecContext(ctx, text, list[uuid.UUID](runIDs))
		if err != nil {
			return mapError(err)
		}
		deleted, err := done.RowsAffected()
		if err != nil {
			return mapError(err)
		}
		if deleted < deleteRowsMax {
			return nil
		}
	}
}
