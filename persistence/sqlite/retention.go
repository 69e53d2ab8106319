package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// deleteRowsMax bounds the rows that one statement of DeleteRuns deletes.
const deleteRowsMax = 500

// DeleteRuns implements miniairflow.RunStore. It goes on in many short
// transactions: first the task runs, without which a run is never opened again
// (see dialect.CheckRerun), then what else belongs to the runs, and the runs last.
// A call that ends in between is made good by the next one.
func (s *Store) DeleteRuns(ctx context.Context, finishedBefore time.Time, limit int) (int, error) {
	const candidates = `SELECT id FROM workflow_runs WHERE finished_at < ? ORDER BY finished_at LIMIT ? + 0`
	ids, err := query(ctx, s.read, scanOne[uuid.UUID], candidates, micros(finishedBefore), max(limit, 0))
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	// Each batch is a statement of its own, and one that reopens a run waits for it
	// or was before it.
	const over = `
		SELECT r.id FROM workflow_runs r WHERE r.id IN (SELECT value FROM json_each(?1)) AND r.finished_at < ?2`
	if err := deleteOf(ctx, s.write, "task_runs", "seq", over, list[uuid.UUID](ids), micros(finishedBefore)); err != nil {
		return 0, fmt.Errorf("delete from task_runs: %w", err)
	}
	// One that was opened again in time has kept its task runs.
	const bare = over + ` AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = r.id)`
	if ids, err = query(ctx, s.read, scanOne[uuid.UUID], bare, list[uuid.UUID](ids), micros(finishedBefore)); err != nil {
		return 0, fmt.Errorf("find runs without task runs: %w", err)
	}
	if err := s.deleteArtifacts(ctx, `workflow_run_id IN (SELECT value FROM json_each(?1))`, list[uuid.UUID](ids)); err != nil {
		return 0, err
	}
	tables := []struct {
		pool      *pool
		name, key string
	}{
		{s.logs, "task_logs", "seq, attempt, start"},
		{s.write, "task_attempts", "seq, number"},
		{s.write, "task_waits", "seq"},
		{s.write, "task_items", "seq"},
		{s.write, "task_fanouts", "seq"},
		{s.write, "task_queue", "seq"},
		{s.write, "task_decisions", "seq"},
		{s.write, "late_marks", "task"},
		{s.write, "run_counters", ""},
		{s.write, "notices", "id"},
		{s.write, "notifications", "id"},
	}
	for _, table := range tables {
		if err := deleteOf(ctx, table.pool, table.name, table.key, `SELECT value FROM json_each(?)`, list[uuid.UUID](ids)); err != nil {
			return 0, fmt.Errorf("delete from %s: %w", table.name, err)
		}
	}
	return s.deleteRows(ctx, "runs", `DELETE FROM workflow_runs WHERE id IN (SELECT value FROM json_each(?))`, list[uuid.UUID](ids))
}

// deleteRows executes a statement that deletes, and returns of how many rows. what
// names them in errors.
func (s *Store) deleteRows(ctx context.Context, what, text string, args ...any) (int, error) {
	var deleted int64
	err := s.inTx(ctx, func(t *tx) error {
		done, err := t.ExecContext(ctx, text, args...)
		if err != nil {
			return err
		}
		deleted, err = done.RowsAffected()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete %s: %w", what, err)
	}
	return int(deleted), nil
}

// deleteOf deletes the rows of a table that belong to the runs, a few at a
// time. key is what names a row of a run, and runs the query of the runs' ids,
// with its args.
func deleteOf(ctx context.Context, db *pool, table, key, runs string, args ...any) error {
	if key = "workflow_run_id, " + key; key == "workflow_run_id, " {
		key = "workflow_run_id"
	}
	text := fmt.Sprintf(`
		DELETE FROM %[1]s WHERE (%[2]s) IN (
			SELECT %[2]s FROM %[1]s WHERE workflow_run_id IN (%[4]s) LIMIT %[3]d)`, table, key, deleteRowsMax, runs)
	for {
		done, err := db.ExecContext(ctx, text, args...)
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
