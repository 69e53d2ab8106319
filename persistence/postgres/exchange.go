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

// lightBytes is how large the outputs of finishes may be that are sent right
// behind the locks of their runs. A client that stood still while it sends would
// keep the locks, and no time limit of the server counts in the middle of a batch.
const lightBytes = 32 << 10

// pinText makes the server plan the statements of the transaction once for a
// connection and not for each call, which takes longer than to execute them. Such
// a plan is made before the tables have grown, so it must not be one that is only
// good for small ones: each of these statements finds its rows by an index, and none
// keeps a copy of a table that has few rows yet and looks through it for each row.
const pinText = `
	SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
		set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
		set_config('enable_material', 'off', true)`

// Exchange implements miniairflow.TaskStore.
func (s *Store) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	result := miniairflow.ExchangeResult{Stale: make([]bool, len(request.Finishes))}
	input, err := newFinishInput(request.Finishes)
	if err != nil {
		return result, err
	}
	if len(request.Finishes) == 0 {
		if nothing, err := s.hasNothing(ctx, request); err != nil || nothing {
			return result, err
		}
	}
	var rest *pooledRest
	var answer claimAnswer
	err = s.inTx(ctx, func(t *tx) error {
		result, answer = miniairflow.ExchangeResult{Stale: make([]bool, len(request.Finishes))}, claimAnswer{}
		begun, err := begin(ctx, t, request, input)
		if err != nil {
			return err
		}
		plan := &dialect.Plan{}
		if len(request.Finishes) > 0 {
			if plan, err = s.finish(ctx, t, begun, input, result.Stale); err != nil {
				return err
			}
		}
		rest, err = endExchange(ctx, t, begun, request, plan, &answer)
		return err
	})
	result.Claims = answer.claims
	switch {
	case err != nil:
		return result, err
	case answer.isRepeated:
		result.Claims, err = s.Claimed(ctx, request.Token)
		return result, err
	case rest == nil:
		return result, nil
	}
	result.Claims, err = s.claimPooled(ctx, request, rest)
	if len(request.Finishes) > 0 && errors.Is(err, miniairflow.ErrFenced) {
		return result, nil // the finishes are stored; the next call learns that the session is over
	}
	return result, err
}

// hasNothing reports whether an exchange without finishes would claim nothing: no
// task run is ready in its queues, and an earlier call of it has claimed none. That
// is what an idle worker asks, again and again, and so it is one statement. While the
// earlier call is still on its way to its commit, what it takes is seen in the queue.
// A server that takes no writes gets the whole exchange, which then fails.
func (s *Store) hasNothing(ctx context.Context, request miniairflow.Exchange) (bool, error) {
	const text = `
		SELECT status <> 'inactive', current_setting('transaction_read_only') = 'off'
			AND NOT EXISTS (SELECT 1 FROM task_open WHERE token = $3)
			AND (SELECT pool FROM task_queue WHERE state = 'ready' AND pool <> '' ORDER BY pool, queue LIMIT 1) IS NULL
			AND NOT EXISTS (SELECT 1 FROM unnest($2::text[]) AS wanted(queue) CROSS JOIN LATERAL (
				SELECT seq FROM task_queue WHERE state = 'ready' AND pool = '' AND queue = wanted.queue ORDER BY priority DESC, sort_key LIMIT 1) head)
		FROM workers WHERE id = $1`
	var isAlive, nothing bool
	_, err := queryOne(ctx, s, func(row pgx.CollectableRow) (struct{}, error) {
		return struct{}{}, row.Scan(&isAlive, &nothing)
	}, text, request.SessionID, request.Queues, request.Token)
	if errors.Is(err, miniairflow.ErrNotFound) || err == nil && !isAlive {
		return false, miniairflow.ErrFenced
	}
	return nothing, err
}

// begun is what an exchange knows after its first round trip.
type begun struct {
	sessionState
	runs     []*dialect.Run // of the finishes
	finished []finished
}

