package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// fireRowsMax bounds the rows that one transaction of FireSchedules writes.
const fireRowsMax = 2000

// DueSchedules implements miniairflow.ScheduleStore.
func (s *Store) DueSchedules(ctx context.Context, limit int) (miniairflow.DueSchedules, error) {
	// Two ranges of one index; a single one over both would read all of it when
	// little is due.
	const text = `
		WITH due AS (
			(SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL LIMIT $2)
			UNION ALL
			(SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at <= $1 ORDER BY next_at LIMIT $2))` + cursorsText
	var due miniairflow.DueSchedules
	var err error
	if due.Now, err = s.Now(ctx); err != nil {
		return due, err
	}
	if due.Due, err = query(ctx, s, scanCursor, text, due.Now, limit); err != nil {
		return due, err
	}
	due.Next, err = queryOne(ctx, s, pgx.RowTo[*time.Time], nextDueText, due.Now)
	return due, err
}

// cursorsText selects the cursors of what is due.
const cursorsText = `
	SELECT ` + cursorColumns + `
	FROM due d JOIN workflows w ON w.id = d.workflow_id
	ORDER BY d.next_at NULLS FIRST, d.workflow_id, d.name LIMIT $2`

const nextDueText = `SELECT min(next_at) FROM schedules WHERE is_active AND NOT is_finished AND next_at > $1`

// nextLeftText is nextDueText for who has so many of those that are due in its own
// hands: the time itself if there are more of them.
const nextLeftText = `
	SELECT CASE
		WHEN (SELECT count(*) FROM (SELECT 1 FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL LIMIT $2::bigint + 1) AS fresh)
			+ (SELECT count(*) FROM (SELECT 1 FROM schedules WHERE is_active AND NOT is_finished AND next_at <= $1 LIMIT $2::bigint + 1) AS over) > $2 THEN $1
		ELSE (SELECT min(next_at) FROM schedules WHERE is_active AND NOT is_finished AND next_at > $1) END`

// FireDue implements miniairflow.ScheduleStore. The schedules are locked from the
// look on, and those that others have locked are passed over, so that schedulers
// that look at the same time share the work. So are those whose workflow is locked: once
// that is known they are not asked for, and take no room in a step. The other workflows
// are locked after the plan, since it may leave them out.
func (s *Store) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (due miniairflow.DueSchedules, moved int, err error) {
	// After a step as large as it may be there are most likely more, and a look first
	// would go once more over what the steps before have moved.
	if !s.moreDue.Swap(false) {
		if due, err = s.nextDue(ctx); err != nil || due.Next == nil || due.Next.After(due.Now) {
			return due, 0, err
		}
	}
	known, held := s.heldDue.Load(), []uuid.UUID{}
	err = s.inTx(ctx, func(t *tx) error {
		moved = 0
		var err error
		if held, err = stillHeld(ctx, t, known); err != nil {
			return fmt.Errorf("look at held workflows: %w", err)
		}
		if due, err = lockDue(ctx, t, limit, held); err != nil {
			return err
		}
		var left []miniairflow.Fire
		if fires := plan(due); len(fires) > 0 {
			moved, left, err = fire(ctx, t, dialect.FireBatches(fires, fireRowsMax)[0])
			for _, f := range left {
				held = append(held, f.Cursor.WorkflowID)
			}
			if err != nil || moved > 0 {
				return err
			}
		}
		return t.QueryRow(ctx, nextLeftText, due.Now, len(due.Due)-len(left)).Scan(&due.Next)
	})
	if err != nil {
		return miniairflow.DueSchedules{}, 0, fmt.Errorf("fire due schedules: %w", err)
	}
	s.heldDue.Store(&held)
	s.moreDue.Store(moved > 0 && len(due.Due) >= limit)
	return due, moved, nil
}

// nextDue returns when the next schedule is due, which is over if one is now: what
// schedulers ask again and again, and so it is one statement.
func (s *Store) nextDue(ctx context.Context) (due miniairflow.DueSchedules, err error) {
	const text = `
		SELECT clock_timestamp(), CASE
			WHEN EXISTS (SELECT 1 FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL) THEN '-infinity'
			ELSE (SELECT next_at FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NOT NULL ORDER BY next_at LIMIT 1) END`
	return queryOne(ctx, s, func(row pgx.CollectableRow) (due miniairflow.DueSchedules, err error) {
		var next pgtype.Timestamptz
		if err = row.Scan(&due.Now, &next); err != nil || !next.Valid {
			return due, err
		}
		if next.InfinityModifier != pgtype.Finite {
			next.Time = due.Now
		}
		due.Next = &next.Time
		return due, nil
	}, text)
}

