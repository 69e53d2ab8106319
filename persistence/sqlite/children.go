package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// childOf returns the child run that the task of the parent waits for, nil if there
// is none yet.
func childOf(ctx context.Context, t *tx, parent *miniairflow.Parent) (*miniairflow.WorkflowRun, error) {
	const openText = `SELECT count(*) FROM task_open WHERE workflow_run_id = ? AND seq = ? AND token = ?`
	const childText = `SELECT ` + runColumns + ` FROM ` + runTables + `
		JOIN task_waits s ON s.child_run_id = r.id WHERE s.workflow_run_id = ? AND s.seq = ?`
	open, err := queryOne(ctx, t, scanOne[int], openText, parent.RunID, parent.Seq, parent.Token)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find attempt of parent: %w", err)
	case open == 0:
		return nil, dialect.ErrParentOver
	}
	child, err := queryOne(ctx, t, scanRun, childText, parent.RunID, parent.Seq)
	if errors.Is(err, miniairflow.ErrNotFound) {
		return nil, nil
	}
	return child, err
}

// backfillOf returns the backfill that a run is part of; zero: none.
func backfillOf(ctx context.Context, t *tx, runID uuid.UUID) (uuid.UUID, error) {
	id, err := queryOne(ctx, t, scanOne[uuid.NullUUID], `SELECT backfill_id FROM workflow_runs WHERE id = ?`, runID)
	return id.UUID, err
}

// awaitChild lets the task of the parent wait for a new child run. The row has no
// token before the attempt is put aside, so that no late finish is taken for one
// that was stored.
func awaitChild(ctx context.Context, t *tx, parent *miniairflow.Parent, childID uuid.UUID) error {
	const text = `
		INSERT INTO task_waits (workflow_run_id, seq, attempt, token, session_id, since, started_at, memory, child_run_id)
		SELECT workflow_run_id, seq, attempt, '00000000-0000-0000-0000-000000000000', session_id, started_at, started_at, '', ?3
		FROM task_open WHERE workflow_run_id = ?1 AND seq = ?2
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET child_run_id = excluded.child_run_id`
	if _, err := t.ExecContext(ctx, text, parent.RunID, parent.Seq, childID); err != nil {
		return fmt.Errorf("let task wait for child run: %w", err)
	}
	return nil
}

// wakeParents lets the tasks that wait for these child runs, which end in this
// transaction, look at once.
func wakeParents(ctx context.Context, t *tx, children []uuid.UUID) error {
	const text = `
		UPDATE task_queue AS q SET due_at = ?2
		FROM (SELECT workflow_run_id, seq FROM task_waits WHERE child_run_id IN (SELECT value FROM json_each(?1))) AS w
		WHERE q.workflow_run_id = w.workflow_run_id AND q.seq = w.seq AND q.state = 'delayed' AND q.due_at > ?2`
	if len(children) == 0 {
		return nil
	}
	_, err := t.ExecContext(ctx, text, list[uuid.UUID](children), t.now)
	return err
}

// missNoEnd lets a task run look at once that was put aside after its child run had
// come to its end.
func missNoEnd(ctx context.Context, t *tx, f *miniairflow.Finish) error {
	const text = `
		UPDATE task_queue SET due_at = ?4
		WHERE workflow_run_id = ?1 AND seq = ?2 AND state = 'delayed'
			AND EXISTS (SELECT 1 FROM workflow_runs WHERE id = ?3 AND status NOT IN ('pending', 'running'))`
	if f.ChildID == uuid.Nil {
		return nil
	}
	_, err := t.ExecContext(ctx, text, f.RunID, f.Seq, f.ChildID, t.now)
	return err
}

// AbandonedRuns implements miniairflow.RunStore.
func (s *Store) AbandonedRuns(ctx context.Context, limit int) ([]uuid.UUID, error) {
	const text = `
		SELECT r.id FROM workflow_runs r
		WHERE r.is_awaited AND r.status IN ('pending', 'running') AND r.cancel_requested_at IS NULL AND r.outcome = ''
			AND CASE r.type
				WHEN 'backfill' THEN EXISTS (SELECT 1 FROM backfills b WHERE b.id = r.backfill_id AND b.status = 'cancelled' AND NOT b.keeps_runs)
				ELSE NOT EXISTS (
					SELECT 1 FROM task_waits w JOIN task_runs t ON t.workflow_run_id = w.workflow_run_id AND t.seq = w.seq
					WHERE w.child_run_id = r.id AND t.status IN ('queued', 'running', 'waiting'))
				END
		ORDER BY r.id LIMIT ? + 0`
	return query(ctx, brief{s.read}, scanID, text, limit)
}

// ChildRuns implements miniairflow.RunStore.
func (s *Store) ChildRuns(ctx context.Context, parents []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun, error) {
	const text = `
		SELECT ` + runColumns + `
		FROM json_each(?) AS i
		JOIN workflow_runs r ON r.id = (
			SELECT id FROM workflow_runs WHERE parent_run_id = i.value ->> 0 AND parent_seq = i.value ->> 1 ORDER BY created_at DESC, id DESC LIMIT 1)
		JOIN workflows w ON w.id = r.workflow_id`
	keys := make(table, len(parents))
	for i, parent := range parents {
		keys[i] = []any{parent.RunID, parent.Seq}
	}
	runs, err := query(ctx, s.read, scanRun, text, keys)
	return dialect.ByParent(runs), err
}
