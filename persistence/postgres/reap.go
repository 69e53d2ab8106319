package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// Reap implements miniairflow.WorkerStore. It looks at the state of the
// sessions each time, so a claim that slipped in beside a fence is found by the
// next call.
func (s *Store) Reap(ctx context.Context, limit int) (int, error) {
	const orphansText = `
		SELECT o.workflow_run_id, o.seq, o.token FROM task_open o
		WHERE NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = o.session_id AND w.status <> 'inactive')
		ORDER BY o.workflow_run_id, o.seq LIMIT $1`
	orphans, err := query(ctx, s, pgx.RowToStructByPos[miniairflow.HeldAttempt], orphansText, limit)
	if err != nil || len(orphans) == 0 {
		return 0, err
	}
	reaped := 0
	err = s.inTx(ctx, func(t *tx) error {
		ids := runsOf(orphans)
		if err := lockRuns(ctx, t, ids...); err != nil {
			return err
		}
		runs, now, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		lost, err := loseAttempts(ctx, t, now, orphans)
		if err != nil {
			return err
		}
		reaped = len(lost)
		requeued := false
		var moves []move
		for _, id := range ids {
			m := move{run: runs[id]}
			touched := false
			for _, f := range lost {
				if f.place.RunID != id {
					continue
				}
				touched = true
				if f.status.IsTerminal() {
					m.freed++
					m.ended = append(m.ended, miniairflow.Ended{Seq: f.place.Seq, Status: f.status})
				} else {
					requeued = true // and keeps its slot
				}
			}
			if touched {
				moves = append(moves, m)
			}
		}
		if requeued {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		_, err = s.settle(ctx, t, now, moves)
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

// loseAttempts ends open attempts as lost. Their task runs go to the head of
// the queue, fail after too many losses, or are cancelled with their run.
func loseAttempts(ctx context.Context, t *tx, now time.Time, orphans []miniairflow.HeldAttempt) ([]finished, error) {
	const text = `
		WITH closed AS (
			DELETE FROM task_open o USING unnest($1::uuid[], $2::int[], $3::uuid[]) AS i(run_id, seq, token)
			WHERE o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token = i.token
				AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = o.session_id AND w.status <> 'inactive')
			RETURNING o.workflow_run_id, o.seq, o.token, o.session_id, o.attempt, o.started_at),
		decided AS (
			SELECT c.*, coalesce(w.name, '') AS worker_name, format($5, coalesce(w.name, '')) AS reason, s.losses,
				CASE WHEN r.cancel_requested_at IS NOT NULL THEN 'cancelled' WHEN s.losses + 1 >= $6 THEN 'failed' ELSE 'queued' END AS next
			FROM closed c
			JOIN workflow_runs r ON r.id = c.workflow_run_id
			JOIN task_runs s ON s.workflow_run_id = c.workflow_run_id AND s.seq = c.seq
			LEFT JOIN workers w ON w.id = c.session_id),
		changed AS (
			UPDATE task_runs t
			SET status = d.next, losses = d.losses + 1, exit_code = NULL,
				reason = d.reason || CASE d.next WHEN 'failed' THEN format(' (%s times)', d.losses + 1) ELSE '' END,
				queued_at = CASE d.next WHEN 'queued' THEN $4::timestamptz ELSE t.queued_at END,
				finished_at = CASE d.next WHEN 'queued' THEN NULL ELSE $4::timestamptz END,
				changed = pg_current_xact_id()
			FROM decided d
			WHERE t.workflow_run_id = d.workflow_run_id AND t.seq = d.seq AND t.status = 'running'
			RETURNING t.workflow_run_id, t.seq, t.status, t.queue, t.priority),
		history AS (
			INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, started_at, finished_at)
			SELECT workflow_run_id, seq, attempt, token, session_id, worker_name, 'lost', reason, started_at, $4 FROM decided),
		requeued AS (
			INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, sort_key)
			SELECT workflow_run_id, seq, 'ready', queue, priority, seq -- before every time
			FROM changed WHERE status = 'queued')
		SELECT workflow_run_id, seq, status FROM changed ORDER BY workflow_run_id, seq`
	runs, seqs, tokens := make([]uuid.UUID, len(orphans)), make([]int, len(orphans)), make([]uuid.UUID, len(orphans))
	for i, o := range orphans {
		runs[i], seqs[i], tokens[i] = o.RunID, o.Seq, o.Token
	}
	lost, err := collect(ctx, t, func(row pgx.CollectableRow) (f finished, err error) {
		err = row.Scan(&f.place.RunID, &f.place.Seq, &f.status)
		return f, err
	}, text, runs, seqs, tokens, now, dialect.LostReasonFormat, miniairflow.LossesMax)
	if err != nil {
		return nil, fmt.Errorf("end lost attempts: %w", err)
	}
	return lost, nil
}
