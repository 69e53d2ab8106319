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

// startTasksMax bounds the task runs that one transaction writes, but for a
// single run that is larger.
const startTasksMax = 10_000

// StartRuns implements miniairflow.RunStore. Each workflow has transactions of its own.
func (s *Store) StartRuns(ctx context.Context, limit int) ([]uuid.UUID, error) {
	// The oldest pending run of each workflow, found by jumping from one workflow
	// to the next: a long backlog of one costs no more than a short one.
	const text = `
		WITH RECURSIVE waiting AS (
			(SELECT workflow_id, run_after FROM workflow_runs WHERE status = 'pending' AND paused_at IS NULL ORDER BY workflow_id, run_after LIMIT 1)
			UNION ALL
			SELECT n.workflow_id, n.run_after
			FROM waiting w CROSS JOIN LATERAL (
				SELECT workflow_id, run_after FROM workflow_runs
				WHERE status = 'pending' AND paused_at IS NULL AND workflow_id > w.workflow_id ORDER BY workflow_id, run_after LIMIT 1) n)
		SELECT w.id FROM waiting JOIN workflows w ON w.id = waiting.workflow_id
		WHERE waiting.run_after <= clock_timestamp() AND w.is_active AND w.paused_at IS NULL
			AND w.max_active_runs > (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running')
		ORDER BY waiting.run_after, w.id`
	workflows, err := query(ctx, s, pgx.RowTo[uuid.UUID], text)
	if err != nil {
		return nil, err
	}
	var all []uuid.UUID
	var failed []error
	for _, id := range workflows {
		for more := true; more && len(all) < limit; {
			var started []uuid.UUID
			started, more, err = s.startRuns(ctx, id, limit-len(all))
			if err != nil {
				failed = append(failed, fmt.Errorf("start runs of workflow %s: %w", id, err))
				break
			}
			all = append(all, started...)
		}
		if ctx.Err() != nil || dialect.IsAway(err) {
			break
		}
	}
	return all, errors.Join(failed...)
}

// pendingRun is a run that may start.
type pendingRun struct {
	id, versionID uuid.UUID
	start         *dialect.Start
	timeout       time.Duration
	generation    int
}

// startRuns starts pending runs of one workflow (T2). more tells that others
// may start, which were too many for one transaction.
func (s *Store) startRuns(ctx context.Context, workflowID uuid.UUID, limit int) (started []uuid.UUID, more bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		started, more = nil, false
		var allowed int
		const lock = `
			SELECT CASE WHEN is_active AND paused_at IS NULL THEN max_active_runs ELSE 0 END
			FROM workflows WHERE id = $1 FOR NO KEY UPDATE`
		if err := t.QueryRow(ctx, lock, workflowID).Scan(&allowed); err != nil {
			return fmt.Errorf("lock workflow: %w", err)
		}
		const pendingText = `
			SELECT id, version_id, generation FROM workflow_runs
			WHERE workflow_id = $1 AND status = 'pending' AND paused_at IS NULL AND run_after <= (SELECT clock_timestamp())
			ORDER BY run_after, id
			LIMIT least($3, greatest(0, $2 - (SELECT count(*) FROM workflow_runs WHERE workflow_id = $1 AND status = 'running')))`
		pending, err := collect(ctx, t, func(row pgx.CollectableRow) (p pendingRun, err error) {
			err = row.Scan(&p.id, &p.versionID, &p.generation)
			return p, err
		}, pendingText, workflowID, allowed, limit)
		if err != nil {
			return fmt.Errorf("find pending runs: %w", err)
		}
		chosen, err := s.chooseStarts(ctx, t, pending)
		if err != nil || len(chosen) == 0 {
			return err
		}
		started, err = s.startChosen(ctx, t, chosen)
		more = len(chosen) < len(pending) && len(started) > 0
		return err
	})
	return started, more, err
}

