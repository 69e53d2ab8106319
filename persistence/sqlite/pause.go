package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// SetRunPaused implements miniairflow.RunStore. What could be claimed is put
// aside in the queue, so that a paused run costs a claim nothing.
func (s *Store) SetRunPaused(ctx context.Context, runID uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.WorkflowRun, error) {
	var found *miniairflow.WorkflowRun
	err := s.inTx(ctx, func(t *tx) error {
		run, err := s.loadRun(ctx, t, runID)
		if err != nil {
			return err
		}
		if run.TakesPause(paused) {
			if err := setRunPaused(ctx, t, runID, paused); err != nil {
				return fmt.Errorf("set pause of run: %w", err)
			}
			t.moved(run.Pools()...)
			if err := audit(ctx, t, by, dialect.Audited{Action: runPauseAction(paused), RunID: &runID}); err != nil {
				return err
			}
		}
		found, err = runByID(ctx, t, runID)
		return err
	})
	return found, err
}

func setRunPaused(ctx context.Context, t *tx, runID uuid.UUID, paused bool) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	const runText = `UPDATE workflow_runs SET paused_at = CASE WHEN ?2 THEN ?3 END, changed = ?4 WHERE id = ?1`
	if _, err := t.ExecContext(ctx, runText, runID, paused, t.now, changed); err != nil {
		return err
	}
	t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: runID})
	if paused {
		const text = `UPDATE task_queue SET state = 'paused', expires_at = NULL WHERE workflow_run_id = ? AND state = 'ready'`
		_, err := t.ExecContext(ctx, text, runID)
		return err
	}
	const text = `
		UPDATE task_queue AS q
		SET state = 'ready', expires_at = CASE WHEN t.queue_timeout > 0 AND t.status = 'queued' THEN ?2 + t.queue_timeout END
		FROM task_runs t
		WHERE q.workflow_run_id = ?1 AND q.state = 'paused' AND t.workflow_run_id = q.workflow_run_id AND t.seq = q.seq`
	t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue}, miniairflow.Event{Topic: miniairflow.TopicRuns})
	_, err = t.ExecContext(ctx, text, runID, t.now)
	return err
}

func runPauseAction(paused bool) miniairflow.AuditAction {
	if paused {
		return miniairflow.AuditPauseRun
	}
	return miniairflow.AuditResumeRun
}
