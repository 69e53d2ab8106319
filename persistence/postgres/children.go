package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// childOf returns the child run that the task of the parent waits for, nil if there
// is none yet. It holds the open attempt until the end of the transaction, so that
// nobody ends it, and no second call for it makes another child run.
func childOf(ctx context.Context, t *tx, parent *miniairflow.Parent) (*miniairflow.WorkflowRun, error) {
	const openText = `SELECT true FROM task_open WHERE workflow_run_id = $1 AND seq = $2 AND token = $3 FOR UPDATE`
	const childText = `SELECT ` + runColumns + ` FROM ` + runTables + `
		JOIN task_waits s ON s.child_run_id = r.id WHERE s.workflow_run_id = $1 AND s.seq = $2`
	var isOpen bool
	switch err := t.QueryRow(ctx, openText, parent.RunID, parent.Seq, parent.Token).Scan(&isOpen); {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, dialect.ErrParentOver
	case err != nil:
		return nil, fmt.Errorf("lock attempt of parent: %w", err)
	}
	rows, err := t.Query(ctx, childText, parent.RunID, parent.Seq)
	if err != nil {
		return nil, fmt.Errorf("find child run: %w", err)
	}
	child, err := pgx.CollectOneRow(rows, scanRun)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return child, err
}

// backfillOf returns the backfill that a run is part of; zero: none.
func backfillOf(ctx context.Context, t *tx, runID uuid.UUID) (uuid.UUID, error) {
	var id uuid.NullUUID
	err := t.QueryRow(ctx, `SELECT backfill_id FROM workflow_runs WHERE id = $1`, runID).Scan(&id)
	return id.UUID, err
}

// awaitChild lets the task of the parent wait for a new child run. The row has no
// token before the attempt is put aside, so that no late finish is taken for one
// that was stored.
func awaitChild(ctx context.Context, t *tx, parent *miniairflow.Parent, childID uuid.UUID) error {
	const text = `
		INSERT INTO task_waits (workflow_run_id, seq, attempt, token, session_id, since, started_at, memory, child_run_id)
		SELECT workflow_run_id, seq, attempt, '00000000-0000-0000-0000-000000000000', session_id, started_at, started_at, '', $3
		FROM task_open WHERE workflow_run_id = $1 AND seq = $2
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET child_run_id = excluded.child_run_id`
	if _, err := t.Exec(ctx, text, parent.RunID, parent.Seq, childID); err != nil {
		return fmt.Errorf("let task wait for child run: %w", err)
	}
	return nil
}

// wakeParents lets the tasks that wait for these child runs, which end in this
// transaction, look at once.
func wakeParents(batch *pgx.Batch, now time.Time, children []uuid.UUID) {
	const text = `
		UPDATE task_queue q SET due_at = $2
		FROM task_waits w
		WHERE w.child_run_id = ANY($1) AND q.workflow_run_id = w.workflow_run_id AND q.seq = w.seq AND q.state = 'delayed' AND q.due_at > $2`
	if len(children) > 0 {
		batch.Queue(text, children, now)
	}
}

// missNoEnd lets task runs look at once that were put aside after their child runs
// had come to their end. The exchange holds the locks of these runs: who ends one
// comes before it, and is seen here, or after it, and sees in wakeParents who waits.
// A finish that comes too late has put nothing aside: the row has another token then.
func missNoEnd(batch *pgx.Batch, in *finishInput) {
	const text = `
		UPDATE task_queue q SET due_at = clock_timestamp()
		FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::uuid[]) AS i(run_id, seq, token, child_id)
		JOIN task_waits w ON w.workflow_run_id = i.run_id AND w.seq = i.seq AND w.token = i.token
		JOIN workflow_runs r ON r.id = i.child_id AND r.status NOT IN ('pending', 'running')
		WHERE q.workflow_run_id = i.run_id AND q.seq = i.seq AND q.state = 'delayed' AND q.due_at > clock_timestamp()`
	var runs, tokens, children []uuid.UUID
	var seqs []int
	for i := range in.finishes {
		if child := in.finishes[i].ChildID; child != uuid.Nil {
			runs, seqs = append(runs, in.runs[i]), append(seqs, in.seqs[i])
			tokens, children = append(tokens, in.tokens[i]), append(children, child)
		}
	}
	if len(runs) > 0 {
		batch.Queue(text, runs, seqs, tokens, children)
	}
}

// AbandonedRuns implements miniairflow.RunStore.
func (s *Store) AbandonedRuns(ctx context.Context, limit int) ([]uuid.UUID, error) {
	// With EXISTS the planner may read all backfills and waits first, to look few runs up.
	const text = `
		SELECT r.id FROM workflow_runs r
		WHERE r.is_awaited AND r.status IN ('pending', 'running') AND r.cancel_requested_at IS NULL AND r.outcome = ''
			AND CASE r.type
				WHEN 'backfill' THEN (SELECT b.status = 'cancelled' AND NOT b.keeps_runs FROM backfills b WHERE b.id = r.backfill_id)
				ELSE (
					SELECT count(*) FROM task_waits w JOIN task_runs t ON t.workflow_run_id = w.workflow_run_id AND t.seq = w.seq
					WHERE w.child_run_id = r.id AND t.status IN ('queued', 'running', 'waiting')) = 0
				END
		ORDER BY r.id LIMIT $1`
	return query(ctx, s, pgx.RowTo[uuid.UUID], text, limit)
}

// ChildRuns implements miniairflow.RunStore.
func (s *Store) ChildRuns(ctx context.Context, parents []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun, error) {
	const text = `
		SELECT ` + runColumns + `
		FROM unnest($1::uuid[], $2::int[]) AS i(run_id, seq)
		JOIN workflow_runs r ON r.id = (
			SELECT id FROM workflow_runs WHERE parent_run_id = i.run_id AND parent_seq = i.seq ORDER BY created_at DESC, id DESC LIMIT 1)
		JOIN workflows w ON w.id = r.workflow_id`
	ids, seqs := make([]uuid.UUID, len(parents)), make([]int, len(parents))
	for i, parent := range parents {
		ids[i], seqs[i] = parent.RunID, parent.Seq
	}
	runs, err := query(ctx, s, scanRun, text, ids, seqs)
	return dialect.ByParent(runs), err
}
