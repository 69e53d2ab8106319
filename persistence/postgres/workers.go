package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// StartSession implements miniairflow.WorkerStore.
func (s *Store) StartSession(ctx context.Context, w miniairflow.Worker, lease time.Duration) error {
	queues, err := json.Marshal(w.Queues)
	if err != nil {
		return fmt.Errorf("encode queues: %w", err)
	}
	err = s.inTx(ctx, func(t *tx) error {
		const forget = `
			DELETE FROM workers w WHERE status = 'inactive' AND last_heartbeat < clock_timestamp() - $1::bigint * interval '1 microsecond'
				AND NOT EXISTS (SELECT 1 FROM task_open o WHERE o.session_id = w.id)`
		if _, err := t.Exec(ctx, forget, dialect.KeepSessions.Microseconds()); err != nil {
			return fmt.Errorf("forget old sessions: %w", err)
		}
		const text = `
			INSERT INTO workers (id, name, hostname, pid, version, queues, concurrency, status, lease, lease_until, started_at, last_heartbeat)
			SELECT $1, $2, $3, $4, $5, $6, $7, 'active', $8::bigint, at + $8::bigint * interval '1 microsecond', at, at
			FROM (SELECT clock_timestamp() AS at) clock
			ON CONFLICT (id) DO NOTHING`
		tag, err := t.Exec(ctx, text, w.ID, w.Name, w.Hostname, w.PID, w.Version, queues, w.Concurrency, lease.Microseconds())
		if err != nil {
			return err
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		if tag.RowsAffected() > 0 {
			return nil
		}
		batch := &pgx.Batch{}
		queueSession(batch, w.ID, &sessionState{}) // started by an earlier call, but perhaps over already
		return t.SendBatch(ctx, batch).Close()
	})
	if isUnique(err, "workers_name") {
		return miniairflow.Errorf(miniairflow.CodeConflict,
			"a worker named %q is alive: choose another --id, or wait until a server has noticed that it is gone", w.Name)
	}
	return err
}

// Heartbeat implements miniairflow.WorkerStore.
func (s *Store) Heartbeat(ctx context.Context, sessionID uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	var result miniairflow.HeartbeatResult
	err := s.inTxOn(ctx, s.beats, func(t *tx) error {
		result = miniairflow.HeartbeatResult{}
		// A session is never shortened: an earlier heartbeat may have promised more.
		const beat = `
			UPDATE workers
			SET beat = beat + 1, last_heartbeat = clock_timestamp(),
				lease_until = greatest(lease_until, clock_timestamp() + $2::bigint * interval '1 microsecond')
			WHERE id = $1 AND status <> 'inactive'
			RETURNING status`
		batch := &pgx.Batch{}
		batch.Queue(beat, sessionID, lease.Microseconds()).QueryRow(func(row pgx.Row) error {
			var status miniairflow.WorkerStatus
			err := row.Scan(&status)
			if errors.Is(err, pgx.ErrNoRows) {
				return miniairflow.ErrFenced
			}
			if err != nil {
				return fmt.Errorf("raise beat: %w", err)
			}
			result.Draining = status == miniairflow.WorkerDraining
			return nil
		})
		checkHeld(batch, sessionID, held, &result)
		const openText = `SELECT workflow_run_id, seq, token FROM task_open WHERE session_id = $1`
		batch.Queue(openText, sessionID).Query(func(rows pgx.Rows) error {
			open, err := pgx.CollectRows(rows, pgx.RowToStructByPos[miniairflow.HeldAttempt])
			if err != nil {
				return fmt.Errorf("find unknown attempts: %w", err)
			}
			result.Unknown = dialect.NotHeld(open, held)
			return nil
		})
		return t.end(ctx, batch)
	})
	if err == nil {
		s.contact.learnAgain(ctx, s.beats)
	}
	return result, s.contact.proven(err)
}

// checkHeld adds the statement that tells which of the attempts are not the
// session's, and which are to end.
func checkHeld(batch *pgx.Batch, sessionID uuid.UUID, held []miniairflow.HeldAttempt, result *miniairflow.HeartbeatResult) {
	const text = `
		SELECT i.place, o.token IS NOT NULL, r.cancel_requested_at IS NOT NULL AND r.outcome = ''
		FROM unnest($2::uuid[], $3::int[], $4::uuid[]) WITH ORDINALITY AS i(run_id, seq, token, place)
		LEFT JOIN task_open o ON o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token = i.token AND o.session_id = $1
		LEFT JOIN workflow_runs r ON r.id = i.run_id
		ORDER BY i.place`
	if len(held) == 0 {
		return
	}
	runs, seqs, tokens := make([]uuid.UUID, len(held)), make([]int, len(held)), make([]uuid.UUID, len(held))
	for i, h := range held {
		runs[i], seqs[i], tokens[i] = h.RunID, h.Seq, h.Token
	}
	batch.Queue(text, sessionID, runs, seqs, tokens).Query(func(rows pgx.Rows) error {
		var place int
		var owned, cancelled bool
		_, err := pgx.ForEachRow(rows, []any{&place, &owned, &cancelled}, func() error {
			switch {
			case !owned:
				result.NotOwned = append(result.NotOwned, held[place-1])
			case cancelled:
				result.Cancel = append(result.Cancel, held[place-1])
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("check held attempts: %w", err)
		}
		return nil
	})
}

// DrainWorker implements miniairflow.WorkerStore.
func (s *Store) DrainWorker(ctx context.Context, name string, by miniairflow.Actor) (*miniairflow.Worker, error) {
	// The lock comes first, and what is drained is what was locked: a session that
	// starts between two statements would be reported as drained without being so.
	const lock = `SELECT id, status = 'active' FROM workers WHERE name = $1 AND status <> 'inactive' FOR NO KEY UPDATE`
	var found *miniairflow.Worker
	err := s.inTx(ctx, func(t *tx) error {
		var id uuid.UUID
		var active bool
		if err := t.QueryRow(ctx, lock, name).Scan(&id, &active); err != nil {
			return fmt.Errorf("lock worker: %w", err)
		}
		if active {
			if _, err := t.Exec(ctx, `UPDATE workers SET status = 'draining' WHERE id = $1`, id); err != nil {
				return fmt.Errorf("drain worker: %w", err)
			}
			if err := audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditDrainWorker, Name: name}); err != nil {
				return err
			}
			t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		}
		rows, err := t.Query(ctx, `SELECT `+workerColumns+` FROM workers w WHERE w.id = $1`, id)
		if err != nil {
			return err
		}
		found, err = pgx.CollectExactlyOneRow(rows, scanWorker)
		return err
	})
	return found, err
}

// EndSession implements miniairflow.WorkerStore.
func (s *Store) EndSession(ctx context.Context, sessionID uuid.UUID, reason miniairflow.EndReason) error {
	return s.inTx(ctx, func(t *tx) error {
		const text = `
			UPDATE workers SET status = 'inactive', end_reason = CASE status WHEN 'inactive' THEN end_reason ELSE $2 END
			WHERE id = $1`
		tag, err := t.Exec(ctx, text, sessionID, reason)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return miniairflow.ErrNotFound
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		return nil
	})
}

// FenceSession implements miniairflow.WorkerStore.
func (s *Store) FenceSession(ctx context.Context, sessionID uuid.UUID, beat int64) (fenced bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		const text = `UPDATE workers SET status = 'inactive' WHERE id = $1 AND beat = $2 AND status <> 'inactive'`
		tag, err := t.Exec(ctx, text, sessionID, beat)
		if err != nil {
			return fmt.Errorf("fence session: %w", err)
		}
		fenced = tag.RowsAffected() > 0
		if fenced {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		}
		return nil
	})
	return fenced, err
}