// begin takes the locks of an exchange, reads what it needs and ends its
// attempts, or returns ErrFenced. Each statement sees what was committed before it
// began, so those after the locks see all that was done under them.
func begin(ctx context.Context, t *tx, request miniairflow.Exchange, input *finishInput) (begun, error) {
	var b begun
	batch := &pgx.Batch{}
	batch.Queue(pinText)
	if len(input.runIDs) > 0 {
		batch.Queue(lockRunsText, lockKeys(slices.Concat(input.runIDs, input.children)))
	}
	if request.Limit > 0 {
		queueLockToken(batch, request.Token)
	}
	queueSession(batch, request.SessionID, &b.sessionState)
	if len(input.runIDs) > 0 {
		queueRuns(batch, input.runIDs, &b.runs, new(time.Time))
	}
	if len(input.runIDs) > 0 && input.bytes <= lightBytes {
		queueEnds(batch, input, &b)
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return b, fmt.Errorf("begin exchange: %w", err)
	}
	if input.bytes <= lightBytes {
		return b, nil
	}
	batch = &pgx.Batch{}
	queueEnds(batch, input, &b)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return b, fmt.Errorf("end attempts: %w", err)
	}
	return b, nil
}

// endExchange writes the plan, claims, and commits, in one round trip. It returns
// what is left to do if pools have something for the request and nothing else was
// claimed: their locks come before such a claim.
func endExchange(
	ctx context.Context, t *tx, b begun, request miniairflow.Exchange, plan *dialect.Plan, answer *claimAnswer,
) (*pooledRest, error) {
	batch := &pgx.Batch{}
	if err := queuePlan(ctx, t, batch, b.now, plan); err != nil {
		return nil, err
	}
	mayClaim := request.Limit > 0 && b.mayClaim && len(request.Queues) > 0
	if mayClaim {
		queueClaim(batch, b.now, request, answer)
	}
	if err := t.end(ctx, batch); err != nil {
		return nil, fmt.Errorf("end exchange: %w", err)
	}
	if mayClaim {
		t.events = dialect.ClaimEvents(t.events, plan, answer.claims)
	}
	if len(answer.pools) == 0 || len(answer.claims) > 0 || answer.isRepeated {
		return nil, nil
	}
	rest := &pooledRest{pools: answer.pools, plan: plan, moved: t.pools}
	t.events = slices.DeleteFunc(t.events, func(e miniairflow.Event) bool {
		isWake := e.Topic == miniairflow.TopicQueue
		rest.wakes = rest.wakes || isWake
		return isWake
	})
	t.pools = nil
	return rest, nil
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
	children []uuid.UUID // the child runs that are waited for
	runs     []uuid.UUID
	seqs     []int
	tokens   []uuid.UUID
	attempts []string
	nexts    []string
	delays   []int64 // microseconds
	reasons  []string
	codes    []*int
	outputs  []*string
	memories []string
	bytes    int // of the outputs and reasons
}

func newFinishInput(finishes []miniairflow.Finish) (*finishInput, error) {
	in := &finishInput{finishes: finishes}
	for i := range finishes {
		f := &finishes[i]
		in.runs, in.seqs, in.tokens = append(in.runs, f.RunID), append(in.seqs, f.Seq), append(in.tokens, f.Token)
		if f.ChildID != uuid.Nil {
			in.children = append(in.children, f.ChildID)
		}
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
			in.bytes += len(text)
		}
		in.bytes += len(f.Reason)
		in.bytes += len(f.Memory)
		in.outputs, in.memories = append(in.outputs, outputs), append(in.memories, dialect.Text(f.Memory))
	}
	in.runIDs = sortedIDs(in.runs)
	return in, nil
}

// finish says what the ends of attempts mean. It sets stale for those whose
// attempt was not open, unless the same finish had ended it before.
func (s *Store) finish(ctx context.Context, t *tx, b begun, in *finishInput, stale []bool) (*dialect.Plan, error) {
	runs, err := s.withGraphs(ctx, t, b.runs)
	if err != nil {
		return nil, err
	}
	finished := b.finished
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
			if f.status == miniairflow.TaskUpForRetry {
				m.again = append(m.again, f.place.Seq)
			}
		}
		if m.freed > 0 {
			moves = append(moves, m)
		}
	}
	if err := markStale(ctx, t, in, done, stale); err != nil {
		return nil, err
	}
	return s.plan(ctx, t, b.now, moves)
}

// finished is a task run whose attempt has ended.
type finished struct {
	place  dialect.Place
	status miniairflow.TaskStatus
}