// chooseStarts plans the starts of the first pending runs, as many as one
// transaction should write.
func (s *Store) chooseStarts(ctx context.Context, t *tx, pending []pendingRun) ([]pendingRun, error) {
	starts := map[uuid.UUID]*dialect.Start{}
	tasks := 0
	for i := range pending {
		p := &pending[i]
		graph, err := s.graph(ctx, t, p.versionID)
		if err != nil {
			return nil, err
		}
		if tasks += len(graph.Definition.Tasks); i > 0 && tasks > startTasksMax {
			return pending[:i], nil
		}
		if starts[p.versionID] == nil {
			planned := dialect.NewStart(p.versionID, graph)
			starts[p.versionID] = &planned
		}
		p.start, p.timeout = starts[p.versionID], graph.Definition.Timeout.Std()
	}
	return pending, nil
}

// startChosen starts new runs, and lets those that were opened again go on.
func (s *Store) startChosen(ctx context.Context, t *tx, chosen []pendingRun) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	var fresh, again []pendingRun
	for _, p := range chosen {
		ids = append(ids, p.id)
		if p.generation > 1 {
			again = append(again, p)
		} else {
			fresh = append(fresh, p)
		}
	}
	if err := lockRuns(ctx, t, ids...); err != nil {
		return nil, err
	}
	started, err := start(ctx, t, fresh)
	if err != nil {
		return nil, err
	}
	for _, p := range again {
		restarted, err := s.restart(ctx, t, p)
		if err != nil {
			return nil, fmt.Errorf("start run again: %w", err)
		}
		if restarted {
			started = append(started, p.id)
		}
	}
	return started, nil
}

// restart lets a run that was opened again go on with what is due, and reports
// whether it was still pending.
func (s *Store) restart(ctx context.Context, t *tx, p pendingRun) (bool, error) {
	const text = `
		UPDATE workflow_runs
		SET status = 'running', started_at = clock_timestamp(), changed = pg_current_xact_id(),
			deadline_at = CASE WHEN $2::bigint > 0 THEN clock_timestamp() + $2::bigint * interval '1 microsecond' END
		WHERE id = $1 AND status = 'pending' AND paused_at IS NULL`
	tag, err := t.Exec(ctx, text, p.id, p.timeout.Microseconds())
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	run, now, err := s.loadRun(ctx, t, p.id)
	if err != nil {
		return false, err
	}
	states, err := taskStates(ctx, t, p.id)
	if err != nil {
		return false, err
	}
	ready, asks, err := run.Resume(states, nil)
	if err != nil {
		return false, err
	}
	if err := writeCounters(ctx, t, run); err != nil {
		return false, err
	}
	return true, takeUp(ctx, t, now, run, ready, asks)
}

// start makes the runs running and writes their task runs, in three round trips
// for any number of runs.
func start(ctx context.Context, t *tx, chosen []pendingRun) ([]uuid.UUID, error) {
	byID := make(map[uuid.UUID]pendingRun, len(chosen))
	var ids []uuid.UUID
	var counts []int
	var timeouts []*int64
	for _, p := range chosen {
		byID[p.id] = p
		ids, counts = append(ids, p.id), append(counts, len(p.start.Tasks))
		var timeout *int64
		if p.timeout > 0 {
			micros := p.timeout.Microseconds()
			timeout = &micros
		}
		timeouts = append(timeouts, timeout)
	}
	// One that was cancelled or paused before its lock was taken stays out. A run without
	// tasks has nothing to wait for.
	const runText = `
		WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS at)
		UPDATE workflow_runs r
		SET status = CASE i.tasks WHEN 0 THEN 'success' ELSE 'running' END, task_count = i.tasks, started_at = clock.at,
			finished_at = CASE i.tasks WHEN 0 THEN clock.at END,
			deadline_at = clock.at + i.timeout * interval '1 microsecond', changed = pg_current_xact_id()
		FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS i(run_id, tasks, timeout), clock
		WHERE r.id = i.run_id AND r.status = 'pending' AND r.paused_at IS NULL
		RETURNING r.id, r.started_at`
	var now time.Time
	started, err := collect(ctx, t, func(row pgx.CollectableRow) (id uuid.UUID, err error) {
		err = row.Scan(&id, &now)
		return id, err
	}, runText, ids, counts, timeouts)
	if err != nil {
		return nil, fmt.Errorf("start runs: %w", err)
	}
	byStart := map[*dialect.Start][]uuid.UUID{}
	for _, id := range started {
		byStart[byID[id].start] = append(byStart[byID[id].start], id)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	batch := &pgx.Batch{}
	for plan, runs := range byStart {
		queueStart(batch, now, plan, runs)
		if len(plan.Queued) > 0 {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		if len(plan.Asks) > 0 {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicDecide})
		}
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("write task runs: %w", err)
	}
	return started, nil
}