// lockDue is DueSchedules with locks, but for the schedules of the workflows in without,
// which is not nil.
func lockDue(ctx context.Context, t *tx, limit int, without []uuid.UUID) (due miniairflow.DueSchedules, err error) {
	const text = `
		WITH fresh AS MATERIALIZED (
			SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL AND workflow_id <> ALL($3)
			LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),
		over AS MATERIALIZED (
			SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at <= $1 AND workflow_id <> ALL($3)
			ORDER BY next_at LIMIT $2 - (SELECT count(*) FROM fresh) FOR NO KEY UPDATE SKIP LOCKED),
		due AS (SELECT * FROM fresh UNION ALL SELECT * FROM over)` + cursorsText
	batch := &pgx.Batch{}
	batch.Queue(pinText)
	batch.Queue(`SELECT clock_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&due.Now) })
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return due, fmt.Errorf("read the time: %w", err)
	}
	if due.Due, err = collect(ctx, t, scanCursor, text, due.Now, limit, without); err != nil {
		return due, fmt.Errorf("lock due schedules: %w", err)
	}
	return due, nil
}

// FireSchedules implements miniairflow.ScheduleStore.
func (s *Store) FireSchedules(ctx context.Context, fires []miniairflow.Fire) (int, error) {
	moved := 0
	for _, batch := range dialect.FireBatches(fires, fireRowsMax) {
		count := 0
		err := s.inTx(ctx, func(t *tx) error {
			err := lockSchedules(ctx, t, batch)
			if err == nil {
				count, _, err = fire(ctx, t, batch)
			}
			return err
		})
		if err != nil {
			return moved, fmt.Errorf("fire schedules: %w", err)
		}
		moved += count
	}
	return moved, nil
}

// lockSchedules locks the schedules of fires, and lets the statements that follow
// be planned once.
func lockSchedules(ctx context.Context, t *tx, fires []miniairflow.Fire) error {
	const text = `
		SELECT 1 FROM schedules c JOIN unnest($1::uuid[], $2::text[]) AS u(workflow_id, name) USING (workflow_id, name)
		ORDER BY c.workflow_id, c.name FOR NO KEY UPDATE OF c`
	ids, names := make([]uuid.UUID, len(fires)), make([]string, len(fires))
	for i, f := range fires {
		ids[i], names[i] = f.Cursor.WorkflowID, f.Cursor.Schedules.Name()
	}
	batch := &pgx.Batch{}
	batch.Queue(pinText)
	batch.Queue(text, ids, names)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("lock schedules: %w", err)
	}
	return nil
}

// fire moves the cursors that are still where the caller saw them, makes their
// runs, and returns how many cursors moved, and those whose workflow somebody else
// holds, which stay. The schedules are locked.
func fire(ctx context.Context, t *tx, fires []miniairflow.Fire) (moved int, held []miniairflow.Fire, err error) {
	free, held, err := lockWorkflows(ctx, t, fires)
	if err != nil {
		return 0, nil, fmt.Errorf("lock workflows: %w", err)
	}
	fired, err := moveCursors(ctx, t, free)
	if err != nil {
		return 0, nil, fmt.Errorf("move cursors: %w", err)
	}
	planned, missed, err := planRuns(ctx, t, fired)
	if err != nil {
		return 0, nil, fmt.Errorf("plan runs: %w", err)
	}
	t.publish(dialect.Fired(planned)...)
	if err := noteMissed(ctx, t, missed); err != nil {
		return 0, nil, err
	}
	return len(fired), held, insertRuns(ctx, t, planned)
}

// moveCursors moves the cursors that are still where the caller saw them, and
// returns the fires of those. The schedules and their workflows are locked.
func moveCursors(ctx context.Context, t *tx, fires []miniairflow.Fire) ([]miniairflow.Fire, error) {
	if len(fires) == 0 {
		return nil, nil
	}
	const move = `
		UPDATE schedules c SET next_at = u.to_at, is_finished = u.to_at IS NULL, last_at = coalesce(u.passed, c.last_at)
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
			WITH ORDINALITY AS u(workflow_id, name, hash, from_at, to_at, passed, since, place)
		WHERE c.workflow_id = u.workflow_id AND c.name = u.name AND c.hash = u.hash AND c.since = u.since
			AND c.next_at IS NOT DISTINCT FROM u.from_at AND c.is_active AND NOT c.is_finished
		RETURNING u.place - 1`
	ids, names, hashes := make([]uuid.UUID, len(fires)), make([]string, len(fires)), make([]string, len(fires))
	from, to, passed := make([]*time.Time, len(fires)), make([]*time.Time, len(fires)), make([]*time.Time, len(fires))
	since := make([]time.Time, len(fires))
	for i, f := range fires {
		ids[i], names[i], hashes[i] = f.Cursor.WorkflowID, f.Cursor.Schedules.Name(), f.Cursor.Hash
		from[i], to[i], passed[i] = f.Cursor.NextAt, nullTime(f.NextAt), nullTime(dialect.LastSlot(f))
		since[i] = f.Cursor.Since
	}
	places, err := collect(ctx, t, pgx.RowTo[int], move, ids, names, hashes, from, to, passed, since)
	if err != nil {
		return nil, err
	}
	slices.Sort(places)
	moved := make([]miniairflow.Fire, len(places))
	for i, place := range places {
		moved[i] = fires[place]
	}
	return moved, nil
}

// planRuns leaves out the runs whose slot has one already and decides the state
// of the others. The workflows are locked.
func planRuns(ctx context.Context, t *tx, fires []miniairflow.Fire) ([]miniairflow.PlannedRun, []dialect.Missed, error) {
	const missing = `
		SELECT u.place - 1
		FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS u(id, workflow_id, name, logical_date, place)
		WHERE NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.id = u.id)
			AND NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.workflow_id = u.workflow_id
				AND r.schedule_name = u.name AND r.logical_date = u.logical_date AND r.type = 'scheduled')
		ORDER BY u.place`
	loads := map[uuid.UUID]miniairflow.Load{}
	runs := dialect.RunsOf(fires)
	if len(runs) == 0 {
		planned, missed := dialect.PlanRuns(fires, loads)
		return planned, missed, nil
	}
	ids, workflows := make([]uuid.UUID, len(runs)), make([]uuid.UUID, len(runs))
	names, dates := make([]string, len(runs)), make([]time.Time, len(runs))
	for i, run := range runs {
		ids[i], workflows[i], names[i], dates[i] = run.ID, run.WorkflowID, run.ScheduleName, run.LogicalDate
	}
	places, err := collect(ctx, t, pgx.RowTo[int], missing, ids, workflows, names, dates)
	if err != nil {
		return nil, nil, err
	}
	fires = dialect.WithRuns(fires, places)
	if err := readLoads(ctx, t, workflows, dialect.HasSkips(fires), loads); err != nil {
		return nil, nil, fmt.Errorf("count runs: %w", err)
	}
	planned, missed := dialect.PlanRuns(fires, loads)
	return planned, missed, nil
}

// readLoads counts the runs of workflows that are not over; those that are active only
// if somebody asks for them.
func readLoads(ctx context.Context, t *tx, workflows []uuid.UUID, active bool, loads map[uuid.UUID]miniairflow.Load) error {
	const queued = `
		SELECT w.id, w.max_active_runs, 0, (SELECT count(*) FROM (
			SELECT 1 FROM workflow_runs r
			WHERE r.workflow_id = w.id AND r.type = 'scheduled' AND r.status IN ('pending', 'running') AND r.status = 'pending' AND r.paused_at IS NULL LIMIT $2) q)
		FROM workflows w WHERE w.id = ANY($1)`
	const all = `
		SELECT w.id, w.max_active_runs,
			(SELECT count(*) FROM (
				SELECT 1 FROM workflow_runs r
				WHERE r.workflow_id = w.id AND r.status = 'pending' AND r.paused_at IS NULL AND r.type NOT IN ('child', 'backfill') LIMIT w.max_active_runs) p)
			+ (SELECT count(*) FROM workflow_runs r
				WHERE r.workflow_id = w.id AND r.status = 'pending' AND r.paused_at IS NOT NULL AND r.type NOT IN ('child', 'backfill'))
			+ (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running' AND r.type NOT IN ('child', 'backfill')),
			(SELECT count(*) FROM (
				SELECT 1 FROM workflow_runs r
				WHERE r.workflow_id = w.id AND r.type = 'scheduled' AND r.status IN ('pending', 'running') AND r.status = 'pending' AND r.paused_at IS NULL LIMIT $2) q)
		FROM workflows w WHERE w.id = ANY($1)`
	text := queued
	if active {
		text = all
	}
	rows, err := t.Query(ctx, text, workflows, miniairflow.QueuedMax)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var load miniairflow.Load
	_, err = pgx.ForEachRow(rows, []any{&id, &load.Max, &load.Active, &load.Queued}, func() error {
		loads[id] = load
		return nil
	})
	return err
}

// insertRuns writes runs with the next numbers of their workflows, which the
// caller has locked, and the audit log where somebody is named. A run that
// exists already is a violation of a unique constraint. A scheduled run may
// start from its slot on, a manual one at once. The numbers are counted on from
// what the workflows had when the statement began.
func insertRuns(ctx context.Context, t *tx, runs []miniairflow.PlannedRun) error {
	const text = `
		WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS at),
		input AS MATERIALIZED (
			SELECT u.*, row_number() OVER (PARTITION BY u.workflow_id ORDER BY u.place) AS nth
			FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
				$9::timestamptz[], $10::timestamptz[], $11::jsonb[], $12::text[], $13::text[], $14::text[], $15::text[], $16::uuid[], $17::int[],
				$18::text[], $19::text[], $20::text[], $21::bool[], $22::uuid[])
				WITH ORDINALITY AS u(id, workflow_id, version_id, status, reason, type, schedule_name, logical_date,
				data_interval_start, run_after, params, idempotency_key, actor, actor_reason, selection, parent_run_id, parent_seq,
				cause, cause_detail, created_by, replaces, backfill_id, place)),
		counted AS (
			UPDATE workflows w SET last_run_number = w.last_run_number + n.count
			FROM (SELECT workflow_id, count(*) AS count FROM input GROUP BY workflow_id) n WHERE w.id = n.workflow_id),
		logged AS (
			INSERT INTO audit_log (at, actor, action, subject, workflow_id, reason, details)
			SELECT at, actor, 'create_run', id::text, workflow_id, actor_reason, CASE WHEN selection <> '' THEN '{"selection":' || selection || '}' ELSE '' END
			FROM input, clock WHERE actor <> '')
		INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, reason, type, schedule_name,
			logical_date, data_interval_start, run_after, params, selection, idempotency_key, created_at, finished_at,
			parent_run_id, parent_seq, is_awaited, cause, cause_detail, created_by, replaces, backfill_id, late_after)
		SELECT i.id, i.workflow_id, i.version_id, w.last_run_number + i.nth, i.status, i.reason, i.type, i.schedule_name,
			coalesce(i.logical_date, at), coalesce(i.data_interval_start, i.logical_date, at),
			CASE WHEN i.type = 'scheduled' THEN coalesce(i.run_after, i.logical_date, at) ELSE at END,
			i.params, i.selection, nullif(i.idempotency_key, ''), at, CASE WHEN i.status <> 'pending' THEN at END,
			i.parent_run_id, i.parent_seq, i.type IN ('child', 'backfill'), i.cause, i.cause_detail, i.created_by, i.replaces, i.backfill_id, CASE WHEN v.has_deadlines AND i.status <> 'skipped' THEN at END
		FROM input i JOIN workflows w ON w.id = i.workflow_id JOIN workflow_versions v ON v.id = i.version_id, clock`
	if len(runs) == 0 {
		return nil
	}
	columns, err := runInput(runs)
	if err != nil {
		return err
	}
	if _, err := t.Exec(ctx, text, columns...); err != nil {
		return fmt.Errorf("insert runs: %w", err)
	}
	return nil
}

// runInput returns the runs by column, in the order that insertRuns reads.
func runInput(runs []miniairflow.PlannedRun) ([]any, error) {
	var ids, workflows, versions []uuid.UUID
	var statuses, reasons, types, schedules, params, keys, actors, actorReasons, selections, causes, causeDetails, creators []string
	var dates, starts, runAfters []*time.Time
	var parents, backfills []*uuid.UUID
	var parentSeqs []*int
	var replaces []bool
	for _, run := range runs {
		object, err := dialect.EncodeObject(run.Params)
		if err != nil {
			return nil, fmt.Errorf("params of run %s: %w", run.ID, err)
		}
		selection, err := dialect.EncodeSelection(run.Selection)
		if err != nil {
			return nil, fmt.Errorf("tasks of run %s: %w", run.ID, err)
		}
		selections = append(selections, selection)
		ids, workflows, versions = append(ids, run.ID), append(workflows, run.WorkflowID), append(versions, run.VersionID)
		statuses, reasons = append(statuses, string(run.Status)), append(reasons, run.Reason)
		types, schedules = append(types, string(run.Type)), append(schedules, run.ScheduleName)
		dates, starts = append(dates, nullTime(run.LogicalDate)), append(starts, nullTime(run.DataIntervalStart))
		runAfters = append(runAfters, nullTime(run.RunAfter))
		params, keys = append(params, string(object)), append(keys, dialect.Text(run.IdempotencyKey))
		actors, actorReasons = append(actors, dialect.Text(run.By.Name)), append(actorReasons, dialect.Text(run.By.Reason))
		cause := dialect.CauseOf(&run)
		causes, causeDetails, creators = append(causes, string(cause.Kind)), append(causeDetails, cause.Detail), append(creators, cause.By)
		var parent *uuid.UUID
		var parentSeq *int
		if run.Parent != nil {
			parent, parentSeq = &run.Parent.RunID, &run.Parent.Seq
		}
		parents, parentSeqs, replaces = append(parents, parent), append(parentSeqs, parentSeq), append(replaces, run.Replaces)
		var backfill *uuid.UUID
		if run.BackfillID != uuid.Nil {
			backfill = &run.BackfillID
		}
		backfills = append(backfills, backfill)
	}
	return []any{
		ids, workflows, versions, statuses, reasons, types, schedules, dates, starts, runAfters, params, keys, actors, actorReasons, selections,
		parents, parentSeqs, causes, causeDetails, creators, replaces, backfills,
	}, nil
}
