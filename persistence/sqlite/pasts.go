package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// expectPast notes which task runs of a scheduled run depend on the past. It comes
// before anybody looks at the past, so that each end there finds them.
func expectPast(ctx context.Context, t *tx, runID uuid.UUID, seqs []int) error {
	const text = `
		INSERT INTO task_pasts (workflow_run_id, seq, workflow_id, name, logical_date)
		SELECT t.workflow_run_id, t.seq, r.workflow_id, t.name, r.logical_date
		FROM workflow_runs r JOIN task_runs t ON t.workflow_run_id = r.id
		WHERE r.id = ?1 AND r.type = 'scheduled' AND t.seq IN (SELECT value FROM json_each(?2))
		ON CONFLICT (workflow_run_id, seq) DO NOTHING`
	if len(seqs) == 0 {
		return nil
	}
	_, err := t.ExecContext(ctx, text, runID, list[int](seqs))
	return err
}

// pastIsOpen finds, of task_pasts p, task runs that are undecided.
const pastIsOpen = `
	JOIN workflow_runs r ON r.id = p.workflow_run_id AND r.status = 'running'
	JOIN task_runs t ON t.workflow_run_id = p.workflow_run_id AND t.seq = p.seq AND ` + undecidedIs

// wakeFuture asks again about the task runs of later scheduled runs that depend on
// what has ended.
func wakeFuture(ctx context.Context, t *tx, changed int64, wakes []dialect.Wake) error {
	const text = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT p.workflow_run_id, p.seq, ?3
		FROM workflow_runs past
		JOIN task_pasts p ON p.workflow_id = past.workflow_id AND p.name IN (SELECT value FROM json_each(?2)) AND p.logical_date > past.logical_date` + pastIsOpen + `
		WHERE past.id = ?1 AND past.type = 'scheduled'
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET generation = excluded.generation`
	for _, w := range wakes {
		if _, err := t.ExecContext(ctx, text, w.RunID, list[string](w.Tasks), changed); err != nil {
			return err
		}
	}
	return nil
}

// notePasts writes what task runs wait for in the past.
func notePasts(ctx context.Context, t *tx, changed int64, runID uuid.UUID, changes []miniairflow.Change) error {
	const text = `UPDATE task_pasts SET reason = ?3 WHERE workflow_run_id = ?1 AND seq = ?2 AND reason <> ?3`
	for _, c := range changes {
		result, err := t.ExecContext(ctx, text, runID, c.Seq, dialect.Text(c.Reason))
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		const changedText = `UPDATE task_runs SET changed = ?3 WHERE workflow_run_id = ?1 AND seq = ?2`
		if _, err := t.ExecContext(ctx, changedText, runID, c.Seq, changed); err != nil {
			return err
		}
	}
	return nil
}

// FindPast implements miniairflow.TaskStore.
func (s *Store) FindPast(ctx context.Context, runID uuid.UUID, tasks []string) (miniairflow.Past, error) {
	const runText = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id = (
		SELECT p.id FROM workflow_runs p
		WHERE p.workflow_id = (SELECT workflow_id FROM workflow_runs WHERE id = ?1) AND p.logical_date < (SELECT logical_date FROM workflow_runs WHERE id = ?1)
			AND p.type = 'scheduled' AND (p.task_count > 0 OR p.finished_at IS NULL)
		ORDER BY p.logical_date DESC, p.number DESC LIMIT 1)`
	run, err := queryOne(ctx, s.read, scanRun, runText, runID)
	if errors.Is(err, miniairflow.ErrNotFound) {
		return miniairflow.Past{}, nil
	}
	if err != nil {
		return miniairflow.Past{}, fmt.Errorf("find the run before: %w", err)
	}
	const tasksText = `
		SELECT k.name, coalesce(t.status, 'pending') FROM tasks k LEFT JOIN task_runs t ON t.workflow_run_id = ?1 AND t.seq = k.seq
		WHERE k.version_id = ?2 AND k.name IN (SELECT value FROM json_each(?3))`
	past := miniairflow.Past{Run: run, States: make(map[string]miniairflow.TaskStatus, len(tasks))}
	_, err = query(ctx, s.read, func(row row) (none struct{}, err error) {
		var name string
		var status miniairflow.TaskStatus
		err = row.Scan(&name, &status)
		past.States[name] = status
		return none, err
	}, tasksText, run.ID, run.VersionID, list[string](tasks))
	return past, err
}

// AskForPasts implements miniairflow.TaskStore. Those that still wait come again with
// each call, so they are taken at random: none is kept from its turn.
func (s *Store) AskForPasts(ctx context.Context, limit int) (asked int, err error) {
	const someText = `SELECT EXISTS (SELECT 1 FROM task_pasts)`
	if some, err := queryOne(ctx, brief{s.read}, scanOne[bool], someText); err != nil || !some {
		return 0, err
	}
	const text = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT p.workflow_run_id, p.seq, ?2
		FROM task_pasts p` + pastIsOpen + `
		WHERE p.reason <> '' AND NOT EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = p.workflow_run_id AND d.seq = p.seq)
		ORDER BY random() LIMIT ?1 + 0`
	err = s.inTx(ctx, func(t *tx) error {
		changed, err := t.changed(ctx)
		if err != nil {
			return err
		}
		result, err := t.ExecContext(ctx, text, limit, changed)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if asked = int(n); asked > 0 {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicDecide})
		}
		return err
	})
	return asked, err
}

// findAwaited adds the runs that a later one, which is running, waits for: with
// max_active_runs between them neither would ever go on. Each later run waits for
// the one right before it, see FindPast.
func findAwaited(ctx context.Context, t *tx, workflowID uuid.UUID, pending []pendingRun) ([]pendingRun, error) {
	const text = `
		SELECT r.id, r.version_id, r.selection, r.generation, false
		FROM (SELECT DISTINCT p.logical_date FROM task_pasts p
			JOIN task_runs t ON t.workflow_run_id = p.workflow_run_id AND t.seq = p.seq AND t.status = 'pending'
			WHERE p.workflow_id = ?1 AND p.reason <> '') p
		JOIN workflow_runs r ON r.id = (SELECT b.id FROM workflow_runs b
			WHERE b.workflow_id = ?1 AND b.type = 'scheduled' AND b.logical_date < p.logical_date AND (b.task_count > 0 OR b.finished_at IS NULL)
			ORDER BY b.logical_date DESC, b.number DESC LIMIT 1)
		JOIN workflows w ON w.id = r.workflow_id AND w.is_active AND w.paused_at IS NULL
		WHERE r.status = 'pending' AND r.paused_at IS NULL ORDER BY r.logical_date`
	awaited, err := query(ctx, t, scanPending, text, workflowID)
	return dialect.Union(pending, awaited, func(p pendingRun) uuid.UUID { return p.id }), err
}
