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

// startTasksMax bounds the task runs that one transaction writes, but for a
// single run that is larger.
const startTasksMax = 10_000

// startTogether is how many workflows one transaction starts runs of at most.
const startTogether = 100

// StartRuns implements miniairflow.RunStore.
func (s *Store) StartRuns(ctx context.Context, limit int, without ...uuid.UUID) ([]uuid.UUID, error) {
	// The oldest pending run of each workflow, and the oldest child run of each, found
	// by jumping from one workflow to the next: a long backlog of one, such as that of a
	// paused workflow, costs no more than a short one.
	const text = `
		WITH RECURSIVE waiting AS (
			(SELECT workflow_id, run_after FROM workflow_runs WHERE status = 'pending' AND paused_at IS NULL AND type NOT IN ('child', 'backfill')
				ORDER BY workflow_id, run_after LIMIT 1)
			UNION ALL
			SELECT n.workflow_id, n.run_after
			FROM waiting w CROSS JOIN LATERAL (
				SELECT workflow_id, run_after FROM workflow_runs
				WHERE status = 'pending' AND paused_at IS NULL AND type NOT IN ('child', 'backfill') AND workflow_id > w.workflow_id
				ORDER BY workflow_id, run_after LIMIT 1) n),
		called AS (
			(SELECT workflow_id, run_after FROM workflow_runs WHERE status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill')
				ORDER BY workflow_id, run_after LIMIT 1)
			UNION ALL
			SELECT n.workflow_id, n.run_after
			FROM called c CROSS JOIN LATERAL (
				SELECT workflow_id, run_after FROM workflow_runs
				WHERE status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill') AND workflow_id > c.workflow_id
				ORDER BY workflow_id, run_after LIMIT 1) n),
		startable AS (
			SELECT w.id, waiting.run_after FROM waiting JOIN workflows w ON w.id = waiting.workflow_id
			WHERE waiting.run_after <= clock_timestamp() AND w.is_active AND w.paused_at IS NULL
				AND (w.max_active_runs > (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running' AND r.type NOT IN ('child', 'backfill'))
					OR EXISTS (SELECT 1 FROM task_pasts p
						JOIN task_runs t ON t.workflow_run_id = p.workflow_run_id AND t.seq = p.seq AND t.status = 'pending'
						WHERE p.workflow_id = w.id AND p.reason <> '')) -- see findAwaited
			UNION ALL
			SELECT w.id, called.run_after FROM called JOIN workflows w ON w.id = called.workflow_id WHERE w.is_active AND w.paused_at IS NULL)
		SELECT id FROM startable GROUP BY id ORDER BY min(run_after), id`
	workflows, err := query(ctx, s, pgx.RowTo[uuid.UUID], text)
	if err != nil {
		return nil, err
	}
	workflows = slices.DeleteFunc(workflows, func(id uuid.UUID) bool { return slices.Contains(without, id) })
	return dialect.StartEach(ctx, workflows, startTogether, limit, s.startRuns)
}

// pendingRun is a run that may start.
type pendingRun struct {
	id, versionID, workflowID uuid.UUID
	selection                 string
	start                     *dialect.Start
	timeout                   time.Duration
	generation                int
	isBackfill                bool
}

// startRuns implements dialect.StartSome (T2). Workflows that somebody has locked
// are left out: most likely another scheduler starts their runs, and whoever else
// changes what may start tells of it.
func (s *Store) startRuns(ctx context.Context, workflows []uuid.UUID, limit int) (started, rest []uuid.UUID, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		started, rest = nil, nil
		pending, err := findPending(ctx, t, workflows, limit)
		if err != nil {
			return fmt.Errorf("find pending runs: %w", err)
		}
		chosen, err := s.chooseStarts(ctx, t, pending)
		if err != nil || len(chosen) == 0 {
			return err
		}
		for _, p := range pending[len(chosen):] {
			if !slices.Contains(rest, p.workflowID) {
				rest = append(rest, p.workflowID)
			}
		}
		started, err = s.startChosen(ctx, t, chosen)
		return err
	})
	return started, rest, err
}

