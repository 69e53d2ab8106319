package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// startTasksMax bounds the task runs that one transaction writes, but for a
// single run that is larger: everybody else waits meanwhile.
const startTasksMax = 500

// startTogether is how many workflows one transaction starts runs of at most. It
// is little, because schedules that are still to fire wait for it in their turn.
const startTogether = 25

// StartRuns implements miniairflow.RunStore.
func (s *Store) StartRuns(ctx context.Context, limit int, without ...uuid.UUID) ([]uuid.UUID, error) {
	// The oldest pending run of each workflow, and the oldest child run of each, found
	// by jumping from one workflow to the next: a long backlog of one, such as that of a
	// paused workflow, costs no more than a short one.
	const text = `
		WITH RECURSIVE waiting (workflow_id) AS (
			SELECT min(workflow_id) FROM workflow_runs WHERE status = 'pending' AND paused_at IS NULL AND type NOT IN ('child', 'backfill')
			UNION ALL
			SELECT (SELECT min(workflow_id) FROM workflow_runs
				WHERE status = 'pending' AND paused_at IS NULL AND type NOT IN ('child', 'backfill') AND workflow_id > waiting.workflow_id)
			FROM waiting WHERE waiting.workflow_id IS NOT NULL),
		called (workflow_id) AS (
			SELECT min(workflow_id) FROM workflow_runs WHERE status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill')
			UNION ALL
			SELECT (SELECT min(workflow_id) FROM workflow_runs
				WHERE status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill') AND workflow_id > called.workflow_id)
			FROM called WHERE called.workflow_id IS NOT NULL),
		oldest AS (
			SELECT workflow_id, (SELECT min(run_after) FROM workflow_runs r
				WHERE r.status = 'pending' AND r.paused_at IS NULL AND r.type NOT IN ('child', 'backfill') AND r.workflow_id = waiting.workflow_id) AS run_after
			FROM waiting WHERE workflow_id IS NOT NULL),
		startable AS (
			SELECT w.id, oldest.run_after FROM oldest JOIN workflows w ON w.id = oldest.workflow_id
			WHERE oldest.run_after <= ? AND w.is_active AND w.paused_at IS NULL
				AND (w.max_active_runs > (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running' AND r.type NOT IN ('child', 'backfill'))
					OR EXISTS (SELECT 1 FROM task_pasts p
						JOIN task_runs t ON t.workflow_run_id = p.workflow_run_id AND t.seq = p.seq AND t.status = 'pending'
						WHERE p.workflow_id = w.id AND p.reason <> '')) -- see findAwaited
			UNION ALL
			SELECT w.id, (SELECT min(run_after) FROM workflow_runs r
				WHERE r.status = 'pending' AND r.paused_at IS NULL AND r.type IN ('child', 'backfill') AND r.workflow_id = w.id)
			FROM called JOIN workflows w ON w.id = called.workflow_id WHERE w.is_active AND w.paused_at IS NULL)
		SELECT id FROM startable GROUP BY id ORDER BY min(run_after), id`
	workflows, err := query(ctx, brief{s.read}, scanID, text, now())
	if err != nil {
		return nil, err
	}
	workflows = slices.DeleteFunc(workflows, func(id uuid.UUID) bool { return slices.Contains(without, id) })
	return dialect.StartEach(ctx, workflows, startTogether, limit, s.startRuns)
}

// pendingRun is a run that may start.
type pendingRun struct {
	id, versionID uuid.UUID
	selection     string
	start         *dialect.Start
	timeout       time.Duration
	generation    int
	isBackfill    bool
}

// startRuns implements dialect.StartSome (T2).
func (s *Store) startRuns(ctx context.Context, workflows []uuid.UUID, limit int) (started, rest []uuid.UUID, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		started, rest = nil, workflows
		room := startTasksMax
		for len(rest) > 0 && len(started) < limit {
			pending, err := findPending(ctx, t, rest[0], limit-len(started))
			if err != nil {
				return fmt.Errorf("find pending runs: %w", err)
			}
			if pending, err = findAwaited(ctx, t, rest[0], pending); err != nil {
				return fmt.Errorf("find awaited runs: %w", err)
			}
			chosen, err := s.chooseStarts(ctx, t, pending, &room, len(started) == 0)
			if err != nil {
				return err
			}
			for _, p := range chosen {
				begin := start
				if p.generation > 1 {
					begin = s.restart
				}
				if err := begin(ctx, t, p); err != nil {
					return fmt.Errorf("start run: %w", err)
				}
				started = append(started, p.id)
			}
			if len(chosen) < len(pending) {
				break
			}
			rest = rest[1:]
		}
		return nil
	})
	return started, rest, err
}

