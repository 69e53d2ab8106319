package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// expectPast adds the statement that notes which task runs of scheduled runs depend
// on the past. It comes before anybody looks at the past, so that an end there
// finds them; one in the same moment may not, and AskForPasts makes up for it.
func expectPast(batch *pgx.Batch, runs []uuid.UUID, seqs []int) {
	const text = `
		INSERT INTO task_pasts (workflow_run_id, seq, workflow_id, name, logical_date)
		SELECT t.workflow_run_id, t.seq, r.workflow_id, t.name, r.logical_date
		FROM unnest($1::uuid[], $2::int[]) AS i(run_id, seq)
		JOIN workflow_runs r ON r.id = i.run_id AND r.type = 'scheduled'
		JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq
		ON CONFLICT (workflow_run_id, seq) DO NOTHING`
	if len(runs) > 0 {
		batch.Queue(text, runs, seqs)
	}
}

// pastIsOpen finds, of task_pasts p, task runs that are undecided. Those who use it
// lock them and their run: the end of the run, which drops requests for decisions, is
// held up, and what others decide meanwhile is looked at again. No request is left behind.
const pastIsOpen = `
	JOIN workflow_runs r ON r.id = p.workflow_run_id AND r.status = 'running'
	JOIN task_runs t ON t.workflow_run_id = p.workflow_run_id AND t.seq = p.seq AND ` + undecidedIs

// wakeFuture adds the statements that ask again about the task runs of later
// scheduled runs that depend on what has ended.
func wakeFuture(batch *pgx.Batch, wakes []dialect.Wake) {
	const text = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT p.workflow_run_id, p.seq, pg_current_xact_id()::text::bigint
		FROM workflow_runs past
		JOIN task_pasts p ON p.workflow_id = past.workflow_id AND p.name = ANY($2) AND p.logical_date > past.logical_date` + pastIsOpen + `
		WHERE past.id = $1 AND past.type = 'scheduled'
		ORDER BY p.workflow_run_id, p.seq
		FOR SHARE OF r, t
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET generation = excluded.generation`
	for _, w := range wakes {
		batch.Queue(text, w.RunID, w.Tasks)
	}
}

// notePasts writes what task runs wait for in the past.
func notePasts(batch *pgx.Batch, runID uuid.UUID, changes []miniairflow.Change) {
	const text = `
		WITH noted AS (
			UPDATE task_pasts p SET reason = i.reason
			FROM unnest($2::int[], $3::text[]) AS i(seq, reason)
			WHERE p.workflow_run_id = $1 AND p.seq = i.seq AND p.reason <> i.reason
			RETURNING p.seq)
		UPDATE task_runs t SET changed = pg_current_xact_id() FROM noted n WHERE t.workflow_run_id = $1 AND t.seq = n.seq`
	if len(changes) == 0 {
		return
	}
	seqs, _, reasons := changeColumns(changes)
	batch.Queue(text, runID, seqs, reasons)
}

// FindPast implements miniairflow.TaskStore.
func (s *Store) FindPast(ctx context.Context, runID uuid.UUID, tasks []string) (miniairflow.Past, error) {
	const runText = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id = (
		SELECT p.id FROM workflow_runs p
		WHERE p.workflow_id = (SELECT workflow_id FROM workflow_runs WHERE id = $1) AND p.logical_date < (SELECT logical_date FROM workflow_runs WHERE id = $1)
			AND p.type = 'scheduled' AND (p.task_count > 0 OR p.finished_at IS NULL)
		ORDER BY p.logical_date DESC, p.number DESC LIMIT 1)`
	run, err := queryOne(ctx, s, scanRun, runText, runID)
	if errors.Is(err, miniairflow.ErrNotFound) {
		return miniairflow.Past{}, nil
	}
	if err != nil {
		return miniairflow.Past{}, fmt.Errorf("find the run before: %w", err)
	}
	const tasksText = `
		SELECT k.name, coalesce(t.status, 'pending') FROM tasks k LEFT JOIN task_runs t ON t.workflow_run_id = $1 AND t.seq = k.seq
		WHERE k.version_id = $2 AND k.name = ANY($3)`
	past := miniairflow.Past{Run: run, States: make(map[string]miniairflow.TaskStatus, len(tasks))}
	_, err = query(ctx, s, func(row pgx.CollectableRow) (none struct{}, err error) {
		var name string
		var status miniairflow.TaskStatus
		err = row.Scan(&name, &status)
		past.States[name] = status
		return none, err
	}, tasksText, run.ID, run.VersionID, tasks)
	return past, err
}

// AskForPasts implements miniairflow.TaskStore. Those that still wait come again with
// each call, so they are taken at random: none is kept from its turn.
func (s *Store) AskForPasts(ctx context.Context, limit int) (asked int, err error) {
	const text = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT p.workflow_run_id, p.seq, pg_current_xact_id()::text::bigint
		FROM task_pasts p` + pastIsOpen + `
		WHERE p.reason <> '' AND NOT EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = p.workflow_run_id AND d.seq = p.seq)
		ORDER BY random() LIMIT $1
		FOR SHARE OF r, t SKIP LOCKED
		ON CONFLICT (workflow_run_id, seq) DO NOTHING`
	err = s.inTx(ctx, func(t *tx) error {
		tag, err := t.Exec(ctx, text, limit)
		if asked = int(tag.RowsAffected()); asked > 0 {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicDecide})
		}
		return err
	})
	return asked, err
}

// findAwaited adds the runs that a later one, which is running, waits for: with
// max_active_runs between them neither would ever go on. Each later run waits for
// the one right before it, see FindPast.
func findAwaited(ctx context.Context, t *tx, workflows []uuid.UUID, pending []pendingRun) ([]pendingRun, error) {
	const text = `
		SELECT r.id, r.version_id, r.selection, r.workflow_id, r.generation, false
		FROM (SELECT DISTINCT p.workflow_id, p.logical_date FROM task_pasts p
			JOIN task_runs t ON t.workflow_run_id = p.workflow_run_id AND t.seq = p.seq AND t.status = 'pending'
			WHERE p.workflow_id = ANY($1) AND p.reason <> '') p
		JOIN workflow_runs r ON r.id = (SELECT b.id FROM workflow_runs b
			WHERE b.workflow_id = p.workflow_id AND b.type = 'scheduled' AND b.logical_date < p.logical_date AND (b.task_count > 0 OR b.finished_at IS NULL)
			ORDER BY b.logical_date DESC, b.number DESC LIMIT 1)
		JOIN workflows w ON w.id = r.workflow_id AND w.is_active AND w.paused_at IS NULL
		WHERE r.status = 'pending' AND r.paused_at IS NULL ORDER BY r.logical_date, r.id`
	awaited, err := collect(ctx, t, scanPending, text, workflows)
	return dialect.Union(pending, awaited, func(p pendingRun) uuid.UUID { return p.id }), err
}
