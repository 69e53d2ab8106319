package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// move is what a transaction has done to the task runs of one run.
type move struct {
	run   *dialect.Run
	ended []miniairflow.Ended
	again []int           // those that are tried again
	freed int             // slots given back
	ready []dialect.Ready // may start now, and have no row in the queue
	asks  []int           // need a decision in any case
}

// settle does what the moves mean (T3): it counts the ends, moves the children,
// hands out slots, asks for decisions and ends the runs that are over, or that are
// to fail fast.
func (s *Store) settle(ctx context.Context, t *tx, moves []move) (*dialect.Plan, error) {
	plan := &dialect.Plan{}
	runs := make([]*dialect.Run, len(moves))
	for i, m := range moves {
		runs[i] = m.run
		m.run.End(m.ended...)
		m.run.Free(m.freed)
		if reason := m.run.FailsFast(m.ended); reason != "" {
			if err := failFast(ctx, t, &m, reason); err != nil {
				return nil, fmt.Errorf("fail fast: %w", err)
			}
		}
		var deltas []miniairflow.Delta
		// A run that is being cancelled has no pending task runs left.
		if !m.run.IsCancelling() {
			deltas = m.run.Graph.Fanout(m.ended)
		}
		children, err := countUpstream(ctx, t, m.run.ID, deltas)
		if err != nil {
			return nil, err
		}
		due, err := countItems(ctx, t, m.run, m.ended)
		if err != nil {
			return nil, err
		}
		ready, asks := dialect.Route(deltas, undecided(children, m.ready))
		plan.Add(m.run, append(ready, m.ready...), slices.Concat(asks, m.asks, due))
		plan.WakeFuture(m.run, m.ended)
		plan.Note(m.run, m.ended, m.again)
	}
	t.publish(plan.Events(runs)...)
	return plan, writePlan(ctx, t, plan)
}

// undecided returns the children that the move itself has not made ready.
func undecided(children []dialect.Child, ready []dialect.Ready) []dialect.Child {
	return slices.DeleteFunc(children, func(c dialect.Child) bool {
		return slices.ContainsFunc(ready, func(r dialect.Ready) bool { return r.Seq == c.Seq })
	})
}

// countUpstream adds the deltas to the task runs that are still pending and
// undecided, and returns these.
func countUpstream(ctx context.Context, t *tx, runID uuid.UUID, deltas []miniairflow.Delta) ([]dialect.Child, error) {
	if len(deltas) == 0 {
		return nil, nil
	}
	rows := make(table, len(deltas))
	for i, d := range deltas {
		rows[i] = []any{runID, d.Seq, d.Success, d.Failed, d.Skipped}
	}
	const text = `
		UPDATE task_runs AS t
		SET up_success = t.up_success + d.success, up_failed = t.up_failed + d.failed, up_skipped = t.up_skipped + d.skipped
		FROM (SELECT value ->> 0 AS run_id, value ->> 1 AS seq, value ->> 2 AS success, value ->> 3 AS failed, value ->> 4 AS skipped
			FROM json_each(?)) AS d
		WHERE t.workflow_run_id = d.run_id AND t.seq = d.seq AND t.status = 'pending'
			AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)
		RETURNING workflow_run_id, seq, priority, up_total, up_success, up_failed, up_skipped`
	children, err := query(ctx, t, func(row row) (c dialect.Child, err error) {
		up := &c.Upstream
		err = row.Scan(&c.RunID, &c.Seq, &c.Priority, &up.Total, &up.Success, &up.Failed, &up.Skipped)
		return c, err
	}, text, rows)
	if err != nil {
		return nil, fmt.Errorf("count upstream tasks: %w", err)
	}
	return children, nil
}

