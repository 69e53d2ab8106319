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
	return dialect.Apart(ctx, orphans, dialect.RunOfAttempt, func(part []miniairflow.HeldAttempt) (int, error) { return s.reap(ctx, part) })
}

// reap ends those of the attempts that are still open, and whose session is over, as lost.
func (s *Store) reap(ctx context.Context, orphans []miniairflow.HeldAttempt) (reaped int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		ids := runsOf(orphans)
		if err := lockRunsSoon(ctx, t, ids...); err != nil {
			return err
		}
		runs, now, err := s.loadRuns(ctx, t, ids...)
		if err != nil {
			return err
		}
		lost, err := loseAttempts(ctx, t, now, runs, orphans)
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
				t.moved(m.run.Pool(f.place.Seq))
				if f.status.IsTerminal() {
					m.freed++
					m.ended = append(m.ended, miniairflow.Ended{Seq: f.place.Seq, Status: f.status})
				} else {
					requeued = true // and keeps its slot
					m.again = append(m.again, f.place.Seq)
				}
			}
			if touched {
				moves = append(moves, m)
			}
		}
		if requeued {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
		}
		return s.settle(ctx, t, now, moves)
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

// orphan is an open attempt of a session that is over, with what its end depends on.
type orphan struct {
	miniairflow.HeldAttempt
	Losses int
	Worker string
	End    miniairflow.EndReason
}

// loseAttempts ends open attempts as lost. Their task runs go to the head of
// the queue, fail, or are cancelled with their run, see LossOf.
func loseAttempts(
	ctx context.Context, t *tx, now time.Time, runs map[uuid.UUID]*dialect.Run, attempts []miniairflow.HeldAttempt,
) ([]finished, error) {
	const orphansText = `
		SELECT o.workflow_run_id, o.seq, o.token, s.losses, coalesce(w.name, ''), coalesce(w.end_reason, '')
		FROM unnest($1::uuid[], $2::int[], $3::uuid[]) AS i(run_id, seq, token)
		JOIN task_open o ON o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token = i.token
		JOIN task_runs s ON s.workflow_run_id = o.workflow_run_id AND s.seq = o.seq
		LEFT JOIN workers w ON w.id = o.session_id
		WHERE w.id IS NULL OR w.status = 'inactive'`
	places, seqs, tokens := make([]uuid.UUID, len(attempts)), make([]int, len(attempts)), make([]uuid.UUID, len(attempts))
	for i, a := range attempts {
		places[i], seqs[i], tokens[i] = a.RunID, a.Seq, a.Token
	}
	orphans, err := collect(ctx, t, func(row pgx.CollectableRow) (o orphan, err error) {
		err = row.Scan(&o.RunID, &o.Seq, &o.Token, &o.Losses, &o.Worker, &o.End)
		return o, err
	}, orphansText, places, seqs, tokens)
	if err != nil {
		return nil, fmt.Errorf("find lost attempts: %w", err)
	}
	return endLost(ctx, t, now, runs, orphans)
}

// endLost writes the ends of lost attempts. Whoever finishes one takes the lock
// of its run first, so what was read under that lock still holds.
func endLost(ctx context.Context, t *tx, now time.Time, runs map[uuid.UUID]*dialect.Run, orphans []orphan) ([]finished, error) {
	const text = `
		WITH input AS (
			SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[])
				AS i(run_id, seq, token, next, lost, reason, state)),
		closed AS (
			DELETE FROM task_open o USING input i
			WHERE o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token = i.token
			RETURNING i.*, o.session_id, o.attempt, o.started_at),
		changed AS (
			UPDATE task_runs t
			SET status = c.next, losses = t.losses + 1, exit_code = NULL, reason = c.reason,
				queued_at = CASE c.next WHEN 'queued' THEN $8::timestamptz ELSE t.queued_at END,
				finished_at = CASE c.next WHEN 'queued' THEN NULL ELSE $8::timestamptz END,
				changed = pg_current_xact_id()
			FROM closed c
			WHERE t.workflow_run_id = c.run_id AND t.seq = c.seq AND t.status = 'running'
			RETURNING t.workflow_run_id, t.seq, t.status, t.queue, t.priority, t.pool, t.pool_slots, t.queue_timeout, c.state),
		history AS (
			INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, started_at, finished_at)
			SELECT c.run_id, c.seq, c.attempt, c.token, c.session_id, coalesce(w.name, ''), 'lost', c.lost, c.started_at, $8
			FROM closed c LEFT JOIN workers w ON w.id = c.session_id),
		requeued AS (
			INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, expires_at)
			SELECT workflow_run_id, seq, state, queue, priority, pool, pool_slots, seq, -- before every time
				CASE WHEN state = 'ready' AND queue_timeout > 0 THEN $8::timestamptz + queue_timeout * interval '1 microsecond' END
			FROM changed WHERE status = 'queued')
		SELECT workflow_run_id, seq, status FROM changed ORDER BY workflow_run_id, seq`
	n := len(orphans)
	ids, seqs, tokens := make([]uuid.UUID, n), make([]int, n), make([]uuid.UUID, n)
	nexts, lost, reasons, states := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, o := range orphans {
		run := runs[o.RunID]
		next := miniairflow.LossOf(run.Graph.TaskAt(o.Seq).OnLost, o.Losses, run.IsCancelling())
		ids[i], seqs[i], tokens[i], nexts[i] = o.RunID, o.Seq, o.Token, string(next)
		lost[i] = dialect.LostReason(o.Worker, o.End)
		reasons[i] = dialect.LossReason(lost[i], next, o.Losses+1)
		if states[i] = dialect.QueueReady; run.IsPaused {
			states[i] = dialect.QueuePaused
		}
	}
	ended, err := collect(ctx, t, func(row pgx.CollectableRow) (f finished, err error) {
		err = row.Scan(&f.place.RunID, &f.place.Seq, &f.status)
		return f, err
	}, text, ids, seqs, tokens, nexts, lost, reasons, states, now)
	if err != nil {
		return nil, fmt.Errorf("end lost attempts: %w", err)
	}
	return ended, nil
}