// findPending returns the runs of a workflow that may start: child runs, then others,
// then those of backfills, of each the oldest first. Only the others take part in
// max_active_runs.
func findPending(ctx context.Context, t *tx, workflowID uuid.UUID, limit int) ([]pendingRun, error) {
	const apartText = `
		SELECT r.id, r.version_id, r.selection, r.generation, r.backfill_id IS NOT NULL FROM workflow_runs r
		WHERE r.workflow_id = ?1 AND r.status = 'pending' AND r.paused_at IS NULL AND r.type IN ('child', 'backfill') AND r.type = ?3
			AND (SELECT is_active AND paused_at IS NULL FROM workflows WHERE id = ?1)
		ORDER BY r.run_after, r.id LIMIT ?2 + 0`
	const text = `
		SELECT r.id, r.version_id, r.selection, r.generation, r.backfill_id IS NOT NULL FROM workflow_runs r
		WHERE r.workflow_id = ?1 AND r.status = 'pending' AND r.paused_at IS NULL AND r.type NOT IN ('child', 'backfill') AND r.run_after <= ?2
		ORDER BY r.run_after, r.id
		LIMIT min(?3, max(0,
			(SELECT CASE WHEN is_active AND paused_at IS NULL THEN max_active_runs ELSE 0 END FROM workflows WHERE id = ?1)
			- (SELECT count(*) FROM workflow_runs WHERE workflow_id = ?1 AND status = 'running' AND type NOT IN ('child', 'backfill'))))`
	pending, err := query(ctx, t, scanPending, apartText, workflowID, limit, miniairflow.RunChild)
	if err != nil || len(pending) == limit {
		return pending, err
	}
	others, err := query(ctx, t, scanPending, text, workflowID, t.now, limit-len(pending))
	if pending = append(pending, others...); err != nil || len(pending) == limit {
		return pending, err
	}
	backfills, err := query(ctx, t, scanPending, apartText, workflowID, limit-len(pending), miniairflow.RunBackfill)
	return append(pending, backfills...), err
}

func scanPending(row row) (p pendingRun, err error) {
	err = row.Scan(&p.id, &p.versionID, &p.selection, &p.generation, &p.isBackfill)
	return p, err
}

// chooseStarts plans the starts of the first pending runs, as many as there is
// room for in the transaction, and of the very first in any case.
func (s *Store) chooseStarts(ctx context.Context, t *tx, pending []pendingRun, room *int, first bool) ([]pendingRun, error) {
	starts := map[dialect.StartKind]*dialect.Start{}
	for i := range pending {
		p := &pending[i]
		graph, err := s.selected(ctx, t, p.versionID, p.selection)
		if err != nil {
			return nil, err
		}
		if *room -= len(graph.Definition.Tasks); *room < 0 && (i > 0 || !first) {
			return pending[:i], nil
		}
		kind := dialect.StartKind{VersionID: p.versionID, Graph: graph, IsBackfill: p.isBackfill}
		if starts[kind] == nil {
			planned := dialect.NewStart(kind)
			starts[kind] = &planned
		}
		p.start, p.timeout = starts[kind], graph.Definition.Timeout.Std()
	}
	return pending, nil
}

// start makes a run running and writes its task runs. A run without tasks has
// nothing to wait for.
func start(ctx context.Context, t *tx, p pendingRun) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	status, finishedAt, deadline := miniairflow.RunRunning, any(nil), any(nil)
	if p.start.Count == 0 {
		status, finishedAt = miniairflow.RunSuccess, t.now
	}
	if p.timeout > 0 {
		deadline = t.now + p.timeout.Microseconds()
	}
	const runText = `
		UPDATE workflow_runs SET status = ?2, task_count = ?3, started_at = ?4, finished_at = ?5, deadline_at = ?6, changed = ?7
		WHERE id = ?1 AND status = 'pending'`
	if _, err := t.ExecContext(ctx, runText, p.id, status, p.start.Count, t.now, finishedAt, deadline, changed); err != nil {
		return err
	}
	const countersText = `INSERT INTO run_counters (workflow_run_id, done, active, limited) VALUES (?, ?, ?, ?)`
	if _, err := t.ExecContext(ctx, countersText, p.id, p.start.Counters.Done, p.start.Counters.Active, p.start.Counters.Limited); err != nil {
		return err
	}
	t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: p.id})
	return startTasks(ctx, t, changed, p)
}

