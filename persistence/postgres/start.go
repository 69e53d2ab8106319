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
			(SELECT workflow_id, run_after FROM workflow_runs WHERE status = 'pending' ORDER BY workflow_id, run_after LIMIT 1)
			UNION ALL
			SELECT n.workflow_id, n.run_after
			FROM waiting w CROSS JOIN LATERAL (
				SELECT workflow_id, run_after FROM workflow_runs
				WHERE status = 'pending' AND workflow_id > w.workflow_id ORDER BY workflow_id, run_after LIMIT 1) n)
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
		if ctx.Err() != nil || miniairflow.ErrorCode(err) == miniairflow.CodeUnavailable {
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
			SELECT id, version_id FROM workflow_runs
			WHERE workflow_id = $1 AND status = 'pending' AND run_after <= clock_timestamp()
			ORDER BY run_after, id
			LIMIT least($3, greatest(0, $2 - (SELECT count(*) FROM workflow_runs WHERE workflow_id = $1 AND status = 'running')))`
		pending, err := collect(ctx, t, func(row pgx.CollectableRow) (p pendingRun, err error) {
			err = row.Scan(&p.id, &p.versionID)
			return p, err
		}, pendingText, workflowID, allowed, limit)
		if err != nil {
			return fmt.Errorf("find pending runs: %w", err)
		}
		chosen, err := s.chooseStarts(ctx, t, pending)
		if err != nil || len(chosen) == 0 {
			return err
		}
		started, err = start(ctx, t, chosen)
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
	if err := lockRuns(ctx, t, ids...); err != nil {
		return nil, err
	}
	// One that was cancelled before its lock was taken stays out. A run without
	// tasks has nothing to wait for.
	const runText = `
		WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS at)
		UPDATE workflow_runs r
		SET status = CASE i.tasks WHEN 0 THEN 'success' ELSE 'running' END, task_count = i.tasks, started_at = clock.at,
			finished_at = CASE i.tasks WHEN 0 THEN clock.at END,
			deadline_at = clock.at + i.timeout * interval '1 microsecond', changed = pg_current_xact_id()
		FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS i(run_id, tasks, timeout), clock
		WHERE r.id = i.run_id AND r.status = 'pending'
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
	const tasksText = `
		INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, queue, priority, up_total, queued_at)
		SELECT run_id, i.seq, i.task_id, i.name, i.status, i.queue, i.priority, i.upstream, CASE i.status WHEN 'queued' THEN $9::timestamptz END
		FROM unnest($1::uuid[]) AS run_id
		CROSS JOIN unnest($2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::int[])
			AS i(seq, task_id, name, status, queue, priority, upstream)`
	const queueText = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, sort_key)
		SELECT t.workflow_run_id, t.seq, $4, t.queue, t.priority, $3::bigint + i.place
		FROM unnest($1::uuid[]) AS run_id
		CROSS JOIN unnest($2::int[]) WITH ORDINALITY AS i(seq, place)
		JOIN task_runs t ON t.workflow_run_id = run_id AND t.seq = i.seq`
	const countersText = `
		INSERT INTO run_counters (workflow_run_id, active, limited) SELECT run_id, $2, $3 FROM unnest($1::uuid[]) AS run_id`
	const askText = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT run_id, seq, pg_current_xact_id()::text::bigint FROM unnest($1::uuid[]) AS run_id CROSS JOIN unnest($2::int[]) AS seq`
	n := len(plan.Tasks)
	seqs, taskIDs, names, statuses := make([]int, n), make([]uuid.UUID, n), make([]string, n), make([]string, n)
	queues, priorities, upstream := make([]string, n), make([]int, n), make([]int, n)
	for i := range plan.Tasks {
		task := &plan.Tasks[i]
		seqs[i], taskIDs[i], names[i], statuses[i] = task.Seq, task.TaskID, task.Name, string(task.Status)
		queues[i], priorities[i], upstream[i] = task.Task.Queue, int(task.Task.Priority), task.Upstream
	}
	batch.Queue(tasksText, runs, seqs, taskIDs, names, statuses, queues, priorities, upstream, now)
	batch.Queue(countersText, runs, plan.Counters.Active, plan.Counters.Limited)
	if len(plan.Queued) > 0 {
		batch.Queue(queueText, runs, plan.Queued, now.UnixMicro(), "ready")
	}
	if len(plan.Limited) > 0 {
		batch.Queue(queueText, runs, plan.Limited, now.UnixMicro(), "limited")
	}
	if len(plan.Asks) > 0 {
		batch.Queue(askText, runs, plan.Asks)
	}
}
