package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// fireRowsMax bounds the rows that one transaction of FireSchedules writes:
// everybody else waits meanwhile. Runs of neighbours share pages, so that fewer
// transactions also write less.
const fireRowsMax = 1000

// DueSchedules implements miniairflow.ScheduleStore.
func (s *Store) DueSchedules(ctx context.Context, limit int) (miniairflow.DueSchedules, error) {
	// Two ranges of one index; a single one over both would read all of it when
	// little is due.
	const dueText = `
		WITH due AS (
			SELECT * FROM (SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL LIMIT ?2 + 0)
			UNION ALL
			SELECT * FROM (SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at <= ?1 ORDER BY next_at LIMIT ?2 + 0))
		SELECT ` + cursorColumns + `
		FROM due d JOIN workflows w ON w.id = d.workflow_id
		ORDER BY d.next_at NULLS FIRST, d.workflow_id, d.name LIMIT ?2 + 0`
	const nextText = `SELECT min(next_at) FROM schedules WHERE is_active AND NOT is_finished AND next_at > ?`
	due := miniairflow.DueSchedules{Now: timeOf(now())}
	var err error
	if due.Due, err = query(ctx, s.read, scanCursor, dueText, micros(due.Now), max(limit, 0)); err != nil {
		return due, err
	}
	due.Next, err = queryOne(ctx, s.read, scanNullTime, nextText, micros(due.Now))
	return due, err
}

// FireDue implements miniairflow.ScheduleStore. Schedulers of one process are so
// rare that nothing keeps them from looking at the same cursors: the second to
// move one finds it moved.
func (s *Store) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	if due, err := s.nextDue(ctx); err != nil || due.Next == nil || due.Next.After(due.Now) {
		return due, 0, err
	}
	due, err := s.DueSchedules(ctx, limit)
	if err != nil {
		return miniairflow.DueSchedules{}, 0, fmt.Errorf("find due schedules: %w", err)
	}
	if len(due.Due) == 0 {
		return due, 0, nil
	}
	moved, err := s.FireSchedules(ctx, plan(due))
	return due, moved, err
}

// nextDue returns when the next schedule is due, which is over if one is now: what
// schedulers ask again and again, and so it is one statement.
func (s *Store) nextDue(ctx context.Context) (due miniairflow.DueSchedules, err error) {
	const text = `
		SELECT CASE
			WHEN EXISTS (SELECT 1 FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NULL) THEN 0
			ELSE (SELECT min(next_at) FROM schedules WHERE is_active AND NOT is_finished AND next_at IS NOT NULL) END`
	due.Next, err = queryOne(ctx, brief{s.read}, scanNullTime, text)
	due.Now = timeOf(now())
	return due, err
}

// FireSchedules implements miniairflow.ScheduleStore.
func (s *Store) FireSchedules(ctx context.Context, fires []miniairflow.Fire) (int, error) {
	moved := 0
	for _, batch := range dialect.FireBatches(fires, fireRowsMax) {
		count := 0
		err := s.inTx(ctx, func(t *tx) error {
			var err error
			count, err = fire(ctx, t, batch)
			return err
		})
		if err != nil {
			return moved, fmt.Errorf("fire schedules: %w", err)
		}
		moved += count
	}
	return moved, nil
}

// fire moves the cursors that are still where the caller saw them, makes their
// runs, and returns how many cursors moved.
func fire(ctx context.Context, t *tx, fires []miniairflow.Fire) (int, error) {
	moved, err := moveCursors(ctx, t, fires)
	if err != nil {
		return 0, fmt.Errorf("move cursors: %w", err)
	}
	planned, missed, err := planRuns(ctx, t, moved)
	if err != nil {
		return 0, fmt.Errorf("plan runs: %w", err)
	}
	t.publish(dialect.Fired(planned)...)
	if err := noteMissed(ctx, t, missed); err != nil {
		return 0, err
	}
	return len(moved), insertRuns(ctx, t, planned)
}