const workerColumns = `w.id, w.name, w.hostname, w.pid, w.version, w.queues, w.concurrency, w.status, w.lease, w.beat, w.started_at, w.last_heartbeat,
	(SELECT count(*) FROM task_open o WHERE o.session_id = w.id)`

// scanWorker reads workerColumns.
func scanWorker(row pgx.CollectableRow) (*miniairflow.Worker, error) {
	w := &miniairflow.Worker{}
	var lease int64
	err := row.Scan(&w.ID, &w.Name, &w.Hostname, &w.PID, &w.Version, &w.Queues, &w.Concurrency, &w.Status, &lease, &w.Beat,
		&w.StartedAt, &w.LastHeartbeat, &w.Running)
	w.Lease = time.Duration(lease) * time.Microsecond
	return w, err
}

// Sessions implements miniairflow.WorkerStore.
func (s *Store) Sessions(ctx context.Context) (miniairflow.Sessions, error) {
	const text = `SELECT ` + workerColumns + ` FROM workers w WHERE w.status <> 'inactive' ORDER BY w.started_at DESC, w.id DESC`
	var found miniairflow.Sessions
	err := s.inTx(ctx, func(t *tx) (err error) {
		// Both are told by one connection, so by one server.
		if found.Server, err = serverName(ctx, t); err != nil {
			return err
		}
		found.Workers, err = collect(ctx, t, scanWorker, text)
		return err
	})
	return found, err
}

// FindWorkers implements miniairflow.WorkerStore.
func (s *Store) FindWorkers(ctx context.Context) ([]*miniairflow.Worker, error) {
	const text = `SELECT ` + workerColumns + ` FROM workers w
		WHERE w.status <> 'inactive' OR w.last_heartbeat > clock_timestamp() - $1::bigint * interval '1 microsecond'
		ORDER BY w.started_at DESC, w.id DESC`
	return query(ctx, s, scanWorker, text, dialect.ShowSessions.Microseconds())
}
