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

// CreateRun implements miniairflow.RunStore.
func (s *Store) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	var found *miniairflow.WorkflowRun
	var created bool
	err := s.inTx(ctx, func(t *tx) error {
		found, created = nil, false
		retired, err := lockForRun(ctx, t, run)
		if err != nil {
			return fmt.Errorf("lock workflow: %w", mapError(err))
		}
		if found, err = sameRun(ctx, t, run); err == nil || !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if run.Parent != nil {
			if found, err = childOf(ctx, t, run.Parent); err != nil || found != nil {
				return err
			}
			if run.BackfillID, err = backfillOf(ctx, t, run.Parent.RunID); err != nil {
				return fmt.Errorf("find backfill of parent: %w", err)
			}
		}
		if retired {
			return miniairflow.Errorf(miniairflow.CodeConflict, "the workflow is retired: its file is gone")
		}
		if err := insertRuns(ctx, t, []miniairflow.PlannedRun{{NewRun: run, Status: miniairflow.RunPending}}); err != nil {
			return err
		}
		if run.Parent != nil {
			if err := awaitChild(ctx, t, run.Parent, run.ID); err != nil {
				return err
			}
		}
		created = true
		found, err = runByID(ctx, t, run.ID)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRuns}, miniairflow.Event{Topic: miniairflow.TopicRun, ID: run.ID})
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return found, created, nil
}

// lockForRun locks the workflow of a run that is to be created, and reports whether it is
// retired.
func lockForRun(ctx context.Context, t *tx, run miniairflow.NewRun) (retired bool, err error) {
	const text = `SELECT retired_at IS NOT NULL FROM workflows WHERE id = $1 FOR NO KEY UPDATE`
	batch := &pgx.Batch{}
	if run.By.IsScheduler() {
		queueSoon(batch)
	}
	batch.Queue(text, run.WorkflowID).QueryRow(func(row pgx.Row) error { return row.Scan(&retired) })
	return retired, t.SendBatch(ctx, batch).Close()
}

// sameRun returns the run that exists already for what run asks, or pgx.ErrNoRows.
func sameRun(ctx context.Context, t *tx, run miniairflow.NewRun) (*miniairflow.WorkflowRun, error) {
	const text = `SELECT ` + runColumns + ` FROM ` + runTables + `
		WHERE r.id = $1
			OR r.workflow_id = $2 AND r.idempotency_key = nullif($3, '')
			OR r.workflow_id = $2 AND r.schedule_name = $4 AND r.logical_date = $5 AND r.type = 'scheduled' AND $6 = 'scheduled'
		LIMIT 1`
	rows, err := t.Query(ctx, text, run.ID, run.WorkflowID, run.IdempotencyKey, run.ScheduleName, run.LogicalDate, run.Type)
	if err != nil {
		return nil, err
	}
	return pgx.CollectOneRow(rows, scanRun)
}

// nullTime returns nil for the zero time.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func runByID(ctx context.Context, t *tx, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	rows, err := t.Query(ctx, `SELECT `+runColumns+` FROM `+runTables+` WHERE r.id = $1`, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectOneRow(rows, scanRun)
}

