package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// StartSession implements miniairflow.WorkerStore.
func (s *Store) StartSession(ctx context.Context, w miniairflow.Worker, lease time.Duration) error {
	err := s.inTx(ctx, func(t *tx) error {
		const forget = `
			DELETE FROM workers WHERE status = 'inactive' AND last_heartbeat < ?
				AND NOT EXISTS (SELECT 1 FROM task_open o WHERE o.session_id = workers.id)`
		if _, err := t.ExecContext(ctx, forget, t.now-dialect.KeepSessions.Microseconds()); err != nil {
			return fmt.Errorf("forget old sessions: %w", err)
		}
		const text = `
			INSERT INTO workers (id, name, hostname, pid, version, queues, concurrency, status, lease, lease_until, started_at, last_heartbeat)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'active', ?8, ?8 + ?9, ?9, ?9)
			ON CONFLICT (id) DO NOTHING`
		done, err := t.ExecContext(ctx, text, w.ID, w.Name, w.Hostname, w.PID, w.Version, list[string](w.Queues), w.Concurrency,
			lease.Microseconds(), t.now)
		if err != nil {
			return err
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		_, err = session(ctx, t, w.ID, uuid.Nil) // started by an earlier call, but perhaps over already
		return err
	})
	if isUnique(err) {
		return miniairflow.Errorf(miniairflow.CodeConflict,
			"a worker named %q is alive: choose another --id, or wait until a server has noticed that it is gone", w.Name)
	}
	return err
}

// Heartbeat implements miniairflow.WorkerStore.
func (s *Store) Heartbeat(ctx context.Context, sessionID uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	var result miniairflow.HeartbeatResult
	err := s.inTx(ctx, func(t *tx) error {
		result = miniairflow.HeartbeatResult{}
		// A session is never shortened: an earlier heartbeat may have promised more.
		const beat = `
			UPDATE workers SET beat = beat + 1, last_heartbeat = ?2, lease_until = max(lease_until, ?3)
			WHERE id = ?1 AND status <> 'inactive'
			RETURNING status`
		var status miniairflow.WorkerStatus
		err := t.QueryRowContext(ctx, beat, sessionID, t.now, t.now+lease.Microseconds()).Scan(&status)
		if errors.Is(err, sql.ErrNoRows) {
			return miniairflow.ErrFenced
		}
		if err != nil {
			return fmt.Errorf("raise beat: %w", err)
		}
		result.Draining = status == miniairflow.WorkerDraining
		if err := checkHeld(ctx, t, sessionID, held, &result); err != nil {
			return err
		}
		result.Unknown, err = unknownTo(ctx, t, sessionID, held)
		return err
	})
	return result, err
}

// checkHeld tells which of the attempts are not the session's, and which are to end.
func checkHeld(ctx context.Context, t *tx, sessionID uuid.UUID, held []miniairflow.HeldAttempt, result *miniairflow.HeartbeatResult) error {
	const text = `
		SELECT i.place, o.token IS NOT NULL, r.cancel_requested_at IS NOT NULL AND r.outcome = ''
		FROM (SELECT key AS place, value ->> 0 AS run_id, value ->> 1 AS seq, value ->> 2 AS token FROM json_each(?2)) AS i
		LEFT JOIN task_open o ON o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token = i.token AND o.session_id = ?1
		LEFT JOIN workflow_runs r ON r.id = i.run_id
		ORDER BY i.place`
	rows := make(table, len(held))
	for i, h := range held {
		rows[i] = []any{h.RunID, h.Seq, h.Token}
	}
	type check struct {
		place            int
		owned, cancelled bool
	}
	checks, err := query(ctx, t, func(row row) (c check, err error) {
		err = row.Scan(&c.place, &c.owned, &c.cancelled)
		return c, err
	}, text, sessionID, rows)
	if err != nil {
		return fmt.Errorf("check held attempts: %w", err)
	}
	for _, c := range checks {
		switch {
		case !c.owned:
			result.NotOwned = append(result.NotOwned, held[c.place])
		case c.cancelled:
			result.Cancel = append(result.Cancel, held[c.place])
		}
	}
	return nil
}

// unknownTo returns the open attempts of the session that are not held.
func unknownTo(ctx context.Context, t *tx, sessionID uuid.UUID, held []miniairflow.HeldAttempt) ([]miniairflow.HeldAttempt, error) {
	const text = `SELECT workflow_run_id, seq, token FROM task_open WHERE session_id = ?`
	open, err := query(ctx, t, func(row row) (h miniairflow.HeldAttempt, err error) {
		err = row.Scan(&h.RunID, &h.Seq, &h.Token)
		return h, err
	}, text, sessionID)
	if err != nil {
		return nil, fmt.Errorf("find unknown attempts: %w", err)
	}
	return dialect.NotHeld(open, held), nil
}

// DrainWorker implements miniairflow.WorkerStore.
func (s *Store) DrainWorker(ctx context.Context, name string, by miniairflow.Actor) (*miniairflow.Worker, error) {
	var found *miniairflow.Worker
	err := s.inTx(ctx, func(t *tx) error {
		done, err := t.ExecContext(ctx, `UPDATE workers SET status = 'draining' WHERE name = ? AND status = 'active'`, name)
		if err != nil {
			return fmt.Errorf("drain worker: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n > 0 {
			if err := audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditDrainWorker, Name: name}); err != nil {
				return err
			}
			t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		}
		const text = `SELECT ` + workerColumns + ` FROM workers w WHERE w.name = ? AND w.status <> 'inactive'`
		found, err = queryOne(ctx, t, scanWorker, text, name)
		return err
	})
	return found, err
}

