package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// fanColumns are what scanFan reads, from task_fanouts as f.
const fanColumns = `f.seq, f.first, f.next, f.total, f.held, f.success, f.failed, f.skipped, f.cancelled`

// itemsAreOver tells of a task run t whether it waits for items that are all over.
const itemsAreOver = `t.status = 'waiting' AND EXISTS (
	SELECT 1 FROM task_fanouts f WHERE f.workflow_run_id = t.workflow_run_id AND f.seq = t.seq
		AND f.total = f.success + f.failed + f.skipped + f.cancelled)`

func scanFan(row pgx.CollectableRow) (f dialect.Fan, err error) {
	err = row.Scan(&f.Seq, &f.First, &f.Next, &f.Total, &f.Held, &f.Success, &f.Failed, &f.Skipped, &f.Cancelled)
	return f, err
}

// scanFanNode reads nodeColumns and fanColumns, which are null without a row.
func scanFanNode(row pgx.CollectableRow) (n miniairflow.Node, err error) {
	up, fan := &n.Upstream, miniairflow.FanOut{}
	var seq, first, next, total, held, success, failed, skipped, cancelled *int
	err = row.Scan(&n.Seq, &n.Status, &up.Total, &up.Success, &up.Failed, &up.Skipped, &n.Generation,
		&seq, &first, &next, &total, &held, &success, &failed, &skipped, &cancelled)
	if err != nil || seq == nil {
		return n, err
	}
	fan.Total, fan.Held, fan.Success, fan.Failed, fan.Skipped, fan.Cancelled = *total, *held, *success, *failed, *skipped, *cancelled
	n.Fan = &fan
	return n, nil
}

// FindItem implements miniairflow.TaskStore.
func (s *Store) FindItem(ctx context.Context, runID uuid.UUID, seq int) (json.RawMessage, error) {
	const text = `SELECT item FROM task_items WHERE workflow_run_id = $1 AND seq = $2`
	item, err := queryOne(ctx, s, pgx.RowTo[string], text, runID, seq)
	return json.RawMessage(item), err
}

func scanItemRun(row pgx.CollectableRow) (item miniairflow.ItemRun, err error) {
	err = row.Scan(&item.Seq, &item.Name, &item.Status)
	return item, err
}

// FindItems implements miniairflow.TaskStore.
func (s *Store) FindItems(ctx context.Context, runID uuid.UUID, seq, after, limit int) ([]miniairflow.ItemRun, error) {
	const text = `
		SELECT t.seq, t.name, t.status
		FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq BETWEEN f.first AND f.first + f.total - 1
		WHERE f.workflow_run_id = $1 AND f.seq = $2 AND t.seq > $3 ORDER BY t.seq LIMIT $4`
	return query(ctx, s, scanItemRun, text, runID, seq, after, max(limit, 0))
}

// FindFanOut implements miniairflow.TaskStore.
func (s *Store) FindFanOut(ctx context.Context, runID uuid.UUID, seq int) (miniairflow.FanOut, error) {
	const text = `SELECT ` + fanColumns + ` FROM task_fanouts f WHERE f.workflow_run_id = $1 AND f.seq = $2`
	fan, err := queryOne(ctx, s, scanFan, text, runID, seq)
	return fan.FanOut, err
}

// ItemOutputs implements miniairflow.TaskStore.
func (s *Store) ItemOutputs(ctx context.Context, runID uuid.UUID, seq, most int) ([]map[string]any, error) {
	const text = `
		SELECT t.outputs FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq BETWEEN f.first AND f.first + f.total - 1
		WHERE f.workflow_run_id = $1 AND f.seq = $2 ORDER BY t.seq`
	budget := dialect.Budget{Left: most}
	return query(ctx, s, func(row pgx.CollectableRow) (map[string]any, error) {
		var outputs []byte
		if err := row.Scan(&outputs); err != nil {
			return nil, err
		}
		return budget.Decode(outputs)
	}, text, runID, seq)
}