// findPending locks workflows and returns their runs that may start: child runs, then
// others, then those of backfills, of each the oldest first. Only the others take part
// in max_active_runs.
func findPending(ctx context.Context, t *tx, workflows []uuid.UUID, limit int) ([]pendingRun, error) {
	const lockText = `
		SELECT id, CASE WHEN is_active AND paused_at IS NULL THEN max_active_runs ELSE 0 END
		FROM workflows WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`
	const pendingText = `
		SELECT r.id, r.version_id, r.selection, w.id, r.generation, r.is_backfill
		FROM unnest($1::uuid[], $2::int[]) AS w(id, allowed)
		CROSS JOIN LATERAL (
			(SELECT 2 AS place, id, version_id, selection, generation, run_after, backfill_id IS NOT NULL AS is_backfill FROM workflow_runs
			WHERE workflow_id = w.id AND status = 'pending' AND paused_at IS NULL AND type NOT IN ('child', 'backfill') AND run_after <= (SELECT clock_timestamp())
			ORDER BY run_after, id
			LIMIT least($3, greatest(0, w.allowed - (SELECT count(*) FROM workflow_runs WHERE workflow_id = w.id AND status = 'running' AND type NOT IN ('child', 'backfill')))))
			UNION ALL
			(SELECT 1, id, version_id, selection, generation, run_after, backfill_id IS NOT NULL FROM workflow_runs
			WHERE workflow_id = w.id AND status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill') AND type = 'child'
			ORDER BY run_after, id
			LIMIT CASE WHEN w.allowed > 0 THEN $3 ELSE 0 END)
			UNION ALL
			(SELECT 3, id, version_id, selection, generation, run_after, true FROM workflow_runs
			WHERE workflow_id = w.id AND status = 'pending' AND paused_at IS NULL AND type IN ('child', 'backfill') AND type = 'backfill'
			ORDER BY run_after, id
			LIMIT CASE WHEN w.allowed > 0 THEN $3 ELSE 0 END)) r
		ORDER BY r.place, r.run_after, r.id LIMIT $3`
	var ids []uuid.UUID
	var allowed []int
	var id uuid.UUID
	var most int
	batch := &pgx.Batch{}
	batch.Queue(pinText)
	batch.Queue(lockText, workflows).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&id, &most}, func() error {
			ids, allowed = append(ids, id), append(allowed, most)
			return nil
		})
		return err
	})
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("lock workflows: %w", err)
	}
	pending, err := collect(ctx, t, scanPending, pendingText, ids, allowed, limit)
	if err != nil {
		return nil, err
	}
	return findAwaited(ctx, t, ids, pending)
}

func scanPending(row pgx.CollectableRow) (p pendingRun, err error) {
	err = row.Scan(&p.id, &p.versionID, &p.selection, &p.workflowID, &p.generation, &p.isBackfill)
	return p, err
}

