package sqlite

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FindWait implements miniairflow.TaskStore.
func (s *Store) FindWait(ctx context.Context, runID uuid.UUID, seq int) (miniairflow.TaskWait, error) {
	const text = `SELECT attempt, since, memory, child_run_id FROM task_waits WHERE workflow_run_id = ? AND seq = ?`
	return queryOne(ctx, s.read, func(row row) (w miniairflow.TaskWait, err error) {
		var child uuid.NullUUID
		err = row.Scan(&w.Attempt, timeInto{&w.Since}, &w.Memory, &child)
		w.ChildID, w.Now = child.UUID, timeOf(now())
		return w, err
	}, text, runID, seq)
}

// putAside keeps what an attempt remembers until it looks again. The time of the
// first look stays that of an attempt before it which was lost.
func putAside(ctx context.Context, t *tx, f *miniairflow.Finish, open *openAttempt) error {
	const text = `
		INSERT INTO task_waits (workflow_run_id, seq, attempt, token, session_id, since, started_at, memory)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
		ON CONFLICT (workflow_run_id, seq) DO UPDATE SET attempt = ?3, token = ?4, session_id = ?5, started_at = ?6, memory = ?7`
	_, err := t.ExecContext(ctx, text, f.RunID, f.Seq, open.number, f.Token, open.sessionID, open.startedAt, dialect.Text(f.Memory))
	return err
}

// forgetWaits removes what task runs remember.
func forgetWaits(ctx context.Context, t *tx, runID uuid.UUID, seqs []int) error {
	const text = `DELETE FROM task_waits WHERE workflow_run_id = ? AND seq IN (SELECT value FROM json_each(?))`
	_, err := t.ExecContext(ctx, text, runID, list[int](seqs))
	return err
}

// forgetItemWaits removes what items of an earlier time remember: one whose worker
// was lost too often has kept it.
func forgetItemWaits(ctx context.Context, t *tx, runID uuid.UUID, f dialect.Fan) error {
	const text = `DELETE FROM task_waits WHERE workflow_run_id = ? AND seq BETWEEN ? AND ?`
	_, err := t.ExecContext(ctx, text, runID, f.First, f.First+miniairflow.ItemsMax-1)
	return err
}

// endWaits makes the attempts of a run that wait history: they are cancelled.
func endWaits(ctx context.Context, t *tx, runID uuid.UUID, reason string) error {
	const text = `SELECT seq FROM task_runs WHERE workflow_run_id = ? AND is_rare AND status = 'waiting'`
	waiting, err := query(ctx, t, scanOne[int], text, runID)
	if err != nil {
		return err
	}
	for _, seq := range waiting {
		if err := endWait(ctx, t, runID, dialect.StoppedWait{Seq: seq, Status: miniairflow.AttemptCancelled, Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

// endWait makes the attempt of a task run that waits history.
func endWait(ctx context.Context, t *tx, runID uuid.UUID, ended dialect.StoppedWait) error {
	const text = `
		INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, started_at, finished_at)
		SELECT s.workflow_run_id, s.seq, s.attempt, s.token, s.session_id, coalesce(w.name, ''), ?3, ?4, s.started_at, ?5
		FROM task_waits s LEFT JOIN workers w ON w.id = s.session_id
		WHERE s.workflow_run_id = ?1 AND s.seq = ?2`
	if _, err := t.ExecContext(ctx, text, runID, ended.Seq, ended.Status, ended.Reason, t.now); err != nil {
		return err
	}
	return forgetWaits(ctx, t, runID, []int{ended.Seq})
}

// stopWaits ends the attempts of the task runs that a rerun changes while they
// wait, and lets those that it opens again begin anew.
func stopWaits(ctx context.Context, t *tx, r *rerunning) error {
	for _, ended := range dialect.StoppedWaits(r.states, r.plan, r.Rerun) {
		if err := endWait(ctx, t, r.run.ID, ended); err != nil {
			return err
		}
	}
	return forgetWaits(ctx, t, r.run.ID, r.seqs)
}
