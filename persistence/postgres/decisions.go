package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// Undecided implements miniairflow.TaskStore. The run that waits longest comes first.
func (s *Store) Undecided(ctx context.Context, limit int) ([]uuid.UUID, error) {
	const text = `
		SELECT workflow_run_id FROM task_decisions
		GROUP BY workflow_run_id ORDER BY min(generation), workflow_run_id LIMIT $1`
	return query(ctx, s, pgx.RowTo[uuid.UUID], text, limit)
}

// nodeColumns are what scanNode reads. A task run that waits for a slot was
// decided before, though people see it as pending.
const (
	nodeColumns = `t.seq, t.status, t.up_total, t.up_success, t.up_failed, t.up_skipped, coalesce(d.generation, 0)`
	undecidedIs = `t.status = 'pending'
		AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)`
)

// scanNode reads nodeColumns.
func scanNode(row pgx.CollectableRow) (n miniairflow.Node, err error) {
	up := &n.Upstream
	err = row.Scan(&n.Seq, &n.Status, &up.Total, &up.Success, &up.Failed, &up.Skipped, &n.Generation)
	return n, err
}

// LoadDecisions implements miniairflow.TaskStore.
func (s *Store) LoadDecisions(ctx context.Context, runID uuid.UUID, limit int) (miniairflow.Decisions, error) {
	const runText = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id = $1`
	run, err := queryOne(ctx, s, scanRun, runText, runID)
	if err != nil {
		return miniairflow.Decisions{}, err
	}
	const text = `
		SELECT ` + nodeColumns + `, ` + fanColumns + `
		FROM task_decisions d JOIN task_runs t ON t.workflow_run_id = d.workflow_run_id AND t.seq = d.seq
			LEFT JOIN task_fanouts f ON f.workflow_run_id = d.workflow_run_id AND f.seq = d.seq
		WHERE d.workflow_run_id = $1 AND (t.status = 'waiting' AND f.seq IS NOT NULL OR ` + undecidedIs + `)
		ORDER BY t.seq LIMIT $2`
	nodes, err := query(ctx, s, scanFanNode, text, runID, limit)
	return miniairflow.Decisions{Run: run, Nodes: nodes}, err
}

// LoadNodes implements miniairflow.TaskStore.
func (s *Store) LoadNodes(ctx context.Context, runID uuid.UUID, seqs []int) ([]miniairflow.Node, error) {
	const text = `
		SELECT ` + nodeColumns + `
		FROM unnest($2::int[]) WITH ORDINALITY AS i(seq, place)
		JOIN task_runs t ON t.workflow_run_id = $1 AND t.seq = i.seq
		LEFT JOIN task_decisions d ON d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq
		WHERE ` + undecidedIs + `
		ORDER BY i.place`
	return query(ctx, s, scanNode, text, runID, seqs)
}

// ApplyChanges implements miniairflow.TaskStore.
func (s *Store) ApplyChanges(ctx context.Context, runID uuid.UUID, generation int, changes []miniairflow.Change) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := lockRuns(ctx, t, runID); err != nil {
			return err
		}
		run, now, err := s.loadRun(ctx, t, runID)
		if err != nil || run.Generation != generation {
			return err
		}
		m := move{run: run}
		batch := &pgx.Batch{}
		sorted := dialect.Sort(changes)
		seqs, statuses, reasons := changeColumns(sorted.Ended)
		const endText = `
			UPDATE task_runs t SET status = i.status, reason = i.reason, finished_at = $5, changed = pg_current_xact_id()
			FROM unnest($2::int[], $3::text[], $4::text[], $6::bool[]) AS i(seq, status, reason, of_items)
			WHERE t.workflow_run_id = $1 AND t.seq = i.seq AND (i.of_items AND ` + itemsAreOver + ` OR NOT i.of_items AND ` + undecidedIs + `)
			RETURNING t.seq, t.status`
		batch.Queue(endText, runID, seqs, statuses, reasons, now, ofItems(sorted.Ended)).Query(func(rows pgx.Rows) (err error) {
			m.ended, err = pgx.CollectRows(rows, pgx.RowToStructByPos[miniairflow.Ended])
			return err
		})
		seqs, _, _ = changeColumns(sorted.Queued)
		const readyText = `SELECT t.seq, t.priority FROM task_runs t WHERE t.workflow_run_id = $1 AND t.seq = ANY($2) AND ` + undecidedIs
		batch.Queue(readyText, runID, seqs).Query(func(rows pgx.Rows) (err error) {
			m.ready, err = pgx.CollectRows(rows, pgx.RowToStructByPos[dialect.Ready])
			return err
		})
		answer(batch, runID, sorted.Decided(), sorted.Answered)
		notePasts(batch, runID, sorted.Waits(run))
		if err := t.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("apply decisions: %w", err)
		}
		if err := fanOut(ctx, t, now, &m, sorted.FanOuts); err != nil {
			return fmt.Errorf("write items: %w", err)
		}
		if err := release(ctx, t, &m, sorted.Releases); err != nil {
			return fmt.Errorf("let items start: %w", err)
		}
		return s.settle(ctx, t, now, []move{m})
	})
}

// answer removes the requests that the changes answer. What was decided needs
// no further decision, unless it waits for its items: then the change came late, and
// the request is about these. What still waits keeps a newer request.
func answer(batch *pgx.Batch, runID uuid.UUID, decided, waiting []miniairflow.Change) {
	const decidedText = `
		DELETE FROM task_decisions d WHERE workflow_run_id = $1 AND seq = ANY($2)
			AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = $1 AND t.seq = d.seq AND t.status = 'waiting')`
	seqs, _, _ := changeColumns(decided)
	batch.Queue(decidedText, runID, seqs)
	seqs, _, _ = changeColumns(waiting)
	generations := make([]int64, len(waiting))
	for i, c := range waiting {
		generations[i] = c.Generation
	}
	const text = `
		DELETE FROM task_decisions d USING unnest($2::int[], $3::bigint[]) AS i(seq, generation)
		WHERE d.workflow_run_id = $1 AND d.seq = i.seq AND d.generation = i.generation`
	batch.Queue(text, runID, seqs, generations)
}

// changeColumns returns changes as the arrays that unnest takes.
func changeColumns(changes []miniairflow.Change) (seqs []int, statuses, reasons []string) {
	seqs = make([]int, len(changes))
	statuses, reasons = make([]string, len(changes)), make([]string, len(changes))
	for i, c := range changes {
		seqs[i], statuses[i], reasons[i] = c.Seq, string(c.To), dialect.Text(c.Reason)
	}
	return seqs, statuses, reasons
}

// ofItems says which of the changes are about task runs that wait for their items.
func ofItems(changes []miniairflow.Change) []bool {
	are := make([]bool, len(changes))
	for i, c := range changes {
		are[i] = c.OfItems
	}
	return are
}

// TaskResults implements miniairflow.TaskStore.
func (s *Store) TaskResults(ctx context.Context, runID uuid.UUID, seqs []int) ([]*miniairflow.TaskRun, error) {
	const text = `SELECT ` + taskRunColumns + ` FROM task_runs t WHERE t.workflow_run_id = $1 AND t.seq = ANY($2) ORDER BY t.seq`
	return query(ctx, s, scanTaskRun, text, runID, seqs)
}

// TaskStates implements miniairflow.TaskStore.
func (s *Store) TaskStates(ctx context.Context, runID uuid.UUID, seqs []int) ([]miniairflow.TaskState, error) {
	const text = `
		SELECT t.seq, t.status, coalesce(q.state = 'limited', false), d.seq IS NOT NULL, coalesce(p.reason, '')
		FROM task_runs t
		LEFT JOIN task_queue q ON q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq
		LEFT JOIN task_decisions d ON d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq
		LEFT JOIN task_pasts p ON p.workflow_run_id = t.workflow_run_id AND p.seq = t.seq
		WHERE t.workflow_run_id = $1 AND t.seq = ANY($2) ORDER BY t.seq`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.TaskState], text, runID, seqs)
}
