package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
// to fail fast. It needs
// the locks of all the runs, and the moves in the order of those locks.
func (s *Store) settle(ctx context.Context, t *tx, now time.Time, moves []move) error {
	plan, err := s.plan(ctx, t, now, moves)
	if err != nil {
		return err
	}
	return writePlan(ctx, t, now, plan)
}

// plan is settle without what it writes in the end.
func (s *Store) plan(ctx context.Context, t *tx, now time.Time, moves []move) (*dialect.Plan, error) {
	deltas := make([][]miniairflow.Delta, len(moves))
	for i := range moves {
		m := &moves[i]
		m.run.End(m.ended...)
		m.run.Free(m.freed)
		if reason := m.run.FailsFast(m.ended); reason != "" {
			if err := failFast(ctx, t, now, m, reason); err != nil {
				return nil, fmt.Errorf("fail fast: %w", err)
			}
		}
		// A run that is being cancelled has no pending task runs left.
		if !m.run.IsCancelling() {
			deltas[i] = m.run.Graph.Fanout(m.ended)
		}
	}
	children, err := countUpstream(ctx, t, moves, deltas)
	if err != nil {
		return nil, err
	}
	due, err := countItems(ctx, t, moves)
	if err != nil {
		return nil, err
	}
	plan := &dialect.Plan{}
	runs := make([]*dialect.Run, len(moves))
	for i, m := range moves {
		ready, asks := dialect.Route(deltas[i], undecided(children[m.run.ID], m.ready))
		plan.Add(m.run, append(ready, m.ready...), slices.Concat(asks, m.asks, due[m.run.ID]))
		plan.WakeFuture(m.run, m.ended)
		plan.Note(m.run, m.ended, m.again)
		runs[i] = m.run
	}
	t.publish(plan.Events(runs)...)
	return plan, nil
}

// undecided returns the children that the move itself has not made ready.
func undecided(children []dialect.Child, ready []dialect.Ready) []dialect.Child {
	return slices.DeleteFunc(children, func(c dialect.Child) bool {
		return slices.ContainsFunc(ready, func(r dialect.Ready) bool { return r.Seq == c.Seq })
	})
}

// countUpstream adds the deltas to the task runs that are still pending and
// undecided, and returns these by run.
func countUpstream(ctx context.Context, t *tx, moves []move, deltas [][]miniairflow.Delta) (map[uuid.UUID][]dialect.Child, error) {
	var runs []uuid.UUID
	var seqs, success, failed, skipped []int
	for i, m := range moves {
		for _, d := range deltas[i] {
			runs, seqs = append(runs, m.run.ID), append(seqs, d.Seq)
			success, failed, skipped = append(success, d.Success), append(failed, d.Failed), append(skipped, d.Skipped)
		}
	}
	children := map[uuid.UUID][]dialect.Child{}
	if len(seqs) == 0 {
		return children, nil
	}
	const text = `
		UPDATE task_runs t
		SET up_success = t.up_success + d.success, up_failed = t.up_failed + d.failed, up_skipped = t.up_skipped + d.skipped
		FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[]) AS d(run_id, seq, success, failed, skipped)
		WHERE t.workflow_run_id = d.run_id AND t.seq = d.seq AND t.status = 'pending'
			AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)
		RETURNING t.workflow_run_id, t.seq, t.priority, t.up_total, t.up_success, t.up_failed, t.up_skipped`
	found, err := collect(ctx, t, func(row pgx.CollectableRow) (c dialect.Child, err error) {
		up := &c.Upstream
		err = row.Scan(&c.RunID, &c.Seq, &c.Priority, &up.Total, &up.Success, &up.Failed, &up.Skipped)
		return c, err
	}, text, runs, seqs, success, failed, skipped)
	if err != nil {
		return nil, fmt.Errorf("count upstream tasks: %w", err)
	}
	for _, c := range found {
		children[c.RunID] = append(children[c.RunID], c)
	}
	return children, nil
}

// writePlan writes what the plan says, in one round trip.
func writePlan(ctx context.Context, t *tx, now time.Time, plan *dialect.Plan) error {
	batch := &pgx.Batch{}
	if err := queuePlan(ctx, t, batch, now, plan); err != nil || batch.Len() == 0 {
		return err
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write what follows: %w", err)
	}
	return nil
}

// queuePlan adds the statements that write what the plan says.
func queuePlan(ctx context.Context, t *tx, batch *pgx.Batch, now time.Time, plan *dialect.Plan) error {
	bringForward(batch, now, plan.Forward)
	enqueue(batch, now, plan)
	feed(batch, now, plan.Feeds)
	ask(batch, plan.Asks)
	wakeFuture(batch, plan.Wakes)
	addCounters(batch, plan.Changed)
	for _, r := range plan.Finals {
		batch.Queue(`UPDATE workflow_runs SET outcome = $2, changed = pg_current_xact_id() WHERE id = $1`, r.ID, string(r.Outcome))
	}
	if len(plan.Over) > 0 {
		if err := endRuns(ctx, t, batch, now, plan.Over); err != nil {
			return err
		}
	}
	note(batch, now, plan.Notes)
	return nil
}