// countItems notes the ends of items with their task runs, and returns by run which
// of these are due for a decision.
func countItems(ctx context.Context, t *tx, moves []move) (map[uuid.UUID][]int, error) {
	var runs []uuid.UUID
	var seqs, success, failed, skipped, cancelled []int
	isCancelling := map[uuid.UUID]bool{}
	for _, m := range moves {
		isCancelling[m.run.ID] = m.run.IsCancelling()
		for _, e := range m.run.ItemEnds(m.ended) {
			runs, seqs = append(runs, e.RunID), append(seqs, e.Seq)
			success, failed = append(success, e.Success), append(failed, e.Failed)
			skipped, cancelled = append(skipped, e.Skipped), append(cancelled, e.Cancelled)
		}
	}
	if len(seqs) == 0 {
		return nil, nil
	}
	const text = `
		UPDATE task_fanouts f
		SET success = f.success + d.success, failed = f.failed + d.failed, skipped = f.skipped + d.skipped, cancelled = f.cancelled + d.cancelled
		FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::int[], $6::int[]) AS d(run_id, seq, success, failed, skipped, cancelled)
		WHERE f.workflow_run_id = d.run_id AND f.seq = d.seq
		RETURNING f.workflow_run_id, ` + fanColumns
	due := map[uuid.UUID][]int{}
	_, err := collect(ctx, t, func(row pgx.CollectableRow) (struct{}, error) {
		var id uuid.UUID
		var f dialect.Fan
		err := row.Scan(&id, &f.Seq, &f.First, &f.Next, &f.Total, &f.Held, &f.Success, &f.Failed, &f.Skipped, &f.Cancelled)
		if f.IsDue(isCancelling[id]) {
			due[id] = append(due[id], f.Seq)
		}
		return struct{}{}, err
	}, text, runs, seqs, success, failed, skipped, cancelled)
	if err != nil {
		return nil, fmt.Errorf("count items: %w", err)
	}
	return due, nil
}

// fanOut lets task runs that are still undecided wait for their items, and writes
// these.
func fanOut(ctx context.Context, t *tx, now time.Time, m *move, changes []miniairflow.Change) error {
	const waitText = `
		UPDATE task_runs t SET status = 'waiting', reason = $3, changed = pg_current_xact_id()
		WHERE t.workflow_run_id = $1 AND t.seq = $2 AND ` + undecidedIs + ` RETURNING t.seq`
	const fanText = `
		INSERT INTO task_fanouts (workflow_run_id, seq, first, next, total, held, success, failed, skipped)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET next = excluded.next, total = excluded.total, held = excluded.held,
			success = excluded.success, failed = excluded.failed, skipped = excluded.skipped, cancelled = 0, keeps = false`
	for _, c := range changes {
		waits, err := collect(ctx, t, pgx.RowTo[int], waitText, m.run.ID, c.Seq, c.Reason)
		if err != nil {
			return err
		}
		if len(waits) == 0 {
			continue // decided by another meanwhile; the others are still to be written
		}
		kept, err := keptItems(ctx, t, m.run.ID, c.Seq)
		if err != nil {
			return err
		}
		f, rows, ready := m.run.FanOut(c, kept)
		if _, err := t.Exec(ctx, fanText, m.run.ID, f.Seq, f.First, f.Next, f.Total, f.Held, f.Success, f.Failed, f.Skipped); err != nil {
			return err
		}
		if err := insertItems(ctx, t, now, m.run.ID, f, rows); err != nil {
			return err
		}
		m.ready = append(m.ready, ready...)
		if f.IsDue(true) {
			m.asks = append(m.asks, f.Seq)
		}
	}
	return nil
}

// keptItems returns, by place, the items that are not to run again if they are
// still the same: the task run was opened again for the others.
func keptItems(ctx context.Context, t *tx, runID uuid.UUID, seq int) (map[int]dialect.KeptItem, error) {
	const text = `
		SELECT t.seq, t.name, i.item
		FROM task_fanouts f
		JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq BETWEEN f.first AND f.first + f.total - 1
		JOIN task_items i ON i.workflow_run_id = t.workflow_run_id AND i.seq = t.seq
		WHERE f.workflow_run_id = $1 AND f.seq = $2 AND f.keeps AND t.status = 'success'`
	kept := map[int]dialect.KeptItem{}
	_, err := collect(ctx, t, func(row pgx.CollectableRow) (struct{}, error) {
		var place int
		var k dialect.KeptItem
		err := row.Scan(&place, &k.Name, &k.Item)
		kept[place] = k
		return struct{}{}, err
	}, text, runID, seq)
	return kept, err
}