// queueEnds adds the statement that ends the attempts that are open under their
// tokens: the open row becomes history or is put aside, the task run gets its next
// status, and a retry or the next look waits in the queue. A run that is being
// cancelled gets neither (see dialect.EndOf). Each row
// is found by its whole key: no index serves that comparison of tokens, which
// claims of one exchange share, and decided joins nothing to the task runs of a
// run at large. The time of the ends becomes that of the exchange.
func queueEnds(batch *pgx.Batch, in *finishInput, b *begun) {
	const text = `
		WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
		input AS MATERIALIZED (
			SELECT DISTINCT ON (run_id, seq, token) *
			FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::int[], $9::text[], $10::text[])
				WITH ORDINALITY AS i(run_id, seq, token, attempt, next, delay, reason, exit_code, outputs, memory, place)
			ORDER BY run_id, seq, token, place),
		closed AS (
			DELETE FROM task_open o USING input i
			WHERE o.workflow_run_id = i.run_id AND o.seq = i.seq AND o.token IS NOT DISTINCT FROM i.token
			RETURNING o.workflow_run_id, o.seq, o.token, o.session_id, o.attempt AS number, o.started_at,
				i.attempt, i.next, i.delay, i.reason, i.exit_code, i.outputs, i.memory),
		decided AS MATERIALIZED (
			SELECT c.*, CASE WHEN c.next IN ('up_for_retry', 'waiting') AND r.cancel_requested_at IS NOT NULL AND r.outcome = '' THEN 'cancelled' ELSE c.next END AS status
			FROM closed c JOIN workflow_runs r ON r.id = c.workflow_run_id),
		changed AS (
			UPDATE task_runs t
			SET status = d.status, reason = d.reason, exit_code = d.exit_code, outputs = d.outputs::jsonb,
				failures = t.failures + (d.attempt IN ('failed', 'timed_out'))::int,
				losses = CASE d.status WHEN 'waiting' THEN 0 ELSE t.losses END, -- a look that went well
				finished_at = CASE WHEN d.status NOT IN ('up_for_retry', 'waiting') THEN (SELECT now FROM clock) END,
				next_retry_at = CASE WHEN d.status IN ('up_for_retry', 'waiting') THEN (SELECT now FROM clock) + d.delay * interval '1 microsecond' END,
				changed = pg_current_xact_id()
			FROM decided d
			WHERE t.workflow_run_id = d.workflow_run_id AND t.seq = d.seq AND t.status = 'running'
			RETURNING t.workflow_run_id, t.seq, t.status, t.queue, t.priority, t.pool, t.pool_slots, t.next_retry_at),
		history AS (
			INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, exit_code, started_at, finished_at)
			SELECT d.workflow_run_id, d.seq, d.number, d.token, d.session_id, coalesce(w.name, ''),
				CASE d.attempt WHEN 'running' THEN 'cancelled' ELSE d.attempt END, d.reason, d.exit_code, d.started_at, (SELECT now FROM clock)
			FROM decided d LEFT JOIN workers w ON w.id = d.session_id WHERE d.status <> 'waiting'),
		aside AS (
			INSERT INTO task_waits (workflow_run_id, seq, attempt, token, session_id, since, started_at, memory)
			SELECT workflow_run_id, seq, number, token, session_id, started_at, started_at, memory FROM decided WHERE status = 'waiting'
			ON CONFLICT (workflow_run_id, seq) DO UPDATE SET attempt = excluded.attempt, token = excluded.token,
				session_id = excluded.session_id, started_at = excluded.started_at, memory = excluded.memory),
		forgotten AS (
			DELETE FROM task_waits w USING decided d WHERE w.workflow_run_id = d.workflow_run_id AND w.seq = d.seq AND d.status <> 'waiting'),
		retries AS (
			INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key, due_at)
			SELECT workflow_run_id, seq, 'delayed', queue, priority, pool, pool_slots, 0, next_retry_at FROM changed WHERE status IN ('up_for_retry', 'waiting'))
		SELECT workflow_run_id, seq, status, (SELECT now FROM clock) FROM changed ORDER BY workflow_run_id, seq`
	args := []any{in.runs, in.seqs, in.tokens, in.attempts, in.nexts, in.delays, in.reasons, in.codes, in.outputs, in.memories}
	batch.Queue(text, args...).Query(func(rows pgx.Rows) (err error) {
		b.finished, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (f finished, err error) {
			err = row.Scan(&f.place.RunID, &f.place.Seq, &f.status, &b.now)
			return f, err
		})
		return err
	})
	missNoEnd(batch, in)
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
		JOIN task_attempts a ON a.workflow_run_id = i.run_id AND a.seq = i.seq
			AND (a.status = i.attempt OR i.attempt = 'running' AND a.status <> 'lost')
		UNION ALL
		SELECT w.workflow_run_id, w.seq, w.token
		FROM unnest($1::uuid[], $2::int[], $3::text[]) AS i(run_id, seq, attempt)
		JOIN task_waits w ON w.workflow_run_id = i.run_id AND w.seq = i.seq AND i.attempt = 'running'`
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