// CancelRun implements miniairflow.RunStore.
func (s *Store) CancelRun(ctx context.Context, cancel miniairflow.Cancel) (*miniairflow.WorkflowRun, error) {
	var found *miniairflow.WorkflowRun
	err := s.inTx(ctx, func(t *tx) error {
		lock := lockRuns
		if cancel.By.IsScheduler() {
			lock = lockRunsSoon
		}
		if err := lock(ctx, t, cancel.RunID); err != nil {
			return err
		}
		run, now, err := s.loadRun(ctx, t, cancel.RunID)
		if err != nil {
			return err
		}
		if !run.Status.IsTerminal() && !run.CancelRequested && run.Outcome == "" {
			if err := s.cancelRun(ctx, t, now, run, cancel); err != nil {
				return fmt.Errorf("cancel run: %w", err)
			}
		}
		found, err = runByID(ctx, t, cancel.RunID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// cancelRun ends what has not started. The tasks of finally are still to come,
// unless the run waits for its turn; a pause is lifted, so that they can.
func (s *Store) cancelRun(ctx context.Context, t *tx, now time.Time, run *dialect.Run, cancel miniairflow.Cancel) error {
	m := move{run: run}
	isPending := run.Status == miniairflow.RunPending
	batch := &pgx.Batch{}
	if err := stop(ctx, t, batch, now, &m, "run is being cancelled", isPending); err != nil {
		return err
	}
	askForEnd(t, batch, now, run.ID, cancel.TimedOut, dialect.CancelReason(cancel))
	if change := (dialect.Audited{Action: miniairflow.AuditCancelRun, RunID: &run.ID}); change.IsNoted(cancel.By) {
		batch.Queue(auditText, auditArgs(cancel.By, change)...)
	}
	if isPending && run.IsChild {
		wakeParents(batch, now, []uuid.UUID{run.ID})
		t.publish(miniairflow.Event{Topic: miniairflow.TopicChild})
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if isPending {
		told := dialect.NotesOfCancel(run, m.ended)
		t.publish(told.Events([]*dialect.Run{run})...)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRuns})
		batch := &pgx.Batch{}
		batch.Queue(`UPDATE run_counters SET done = done + $2 WHERE workflow_run_id = $1`, run.ID, len(m.ended))
		note(batch, now, told.Notes)
		return t.SendBatch(ctx, batch).Close()
	}
	run.CancelRequested, run.TimedOut, run.IsPaused = true, cancel.TimedOut, false
	t.moved(run.Pools()...)
	return s.settle(ctx, t, now, []move{m})
}

// failFast ends a run of which a task run has failed, as a cancellation would. What
// the move has made ready has not started either.
func failFast(ctx context.Context, t *tx, now time.Time, m *move, reason string) error {
	stopped := move{run: m.run}
	batch := &pgx.Batch{}
	if err := stop(ctx, t, batch, now, &stopped, reason, false); err != nil {
		return err
	}
	askForEnd(t, batch, now, m.run.ID, true, reason)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	m.run.CancelRequested, m.run.TimedOut, m.run.IsPaused = true, true, false
	t.moved(m.run.Pools()...)
	m.run.End(stopped.ended...)
	m.run.Free(stopped.freed)
	m.ended, m.ready, m.asks = append(m.ended, stopped.ended...), nil, append(m.asks, stopped.asks...)
	return nil
}

// stop adds the statements that empty the queue of a run and end what has not
// started: into m, but for what waited for a slot, of which the run itself takes
// note. The queue comes first: whoever is about to claim a row of it is waited for
// and then counts as running.
func stop(ctx context.Context, t *tx, batch *pgx.Batch, now time.Time, m *move, reason string, finals bool) (err error) {
	const queueText = `DELETE FROM task_queue WHERE workflow_run_id = $1 RETURNING state`
	const tasksText = `
		UPDATE task_runs SET status = 'cancelled', reason = $5, finished_at = $2, next_retry_at = NULL, changed = pg_current_xact_id()
		WHERE workflow_run_id = $1 AND status IN ('pending', 'queued', 'waiting', 'up_for_retry') AND (NOT is_finally OR $3)
			AND NOT seq = ANY(coalesce($4::int[], '{}')) -- these end with the last of their items
		RETURNING seq, status`
	if m.asks, err = waitingForItems(ctx, t, m.run.ID); err != nil {
		return err
	}
	batch.Queue(queueText, m.run.ID).Query(func(rows pgx.Rows) error {
		var state string
		_, err := pgx.ForEachRow(rows, []any{&state}, func() error {
			switch state {
			case dialect.QueueReady, dialect.QueuePaused:
				m.freed++
			case dialect.QueueLimited:
				m.run.Change.Limited--
			}
			return nil
		})
		return err
	})
	batch.Queue(`DELETE FROM task_decisions WHERE workflow_run_id = $1`, m.run.ID)
	endWaits(batch, now, m.run.ID, reason)
	batch.Queue(tasksText, m.run.ID, now, finals, m.asks, reason).Query(func(rows pgx.Rows) (err error) {
		m.ended, err = pgx.CollectRows(rows, pgx.RowToStructByPos[miniairflow.Ended])
		return err
	})
	return nil
}

// askForEnd adds the statement that notes that the end of a run was asked for; of
// a pending one it is that.
func askForEnd(t *tx, batch *pgx.Batch, now time.Time, runID uuid.UUID, fails bool, reason string) {
	const text = `
		UPDATE workflow_runs
		SET is_awaited = is_awaited AND status <> 'pending', cancel_requested_at = $2, timed_out = $3, reason = $4, paused_at = NULL, changed = pg_current_xact_id(),
			status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END,
			finished_at = CASE status WHEN 'pending' THEN $2::timestamptz END
		WHERE id = $1`
	batch.Queue(text, runID, now, fails, reason)
	t.publish(miniairflow.Event{Topic: miniairflow.TopicCancel, ID: runID})
}

// OverdueRuns implements miniairflow.RunStore.
func (s *Store) OverdueRuns(ctx context.Context, limit int) ([]uuid.UUID, *time.Time, error) {
	const firstText = `
		SELECT min(deadline_at), coalesce(min(deadline_at) <= clock_timestamp(), false) FROM workflow_runs
		WHERE status = 'running' AND deadline_at IS NOT NULL AND cancel_requested_at IS NULL AND outcome = ''`
	if first, isOver, err := s.nextTime(ctx, firstText); err != nil || !isOver {
		return nil, first, err
	}
	const overdueText = `
		SELECT id FROM workflow_runs
		WHERE status = 'running' AND deadline_at <= (SELECT clock_timestamp()) AND cancel_requested_at IS NULL AND outcome = ''
		ORDER BY deadline_at LIMIT $1`
	overdue, err := query(ctx, s, pgx.RowTo[uuid.UUID], overdueText, limit)
	if err != nil {
		return nil, nil, err
	}
	const nextText = `
		SELECT min(deadline_at) FROM workflow_runs
		WHERE status = 'running' AND deadline_at > (SELECT clock_timestamp()) AND cancel_requested_at IS NULL AND outcome = ''`
	next, err := queryOne(ctx, s, pgx.RowTo[*time.Time], nextText)
	return overdue, next, err
}