// insertItems writes items, those of an earlier time at the same places anew. What
// an earlier time had more is an item no longer.
func insertItems(ctx context.Context, t *tx, now time.Time, runID uuid.UUID, f dialect.Fan, items []dialect.ItemRow) error {
	const text = `
		INSERT INTO task_runs AS t (workflow_run_id, seq, task_id, name, status, reason, queue, priority, up_total,
			queue_timeout, pool, pool_slots, is_finally, finished_at)
		SELECT $1, i.seq, $2, i.name, i.status, i.reason, $3, $4, 0, $5, $6, $7, $8, CASE i.status WHEN 'pending' THEN NULL ELSE $9::timestamptz END
		FROM unnest($10::int[], $11::text[], $12::text[], $13::text[]) AS i(seq, name, status, reason)
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET reopens = t.reopens + 1, name = excluded.name, status = excluded.status,
			reason = excluded.reason, queue = excluded.queue, priority = excluded.priority, queue_timeout = excluded.queue_timeout,
			pool = excluded.pool, pool_slots = excluded.pool_slots, finished_at = excluded.finished_at, changed = pg_current_xact_id(),
			failures = 0, losses = 0, exit_code = NULL, outputs = NULL, queued_at = NULL, started_at = NULL, next_retry_at = NULL`
	const itemText = `
		INSERT INTO task_items (workflow_run_id, seq, item) SELECT $1, i.seq, i.item FROM unnest($2::int[], $3::text[]) AS i(seq, item)
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET item = excluded.item`
	const surplusText = `
		UPDATE task_runs SET status = 'skipped', reopens = reopens + 1, reason = $4, outputs = NULL, exit_code = NULL, finished_at = $5,
			changed = pg_current_xact_id()
		WHERE workflow_run_id = $1 AND seq BETWEEN $2 AND $3 AND status <> 'skipped'`
	batch := &pgx.Batch{}
	if len(items) > 0 {
		var seqs []int
		var names, statuses, reasons, values []string
		for _, r := range items {
			seqs, names, statuses = append(seqs, r.Seq), append(names, r.Name), append(statuses, string(r.Status))
			reasons, values = append(reasons, r.Reason), append(values, r.Item)
		}
		task := items[0].Task
		batch.Queue(text, runID, items[0].TaskID, task.Queue, int(items[0].Priority), task.QueueTimeout.Std().Microseconds(), task.Pool,
			task.PoolSlots, task.Finally, now, seqs, names, statuses, reasons)
		batch.Queue(itemText, runID, seqs, values)
	}
	forgetItemWaits(batch, runID, f)
	batch.Queue(surplusText, runID, f.First+f.Total, f.First+miniairflow.ItemsMax-1, dialect.NoItemReason, now)
	return t.SendBatch(ctx, batch).Close()
}

// release lets items start that max_parallel has held back. How many may is counted
// here anew: another decision may have come between.
func release(ctx context.Context, t *tx, m *move, changes []miniairflow.Change) error {
	if m.run.IsCancelling() {
		return nil
	}
	const fanText = `SELECT ` + fanColumns + ` FROM task_fanouts f WHERE f.workflow_run_id = $1 AND f.seq = $2`
	const heldText = `
		SELECT t.seq, t.priority FROM task_runs t
		WHERE t.workflow_run_id = $1 AND t.seq BETWEEN $2 AND $3 AND ` + undecidedIs + ` ORDER BY t.seq LIMIT $4`
	const releasedText = `UPDATE task_fanouts SET held = held - $3, next = $4 WHERE workflow_run_id = $1 AND seq = $2`
	for _, c := range changes {
		fans, err := collect(ctx, t, scanFan, fanText, m.run.ID, c.Seq)
		if err != nil {
			return err
		}
		if len(fans) == 0 {
			continue // the others are still to be written
		}
		f := fans[0]
		count := f.Release(m.run.Graph.TaskAt(c.Seq).ForEach.MaxParallel)
		ready, err := collect(ctx, t, pgx.RowToStructByPos[dialect.Ready], heldText, m.run.ID, f.First+f.Next, f.First+f.Total-1, count)
		if err != nil {
			return err
		}
		if len(ready) == 0 {
			continue
		}
		next := ready[len(ready)-1].Seq + 1 - f.First
		if _, err := t.Exec(ctx, releasedText, m.run.ID, c.Seq, len(ready), next); err != nil {
			return err
		}
		m.ready = append(m.ready, ready...)
	}
	return nil
}

// waitingForItems returns the task runs of a run that wait for their items.
func waitingForItems(ctx context.Context, t *tx, runID uuid.UUID) ([]int, error) {
	const text = `
		SELECT f.seq FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq = f.seq
		WHERE f.workflow_run_id = $1 AND t.status = 'waiting'`
	return collect(ctx, t, pgx.RowTo[int], text, runID)
}

// runningItems counts the items of a run that have an open attempt.
func runningItems(ctx context.Context, t *tx, runID uuid.UUID) (count int, err error) {
	const text = `SELECT count(*) FROM task_open WHERE workflow_run_id = $1 AND seq >= $2`
	err = t.QueryRow(ctx, text, runID, miniairflow.FirstItem).Scan(&count)
	return count, err
}

// dropItems lets the task runs that a rerun opens again begin with new items, or
// keep those that went well.
func dropItems(batch *pgx.Batch, r *rerunning) {
	const dropText = `DELETE FROM task_fanouts WHERE workflow_run_id = $1 AND seq = ANY($2) AND NOT seq = ANY(coalesce($3::int[], '{}'))`
	batch.Queue(dropText, r.run.ID, r.plan.Reopen, r.plan.Keep)
	batch.Queue(`UPDATE task_fanouts SET keeps = true WHERE workflow_run_id = $1 AND seq = ANY($2)`, r.run.ID, r.plan.Keep)
}
