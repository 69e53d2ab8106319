package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// claimMax bounds the claims of one exchange.
const claimMax = 500

// Exchange implements miniairflow.TaskStore.
func (s *Store) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	var result miniairflow.ExchangeResult
	outputs, err := encodeOutputs(request.Finishes)
	if err != nil {
		return result, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		result = miniairflow.ExchangeResult{Stale: make([]bool, len(request.Finishes))}
		worker, err := session(ctx, t, request.SessionID, request.Token)
		if err != nil {
			return err
		}
		plan := &dialect.Plan{}
		if len(request.Finishes) > 0 {
			if plan, err = s.finish(ctx, t, request.Finishes, outputs, result.Stale); err != nil {
				return err
			}
		}
		if request.Limit > 0 && worker.mayClaim && len(request.Queues) > 0 {
			result.Claims, err = claim(ctx, t, request, worker, plan)
			t.events = dialect.ClaimEvents(t.events, plan, result.Claims)
		}
		return err
	})
	return result, err
}

// sessionState is what an exchange knows before it begins.
type sessionState struct {
	mayClaim   bool // the worker is active and its lease is alive
	hasClaimed bool // an earlier call of the exchange has claims
	hasPooled  bool // something waits for a pool
}

// session returns the state of a worker's session. ErrFenced if it is over.
func session(ctx context.Context, t *tx, id, token uuid.UUID) (state sessionState, err error) {
	const text = `
		SELECT status, lease_until, EXISTS (SELECT 1 FROM task_open WHERE token = ?2),
			(SELECT min(pool) FROM task_queue WHERE state = 'ready' AND pool <> '') IS NOT NULL
		FROM workers WHERE id = ?1`
	var status miniairflow.WorkerStatus
	var leaseUntil int64
	err = t.QueryRowContext(ctx, text, id, token).Scan(&status, &leaseUntil, &state.hasClaimed, &state.hasPooled)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return state, miniairflow.ErrFenced
	case err != nil:
		return state, fmt.Errorf("check session: %w", err)
	case status == miniairflow.WorkerInactive:
		return state, miniairflow.ErrFenced
	}
	state.mayClaim = status == miniairflow.WorkerActive && leaseUntil > t.now
	return state, nil
}

// encodeOutputs returns the outputs of each finish as JSON, or null.
func encodeOutputs(finishes []miniairflow.Finish) ([]any, error) {
	outputs := make([]any, len(finishes))
	for i := range finishes {
		if finishes[i].Outputs == nil {
			continue
		}
		data, err := dialect.EncodeObject(finishes[i].Outputs)
		if err != nil {
			return nil, fmt.Errorf("outputs of task run %d: %w", finishes[i].Seq, err)
		}
		outputs[i] = string(data)
	}
	return outputs, nil
}

// finish ends attempts and settles what that means. It sets stale for those
// whose attempt was not open, unless the same finish had ended it before.
func (s *Store) finish(ctx context.Context, t *tx, finishes []miniairflow.Finish, outputs []any, stale []bool) (*dialect.Plan, error) {
	var ids []uuid.UUID
	for i := range finishes {
		ids = append(ids, finishes[i].RunID)
	}
	ids = sortedIDs(ids)
	runs, err := s.loadRuns(ctx, t, ids...)
	if err != nil {
		return nil, err
	}
	moves := make([]move, 0, len(ids))
	for _, id := range ids {
		m := move{run: runs[id]}
		for i := range finishes {
			f := &finishes[i]
			if f.RunID != id {
				continue
			}
			next, ok, err := endAttempt(ctx, t, m.run, f, outputs[i])
			if err != nil {
				return nil, fmt.Errorf("end attempt: %w", err)
			}
			if !ok {
				if stale[i], err = isStale(ctx, t, f); err != nil {
					return nil, err
				}
				continue
			}
			m.freed++
			t.moved(m.run.Pool(f.Seq))
			if next.IsTerminal() {
				m.ended = append(m.ended, miniairflow.Ended{Seq: f.Seq, Status: next})
			}
			if next == miniairflow.TaskUpForRetry {
				m.again = append(m.again, f.Seq)
			}
		}
		if m.freed > 0 {
			moves = append(moves, m)
		}
	}
	if len(moves) == 0 {
		return &dialect.Plan{}, nil
	}
	return s.settle(ctx, t, moves)
}

// openAttempt is a row of task_open.
type openAttempt struct {
	sessionID uuid.UUID
	number    int
	startedAt int64
}

