package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// SetRunPaused implements miniairflow.RunStore. What could be claimed is put
// aside in the queue, so that a paused run costs a claim nothing.
func (s *Store) SetRunPaused(ctx context.Context, runID uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.WorkflowRun, error) {
	var found *miniairflow.WorkflowRun
	err := s.inTx(ctx, func(t *tx) error {
		if err := lockRuns(ctx, t, runID); err != nil {
			return err
		}
		run, _, err := s.loadRun(ctx, t, runID)
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
	const runText = `
		UPDATE workflow_runs SET paused_at = CASE WHEN $2 THEN clock_timestamp() END, changed = pg_current_xact_id() WHERE id = $1`
	const pauseText = `UPDATE task_queue SET state = 'paused', expires_at = NULL WHERE workflow_run_id = $1 AND state = 'ready'`
	const resumeText = `
		UPDATE task_queue q
		SET state = 'ready', expires_at = CASE WHEN t.queue_timeout > 0 AND t.status = 'queued'
			THEN clock_timestamp() + t.queue_timeout * interval '1 microsecond' END
		FROM task_runs t
		WHERE q.workflow_run_id = $1 AND q.state = 'paused' AND t.workflow_run_id = q.workflow_run_id AND t.seq = q.seq`
	batch := &pgx.Batch{}
	// The queue first: whoever is about to claim a row of it is waited for.
	if paused {
		batch.Queue(pauseText, runID)
	} else {
		batch.Queue(resumeText, runID)
		t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue}, miniairflow.Event{Topic: miniairflow.TopicRuns})
	}
	batch.Queue(runText, runID, paused)
	t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: runID})
	return t.SendBatch(ctx, batch).Close()
}

func runPauseAction(paused bool) miniairflow.AuditAction {
	if paused {
		return miniairflow.AuditPauseRun
	}
	return miniairflow.AuditResumeRun
}