// enqueue puts the ready task runs of the plan into the queue, in the state that
// each may have. The sort keys of one transaction rise, so that its order stays.
func enqueue(batch *pgx.Batch, now time.Time, plan *dialect.Plan) {
	insertQueue(batch, now, plan, plan.Limited, dialect.QueueLimited)
	insertQueue(batch, now, plan, plan.Held, dialect.QueuePaused)
	insertQueue(batch, now, plan, plan.Queued, dialect.QueueReady)
	queued := slices.Concat(plan.Held, plan.Queued)
	if len(queued) == 0 {
		return
	}
	const status = `
		UPDATE task_runs t
		SET status = CASE t.status WHEN 'pending' THEN 'queued' ELSE t.status END,
			queued_at = CASE t.status WHEN 'waiting' THEN t.queued_at ELSE $3 END, changed = pg_current_xact_id()
		FROM unnest($1::uuid[], $2::int[]) AS i(run_id, seq)
		WHERE t.workflow_run_id = i.run_id AND t.seq = i.seq AND t.status IN ('pending', 'waiting', 'up_for_retry')`
	runs, seqs := columns(queued)
	batch.Queue(status, runs, seqs, now)
}

// insertQueue adds rows of the queue. What is ready expires if its task says so;
// a retry has been taken once, so it does not.
func insertQueue(batch *pgx.Batch, now time.Time, plan *dialect.Plan, ready []dialect.Place, state string) {
	const text = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
		SELECT t.workflow_run_id, t.seq, $4::text, t.queue, t.priority, t.pool, t.pool_slots,
			CASE WHEN t.status = 'waiting' AND i.sort_key < 1152921504606846976 THEN t.seq ELSE i.sort_key END,
			CASE WHEN $4::text = 'ready' AND t.queue_timeout > 0 AND t.status NOT IN ('waiting', 'up_for_retry')
				THEN $5::timestamptz + t.queue_timeout * interval '1 microsecond' END
		FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS i(run_id, seq, sort_key)
		JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq`
	if len(ready) == 0 {
		return
	}
	runs, seqs := columns(ready)
	batch.Queue(text, runs, seqs, plan.SortKeys(now.UnixMicro(), ready), state, now)
}

// bringForward lets rows that went behind those of all runs come forward: the
// highest priority first, then the one that waits longest. They are older than
// what becomes ready now. Those that a claim is about to take it leaves alone, and
// instead of changing a row it makes it anew: claims skip rows that are locked only
// as long as these are never updated.
func bringForward(batch *pgx.Batch, now time.Time, forward []dialect.Forward) {
	const text = `
		WITH chosen AS MATERIALIZED (
			SELECT w.workflow_run_id, w.seq
			FROM unnest($1::uuid[], $2::int[]) AS f(run_id, rows)
			CROSS JOIN LATERAL (
				SELECT workflow_run_id, seq FROM task_queue
				WHERE workflow_run_id = f.run_id AND sort_key >= 1152921504606846976
				ORDER BY priority DESC, sort_key LIMIT f.rows FOR UPDATE SKIP LOCKED) w),
		taken AS (
			DELETE FROM task_queue q USING chosen c WHERE q.workflow_run_id = c.workflow_run_id AND q.seq = c.seq RETURNING q.*)
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, due_at, expires_at)
		SELECT workflow_run_id, seq, state, queue, priority, pool, pool_slots,
			$3::bigint - row_number() OVER (PARTITION BY workflow_run_id ORDER BY priority, sort_key DESC), due_at, expires_at
		FROM taken`
	if len(forward) == 0 {
		return
	}
	runs, counts := make([]uuid.UUID, len(forward)), make([]int, len(forward))
	for i, f := range forward {
		runs[i], counts[i] = f.RunID, f.Count
	}
	batch.Queue(text, runs, counts, now.UnixMicro())
}

// feed gives slots to task runs that wait for one: the highest priority first,
// then the one that waits longest. A due retry keeps its status until it is claimed.
func feed(batch *pgx.Batch, now time.Time, feeds []dialect.Feed) {
	const text = `
		WITH chosen AS MATERIALIZED (
			SELECT w.workflow_run_id, w.seq, w.place, f.state,
				CASE WHEN w.place > f.share THEN $3::bigint + 1152921504606846976 ELSE $3::bigint END AS key
			FROM unnest($1::uuid[], $2::int[], $6::int[], $5::text[]) AS f(run_id, slots, share, state)
			CROSS JOIN LATERAL (
				SELECT workflow_run_id, seq, row_number() OVER (ORDER BY priority DESC, sort_key, seq) AS place
				FROM task_queue WHERE workflow_run_id = f.run_id AND state = 'limited'
				ORDER BY priority DESC, sort_key, seq LIMIT f.slots) w),
		fed AS (
			UPDATE task_queue q
			SET state = c.state, sort_key = c.key + c.place,
				expires_at = CASE WHEN c.state = 'ready' AND t.queue_timeout > 0 AND t.status NOT IN ('waiting', 'up_for_retry')
					THEN $4::timestamptz + t.queue_timeout * interval '1 microsecond' END
			FROM chosen c JOIN task_runs t ON t.workflow_run_id = c.workflow_run_id AND t.seq = c.seq
			WHERE q.workflow_run_id = c.workflow_run_id AND q.seq = c.seq)
		UPDATE task_runs t
		SET status = CASE t.status WHEN 'pending' THEN 'queued' ELSE t.status END,
			queued_at = CASE t.status WHEN 'waiting' THEN t.queued_at ELSE $4 END, changed = pg_current_xact_id()
		FROM chosen c
		WHERE t.workflow_run_id = c.workflow_run_id AND t.seq = c.seq AND t.status IN ('pending', 'waiting', 'up_for_retry')`
	if len(feeds) == 0 {
		return
	}
	runs, slots := make([]uuid.UUID, len(feeds)), make([]int, len(feeds))
	shares, states := make([]int, len(feeds)), make([]string, len(feeds))
	for i, f := range feeds {
		runs[i], slots[i], shares[i], states[i] = f.RunID, f.Count, f.Share, f.State
	}
	batch.Queue(text, runs, slots, now.UnixMicro(), now, states, shares)
}

// ask requests decisions. The number of the transaction is a generation that
// no earlier request of the task run had.
func ask(batch *pgx.Batch, asks []dialect.Place) {
	const text = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT run_id, seq, pg_current_xact_id()::text::bigint FROM unnest($1::uuid[], $2::int[]) AS i(run_id, seq)
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET generation = excluded.generation`
	if len(asks) == 0 {
		return
	}
	runs, seqs := columns(asks)
	batch.Queue(text, runs, seqs)
}

