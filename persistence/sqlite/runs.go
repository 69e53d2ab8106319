package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// CreateRun implements miniairflow.RunStore.
func (s *Store) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	var found *miniairflow.WorkflowRun
	var created bool
	err := s.inTx(ctx, func(t *tx) error {
		var retired bool
		const workflowText = `SELECT retired_at IS NOT NULL FROM workflows WHERE id = ?`
		if err := t.QueryRowContext(ctx, workflowText, run.WorkflowID).Scan(&retired); err != nil {
			return fmt.Errorf("read workflow: %w", mapError(err))
		}
		var err error
		if found, err = sameRun(ctx, t, run); err == nil || !errors.Is(err, miniairflow.ErrNotFound) {
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

// sameRun returns the run that exists already for what run asks, or ErrNotFound.
func sameRun(ctx context.Context, t *tx, run miniairflow.NewRun) (*miniairflow.WorkflowRun, error) {
	const text = `SELECT ` + runColumns + ` FROM ` + runTables + `
		WHERE r.id = ?1
			OR r.workflow_id = ?2 AND r.idempotency_key = ?3
			OR r.workflow_id = ?2 AND r.schedule_name = ?4 AND r.logical_date = ?5 AND r.type = 'scheduled' AND ?6 = 'scheduled'
		LIMIT 1`
	return queryOne(ctx, t, scanRun, text, run.ID, run.WorkflowID, nullText(run.IdempotencyKey), run.ScheduleName, nullMicros(run.LogicalDate), run.Type)
}

func runByID(ctx context.Context, t *tx, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	return queryOne(ctx, t, scanRun, `SELECT `+runColumns+` FROM `+runTables+` WHERE r.id = ?`, id)
}

// CancelRun implements miniairflow.RunStore.
func (s *Store) CancelRun(ctx context.Context, cancel miniairflow.Cancel) (*miniairflow.WorkflowRun, error) {
	var found *miniairflow.WorkflowRun
	err := s.inTx(ctx, func(t *tx) error {
		run, err := s.loadRun(ctx, t, cancel.RunID)
		if err != nil {
			return err
		}
		if !run.Status.IsTerminal() && !run.CancelRequested && run.Outcome == "" {
			if err := s.cancelRun(ctx, t, run, cancel); err != nil {
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
func (s *Store) cancelRun(ctx context.Context, t *tx, run *dialect.Run, cancel miniairflow.Cancel) error {
	m := move{run: run}
	isPending := run.Status == miniairflow.RunPending
	if err := stop(ctx, t, &m, "run is being cancelled", isPending); err != nil {
		return err
	}
	if err := askForEnd(ctx, t, run.ID, cancel.TimedOut, dialect.CancelReason(cancel)); err != nil {
		return err
	}
	if err := audit(ctx, t, cancel.By, dialect.Audited{Action: miniairflow.AuditCancelRun, RunID: &run.ID}); err != nil {
		return err
	}
	if isPending && run.IsChild {
		if err := wakeParents(ctx, t, []uuid.UUID{run.ID}); err != nil {
			return err
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicChild})
	}
	if isPending {
		told := dialect.NotesOfCancel(run, m.ended)
		t.publish(told.Events([]*dialect.Run{run})...)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRuns})
		if err := note(ctx, t, told.Notes); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, `UPDATE run_counters SET done = done + ?2 WHERE workflow_run_id = ?1`, run.ID, len(m.ended))
		return err
	}
	run.CancelRequested, run.TimedOut, run.IsPaused = true, cancel.TimedOut, false
	t.moved(run.Pools()...)
	_, err := s.settle(ctx, t, []move{m})
	return err
}

// failFast ends a run of which a task run has failed, as a cancellation would. What
// the move has made ready has not started either.
func failFast(ctx context.Context, t *tx, m *move, reason string) error {
	stopped := move{run: m.run}
	if err := stop(ctx, t, &stopped, reason, false); err != nil {
		return err
	}
	if err := askForEnd(ctx, t, m.run.ID, true, reason); err != nil {
		return err
	}
	m.run.CancelRequested, m.run.TimedOut, m.run.IsPaused = true, true, false
	t.moved(m.run.Pools()...)
	m.run.End(stopped.ended...)
	m.run.Free(stopped.freed)
	m.ended, m.ready, m.asks = append(m.ended, stopped.ended...), nil, append(m.asks, stopped.asks...)
	return nil
}

// stop empties the queue of a run and ends what has not started: into m, but for
// what waited for a slot, of which the run itself takes note.
func stop(ctx context.Context, t *tx, m *move, reason string, finals bool) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	states, err := query(ctx, t, scanText, `DELETE FROM task_queue WHERE workflow_run_id = ? RETURNING state`, m.run.ID)
	if err != nil {
		return err
	}
	for _, state := range states {
		switch state {
		case dialect.QueueReady, dialect.QueuePaused:
			m.freed++
		case dialect.QueueLimited:
			m.run.Change.Limited--
		}
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM task_decisions WHERE workflow_run_id = ?`, m.run.ID); err != nil {
		return err
	}
	if err := endWaits(ctx, t, m.run.ID, reason); err != nil {
		return err
	}
	if m.asks, err = waitingForItems(ctx, t, m.run.ID); err != nil {
		return err
	}
	const text = `
		UPDATE task_runs SET status = 'cancelled', reason = ?6, finished_at = ?2, next_retry_at = NULL, changed = ?3
		WHERE workflow_run_id = ?1 AND status IN ('pending', 'queued', 'waiting', 'up_for_retry') AND (NOT is_finally OR ?4)
			AND seq NOT IN (SELECT value FROM json_each(?5)) -- these end with the last of their items
		RETURNING seq, status`
	m.ended, err = query(ctx, t, scanEnded, text, m.run.ID, t.now, changed, finals, list[int](m.asks), reason)
	return err
}

// askForEnd notes that the end of a run was asked for; of a pending one it is that.
func askForEnd(ctx context.Context, t *tx, runID uuid.UUID, fails bool, reason string) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	const text = `
		UPDATE workflow_runs
		SET is_awaited = is_awaited AND status <> 'pending', cancel_requested_at = ?2, timed_out = ?3, reason = ?4, paused_at = NULL, changed = ?5,
			status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END,
			finished_at = CASE status WHEN 'pending' THEN ?2 END
		WHERE id = ?1`
	t.publish(miniairflow.Event{Topic: miniairflow.TopicCancel, ID: runID})
	_, err = t.ExecContext(ctx, text, runID, t.now, fails, reason, changed)
	return err
}

// OverdueRuns implements miniairflow.RunStore.
func (s *Store) OverdueRuns(ctx context.Context, limit int) ([]uuid.UUID, *time.Time, error) {
	const firstText = `
		SELECT min(deadline_at) FROM workflow_runs
		WHERE status = 'running' AND deadline_at IS NOT NULL AND cancel_requested_at IS NULL AND outcome = ''`
	first, err := queryOne(ctx, brief{s.read}, scanNullTime, firstText)
	at := now()
	if err != nil || first == nil || first.After(timeOf(at)) {
		return nil, first, err
	}
	const overdueText = `
		SELECT id FROM workflow_runs
		WHERE status = 'running' AND deadline_at <= ? AND cancel_requested_at IS NULL AND outcome = ''
		ORDER BY deadline_at LIMIT ? + 0`
	overdue, err := query(ctx, s.read, scanID, overdueText, at, limit)
	if err != nil {
		return nil, nil, err
	}
	const nextText = `
		SELECT min(deadline_at) FROM workflow_runs
		WHERE status = 'running' AND deadline_at > ? AND cancel_requested_at IS NULL AND outcome = ''`
	next, err := queryOne(ctx, s.read, scanNullTime, nextText, at)
	return overdue, next, err
}