// takeOpen removes the open attempt of a token and returns it, or nil.
func takeOpen(ctx context.Context, t *tx, runID uuid.UUID, seq int, token uuid.UUID) (*openAttempt, error) {
	const text = `
		DELETE FROM task_open WHERE workflow_run_id = ? AND seq = ? AND token = ?
		RETURNING session_id, attempt, started_at`
	found, err := query(ctx, t, func(row row) (o *openAttempt, err error) {
		o = &openAttempt{}
		err = row.Scan(&o.sessionID, &o.number, &o.startedAt)
		return o, err
	}, text, runID, seq, token)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// endAttempt ends the attempt that is open under the token of f: the open row
// becomes history or is put aside, the task run gets its next status, and a retry
// or the next look waits in the queue. A run that is being cancelled gets neither.
func endAttempt(ctx context.Context, t *tx, run *dialect.Run, f *miniairflow.Finish, outputs any) (miniairflow.TaskStatus, bool, error) {
	open, err := takeOpen(ctx, t, f.RunID, f.Seq, f.Token)
	if err != nil || open == nil || run == nil {
		return "", false, err
	}
	changed, err := t.changed(ctx)
	if err != nil {
		return "", false, err
	}
	reason := dialect.Text(f.Reason)
	next, attempt := dialect.EndOf(f, run.IsCancelling())
	finishedAt, retryAt := any(t.now), any(nil)
	if !next.IsTerminal() {
		finishedAt, retryAt = nil, t.now+f.Delay.Microseconds()
	}
	isFailure := f.Attempt == miniairflow.AttemptFailed || f.Attempt == miniairflow.AttemptTimedOut
	const taskText = `
		UPDATE task_runs
		SET status = ?3, reason = ?4, exit_code = ?5, outputs = ?6, failures = failures + ?7, finished_at = ?8, next_retry_at = ?9, changed = ?10,
			losses = CASE ?3 WHEN 'waiting' THEN 0 ELSE losses END -- a look that went well
		WHERE workflow_run_id = ?1 AND seq = ?2 AND status = 'running'`
	_, err = t.ExecContext(ctx, taskText, f.RunID, f.Seq, next, reason, f.ExitCode, outputs, isFailure, finishedAt, retryAt, changed)
	if err != nil {
		return "", false, err
	}
	if err := closeOpen(ctx, t, run, f, open, attempt); err != nil {
		return "", false, err
	}
	if next.IsTerminal() {
		return next, true, nil
	}
	const retryText = `
		INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, due_at)
		SELECT workflow_run_id, seq, 'delayed', queue, priority, pool, pool_slots, 0, next_retry_at FROM task_runs WHERE workflow_run_id = ? AND seq = ?`
	if _, err = t.ExecContext(ctx, retryText, f.RunID, f.Seq); err != nil {
		return "", false, err
	}
	return next, true, missNoEnd(ctx, t, f)
}

// closeOpen makes an attempt that was open history, or puts it aside.
func closeOpen(ctx context.Context, t *tx, run *dialect.Run, f *miniairflow.Finish, open *openAttempt, attempt miniairflow.AttemptStatus) error {
	if attempt == miniairflow.AttemptRunning {
		return putAside(ctx, t, f, open)
	}
	if run.Graph.TaskAt(f.Seq).Waits() {
		if err := forgetWaits(ctx, t, f.RunID, []int{f.Seq}); err != nil {
			return err
		}
	}
	return record(ctx, t, f.RunID, f.Seq, f.Token, open, attempt, dialect.Text(f.Reason), f.ExitCode)
}

// record writes an ended attempt.
func record(ctx context.Context, t *tx, runID uuid.UUID, seq int, token uuid.UUID, open *openAttempt,
	status miniairflow.AttemptStatus, reason string, exitCode *int,
) error {
	const text = `
		INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, exit_code, started_at, finished_at)
		VALUES (?1, ?2, ?3, ?4, ?5, coalesce((SELECT name FROM workers WHERE id = ?5), ''), ?6, ?7, ?8, ?9, ?10)`
	_, err := t.ExecContext(ctx, text, runID, seq, open.number, token, open.sessionID, status, reason, exitCode, open.startedAt, t.now)
	return err
}

// isStale reports whether a finish whose attempt is not open was not stored by
// an earlier call either.
func isStale(ctx context.Context, t *tx, f *miniairflow.Finish) (bool, error) {
	const text = `
		SELECT token FROM task_attempts WHERE workflow_run_id = ?1 AND seq = ?2 AND (status = ?3 OR ?3 = 'running' AND status <> 'lost')
		UNION ALL SELECT token FROM task_waits WHERE workflow_run_id = ?1 AND seq = ?2 AND ?3 = 'running'`
	tokens, err := query(ctx, t, scanID, text, f.RunID, f.Seq, f.Attempt)
	if err != nil {
		return false, fmt.Errorf("find earlier finishes: %w", err)
	}
	return !slices.Contains(tokens, f.Token), nil
}