// chooseStarts plans the starts of the first pending runs, as many as one
// transaction should write.
func (s *Store) chooseStarts(ctx context.Context, t *tx, pending []pendingRun) ([]pendingRun, error) {
	starts := map[dialect.StartKind]*dialect.Start{}
	tasks := 0
	for i := range pending {
		p := &pending[i]
		graph, err := s.selected(ctx, t, p.versionID, p.selection)
		if err != nil {
			return nil, err
		}
		if tasks += len(graph.Definition.Tasks); i > 0 && tasks > startTasksMax {
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
	if err := lockRunsSoon(ctx, t, ids...); err != nil {
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
	ready, asks, err := run.Resume(states, 0, nil)
	if err != nil {
		return false, err
	}
	var pasts rootRows
	pasts.add(p.id, run.Graph.Pasts)
	batch := &pgx.Batch{}
	expectPast(batch, pasts.runs, pasts.seqs)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return false, err
	}
	if err := writeCounters(ctx, t, run); err != nil {
		return false, err
	}
	return true, takeUp(ctx, t, now, move{run: run, ready: ready, asks: asks})
}

// start makes the runs running and writes their task runs, in three round trips
// for any number of runs, and one more for each insertAtOnce task runs.
func start(ctx context.Context, t *tx, chosen []pendingRun) ([]uuid.UUID, error) {
	byID := make(map[uuid.UUID]pendingRun, len(chosen))
	var ids []uuid.UUID
	var counts []int
	var timeouts []*int64
	for _, p := range chosen {
		byID[p.id] = p
		ids, counts = append(ids, p.id), append(counts, p.start.Count)
		var timeout *int64
		if p.timeout > 0 {
			micros := p.timeout.Microseconds()
			timeout = &micros
		}
		timeouts = append(timeouts, timeout)
	}
	// One that was cancelled or paused before its lock was taken stays out. A run without
	// tasks has nothing to wait for. The state is an argument lest the runs be looked up
	// in the index of those that are pending, which may have many when the plan thinks
	// that it has none.
	const runText = `
		WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS at)
		UPDATE workflow_runs r
		SET status = CASE i.tasks WHEN 0 THEN 'success' ELSE 'running' END, task_count = i.tasks, started_at = clock.at,
			finished_at = CASE i.tasks WHEN 0 THEN clock.at END,
			deadline_at = clock.at + i.timeout * interval '1 microsecond', changed = pg_current_xact_id()
		FROM unnest($1::uuid[], $2::int[], $3::bigint[]) AS i(run_id, tasks, timeout), clock
		WHERE r.id = i.run_id AND r.status = $4 AND r.paused_at IS NULL
		RETURNING r.id, r.started_at`
	var now time.Time
	started, err := collect(ctx, t, func(row pgx.CollectableRow) (id uuid.UUID, err error) {
		err = row.Scan(&id, &now)
		return id, err
	}, runText, ids, counts, timeouts, miniairflow.RunPending)
	if err != nil {
		return nil, fmt.Errorf("start runs: %w", err)
	}
	var runs []pendingRun
	for _, id := range started {
		runs = append(runs, byID[id])
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	if err := insertTasks(ctx, t, now, runs); err != nil {
		return nil, fmt.Errorf("write task runs: %w", err)
	}
	if err := takeUpRoots(ctx, t, now, runs); err != nil {
		return nil, fmt.Errorf("take up roots: %w", err)
	}
	return started, nil
}

// insertAtOnce is how many task runs one statement of insertTasks writes: a run
// may have so many that they are not all to be in memory once more.
const insertAtOnce = 2000

// insertTasks writes the task runs of new runs.
func insertTasks(ctx context.Context, t *tx, now time.Time, runs []pendingRun) error {
	var rows taskRows
	for _, run := range runs {
		for seq := range run.start.Count {
			rows.add(run.id, run.start.Task(seq))
			if len(rows.runs) < insertAtOnce {
				continue
			}
			if _, err := t.Exec(ctx, insertTasksText, rows.args(now)...); err != nil {
				return err
			}
			rows = taskRows{}
		}
	}
	if len(rows.runs) == 0 {
		return nil
	}
	_, err := t.Exec(ctx, insertTasksText, rows.args(now)...)
	return err
}

// takeUpRoots writes the counters of new runs and what becomes of their roots, in
// one round trip.
func takeUpRoots(ctx context.Context, t *tx, now time.Time, runs []pendingRun) error {
	const countersText = `
		INSERT INTO run_counters (workflow_run_id, done, active, limited) SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[])`
	const queueText = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
		SELECT t.workflow_run_id, t.seq, $6::text, t.queue, t.priority, t.pool, t.pool_slots,
			$4::bigint + i.place + CASE WHEN $6::text = 'ready' AND i.place > $7 THEN 1152921504606846976 ELSE 0 END,
			CASE WHEN $6::text = 'ready' AND t.queue_timeout > 0 THEN $5::timestamptz + t.queue_timeout * interval '1 microsecond' END
		FROM unnest($1::uuid[], $2::int[], $3::int[]) AS i(run_id, seq, place)
		JOIN task_runs t ON t.workflow_run_id = i.run_id AND t.seq = i.seq`
	const askText = `
		INSERT INTO task_decisions (workflow_run_id, seq, generation)
		SELECT run_id, seq, pg_current_xact_id()::text::bigint FROM unnest($1::uuid[], $2::int[]) AS i(run_id, seq)`
	var ids []uuid.UUID
	var done, active, limited []int
	var ready, waiting, asks, pasts rootRows
	for _, run := range runs {
		ids, done = append(ids, run.id), append(done, run.start.Counters.Done)
		active, limited = append(active, run.start.Counters.Active), append(limited, run.start.Counters.Limited)
		ready.add(run.id, run.start.Queued)
		waiting.add(run.id, run.start.Limited)
		asks.add(run.id, run.start.Asks)
		pasts.add(run.id, run.start.Pasts)
	}
	batch := &pgx.Batch{}
	batch.Queue(countersText, ids, done, active, limited)
	if len(ready.runs) > 0 {
		batch.Queue(queueText, ready.runs, ready.seqs, ready.places, now.UnixMicro(), now, dialect.QueueReady, dialect.ShareMax)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
	}
	if len(waiting.runs) > 0 {
		batch.Queue(queueText, waiting.runs, waiting.seqs, waiting.places, now.UnixMicro(), now, dialect.QueueLimited, dialect.ShareMax)
	}
	expectPast(batch, pasts.runs, pasts.seqs)
	if len(asks.runs) > 0 {
		batch.Queue(askText, asks.runs, asks.seqs)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicDecide})
	}
	return t.SendBatch(ctx, batch).Close()
}