// moveCursors moves the cursors that are still where the caller saw them, and
// returns the fires of those.
func moveCursors(ctx context.Context, t *tx, fires []miniairflow.Fire) ([]miniairflow.Fire, error) {
	const move = `
		UPDATE schedules SET next_at = ?1, is_finished = ?1 IS NULL, last_at = coalesce(?2, last_at)
		WHERE workflow_id = ?3 AND name = ?4 AND hash = ?5 AND next_at IS ?6 AND since = ?7 AND is_active AND NOT is_finished`
	var moved []miniairflow.Fire
	for _, f := range fires {
		var from any
		if f.Cursor.NextAt != nil {
			from = micros(*f.Cursor.NextAt)
		}
		done, err := t.ExecContext(ctx, move, nullMicros(f.NextAt), nullMicros(dialect.LastSlot(f)),
			f.Cursor.WorkflowID, f.Cursor.Schedules.Name(), f.Cursor.Hash, from, micros(f.Cursor.Since))
		if err != nil {
			return nil, err
		}
		changed, err := done.RowsAffected()
		if err != nil {
			return nil, err
		}
		if changed > 0 {
			moved = append(moved, f)
		}
	}
	return moved, nil
}

// planRuns leaves out the runs whose slot has one already and decides the state
// of the others.
func planRuns(ctx context.Context, t *tx, fires []miniairflow.Fire) ([]miniairflow.PlannedRun, []dialect.Missed, error) {
	const missing = `
		SELECT i.key FROM json_each(?) AS i
		WHERE NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.id = i.value ->> 0)
			AND NOT EXISTS (SELECT 1 FROM workflow_runs r WHERE r.workflow_id = i.value ->> 1
				AND r.schedule_name = i.value ->> 2 AND r.logical_date = i.value ->> 3 AND r.type = 'scheduled')
		ORDER BY i.key`
	loads := map[uuid.UUID]miniairflow.Load{}
	runs := dialect.RunsOf(fires)
	if len(runs) == 0 {
		planned, missed := dialect.PlanRuns(fires, loads)
		return planned, missed, nil
	}
	slots, workflows := make(table, len(runs)), make(list[uuid.UUID], len(runs))
	for i, run := range runs {
		slots[i] = []any{run.ID, run.WorkflowID, run.ScheduleName, nullMicros(run.LogicalDate)}
		workflows[i] = run.WorkflowID
	}
	places, err := query(ctx, t, scanOne[int], missing, slots)
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
// if somebody asks for them. Left to itself SQLite reads all runs of the workflow.
func readLoads(ctx context.Context, q querier, workflows list[uuid.UUID], active bool, loads map[uuid.UUID]miniairflow.Load) error {
	const queued = `
		SELECT w.id, w.max_active_runs, 0, (SELECT count(*) FROM (
			SELECT 1 FROM workflow_runs r INDEXED BY workflow_runs_scheduled
			WHERE r.workflow_id = w.id AND r.type = 'scheduled' AND r.status IN ('pending', 'running') AND r.status = 'pending' AND r.paused_at IS NULL LIMIT ?2 + 0) q)
		FROM workflows w WHERE w.id IN (SELECT value FROM json_each(?1))`
	const all = `
		SELECT w.id, w.max_active_runs,
			(SELECT count(*) FROM workflow_runs r INDEXED BY workflow_runs_pending
				WHERE r.workflow_id = w.id AND r.status = 'pending' AND r.paused_at IS NULL AND r.type NOT IN ('child', 'backfill'))
			+ (SELECT count(*) FROM workflow_runs r INDEXED BY workflow_runs_held
				WHERE r.workflow_id = w.id AND r.status = 'pending' AND r.paused_at IS NOT NULL AND r.type NOT IN ('child', 'backfill'))
			+ (SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running' AND r.type NOT IN ('child', 'backfill')),
			(SELECT count(*) FROM (
				SELECT 1 FROM workflow_runs r INDEXED BY workflow_runs_scheduled
				WHERE r.workflow_id = w.id AND r.type = 'scheduled' AND r.status IN ('pending', 'running') AND r.status = 'pending' AND r.paused_at IS NULL LIMIT ?2 + 0) q)
		FROM workflows w WHERE w.id IN (SELECT value FROM json_each(?1))`
	text := queued
	if active {
		text = all
	}
	_, err := query(ctx, q, func(row row) (none struct{}, err error) {
		var id uuid.UUID
		var load miniairflow.Load
		err = row.Scan(&id, &load.Max, &load.Active, &load.Queued)
		loads[id] = load
		return none, err
	}, text, workflows, miniairflow.QueuedMax)
	return err
}

// insertRuns writes runs with the next numbers of their workflows, and the audit
// log where somebody is named. A run that exists already is a violation of a
// unique constraint. A scheduled run may start from its slot on, a manual one at once.
func insertRuns(ctx context.Context, t *tx, runs []miniairflow.PlannedRun) error {
	if len(runs) == 0 {
		return nil
	}
	numbers, err := numberRuns(ctx, t, runs)
	if err != nil {
		return fmt.Errorf("number runs: %w", err)
	}
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	rows := make([][]any, len(runs))
	for i := range runs {
		row, err := runInput(t, &runs[i])
		if err != nil {
			return fmt.Errorf("params of run %s: %w", runs[i].ID, err)
		}
		rows[i] = append(row, numbers[i], changed)
	}
	const into = `
		INSERT INTO workflow_runs (id, workflow_id, version_id, status, reason, type, schedule_name,
			logical_date, data_interval_start, run_after, params, selection, idempotency_key, created_at, finished_at,
			parent_run_id, parent_seq, is_awaited, cause, cause_detail, created_by, replaces, backfill_id, number, changed)`
	if err := insertRows(ctx, t, into, rows, ""); err != nil {
		return fmt.Errorf("insert runs: %w", err)
	}
	return auditRuns(ctx, t, runs)
}

// numberRuns takes a number of its workflow for each run.
func numberRuns(ctx context.Context, t *tx, runs []miniairflow.PlannedRun) ([]int64, error) {
	const text = `
		UPDATE workflows SET last_run_number = last_run_number + n.runs
		FROM (SELECT value AS id, count(*) AS runs FROM json_each(?) GROUP BY value) AS n WHERE workflows.id = n.id
		RETURNING workflows.id, last_run_number`
	workflows := make(list[uuid.UUID], len(runs))
	for i := range runs {
		workflows[i] = runs[i].WorkflowID
	}
	last := make(map[uuid.UUID]int64, len(runs))
	_, err := query(ctx, t, func(row row) (none struct{}, err error) {
		var id uuid.UUID
		var number int64
		err = row.Scan(&id, &number)
		last[id] = number
		return none, err
	}, text, workflows)
	if err != nil {
		return nil, err
	}
	numbers := make([]int64, len(runs))
	for i := len(runs) - 1; i >= 0; i-- {
		id := runs[i].WorkflowID
		numbers[i] = last[id]
		last[id]--
	}
	return numbers, nil
}

// runInput returns the values of a run that insertRuns writes, but for those that
// the database gives it.
func runInput(t *tx, run *miniairflow.PlannedRun) ([]any, error) {
	params, err := dialect.EncodeObject(run.Params)
	if err != nil {
		return nil, err
	}
	selection, err := dialect.EncodeSelection(run.Selection)
	if err != nil {
		return nil, err
	}
	logical, runAfter, finishedAt := t.now, t.now, any(nil)
	if !run.LogicalDate.IsZero() {
		logical = micros(run.LogicalDate)
	}
	start := logical
	if !run.DataIntervalStart.IsZero() {
		start = micros(run.DataIntervalStart)
	}
	if run.Type == miniairflow.RunScheduled {
		runAfter = logical
		if !run.RunAfter.IsZero() {
			runAfter = micros(run.RunAfter)
		}
	}
	if run.Status.IsTerminal() {
		finishedAt = t.now
	}
	parent, parentSeq, backfill := any(nil), any(nil), any(nil)
	if run.Parent != nil {
		parent, parentSeq = run.Parent.RunID, run.Parent.Seq
	}
	if run.BackfillID != uuid.Nil {
		backfill = run.BackfillID
	}
	cause := dialect.CauseOf(run)
	return []any{
		run.ID, run.WorkflowID, run.VersionID, run.Status, run.Reason, run.Type, run.ScheduleName,
		logical, start, runAfter, string(params), selection, nullText(run.IdempotencyKey), t.now, finishedAt,
		parent, parentSeq, !run.Type.CountsAsActive(), cause.Kind, cause.Detail, cause.By, run.Replaces, backfill,
	}, nil
}

// auditRuns notes who asked for new runs.
func auditRuns(ctx context.Context, t *tx, runs []miniairflow.PlannedRun) error {
	var rows [][]any
	for i := range runs {
		change := dialect.Audited{Action: miniairflow.AuditCreateRun, RunID: &runs[i].ID}
		if !change.IsNoted(runs[i].By) {
			continue
		}
		details, err := dialect.EncodeDetails(dialect.CreatedDetails(runs[i].Selection))
		if err != nil {
			return err
		}
		rows = append(rows, []any{t.now, dialect.Text(runs[i].By.Name), change.Action, change.Subject(), runs[i].WorkflowID, dialect.Text(runs[i].By.Reason), details})
	}
	err := insertRows(ctx, t, `INSERT INTO audit_log (at, actor, action, subject, workflow_id, reason, details)`, rows, "")
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}
