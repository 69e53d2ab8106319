package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// Undecided implements miniairflow.TaskStore. The run that waits longest comes first.
func (s *Store) Undecided(ctx context.Context, limit int) ([]uuid.UUID, error) {
	const text = `
		SELECT workflow_run_id FROM task_decisions
		GROUP BY workflow_run_id ORDER BY min(generation), workflow_run_id LIMIT ? + 0`
	return query(ctx, brief{s.read}, scanID, text, limit)
}

// nodeColumns are what scanNode reads. A task run that waits for a slot was
// decided before, though people see it as pending.
const (
	nodeColumns = `t.seq, t.status, t.up_total, t.up_success, t.up_failed, t.up_skipped, coalesce(d.generation, 0)`
	undecidedIs = `t.status = 'pending'
		AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)`
)

// scanNode reads nodeColumns.
func scanNode(row row) (n miniairflow.Node, err error) {
	up := &n.Upstream
	err = row.Scan(&n.Seq, &n.Status, &up.Total, &up.Success, &up.Failed, &up.Skipped, &n.Generation)
	return n, err
}

// LoadDecisions implements miniairflow.TaskStore.
func (s *Store) LoadDecisions(ctx context.Context, runID uuid.UUID, limit int) (miniairflow.Decisions, error) {
	const runText = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id = ?`
	run, err := queryOne(ctx, s.read, scanRun, runText, runID)
	if err != nil {
		return miniairflow.Decisions{}, err
	}
	const text = `
		SELECT ` + nodeColumns + `, ` + fanColumns + `
		FROM task_decisions d JOIN task_runs t ON t.workflow_run_id = d.workflow_run_id AND t.seq = d.seq
			LEFT JOIN task_fanouts f ON f.workflow_run_id = d.workflow_run_id AND f.seq = d.seq
		WHERE d.workflow_run_id = ? AND (t.status = 'waiting' AND f.seq IS NOT NULL OR ` + undecidedIs + `)
		ORDER BY t.seq LIMIT ? + 0`
	nodes, err := query(ctx, s.read, scanFanNode, text, runID, limit)
	return miniairflow.Decisions{Run: run, Nodes: nodes}, err
}

// LoadNodes implements miniairflow.TaskStore.
func (s *Store) LoadNodes(ctx context.Context, runID uuid.UUID, seqs []int) ([]miniairflow.Node, error) {
	const text = `
		SELECT ` + nodeColumns + `
		FROM json_each(?2) AS i
		CROSS JOIN task_runs t
		LEFT JOIN task_decisions d ON d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq
		WHERE t.workflow_run_id = ?1 AND t.seq = i.value AND ` + undecidedIs + `
		ORDER BY i.key`
	return query(ctx, s.read, scanNode, text, runID, list[int](seqs))
}

// ApplyChanges implements miniairflow.TaskStore.
func (s *Store) ApplyChanges(ctx context.Context, runID uuid.UUID, generation int, changes []miniairflow.Change) error {
	return s.inTx(ctx, func(t *tx) error {
		run, err := s.loadRun(ctx, t, runID)
		if err != nil || run.Generation != generation {
			return err
		}
		changed, err := t.changed(ctx)
		if err != nil {
			return err
		}
		sorted := dialect.Sort(changes)
		m := move{run: run}
		const endText = `
			UPDATE task_runs AS t SET status = i.status, reason = i.reason, finished_at = ?2, changed = ?3
			FROM (SELECT value ->> 0 AS run_id, value ->> 1 AS seq, value ->> 2 AS status, value ->> 3 AS reason, value ->> 5 AS of_items FROM json_each(?1)) AS i
			WHERE t.workflow_run_id = i.run_id AND t.seq = i.seq AND (i.of_items AND ` + itemsAreOver + ` OR NOT i.of_items AND ` + undecidedIs + `)
			RETURNING seq, status`
		m.ended, err = query(ctx, t, scanEnded, endText, changeRows(runID, sorted.Ended), t.now, changed)
		if err != nil {
			return fmt.Errorf("end task runs: %w", err)
		}
		const readyText = `
			SELECT t.seq, t.priority FROM task_runs t
			WHERE (t.workflow_run_id, t.seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?)) AND ` + undecidedIs
		m.ready, err = query(ctx, t, scanReady, readyText, changeRows(runID, sorted.Queued))
		if err != nil {
			return fmt.Errorf("find ready task runs: %w", err)
		}
		if err := answer(ctx, t, runID, sorted.Decided(), sorted.Answered); err != nil {
			return fmt.Errorf("answer requests: %w", err)
		}
		if err := notePasts(ctx, t, changed, runID, sorted.Waits(run)); err != nil {
			return fmt.Errorf("note what is waited for: %w", err)
		}
		if err := fanOut(ctx, t, changed, &m, sorted.FanOuts); err != nil {
			return fmt.Errorf("write items: %w", err)
		}
		if err := release(ctx, t, &m, sorted.Releases); err != nil {
			return fmt.Errorf("let items start: %w", err)
		}
		_, err = s.settle(ctx, t, []move{m})
		return err
	})
}

// answer removes the requests that the changes answer. What was decided needs
// no further decision, unless it waits for its items: then the change came late, and
// the request is about these. What still waits keeps a newer request.
func answer(ctx context.Context, t *tx, runID uuid.UUID, decided, waiting []miniairflow.Change) error {
	const decidedText = `
		DELETE FROM task_decisions AS d WHERE (workflow_run_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))
			AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = d.workflow_run_id AND t.seq = d.seq AND t.status = 'waiting')`
	if _, err := t.ExecContext(ctx, decidedText, changeRows(runID, decided)); err != nil {
		return err
	}
	const waitingText = `
		DELETE FROM task_decisions
		WHERE (workflow_run_id, seq, generation) IN (SELECT value ->> 0, value ->> 1, value ->> 4 FROM json_each(?))`
	_, err := t.ExecContext(ctx, waitingText, changeRows(runID, waiting))
	return err
}

// changeRows returns changes as the rows that json_each reads.
func changeRows(runID uuid.UUID, changes []miniairflow.Change) table {
	rows := make(table, len(changes))
	for i, c := range changes {
		rows[i] = []any{runID, c.Seq, c.To, dialect.Text(c.Reason), c.Generation, c.OfItems}
	}
	return rows
}

func scanEnded(row row) (e miniairflow.Ended, err error) {
	err = row.Scan(&e.Seq, &e.Status)
	return e, err
}

func scanReady(row row) (r dialect.Ready, err error) {
	err = row.Scan(&r.Seq, &r.Priority)
	return r, err
}

// TaskResults implements miniairflow.TaskStore.
func (s *Store) TaskResults(ctx context.Context, runID uuid.UUID, seqs []int) ([]*miniairflow.TaskRun, error) {
	const text = `SELECT ` + taskRunColumns + ` FROM task_runs t
		WHERE t.workflow_run_id = ? AND t.seq IN (SELECT value FROM json_each(?)) ORDER BY t.seq`
	return query(ctx, s.read, scanTaskRun, text, runID, list[int](seqs))
}

// TaskStates implements miniairflow.TaskStore.
func (s *Store) TaskStates(ctx context.Context, runID uuid.UUID, seqs []int) ([]miniairflow.TaskState, error) {
	const text = `
		SELECT t.seq, t.status, coalesce(q.state = 'limited', 0), d.seq IS NOT NULL, coalesce(p.reason, '')
		FROM task_runs t
		LEFT JOIN task_queue q ON q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq
		LEFT JOIN task_decisions d ON d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq
		LEFT JOIN task_pasts p ON p.workflow_run_id = t.workflow_run_id AND p.seq = t.seq
		WHERE t.workflow_run_id = ? AND t.seq IN (SELECT value FROM json_each(?)) ORDER BY t.seq`
	return query(ctx, s.read, func(row row) (state miniairflow.TaskState, err error) {
		err = row.Scan(&state.Seq, &state.Status, &state.IsLimited, &state.IsAsked, &state.Past)
		return state, err
	}, text, runID, list[int](seqs))
}
