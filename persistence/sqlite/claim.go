package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// claim takes task runs from the queues (T4) and returns all claims of the
// request's token. A token that has claims already gets no more: then an
// earlier call of the same exchange made them.
func claim(ctx context.Context, t *tx, request miniairflow.Exchange, worker sessionState, plan *dialect.Plan) ([]miniairflow.Claim, error) {
	if worker.hasClaimed {
		return claimed(ctx, t, request.Token)
	}
	mayBePooled := worker.hasPooled || len(plan.Queued) > 0 || len(plan.Feeds) > 0
	chosen, err := choose(ctx, t, request.Queues, min(request.Limit, claimMax), mayBePooled)
	if err != nil {
		return nil, fmt.Errorf("choose task runs: %w", err)
	}
	if len(chosen) == 0 {
		return nil, nil
	}
	const takeText = `
		DELETE FROM task_queue WHERE (workflow_run_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`
	if _, err := t.ExecContext(ctx, takeText, places(chosen)); err != nil {
		return nil, fmt.Errorf("take from the queue: %w", err)
	}
	claims, err := open(ctx, t, request, chosen)
	if err != nil {
		return nil, err
	}
	return withRuns(ctx, t, claims)
}

// opened is a claim with what decides its place among the others.
type opened struct {
	miniairflow.Claim
	priority miniairflow.Priority
	queuedAt int64
}

// open starts the task runs that were taken, each with an open attempt, and
// returns them as claimed does. One that waited goes on with its attempt.
func open(ctx context.Context, t *tx, request miniairflow.Exchange, chosen []dialect.Place) ([]miniairflow.Claim, error) {
	changed, err := t.changed(ctx)
	if err != nil {
		return nil, err
	}
	const startText = `
		UPDATE task_runs AS t
		SET status = 'running', next_retry_at = NULL, changed = ?3,
			attempt = CASE t.status WHEN 'waiting' THEN t.attempt ELSE t.attempt + 1 END,
			started_at = CASE t.status WHEN 'waiting' THEN t.started_at ELSE ?2 END
		FROM (SELECT value ->> 0 AS run_id, value ->> 1 AS seq FROM json_each(?1)) AS i
		WHERE t.workflow_run_id = i.run_id AND t.seq = i.seq AND t.status IN ('queued', 'waiting', 'up_for_retry')
		RETURNING workflow_run_id, seq, attempt, failures, started_at, priority, queued_at, pool, pool_slots`
	var rows table
	all, err := query(ctx, t, func(row row) (o opened, err error) {
		o.Token = request.Token
		var pool string
		var slots int
		err = row.Scan(&o.RunID, &o.Seq, &o.Attempt, &o.Failures, timeInto{&o.StartedAt}, &o.priority, &o.queuedAt, &pool, &slots)
		rows = append(rows, []any{o.RunID, o.Seq, o.Attempt, pool, slots, micros(o.StartedAt)})
		return o, err
	}, startText, places(chosen), t.now, changed)
	if err != nil {
		return nil, fmt.Errorf("start task runs: %w", err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	const openText = `
		INSERT INTO task_open (workflow_run_id, seq, token, session_id, attempt, pool, pool_slots, started_at)
		SELECT value ->> 0, value ->> 1, ?2, ?3, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1)`
	if _, err := t.ExecContext(ctx, openText, rows, request.Token, request.SessionID); err != nil {
		return nil, fmt.Errorf("open attempts: %w", err)
	}
	slices.SortFunc(all, func(a, b opened) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.queuedAt, b.queuedAt),
			bytes.Compare(a.RunID[:], b.RunID[:]), cmp.Compare(a.Seq, b.Seq))
	})
	claims := make([]miniairflow.Claim, len(all))
	for i := range all {
		claims[i] = all[i].Claim
	}
	return claims, nil
}