func addCounters(batch *pgx.Batch, changed []*dialect.Run) {
	const text = `
		UPDATE run_counters c
		SET done = c.done + d.done, failed = c.failed + d.failed, active = c.active + d.active, limited = c.limited + d.limited
		FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[]) AS d(run_id, done, failed, active, limited)
		WHERE c.workflow_run_id = d.run_id`
	if len(changed) == 0 {
		return
	}
	var runs []uuid.UUID
	var done, failed, active, limited []int
	for _, r := range changed {
		runs, done, failed = append(runs, r.ID), append(done, r.Change.Done), append(failed, r.Change.Failed)
		active, limited = append(active, r.Change.Active), append(limited, r.Change.Limited)
	}
	batch.Queue(text, runs, done, failed, active, limited)
}

// endRuns ends runs whose task runs are all terminal. A reason that was set by
// a cancellation stays.
func endRuns(ctx context.Context, t *tx, batch *pgx.Batch, now time.Time, over []*dialect.Run) error {
	const text = `
		UPDATE workflow_runs r
		SET status = i.status, reason = CASE r.reason WHEN '' THEN i.reason ELSE r.reason END, finished_at = $4, is_awaited = false,
			changed = pg_current_xact_id()
		FROM unnest($1::uuid[], $2::text[], $3::text[]) AS i(run_id, status, reason)
		WHERE r.id = i.run_id AND r.status = 'running'`
	var ids []uuid.UUID
	var statuses, reasons []string
	for _, r := range over {
		reason := ""
		if r.Result() == miniairflow.RunFailed && !r.TimedOut {
			var err error
			if reason, err = failedReason(ctx, t, r); err != nil {
				return err
			}
		}
		ids, statuses, reasons = append(ids, r.ID), append(statuses, string(r.Result())), append(reasons, reason)
	}
	batch.Queue(text, ids, statuses, reasons, now)
	batch.Queue(`DELETE FROM task_decisions WHERE workflow_run_id = ANY($1)`, ids)
	if slices.ContainsFunc(over, func(r *dialect.Run) bool { return len(r.Graph.Pasts) > 0 }) {
		batch.Queue(`DELETE FROM task_pasts WHERE workflow_run_id = ANY($1)`, ids)
	}
	wakeParents(batch, now, dialect.Children(over))
	return nil
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
		WHERE workflow_run_id = $1 AND status IN ('failed', 'upstream_failed', 'cancelled') AND NOT seq = ANY(coalesce($2::int[], '{}')) AND seq < $3
		ORDER BY status = 'failed' DESC, seq LIMIT 3`
	culprits, err := collect(ctx, t, pgx.RowToStructByPos[dialect.Culprit], text, r.ID, tolerated, miniairflow.FirstItem)
	if err != nil {
		return "", fmt.Errorf("name failed tasks: %w", err)
	}
	return dialect.FailedReason(culprits), nil
}

// columns returns places as the two arrays that unnest takes.
func columns(places []dialect.Place) (runs []uuid.UUID, seqs []int) {
	for _, p := range places {
		runs, seqs = append(runs, p.RunID), append(seqs, p.Seq)
	}
	return runs, seqs
}
