package sqlite

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// fanColumns are what scanFan reads, from task_fanouts as f.
const fanColumns = `f.seq, f.first, f.next, f.total, f.held, f.success, f.failed, f.skipped, f.cancelled`

// itemsAreOver tells of a task run t whether it waits for items that are all over.
const itemsAreOver = `t.status = 'waiting' AND EXISTS (
	SELECT 1 FROM task_fanouts f WHERE f.workflow_run_id = t.workflow_run_id AND f.seq = t.seq
		AND f.total = f.success + f.failed + f.skipped + f.cancelled)`

func scanFan(row row) (f dialect.Fan, err error) {
	err = row.Scan(&f.Seq, &f.First, &f.Next, &f.Total, &f.Held, &f.Success, &f.Failed, &f.Skipped, &f.Cancelled)
	return f, err
}

// scanFanNode reads nodeColumns and fanColumns, which are null without a row.
func scanFanNode(row row) (n miniairflow.Node, err error) {
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
	const text = `SELECT item FROM task_items WHERE workflow_run_id = ? AND seq = ?`
	item, err := queryOne(ctx, s.read, scanText, text, runID, seq)
	return json.RawMessage(item), err
}

func scanItemRun(row row) (item miniairflow.ItemRun, err error) {
	err = row.Scan(&item.Seq, &item.Name, &item.Status)
	return item, err
}

// FindItems implements miniairflow.TaskStore.
func (s *Store) FindItems(ctx context.Context, runID uuid.UUID, seq, after, limit int) ([]miniairflow.ItemRun, error) {
	const text = `
		SELECT t.seq, t.name, t.status
		FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq BETWEEN f.first AND f.first + f.total - 1
		WHERE f.workflow_run_id = ? AND f.seq = ? AND t.seq > ? ORDER BY t.seq LIMIT ? + 0`
	return query(ctx, s.read, scanItemRun, text, runID, seq, after, max(limit, 0))
}

// FindFanOut implements miniairflow.TaskStore.
func (s *Store) FindFanOut(ctx context.Context, runID uuid.UUID, seq int) (miniairflow.FanOut, error) {
	const text = `SELECT ` + fanColumns + ` FROM task_fanouts f WHERE f.workflow_run_id = ? AND f.seq = ?`
	fan, err := queryOne(ctx, s.read, scanFan, text, runID, seq)
	return fan.FanOut, err
}

// ItemOutputs implements miniairflow.TaskStore.
func (s *Store) ItemOutputs(ctx context.Context, runID uuid.UUID, seq, most int) ([]map[string]any, error) {
	const text = `
		SELECT t.outputs FROM task_fanouts f JOIN task_runs t ON t.workflow_run_id = f.workflow_run_id AND t.seq BETWEEN f.first AND f.first + f.total - 1
		WHERE f.workflow_run_id = ? AND f.seq = ? ORDER BY t.seq`
	budget := dialect.Budget{Left: most}
	return query(ctx, s.read, func(row row) (map[string]any, error) {
		var outputs []byte
		if err := row.Scan(&outputs); err != nil {
			return nil, err
		}
		return budget.Decode(outputs)
	}, text, runID, seq)
}

// countItems notes the ends of items with their task runs, and returns which of
// these are due for a decision.
func countItems(ctx context.Context, t *tx, run *dialect.Run, ended []miniairflow.Ended) (due []int, err error) {
	const text = `
		UPDATE task_fanouts SET success = success + ?3, failed = failed + ?4, skipped = skipped + ?5, cancelled = cancelled + ?6
		WHERE workflow_run_id = ?1 AND seq = ?2
		RETURNING seq, first, next, total, held, success, failed, skipped, cancelled`
	for _, e := range run.ItemEnds(ended) {
		fans, err := query(ctx, t, scanFan, text, run.ID, e.Seq, e.Success, e.Failed, e.Skipped, e.Cancelled)
		if err != nil {
			return nil, err
		}
		if len(fans) > 0 && fans[0].IsDue(run.IsCancelling()) {
			due = append(due, e.Seq)
		}
	}
	return due, nil
}

