package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// claimMax bounds the claims of one exchange.
const claimMax = 500

// Exchange implements miniairflow.TaskStore.
func (s *Store) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	var result miniairflow.ExchangeResult
	input, err := newFinishInput(request.Finishes)
	if err != nil {
		return result, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		result = miniairflow.ExchangeResult{Stale: make([]bool, len(request.Finishes))}
		begun, err := begin(ctx, t, request, input.runIDs)
		if err != nil {
			return err
		}
		plan := &dialect.Plan{}
		if len(request.Finishes) > 0 {
			runs, err := s.withGraphs(ctx, t, begun.runs)
			if err != nil {
				return err
			}
			if plan, err = s.finish(ctx, t, begun.now, runs, input, result.Stale); err != nil {
				return err
			}
		}
		if request.Limit > 0 && begun.mayClaim && len(request.Queues) > 0 {
			result.Claims, err = claim(ctx, t, begun.now, request)
			t.events = dialect.ClaimEvents(t.events, plan, result.Claims)
		}
		return err
	})
	return result, err
}

// begun is what an exchange knows after its first round trip.
type begun struct {
	sessionState
	runs []*dialect.Run // of the finishes
}

// begin takes the locks of an exchange and then reads what it needs, or returns
// ErrFenced. Each statement sees what was committed before it began, so those
// after the locks see all that was done under them.
func begin(ctx context.Context, t *tx, request miniairflow.Exchange, runIDs []uuid.UUID) (begun, error) {
	var b begun
	batch := &pgx.Batch{}
	if len(runIDs) > 0 {
		batch.Queue(lockRunsText, lockKeys(runIDs))
	}
	if request.Limit > 0 {
		queueLockToken(batch, request.Token)
	}
	queueSession(batch, request.SessionID, &b.sessionState)
	if len(runIDs) > 0 {
		queueRuns(batch, runIDs, &b.runs, new(time.Time))
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return b, fmt.Errorf("begin exchange: %w", err)
	}
	return b, nil
}

// sessionState is a worker's session that is not over.
type sessionState struct {
	mayClaim bool      // it is active, and its lease is alive
	now      time.Time // when it was read
}

// queueSession adds the statement that reads a session. Sending it fails with
// ErrFenced if the session is over.
func queueSession(batch *pgx.Batch, id uuid.UUID, state *sessionState) {
	const text = `SELECT status, lease_until > clock_timestamp(), clock_timestamp() FROM workers WHERE id = $1`
	batch.Queue(text, id).QueryRow(func(row pgx.Row) error {
		var status miniairflow.WorkerStatus
		var alive bool
		err := row.Scan(&status, &alive, &state.now)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return miniairflow.ErrFenced
		case err != nil:
			return fmt.Errorf("check session: %w", err)
		case status == miniairflow.WorkerInactive:
			return miniairflow.ErrFenced
		}
		state.mayClaim = alive && status == miniairflow.WorkerActive
		return nil
	})
}

// finishInput holds finishes as the arrays that unnest takes.
type finishInput struct {
	finishes []miniairflow.Finish
	runIDs   []uuid.UUID // each once, ascending
	runs     []uuid.UUID
	seqs     []int
	tokens   []uuid.UUID
	attempts []string
	nexts    []string
	delays   []int64 // microseconds
	reasons  []string
	codes    []*int
	outputs  []*string
}

func newFinishInput(finishes []miniairflow.Finish) (*finishInput, error) {
	in := &finishInput{finishes: finishes}
	for i := range finishes {
		f := &finishes[i]
		in.runs, in.seqs, in.tokens = append(in.runs, f.RunID), append(in.seqs, f.Seq), append(in.tokens, f.Token)
		in.attempts, in.nexts = append(in.attempts, string(f.Attempt)), append(in.nexts, string(f.Next))
		in.delays = append(in.delays, f.Delay.Microseconds())
		in.reasons, in.codes = append(in.reasons, dialect.Text(f.Reason)), append(in.codes, f.ExitCode)
		var outputs *string
		if f.Outputs != nil {
			data, err := dialect.EncodeObject(f.Outputs)
			if err != nil {
				return nil, fmt.Errorf("outputs of task run %d: %w", f.Seq, err)
			}
			text := string(data)
			outputs = &text
		}
		in.outputs = append(in.outputs, outputs)
	}
	in.runIDs = sortedIDs(in.runs)
	return in, nil
}

// finish ends attempts and settles what that means. It sets stale for those
// whose attempt was not open, unless the same finish had ended it before.
func (s *Store) finish(
	ctx context.Context, t *tx, now time.Time, runs map[uuid.UUID]*dialect.Run, in *finishInput, stale []bool,
) (*dialect.Plan, error) {
	finished, err := endAttempts(ctx, t, now, in)
	if err != nil {
		return nil, err
	}
	moves := make([]move, 0, len(in.runIDs))
	done := make(map[dialect.Place]bool, len(finished))
	for _, id := range in.runIDs {
		if runs[id] == nil {
			continue
		}
		m := move{run: runs[id]}
		for _, f := range finished {
			if f.place.RunID != id {
				continue
			}
			done[f.place] = true
			t.moved(m.run.Pool(f.place.Seq))
			m.freed++
			if f.status.IsTerminal() {
				m.ended = append(m.ended, miniairflow.Ended{Seq: f.place.Seq, Status: f.status})
			}
		}
		if m.freed > 0 {
			moves = append(moves, m)
		}
	}
	if err := markStale(ctx, t, in, done, stale); err != nil {
		return nil, err
	}
	return s.settle(ctx, t, now, moves)
}

