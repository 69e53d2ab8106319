package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// chooseOne picks the first rows of one queue. The limit is part of the text: a
// parameter there makes the server plan each call anew.
const chooseOne = `
	chosen AS MATERIALIZED (
		SELECT workflow_run_id, seq FROM task_queue
		WHERE state = 'ready' AND pool = '' AND queue = ($1::text[])[1] AND NOT EXISTS (SELECT 1 FROM pooled)
		ORDER BY priority DESC, sort_key LIMIT %[1]d FOR UPDATE SKIP LOCKED)`

// chooseMany picks the first rows over several queues: how many each queue
// gives is read from their heads, then that many are taken from each. The last limit
// tells the planner how few these are: it would read the whole table to delete them.
const chooseMany = `
	heads AS MATERIALIZED (
		SELECT h.queue, h.priority, h.sort_key
		FROM unnest($1::text[]) AS wanted(queue)
		CROSS JOIN LATERAL (
			SELECT queue, priority, sort_key FROM task_queue
			WHERE state = 'ready' AND pool = '' AND queue = wanted.queue AND NOT EXISTS (SELECT 1 FROM pooled)
			ORDER BY priority DESC, sort_key LIMIT %[1]d) h),
	quotas AS MATERIALIZED (
		SELECT queue, count(*) AS quota
		FROM (SELECT queue FROM heads ORDER BY priority DESC, sort_key LIMIT %[1]d) first
		GROUP BY queue),
	chosen AS MATERIALIZED (
		SELECT c.workflow_run_id, c.seq
		FROM quotas
		CROSS JOIN LATERAL (
			SELECT workflow_run_id, seq FROM task_queue
			WHERE state = 'ready' AND pool = '' AND queue = quotas.queue
			ORDER BY priority DESC, sort_key LIMIT quotas.quota FOR UPDATE SKIP LOCKED) c
		LIMIT %[1]d)`

// takeChosen moves the chosen rows from the queue to the open attempts, unless
// this token has claims already: then an earlier call of the same exchange did it.
// The time $4 was read before; a row may have come into the queue since. One that
// waited goes on with its attempt.
const takeChosen = `,
	taken AS (
		DELETE FROM task_queue q USING chosen c
		WHERE q.workflow_run_id = c.workflow_run_id AND q.seq = c.seq
			AND NOT EXISTS (SELECT 1 FROM task_open WHERE token = $2)
		RETURNING q.workflow_run_id, q.seq),
	started AS (
		UPDATE task_runs t
		SET status = 'running', next_retry_at = NULL, changed = pg_current_xact_id(),
			attempt = CASE t.status WHEN 'waiting' THEN t.attempt ELSE t.attempt + 1 END,
			started_at = CASE t.status WHEN 'waiting' THEN t.started_at ELSE greatest($4::timestamptz, t.queued_at) END
		FROM taken
		WHERE t.workflow_run_id = taken.workflow_run_id AND t.seq = taken.seq AND t.status IN ('queued', 'waiting', 'up_for_retry')
		RETURNING t.workflow_run_id, t.seq, t.attempt, t.failures, t.priority, t.queued_at, t.pool, t.pool_slots, t.started_at),
	opened AS (
		INSERT INTO task_open (workflow_run_id, seq, token, session_id, attempt, pool, pool_slots, started_at)
		SELECT workflow_run_id, seq, $2, $3, attempt, pool, pool_slots, started_at FROM started)`

// claimAnswer is what the claim of an exchange says.
type claimAnswer struct {
	pools      []string // free, as it seems, with something for the request: then nothing was claimed
	isRepeated bool     // an earlier call of the same exchange has claims; these are not among claims
	claims     []miniairflow.Claim
}

// queueClaim adds the statements that take task runs from the queues (T4). They take
// no run's lock, and wait for nobody. If a pool that looks free has something for the
// request, they take nothing, and name the pools: see claimPooled. The first row is
// there though nothing is claimed.
func queueClaim(batch *pgx.Batch, now time.Time, request miniairflow.Exchange, answer *claimAnswer) {
	choose, limit := chooseMany, min(request.Limit, claimMax)
	if len(request.Queues) == 1 {
		choose = chooseOne
	}
	text := "WITH " + pooledIn + "," + fmt.Sprintf(choose, limit) + takeChosen + `
		SELECT (SELECT coalesce(array_agg(name), '{}') FROM pooled), EXISTS (SELECT 1 FROM task_open WHERE token = $2),
			s.workflow_run_id, s.seq, s.attempt, s.failures, s.started_at
		FROM (VALUES (1)) AS always LEFT JOIN started s ON true
		ORDER BY s.priority DESC, s.queued_at, s.workflow_run_id, s.seq`
	batch.Queue(text, request.Queues, request.Token, request.SessionID, now).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var runID *uuid.UUID
			var seq, attempt, failures *int
			var startedAt *time.Time
			if err := rows.Scan(&answer.pools, &answer.isRepeated, &runID, &seq, &attempt, &failures, &startedAt); err != nil {
				return err
			}
			if runID != nil {
				answer.claims = append(answer.claims, miniairflow.Claim{
					RunID: *runID, Seq: *seq, Attempt: *attempt, Failures: *failures, Token: request.Token, StartedAt: *startedAt,
				})
			}
		}
		return rows.Err()
	})
	queueRunsOf(batch, request.Token, &answer.claims)
}

// queueClaimed adds the statements that read the open claims of a token.
func queueClaimed(batch *pgx.Batch, token uuid.UUID, claims *[]miniairflow.Claim) {
	const open = `
		SELECT o.workflow_run_id, o.seq, o.attempt, t.failures, o.token, o.started_at
		FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
		WHERE o.token = $1
		ORDER BY t.priority DESC, t.queued_at, o.workflow_run_id, o.seq`
	batch.Queue(open, token).Query(func(rows pgx.Rows) (err error) {
		*claims, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c miniairflow.Claim, err error) {
			err = row.Scan(&c.RunID, &c.Seq, &c.Attempt, &c.Failures, &c.Token, &c.StartedAt)
			return c, err
		})
		return err
	})
	queueRunsOf(batch, token, claims)
}

// queueRunsOf adds the statement that reads the runs of a token's claims.
func queueRunsOf(batch *pgx.Batch, token uuid.UUID, claims *[]miniairflow.Claim) {
	const runs = `SELECT ` + runColumns + ` FROM ` + runTables + `
		WHERE r.id IN (SELECT workflow_run_id FROM task_open WHERE token = $1)`
	batch.Queue(runs, token).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, scanRun)
		byID := make(map[uuid.UUID]*miniairflow.WorkflowRun, len(found))
		for _, r := range found {
			byID[r.ID] = r
		}
		for i := range *claims {
			c := &(*claims)[i]
			if c.Run = byID[c.RunID]; c.Run != nil {
				c.VersionID = c.Run.VersionID
			}
		}
		return err
	})
}

// Claimed implements miniairflow.TaskStore.
func (s *Store) Claimed(ctx context.Context, token uuid.UUID) ([]miniairflow.Claim, error) {
	var claims []miniairflow.Claim
	err := s.inTx(ctx, func(t *tx) error {
		claims = nil
		batch := &pgx.Batch{}
		queueLockToken(batch, token) // the exchange that made the claims may still be on its way to its commit
		queueClaimed(batch, token, &claims)
		return t.SendBatch(ctx, batch).Close()
	})
	return claims, err
}
