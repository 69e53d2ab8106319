package postgres

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// runColumns are what scanRun reads, from runTables.
const (
	runColumns = `r.id, r.workflow_id, w.name, r.version_id, r.number, r.status, r.reason, r.type,
		r.cause, r.cause_detail, r.created_by, r.schedule_name,
		r.logical_date, r.data_interval_start, r.run_after, r.deadline_at, r.params, r.selection, r.task_count,
		r.created_at, r.started_at, r.finished_at, r.cancel_requested_at, r.paused_at, r.generation, r.outcome,
		r.parent_run_id, r.parent_seq, r.backfill_id, r.late_at, r.changed::text::bigint`
	runTables = `workflow_runs r JOIN workflows w ON w.id = r.workflow_id`
)

// scanRun reads runColumns.
func scanRun(row pgx.CollectableRow) (*miniairflow.WorkflowRun, error) { return scanRunAnd(row) }

// scanRunAnd reads runColumns, and what more is asked for.
func scanRunAnd(row pgx.CollectableRow, more ...any) (*miniairflow.WorkflowRun, error) {
	r := &miniairflow.WorkflowRun{}
	var params []byte
	var selection string
	var parent uuid.NullUUID
	var parentSeq *int
	err := row.Scan(append([]any{
		&r.ID, &r.WorkflowID, &r.WorkflowName, &r.VersionID, &r.Number, &r.Status, &r.Reason, &r.Type,
		&r.Cause.Kind, &r.Cause.Detail, &r.Cause.By, &r.ScheduleName,
		&r.LogicalDate, &r.DataIntervalStart, &r.RunAfter, &r.DeadlineAt, &params, &selection, &r.TaskCount,
		&r.CreatedAt, &r.StartedAt, &r.FinishedAt, &r.CancelRequestedAt, &r.PausedAt, &r.Generation, &r.Outcome, &parent, &parentSeq, &r.BackfillID, &r.LateAt, &r.Revision,
	}, more...)...)
	if err != nil {
		return nil, err
	}
	r.DataIntervalEnd = r.LogicalDate
	if parent.Valid && parentSeq != nil {
		r.Parent = &miniairflow.TaskRunKey{RunID: parent.UUID, Seq: *parentSeq}
	}
	if r.Params, err = dialect.DecodeObject(params); err != nil {
		return nil, fmt.Errorf("params of run %s: %w", r.ID, err)
	}
	if r.Selection, err = dialect.DecodeSelection(selection); err != nil {
		return nil, fmt.Errorf("tasks of run %s: %w", r.ID, err)
	}
	return r, nil
}

// taskRunColumns are what scanTaskRun reads, from task_runs as t.
const taskRunColumns = `t.workflow_run_id, t.seq, t.name, t.status, t.reason, t.attempt, t.failures, t.outputs, t.exit_code,
	t.queue, t.priority, t.pool, t.pool_slots, t.is_finally, t.queued_at, t.started_at, t.finished_at, t.next_retry_at, t.changed::text::bigint`

// scanTaskRun reads taskRunColumns.
func scanTaskRun(row pgx.CollectableRow) (*miniairflow.TaskRun, error) {
	t := &miniairflow.TaskRun{}
	var outputs []byte
	err := row.Scan(&t.RunID, &t.Seq, &t.Name, &t.Status, &t.Reason, &t.Attempt, &t.Failures, &outputs, &t.ExitCode,
		&t.Queue, &t.Priority, &t.Pool, &t.PoolSlots, &t.Finally, &t.QueuedAt, &t.StartedAt, &t.FinishedAt, &t.NextRetryAt, &t.Revision)
	if err != nil {
		return nil, err
	}
	if t.Outputs, err = dialect.DecodeObject(outputs); err != nil {
		return nil, fmt.Errorf("outputs of task %q: %w", t.Name, err)
	}
	return t, nil
}

// cursorColumns are what scanCursor reads, from schedules as d and workflows as w.
const cursorColumns = `d.workflow_id, w.name, d.version_id, d.entries, d.hash, d.params, d.next_at, d.since, d.last_at`

// scanCursor reads cursorColumns.
func scanCursor(row pgx.CollectableRow) (c miniairflow.ScheduleCursor, err error) {
	var entries, params []byte
	if err := row.Scan(&c.WorkflowID, &c.WorkflowName, &c.VersionID, &entries, &c.Hash, &params, &c.NextAt, &c.Since, &c.LastAt); err != nil {
		return c, err
	}
	if c.Schedules, err = dialect.DecodeSchedules(entries); err != nil {
		return c, fmt.Errorf("schedule of workflow %q: %w", c.WorkflowName, err)
	}
	c.Params, err = dialect.DecodeParams(params)
	return c, err
}