// queueStart adds the statements that write the task runs of runs that start alike.
func queueStart(batch *pgx.Batch, now time.Time, plan *dialect.Start, runs []uuid.UUID) {
	const queueText = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
		SELECT t.workflow_run_id, t.seq, $4::text, t.queue, t.priority, t.pool, t.pool_slots,
			$3::bigint + i.place + CASE WHEN $4::text = 'ready' AND i.place > $6 THEN 1152921504606846976 ELSE 0 END,
			CASE WHEN $4::text = 'ready' AND t.queue_timeout > 0 THEN $5::timestamptz + t.queue_timeout * interval '1 microsecond' END
		FROM unnest($1::uuid[]) AS run_id
		CROSS JOIN unnest($2::int[]) WITH ORDINALITY AS i(seq, place)
		JOIN task_runs t ON t.workflow_run_id = run_id AND t.seq = i.seq`
	const countersText = `
		INSERT INTO run_counters (workflow_run_id, active, limited) SELECT run_id, $2, $3 FROM unnest($1::uuid[]) AS run_id`
	const askText = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT run_id, seq, pg_current_xact_id()::text::bigint FROM unnest($1::uuid[]) AS run_id CROSS JOIN unnest($2::int[]) AS seq`
	queueTasks(batch, now, runs, plan.Tasks)
	batch.Queue(countersText, runs, plan.Counters.Active, plan.Counters.Limited)
	if len(plan.Queued) > 0 {
		batch.Queue(queueText, runs, plan.Queued, now.UnixMicro(), dialect.QueueReady, now, dialect.ShareMax)
	}
	if len(plan.Limited) > 0 {
		batch.Queue(queueText, runs, plan.Limited, now.UnixMicro(), dialect.QueueLimited, now, dialect.ShareMax)
	}
	if len(plan.Asks) > 0 {
		batch.Queue(askText, runs, plan.Asks)
	}
}

// queueTasks adds the statement that writes the same task runs for each of the runs.
func queueTasks(batch *pgx.Batch, now time.Time, runs []uuid.UUID, tasks []dialect.StartTask) {
	const text = `
		INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, queue, priority, up_total,
			queue_timeout, pool, pool_slots, is_finally, queued_at)
		SELECT run_id, i.seq, i.task_id, i.name, i.status, i.queue, i.priority, i.upstream,
			i.queue_timeout, i.pool, i.pool_slots, i.is_finally, CASE i.status WHEN 'queued' THEN $13::timestamptz END
		FROM unnest($1::uuid[]) AS run_id
		CROSS JOIN unnest($2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::int[],
				$9::bigint[], $10::text[], $11::int[], $12::bool[])
			AS i(seq, task_id, name, status, queue, priority, upstream, queue_timeout, pool, pool_slots, is_finally)`
	n := len(tasks)
	seqs, taskIDs, names, statuses := make([]int, n), make([]uuid.UUID, n), make([]string, n), make([]string, n)
	queues, priorities, upstream, timeouts := make([]string, n), make([]int, n), make([]int, n), make([]int64, n)
	pools, slots, finals := make([]string, n), make([]int, n), make([]bool, n)
	for i := range tasks {
		s, task := &tasks[i], tasks[i].Task
		seqs[i], taskIDs[i], names[i], statuses[i] = s.Seq, s.TaskID, s.Name, string(s.Status)
		queues[i], priorities[i], upstream[i], timeouts[i] = task.Queue, int(task.Priority), s.Upstream, task.QueueTimeout.Std().Microseconds()
		pools[i], slots[i], finals[i] = task.Pool, task.PoolSlots, task.Finally
	}
	batch.Queue(text, runs, seqs, taskIDs, names, statuses, queues, priorities, upstream, timeouts, pools, slots, finals, now)
}
