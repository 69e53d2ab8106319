package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// Reap implements miniairflow.WorkerStore. It looks at the state of the
// sessions each time, so whatever a fenced one still holds is found.
func (s *Store) Reap(ctx context.Context, limit int) (int, error) {
	const orphansText = `
		SELECT o.workflow_run_id, o.seq, o.token FROM task_open o
		WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = o.session_id AND w.status <> 'inactive')
		ORDER BY o.workflow_run_id, o.seq LIMIT ? + 0`
	orphans, err := query(ctx, brief{s.read}, func(row row) (h miniairflow.HeldAttempt, err error) {
		err = row.Scan(&h.RunID, &h.Seq, &h.Token)
		return h, err
	}, orphansText, limit)
	if err != nil || len(orphans) == 0 {
		return 0, err
	}
	return dialect.Apart(ctx, orphans, dialect.RunOfAttempt, func(part []miniairflow.HeldAttempt) (int, error) { return s.reap(ctx, part) })
}

// reap ends those of the attempts that are still open, and whose session is over, as lost.
func (s *Store) reap(ctx context.Context, orphans []miniairflow.HeldAttempt) (reaped int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		reaped = 0
		ids := runsOf(orphans)
		runs, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		requeued := false
		var moves []move
		for _, id := range ids {
			m := move{run: runs[id]}
			touched := false
			for _, o := range orphans {
				if o.RunID != id {
					continue
				}
				next, ok, err := loseAttempt(ctx, t, m.run, o)
				if err != nil {
					return fmt.Errorf("end lost attempt: %w", err)
				}
				if !ok {
					continue
				}
				reaped++
				touched = true
				t.moved(m.run.Pool(o.Seq))
				if next.IsTerminal() {
					m.freed++
					m.ended = append(m.ended, miniairflow.Ended{Seq: o.Seq, Status: next})
				} else {
					requeued = true // and keeps its slot
					m.again = append(m.again, o.Seq)
				}
			}
			if touched {
				moves = append(moves, m)
			}
		}
		if requeued {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		_, err = s.settle(ctx, t, moves)
		return err
	})
	return reaped, err
}

// runsOf returns the runs of the attempts, ascending, each once.
func runsOf(attempts []miniairflow.HeldAttempt) []uuid.UUID {
	ids := make([]uuid.UUID, len(attempts))
	for i, a := range attempts {
		ids[i] = a.RunID
	}
	return sortedIDs(ids)
}

// loseAttempt ends an open attempt as lost. Its task run goes to the head of
// the queue, fails, or is cancelled with its run.
func loseAttempt(ctx context.Context, t *tx, run *dialect.Run, o miniairflow.HeldAttempt) (miniairflow.TaskStatus, bool, error) {
	open, err := takeOpen(ctx, t, o.RunID, o.Seq, o.Token)
	if err != nil || open == nil || run == nil {
		return "", false, err
	}
	changed, err := t.changed(ctx)
	if err != nil {
		return "", false, err
	}
	const stateText = `
		SELECT s.losses + 1, coalesce(w.name, ''), coalesce(w.end_reason, '')
		FROM task_runs s LEFT JOIN workers w ON w.id = ?3 WHERE s.workflow_run_id = ?1 AND s.seq = ?2`
	var losses int
	var worker string
	var end miniairflow.EndReason
	if err := t.QueryRowContext(ctx, stateText, o.RunID, o.Seq, open.sessionID).Scan(&losses, &worker, &end); err != nil {
		return "", false, err
	}
	reason := dialect.LostReason(worker, end)
	if err := record(ctx, t, o.RunID, o.Seq, o.Token, open, miniairflow.AttemptLost, reason, nil); err != nil {
		return "", false, err
	}
	next := miniairflow.LossOf(run.Graph.TaskAt(o.Seq).OnLost, losses-1, run.IsCancelling())
	reason = dialect.LossReason(reason, next, losses)
	queuedAt, finishedAt := any(t.now), any(nil)
	if next.IsTerminal() {
		queuedAt, finishedAt = nil, t.now
	}
	const taskText = `
		UPDATE task_runs
		SET status = ?3, losses = ?4, exit_code = NULL, reason = ?5, queued_at = coalesce(?6, queued_at), finished_at = ?7, changed = ?8
		WHERE workflow_run_id = ?1 AND seq = ?2 AND status = 'running'`
	if _, err := t.ExecContext(ctx, taskText, o.RunID, o.Seq, next, losses, reason, queuedAt, finishedAt, changed); err != nil {
		return "", false, err
	}
	if next.IsTerminal() {
		return next, true, nil
	}
	state := dialect.QueueReady
	if run.IsPaused {
		state = dialect.QueuePaused
	}
	const queueText = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
		SELECT workflow_run_id, seq, ?3, queue, priority, pool, pool_slots, seq, -- before every time
			CASE WHEN ?3 = 'ready' AND queue_timeout > 0 THEN ?4 + queue_timeout END
		FROM task_runs WHERE workflow_run_id = ?1 AND seq = ?2`
	_, err = t.ExecContext(ctx, queueText, o.RunID, o.Seq, state, t.now)
	return next, true, err
}