// EndSession implements miniairflow.WorkerStore.
func (s *Store) EndSession(ctx context.Context, sessionID uuid.UUID, reason miniairflow.EndReason) error {
	return s.inTx(ctx, func(t *tx) error {
		const text = `
			UPDATE workers SET status = 'inactive', end_reason = CASE status WHEN 'inactive' THEN end_reason ELSE ?2 END
			WHERE id = ?1`
		done, err := t.ExecContext(ctx, text, sessionID, reason)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return miniairflow.ErrNotFound
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		return nil
	})
}

// FenceSession implements miniairflow.WorkerStore.
func (s *Store) FenceSession(ctx context.Context, sessionID uuid.UUID, beat int64) (fenced bool, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		const text = `UPDATE workers SET status = 'inactive' WHERE id = ? AND beat = ? AND status <> 'inactive'`
		done, err := t.ExecContext(ctx, text, sessionID, beat)
		if err != nil {
			return fmt.Errorf("fence session: %w", err)
		}
		n, err := done.RowsAffected()
		if fenced = n > 0; fenced {
			t.publish(miniairflow.Event{Topic: miniairflow.TopicWorkers})
		}
		return err
	})
	return fenced, err
}

const workerColumns = `w.id, w.name, w.hostname, w.pid, w.version, w.queues, w.concurrency, w.status, w.lease, w.beat, w.started_at, w.last_heartbeat,
	(SELECT count(*) FROM task_open o WHERE o.session_id = w.id)`

// scanWorker reads workerColumns.
func scanWorker(row row) (*miniairflow.Worker, error) {
	w := &miniairflow.Worker{}
	var lease int64
	err := row.Scan(&w.ID, &w.Name, &w.Hostname, &w.PID, &w.Version, jsonInto{&w.Queues}, &w.Concurrency, &w.Status, &lease, &w.Beat,
		timeInto{&w.StartedAt}, timeInto{&w.LastHeartbeat}, &w.Running)
	w.Lease = time.Duration(lease) * time.Microsecond
	return w, err
}

// Sessions implements miniairflow.WorkerStore.
func (s *Store) Sessions(ctx context.Context) (miniairflow.Sessions, error) {
	const text = `SELECT ` + workerColumns + ` FROM workers w WHERE w.status <> 'inactive' ORDER BY w.started_at DESC, w.id DESC`
	workers, err := query(ctx, brief{s.read}, scanWorker, text)
	return miniairflow.Sessions{Server: s.server, Workers: workers}, err
}

// FindWorkers implements miniairflow.WorkerStore.
func (s *Store) FindWorkers(ctx context.Context) ([]*miniairflow.Worker, error) {
	const text = `SELECT ` + workerColumns + ` FROM workers w
		WHERE w.status <> 'inactive' OR w.last_heartbeat > ?
		ORDER BY w.started_at DESC, w.id DESC`
	return query(ctx, s.read, scanWorker, text, now()-dialect.ShowSessions.Microseconds())
}