// finished is a task run whose attempt has ended.
type finished struct {
	place  dialect.Place
	status miniairflow.TaskStatus
}

// endAttempts ends the attempts that are open under their tokens: the open row
// becomes history, the task run gets its next status, and a retry waits in the
// queue. A run that is being cancelled gets no retries. Each row is found by its
// whole key: no index serves that comparison of tokens, which claims of one
// exchange share, and decided joins nothing to the task runs of a run at large.
func endAttempts(ctx context.Context, t *tx, now time.Time, in *finishInput) ([]finished, error) {
	const text = `
		WITH input AS MATERIALIZED (
			SELECT DISTINCT ON (run_id, seq, token) *
			FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::int[], $9::text[])
				WITH ORDINALITY AS i(run_id, seq, token, attempt, next, delay, reason, exit_code, outputs, place)
			ORDER BY run_id, seq, token, place),
		closed AS (
			DELETE FROM task_open o USING input i
			WHERE o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token IS NOT DISTINCT FROM i.token
			RETURNING o.workflow_run_id, o.seq, o.token, o.session_id, o.attempt AS number, o.started_at,
				i.attempt, i.next, i.delay, i.reason, i.exit_code, i.outputs),
		decided AS MATERIALIZED (
			SELECT c.*, CASE WHEN c.next = 'up_for_retry' AND r.cancel_requested_at IS NOT NULL AND r.outcome = '' THEN 'cancelled' ELSE c.next END AS status
			FROM closed c JOIN workflow_runs r ON r.id = c.workflow_run_id),
		changed AS (
			UPDATE task_runs t
			SET status = d.status, reason = d.reason, exit_code = d.exit_code, outputs = d.outputs::jsonb,
				failures = t.failures + (d.attempt IN ('failed', 'timed_out'))::int,
				finished_at = CASE WHEN d.status <> 'up_for_retry' THEN $10::timestamptz END,
				next_retry_at = CASE d.status WHEN 'up_for_retry' THEN $10::timestamptz + d.delay * interval '1 microsecond' END,
				changed = pg_current_xact_id()
			FROM decided d
			WHERE t.workflow_run_id = d.workflow_run_id AND t.seq = d.seq AND t.status = 'running'
			RETURNING t.workflow_run_id, t.seq, t.status, t.queue, t.priority, t.pool, t.pool_slots, t.next_retry_at),
		history AS (
			INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, exit_code, started_at, finished_at)
			SELECT c.workflow_run_id, c.seq, c.number, c.token, c.session_id, coalesce(w.name, ''), c.attempt, c.reason, c.exit_code, c.started_at, $10
			FROM closed c LEFT JOIN workers w ON w.id = c.session_id),
		retries AS (
			INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, due_at)
			SELECT workflow_run_id, seq, 'delayed', queue, priority, pool, pool_slots, 0, next_retry_at FROM changed WHERE status = 'up_for_retry')
		SELECT workflow_run_id, seq, status FROM changed ORDER BY workflow_run_id, seq`
	ended, err := collect(ctx, t, func(row pgx.CollectableRow) (f finished, err error) {
		err = row.Scan(&f.place.RunID, &f.place.Seq, &f.status)
		return f, err
	}, text, in.runs, in.seqs, in.tokens, in.attempts, in.nexts, in.delays, in.reasons, in.codes, in.outputs, now)
	if err != nil {
		return nil, fmt.Errorf("end attempts: %w", err)
	}
	return ended, nil
}

// markStale sets stale for the finishes that ended nothing, but for those that
// had ended their attempt in an earlier call.
func markStale(ctx context.Context, t *tx, in *finishInput, done map[dialect.Place]bool, stale []bool) error {
	var missed []int
	var runs []uuid.UUID
	var seqs []int
	var attempts []string
	for i := range in.finishes {
		if !done[dialect.Place{RunID: in.runs[i], Seq: in.seqs[i]}] {
			stale[i] = true
			missed = append(missed, i)
			runs, seqs, attempts = append(runs, in.runs[i]), append(seqs, in.seqs[i]), append(attempts, in.attempts[i])
		}
	}
	if len(missed) == 0 {
		return nil
	}
	const text = `
		SELECT a.workflow_run_id, a.seq, a.token
		FROM unnest($1::uuid[], $2::int[], $3::text[]) AS i(run_id, seq, attempt)
		JOIN task_attempts a ON a.workflow_run_id = i.run_id AND a.seq = i.seq AND a.status = i.attempt`
	stored, err := collect(ctx, t, pgx.RowToStructByPos[miniairflow.HeldAttempt], text, runs, seqs, attempts)
	if err != nil {
		return fmt.Errorf("find earlier finishes: %w", err)
	}
	for _, i := range missed {
		held := miniairflow.HeldAttempt{RunID: in.runs[i], Seq: in.seqs[i], Token: in.tokens[i]}
		stale[i] = !slices.Contains(stored, held)
	}
	return nil
}