// writePlan writes what the plan says.
func writePlan(ctx context.Context, t *tx, plan *dialect.Plan) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	for _, f := range plan.Forward {
		if err := bringForward(ctx, t, f); err != nil {
			return fmt.Errorf("bring rows forward: %w", err)
		}
	}
	if err := enqueue(ctx, t, changed, plan); err != nil {
		return fmt.Errorf("queue task runs: %w", err)
	}
	for _, f := range plan.Feeds {
		if err := feed(ctx, t, changed, f); err != nil {
			return fmt.Errorf("give slots: %w", err)
		}
	}
	if err := ask(ctx, t, changed, plan.Asks); err != nil {
		return fmt.Errorf("ask for decisions: %w", err)
	}
	if err := wakeFuture(ctx, t, changed, plan.Wakes); err != nil {
		return fmt.Errorf("wake later runs: %w", err)
	}
	const counters = `
		UPDATE run_counters SET done = done + ?2, failed = failed + ?3, active = active + ?4, limited = limited + ?5
		WHERE workflow_run_id = ?1`
	for _, r := range plan.Changed {
		_, err := t.ExecContext(ctx, counters, r.ID, r.Change.Done, r.Change.Failed, r.Change.Active, r.Change.Limited)
		if err != nil {
			return fmt.Errorf("change counters: %w", err)
		}
	}
	for _, r := range plan.Finals {
		const outcome = `UPDATE workflow_runs SET outcome = ?2, changed = ?3 WHERE id = ?1`
		if _, err := t.ExecContext(ctx, outcome, r.ID, r.Outcome, changed); err != nil {
			return fmt.Errorf("note outcome: %w", err)
		}
	}
	for _, r := range plan.Over {
		if err := endRun(ctx, t, changed, r); err != nil {
			return fmt.Errorf("end run: %w", err)
		}
	}
	return note(ctx, t, plan.Notes)
}

// enqueue puts the ready task runs of the plan into the queue, in the state that
// each may have. The sort keys of one transaction rise, so that its order stays.
func enqueue(ctx context.Context, t *tx, changed int64, plan *dialect.Plan) error {
	if err := insertQueue(ctx, t, plan, plan.Limited, dialect.QueueLimited); err != nil {
		return err
	}
	if err := insertQueue(ctx, t, plan, plan.Held, dialect.QueuePaused); err != nil {
		return err
	}
	if err := insertQueue(ctx, t, plan, plan.Queued, dialect.QueueReady); err != nil {
		return err
	}
	return markQueued(ctx, t, changed, slices.Concat(plan.Held, plan.Queued))
}

// insertQueue writes rows of the queue. What is ready expires if its task says
// so; a retry has been taken once, so it does not.
func insertQueue(ctx context.Context, t *tx, plan *dialect.Plan, ready []dialect.Place, state string) error {
	if len(ready) == 0 {
		return nil
	}
	const text = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
		SELECT t.workflow_run_id, t.seq, ?3, t.queue, t.priority, t.pool, t.pool_slots,
			CASE WHEN t.status = 'waiting' AND i.sort_key < 1152921504606846976 THEN t.seq ELSE i.sort_key END,
			CASE WHEN ?3 = 'ready' AND t.queue_timeout > 0 AND t.status NOT IN ('waiting', 'up_for_retry') THEN ?2 + t.queue_timeout END
		FROM (SELECT value ->> 0 AS run_id, value ->> 1 AS seq, value ->> 2 AS sort_key FROM json_each(?1)) AS i
		JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq`
	rows := places(ready)
	for i, key := range plan.SortKeys(t.now, ready) {
		rows[i] = append(rows[i], key)
	}
	_, err := t.ExecContext(ctx, text, rows, t.now, state)
	return err
}

// bringForward lets rows that went behind those of all runs come forward: the
// highest priority first, then the one that waits longest. They are older than
// what becomes ready now.
func bringForward(ctx context.Context, t *tx, f dialect.Forward) error {
	const text = `
		UPDATE task_queue AS q SET sort_key = ?3 - c.place
		FROM (
			SELECT seq, row_number() OVER (ORDER BY priority, sort_key DESC) AS place
			FROM (SELECT seq, priority, sort_key FROM task_queue
				WHERE workflow_run_id = ?1 AND sort_key >= 1152921504606846976 ORDER BY priority DESC, sort_key LIMIT ?2 + 0)) AS c
		WHERE q.workflow_run_id = ?1 AND q.seq = c.seq`
	_, err := t.ExecContext(ctx, text, f.RunID, f.Count, t.now)
	return err
}

// feed gives slots to task runs that wait for one: the highest priority first,
// then the one that waits longest.
func feed(ctx context.Context, t *tx, changed int64, f dialect.Feed) error {
	const chooseText = `
		SELECT workflow_run_id, seq FROM task_queue WHERE workflow_run_id = ? AND state = 'limited'
		ORDER BY priority DESC, sort_key, seq LIMIT ? + 0`
	chosen, err := query(ctx, t, scanPlace, chooseText, f.RunID, f.Count)
	if err != nil {
		return err
	}
	const queueText = `
		UPDATE task_queue AS q
		SET state = ?3, sort_key = ?2 + i.place + CASE WHEN i.place >= ?4 THEN 1152921504606846976 ELSE 0 END,
			expires_at = CASE WHEN ?3 = 'ready' AND t.queue_timeout > 0 AND t.status NOT IN ('waiting', 'up_for_retry') THEN ?2 + t.queue_timeout END
		FROM (SELECT key AS place, value ->> 0 AS run_id, value ->> 1 AS seq FROM json_each(?1)) AS i
		JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq
		WHERE q.workflow_run_id = i.run_id AND q.seq = i.seq`
	if _, err := t.ExecContext(ctx, queueText, places(chosen), t.now, f.State, f.Share); err != nil {
		return err
	}
	return markQueued(ctx, t, changed, chosen)
}

// markQueued shows pending task runs as queued. A due retry keeps its status
// until it is claimed, and so does one that is to look again.
func markQueued(ctx context.Context, t *tx, changed int64, queued []dialect.Place) error {
	if len(queued) == 0 {
		return nil
	}
	const text = `
		UPDATE task_runs AS t
		SET status = CASE t.status WHEN 'pending' THEN 'queued' ELSE t.status END,
			queued_at = CASE t.status WHEN 'waiting' THEN t.queued_at ELSE ?2 END, changed = ?3
		FROM (SELECT value ->> 0 AS run_id, value ->> 1 AS seq FROM json_each(?1)) AS i
		WHERE t.workflow_run_id = i.run_id AND t.seq = i.seq AND t.status IN ('pending', 'waiting', 'up_for_retry')`
	_, err := t.ExecContext(ctx, text, places(queued), t.now, changed)
	return err
}

// ask requests decisions. The revision is a generation that no earlier request
// of the task run had.
func ask(ctx context.Context, t *tx, changed int64, asks []dialect.Place) error {
	const text = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT value ->> 0, value ->> 1, ?2 FROM json_each(?1) WHERE true
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET generation = excluded.generation`
	if len(asks) == 0 {
		return nil
	}
	_, err := t.ExecContext(ctx, text, places(asks), changed)
	return err
}