// startTasks writes the task runs of a new run, and what becomes of its roots.
func startTasks(ctx context.Context, t *tx, changed int64, p pendingRun) error {
	if err := insertTasks(ctx, t, changed, p.id, p.start, 0); err != nil {
		return err
	}
	const queueText = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
		SELECT t.workflow_run_id, t.seq, ?3, t.queue, t.priority, t.pool, t.pool_slots,
			?4 + i.key + CASE WHEN ?3 = 'ready' AND i.key >= ?5 THEN 1152921504606846976 ELSE 0 END,
			CASE WHEN ?3 = 'ready' AND t.queue_timeout > 0 THEN ?4 + t.queue_timeout END
		FROM json_each(?2) AS i CROSS JOIN task_runs t WHERE t.workflow_run_id = ?1 AND t.seq = i.value`
	if len(p.start.Queued) > 0 {
		if _, err := t.ExecContext(ctx, queueText, p.id, list[int](p.start.Queued), dialect.QueueReady, t.now, dialect.ShareMax); err != nil {
			return err
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
	}
	if len(p.start.Limited) > 0 {
		if _, err := t.ExecContext(ctx, queueText, p.id, list[int](p.start.Limited), dialect.QueueLimited, t.now, dialect.ShareMax); err != nil {
			return err
		}
	}
	if err := expectPast(ctx, t, p.id, p.start.Pasts); err != nil {
		return err
	}
	if len(p.start.Asks) == 0 {
		return nil
	}
	const askText = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation) SELECT ?1, value, ?3 FROM json_each(?2)`
	t.publish(miniairflow.Event{Topic: miniairflow.TopicDecide})
	_, err := t.ExecContext(ctx, askText, p.id, list[int](p.start.Asks), changed)
	return err
}

// insertTasksAtOnce is how many task runs one statement writes: a run may have so
// many that they are not all to be in memory once more, as a text.
const insertTasksAtOnce = 1000

// insertTasks writes task runs that the run did not have, those from first on.
func insertTasks(ctx context.Context, t *tx, changed int64, runID uuid.UUID, start *dialect.Start, first int) error {
	const text = `
		INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, queue, priority, up_total,
			queue_timeout, pool, pool_slots, is_finally, queued_at, changed, reason, finished_at)
		SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
			value ->> 7, value ->> 8, value ->> 9, value ->> 10, CASE value ->> 3 WHEN 'queued' THEN ?3 END, ?4,
			value ->> 11, CASE value ->> 3 WHEN 'skipped' THEN ?3 END
		FROM json_each(?2)`
	for first < start.Count {
		rows := make(table, 0, min(insertTasksAtOnce, start.Count-first))
		for ; len(rows) < cap(rows); first++ {
			s := start.Task(first)
			rows = append(rows, []any{
				s.Seq, s.TaskID, s.Name, s.Status, s.Task.Queue, s.Priority, s.Upstream,
				s.Task.QueueTimeout.Std().Microseconds(), s.Task.Pool, s.Task.PoolSlots, s.Task.Finally, s.Reason,
			})
		}
		if _, err := t.ExecContext(ctx, text, runID, rows, t.now, changed); err != nil {
			return err
		}
	}
	return nil
}

// restart lets a run that was opened again go on with what is due.
func (s *Store) restart(ctx context.Context, t *tx, p pendingRun) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	deadline := any(nil)
	if p.timeout > 0 {
		deadline = t.now + p.timeout.Microseconds()
	}
	const text = `
		UPDATE workflow_runs SET status = 'running', started_at = ?2, deadline_at = ?3, changed = ?4 WHERE id = ?1 AND status = 'pending'`
	if _, err := t.ExecContext(ctx, text, p.id, t.now, deadline, changed); err != nil {
		return err
	}
	run, err := s.loadRun(ctx, t, p.id)
	if err != nil {
		return err
	}
	states, err := taskStates(ctx, t, p.id)
	if err != nil {
		return err
	}
	ready, asks, err := run.Resume(states, 0, nil)
	if err != nil {
		return err
	}
	if err := expectPast(ctx, t, p.id, run.Graph.Pasts); err != nil {
		return err
	}
	if err := writeCounters(ctx, t, run); err != nil {
		return err
	}
	return takeUp(ctx, t, changed, move{run: run, ready: ready, asks: asks})
}
