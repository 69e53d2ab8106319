package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// FindWait implements miniairflow.TaskStore.
func (s *Store) FindWait(ctx context.Context, runID uuid.UUID, seq int) (miniairflow.TaskWait, error) {
	const text = `SELECT attempt, since, memory, child_run_id, clock_timestamp() FROM task_waits WHERE workflow_run_id = $1 AND seq = $2`
	return queryOne(ctx, s, func(row pgx.CollectableRow) (w miniairflow.TaskWait, err error) {
		var child uuid.NullUUID
		err = row.Scan(&w.Attempt, &w.Since, &w.Memory, &child, &w.Now)
		w.ChildID = child.UUID
		return w, err
	}, text, runID, seq)
}

// The exchange itself puts attempts aside and forgets what they remember, see queueEnds.

// forgetItemWaits removes what items of an earlier time remember: one whose worker
// was lost too often has kept it.
func forgetItemWaits(batch *pgx.Batch, runID uuid.UUID, f dialect.Fan) {
	const text = `DELETE FROM task_waits WHERE workflow_run_id = $1 AND seq BETWEEN $2 AND $3`
	batch.Queue(text, runID, f.First, f.First+miniairflow.ItemsMax-1)
}

// endWaits makes the attempts of a run that wait history: they are cancelled.
func endWaits(batch *pgx.Batch, now time.Time, runID uuid.UUID, reason string) {
	const text = `
		WITH ended AS (
			DELETE FROM task_waits s USING task_runs t
			WHERE s.workflow_run_id = $1 AND t.workflow_run_id = $1 AND t.seq = s.seq AND t.status = 'waiting'
			RETURNING s.*)
		INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, started_at, finished_at)
		SELECT s.workflow_run_id, s.seq, s.attempt, s.token, s.session_id, coalesce(w.name, ''), 'cancelled', $2, s.started_at, $3
		FROM ended s LEFT JOIN workers w ON w.id = s.session_id`
	batch.Queue(text, runID, reason, now)
}

// stopWaits ends the attempts of the task runs that a rerun changes while they
// wait, and lets those that it opens again begin anew.
func stopWaits(batch *pgx.Batch, r *rerunning) {
	const text = `
		INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, started_at, finished_at)
		SELECT s.workflow_run_id, s.seq, s.attempt, s.token, s.session_id, coalesce(w.name, ''), i.status, i.reason, s.started_at, $5
		FROM unnest($2::int[], $3::text[], $4::text[]) AS i(seq, status, reason)
		JOIN task_waits s ON s.workflow_run_id = $1 AND s.seq = i.seq
		LEFT JOIN workers w ON w.id = s.session_id`
	var seqs []int
	var statuses, reasons []string
	for _, ended := range dialect.StoppedWaits(r.states, r.plan, r.Rerun) {
		seqs, statuses, reasons = append(seqs, ended.Seq), append(statuses, string(ended.Status)), append(reasons, ended.Reason)
	}
	if len(seqs) > 0 {
		batch.Queue(text, r.run.ID, seqs, statuses, reasons, r.now)
	}
	batch.Queue(`DELETE FROM task_waits WHERE workflow_run_id = $1 AND seq = ANY($2)`, r.run.ID, r.seqs)
}