// endRun ends a run whose task runs are all terminal. A reason that was set by
// a cancellation stays.
func endRun(ctx context.Context, t *tx, changed int64, r *dialect.Run) error {
	reason := ""
	if r.Result() == miniairflow.RunFailed && !r.TimedOut {
		var err error
		if reason, err = failedReason(ctx, t, r); err != nil {
			return err
		}
	}
	const text = `
		UPDATE workflow_runs
		SET status = ?2, reason = CASE reason WHEN '' THEN ?3 ELSE reason END, finished_at = ?4, is_awaited = 0, changed = ?5
		WHERE id = ?1 AND status = 'running'`
	if _, err := t.ExecContext(ctx, text, r.ID, r.Result(), reason, t.now, changed); err != nil {
		return err
	}
	if len(r.Graph.Pasts) > 0 {
		if _, err := t.ExecContext(ctx, `DELETE FROM task_pasts WHERE workflow_run_id = ?`, r.ID); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM task_decisions WHERE workflow_run_id = ?`, r.ID); err != nil {
		return err
	}
	return wakeParents(ctx, t, dialect.Children([]*dialect.Run{r}))
}

// failedReason names the first tasks that made a run fail.
func failedReason(ctx context.Context, t *tx, r *dialect.Run) (string, error) {
	var tolerated []int
	for seq := range r.Graph.Definition.Tasks {
		if r.Graph.Definition.Tasks[seq].AllowFailure {
			tolerated = append(tolerated, seq)
		}
	}
	const text = `
		SELECT name, status = 'failed', count(*) OVER (PARTITION BY status = 'failed') FROM task_runs
		WHERE workflow_run_id = ? AND status IN ('failed', 'upstream_failed', 'cancelled') AND seq NOT IN (SELECT value FROM json_each(?)) AND seq < ?
		ORDER BY status = 'failed' DESC, seq LIMIT 3`
	culprits, err := query(ctx, t, func(row row) (c dialect.Culprit, err error) {
		err = row.Scan(&c.Name, &c.Failed, &c.Count)
		return c, err
	}, text, r.ID, list[int](tolerated), miniairflow.FirstItem)
	if err != nil {
		return "", fmt.Errorf("name failed tasks: %w", err)
	}
	return dialect.FailedReason(culprits), nil
}

// places returns places as the rows that json_each reads.
func places(all []dialect.Place) table {
	rows := make(table, len(all))
	for i, p := range all {
		rows[i] = []any{p.RunID, p.Seq}
	}
	return rows
}