// choose picks the first rows over several queues, within the pools if something
// may wait for one. Each queue is read from its head: one statement for all would
// sort everything that waits.
func choose(ctx context.Context, t *tx, queues []string, limit int, mayBePooled bool) ([]dialect.Place, error) {
	const text = `
		SELECT workflow_run_id, seq, priority, sort_key FROM task_queue
		WHERE state = 'ready' AND pool = '' AND queue = ? ORDER BY priority DESC, sort_key, workflow_run_id, seq LIMIT ? + 0`
	var free, sizes map[string]int
	if mayBePooled {
		var err error
		if free, sizes, err = freePools(ctx, t); err != nil {
			return nil, fmt.Errorf("look for free pools: %w", err)
		}
	}
	var heads []dialect.Candidate
	for _, queue := range slices.Compact(slices.Sorted(slices.Values(queues))) {
		head, err := query(ctx, t, func(row row) (c dialect.Candidate, err error) {
			err = row.Scan(&c.RunID, &c.Seq, &c.Priority, &c.SortKey)
			return c, err
		}, text, queue, limit)
		if err != nil {
			return nil, err
		}
		heads = append(heads, head...)
		for _, pool := range slices.Sorted(maps.Keys(free)) {
			head, err := poolHeads(ctx, t, pool, queue, sizes[pool], limit)
			if err != nil {
				return nil, err
			}
			heads = append(heads, head...)
		}
	}
	kept, err := headsElsewhere(ctx, t, queues, free, sizes)
	if err != nil {
		return nil, fmt.Errorf("look at other queues: %w", err)
	}
	heads = append(heads, kept...)
	var chosen []dialect.Place
	for _, c := range dialect.Choose(heads, free, limit) {
		chosen = append(chosen, c.Place)
		if c.Slots > 1 {
			t.moved(c.Pool) // it may have held back others
		}
	}
	return chosen, nil
}

// claimed returns the open claims of a token.
func claimed(ctx context.Context, q querier, token uuid.UUID) ([]miniairflow.Claim, error) {
	const openText = `
		SELECT o.workflow_run_id, o.seq, o.attempt, t.failures, o.token, o.started_at
		FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
		WHERE o.token = ?
		ORDER BY t.priority DESC, t.queued_at, o.workflow_run_id, o.seq`
	claims, err := query(ctx, q, func(row row) (c miniairflow.Claim, err error) {
		err = row.Scan(&c.RunID, &c.Seq, &c.Attempt, &c.Failures, &c.Token, timeInto{&c.StartedAt})
		return c, err
	}, openText, token)
	if err != nil {
		return nil, err
	}
	return withRuns(ctx, q, claims)
}

// withRuns adds to claims what they need of their runs.
func withRuns(ctx context.Context, q querier, claims []miniairflow.Claim) ([]miniairflow.Claim, error) {
	if len(claims) == 0 {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(claims))
	for i := range claims {
		ids[i] = claims[i].RunID
	}
	const text = `SELECT ` + runColumns + ` FROM ` + runTables + ` WHERE r.id IN (SELECT value FROM json_each(?))`
	runs, err := query(ctx, q, scanRun, text, list[uuid.UUID](sortedIDs(ids)))
	if err != nil {
		return nil, fmt.Errorf("find runs of claims: %w", err)
	}
	byID := make(map[uuid.UUID]*miniairflow.WorkflowRun, len(runs))
	for _, r := range runs {
		byID[r.ID] = r
	}
	for i := range claims {
		c := &claims[i]
		if c.Run = byID[c.RunID]; c.Run != nil {
			c.VersionID = c.Run.VersionID
		}
	}
	return claims, nil
}

// Claimed implements miniairflow.TaskStore.
func (s *Store) Claimed(ctx context.Context, token uuid.UUID) ([]miniairflow.Claim, error) {
	var claims []miniairflow.Claim
	// The exchange that made the claims may still be on its way to its commit, so wait for it.
	err := s.inTx(ctx, func(t *tx) (err error) {
		claims, err = claimed(ctx, t, token)
		return err
	})
	return claims, err
}