// fanOut lets task runs that are still undecided wait for their items, and writes
// these.
func fanOut(ctx context.Context, t *tx, changed int64, m *move, changes []miniairflow.Change) error {
	const waitText = `
		UPDATE task_runs AS t SET status = 'waiting', reason = ?3, changed = ?4
		WHERE t.workflow_run_id = ?1 AND t.seq = ?2 AND ` + undecidedIs + ` RETURNING seq`
	const fanText = `
		INSERT INTO task_fanouts (workflow_run_id, seq, first, next, total, held, success, failed, skipped)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET next = ?4, total = ?5, held = ?6, success = ?7, failed = ?8, skipped = ?9, cancelled = 0, keeps = 0`
	for _, c := range changes {
		waits, err := query(ctx, t, scanOne[int], waitText, m.run.ID, c.Seq, c.Reason, changed)
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
		if _, err := t.ExecContext(ctx, fanText, m.run.ID, f.Seq, f.First, f.Next, f.Total, f.Held, f.Success, f.Failed, f.Skipped); err != nil {
			return err
		}
		if err := insertItems(ctx, t, changed, m.run.ID, f, rows); err != nil {
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
		WHERE f.workflow_run_id = ? AND f.seq = ? AND f.keeps AND t.status = 'success'`
	kept := map[int]dialect.KeptItem{}
	_, err := query(ctx, t, func(row row) (struct{}, error) {
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
func insertItems(ctx context.Context, t *tx, changed int64, runID uuid.UUID, f dialect.Fan, items []dialect.ItemRow) error {
	const text = `
		INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, reason, queue, priority, up_total,
			queue_timeout, pool, pool_slots, is_finally, finished_at, changed)
		SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, 0,
			value ->> 7, value ->> 8, value ->> 9, value ->> 10, CASE value ->> 3 WHEN 'pending' THEN NULL ELSE ?3 END, ?4
		FROM json_each(?2) WHERE true
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET reopens = reopens + 1, name = excluded.name, status = excluded.status,
			reason = excluded.reason, queue = excluded.queue, priority = excluded.priority, queue_timeout = excluded.queue_timeout,
			pool = excluded.pool, pool_slots = excluded.pool_slots, finished_at = excluded.finished_at, changed = excluded.changed,
			failures = 0, losses = 0, exit_code = NULL, outputs = NULL, queued_at = NULL, started_at = NULL, next_retry_at = NULL`
	const itemText = `
		INSERT INTO task_items (workflow_run_id, seq, item) SELECT ?1, value ->> 0, value ->> 11 FROM json_each(?2) WHERE true
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET item = excluded.item`
	for len(items) > 0 {
		part := items[:min(len(items), insertTasksAtOnce)]
		items = items[len(part):]
		rows := make(table, len(part))
		for i, r := range part {
			rows[i] = []any{
				r.Seq, r.TaskID, r.Name, r.Status, r.Reason, r.Task.Queue, r.Priority,
				r.Task.QueueTimeout.Std().Microseconds(), r.Task.Pool, r.Task.PoolSlots, r.Task.Finally, r.Item,
			}
		}
		if _, err := t.ExecContext(ctx, text, runID, rows, t.now, changed); err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, itemText, runID, rows); err != nil {
			return err
		}
	}
	if err := forgetItemWaits(ctx, t, runID, f); err != nil {
		return err
	}
	const surplusText = `
		UPDATE task_runs SET status = 'skipped', reopens = reopens + 1, reason = ?4, outputs = NULL, exit_code = NULL, finished_at = ?5, changed = ?6
		WHERE workflow_run_id = ?1 AND seq BETWEEN ?2 AND ?3 AND status <> 'skipped'`
	_, err := t.ExecContext(ctx, surplusText, runID, f.First+f.Total, f.First+miniairflow.ItemsMax-1, dialect.NoItemReason, t.now, changed)
	return err
}

// release lets items start that max_parallel has held back. How many may is counted
// here anew: another decision may have come between.
func release(ctx context.Context, t *tx, m *move, changes []miniairflow.Change) error {
	if m.run.IsCancelling() {
		return nil
	}
	const fanText = `SELECT ` + fanColumns + ` FROM task_fanouts f WHERE f.workflow_run_id = ? AND f.seq = ?`
	const heldText = `
		SELECT t.seq, t.priority FROM task_runs t
		WHERE t.workflow_run_id = ? AND t.seq BETWEEN ? AND ? AND ` + undecidedIs + ` ORDER BY t.seq LIMIT ? + 0`
	const releasedText = `UPDATE task_fanouts SET held = held - ?3, next = ?4 WHERE workflow_run_id = ?1 AND seq = ?2`
	for _, c := range changes {
		fans, err := query(ctx, t, scanFan, fanText, m.run.ID, c.Seq)
		if err != nil {
			return err
		}
		if len(fans) == 0 {
			continue // the others are still to be written
		}
		f := fans[0]
		count := f.Release(m.run.Graph.TaskAt(c.Seq).ForEach.MaxParallel)
		ready, err := query(ctx, t, scanReady, heldText, m.run.ID, f.First+f.Next, f.First+f.Total-1, count)
		if err != nil {
			return err
		}
		if len(ready) == 0 {
			continue
		}
		next := ready[len(ready)-1].Seq + 1 - f.First
		if _, err := t.ExecContext(ctx, releasedText, m.run.ID, c.Seq, len(ready), next); err != nil {
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
		WHERE f.workflow_run_id = ? AND t.status = 'waiting'`
	return query(ctx, t, scanOne[int], text, runID)
}

// runningItems counts the items of a run that have an open attempt.
func runningItems(ctx context.Context, t *tx, runID uuid.UUID) (int, error) {
	const text = `SELECT count(*) FROM task_open WHERE workflow_run_id = ? AND seq >= ?`
	return queryOne(ctx, t, scanOne[int], text, runID, miniairflow.FirstItem)
}

// dropItems lets the task runs that a rerun opens again begin with new items, or
// keep those that went well.
func dropItems(ctx context.Context, t *tx, r *rerunning) error {
	const dropText = `DELETE FROM task_fanouts WHERE workflow_run_id = ? AND seq IN (SELECT value FROM json_each(?)) AND seq NOT IN (SELECT value FROM json_each(?))`
	if _, err := t.ExecContext(ctx, dropText, r.run.ID, list[int](r.plan.Reopen), list[int](r.plan.Keep)); err != nil {
		return err
	}
	const keepText = `UPDATE task_fanouts SET keeps = 1 WHERE workflow_run_id = ? AND seq IN (SELECT value FROM json_each(?))`
	_, err := t.ExecContext(ctx, keepText, r.run.ID, list[int](r.plan.Keep))
	return err
}
