package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// saveAfters adds what writes which workflows start after which others.
func saveAfters(batch *pgx.Batch, saves []dialect.Save) {
	const drop = `DELETE FROM after_triggers WHERE workflow_id = ANY($1)`
	const insert = `
INSERT INTO after_triggers (upstream, workflow_id, status) SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[])`
	rows, old := dialect.AfterRows(saves)
	if len(old) > 0 {
		queueAs(batch, "drop triggers", drop, old)
	}
	if len(rows) == 0 {
		return
	}
	upstreams, workflows, statuses := make([]string, len(rows)), make([]uuid.UUID, len(rows)), make([]string, len(rows))
	for i, a := range rows {
		upstreams[i], workflows[i], statuses[i] = a.Upstream, a.WorkflowID, string(a.Status)
	}
	queueAs(batch, "save triggers", insert, upstreams, workflows, statuses)
}

// AfterEnds implements miniairflow.AfterStore. The rows are written by a trigger.
func (s *Store) AfterEnds(ctx context.Context, limit int) ([]miniairflow.AfterEnd, error) {
	const text = `SELECT workflow_run_id, workflow_id, status, noted FROM after_ends ORDER BY workflow_run_id, workflow_id, status LIMIT $1`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.AfterEnd], text, limit)
}

// ForgetAfterEnds implements miniairflow.AfterStore.
func (s *Store) ForgetAfterEnds(ctx context.Context, ends []miniairflow.AfterEnd, faults map[miniairflow.AfterEnd]string) error {
	const text = `
		DELETE FROM after_ends e USING unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[]) AS f(run_id, workflow_id, status, noted)
		WHERE e.workflow_run_id = f.run_id AND e.workflow_id = f.workflow_id AND e.status = f.status AND e.noted = f.noted
		RETURNING e.workflow_run_id, e.workflow_id, e.status, e.noted`
	if len(ends) == 0 {
		return nil
	}
	runs, workflows, statuses, noted := make([]uuid.UUID, len(ends)), make([]uuid.UUID, len(ends)), make([]string, len(ends)), make([]int64, len(ends))
	for i, e := range ends {
		runs[i], workflows[i], statuses[i], noted[i] = e.RunID, e.WorkflowID, string(e.Status), e.Noted
	}
	return s.inTx(ctx, func(t *tx) error {
		forgotten, err := collect(ctx, t, pgx.RowToStructByPos[miniairflow.AfterEnd], text, runs, workflows, statuses, noted)
		if err != nil {
			return err
		}
		return noteFaults(ctx, t, miniairflow.MissedAfter, dialect.AfterFaults(ends, forgotten, faults))
	})
}

// Followers implements miniairflow.AfterStore.
func (s *Store) Followers(ctx context.Context, workflows []string, max int) (map[string][]string, error) {
	const text = `
		SELECT upstream, name FROM (
			SELECT a.upstream, w.name, row_number() OVER (PARTITION BY a.upstream ORDER BY w.name) AS place
			FROM after_triggers a JOIN workflows w ON w.id = a.workflow_id
			WHERE a.upstream = ANY($1) AND w.retired_at IS NULL) f
		WHERE place <= $2 ORDER BY upstream, name`
	found, err := query(ctx, s, pgx.RowToStructByPos[dialect.Follower], text, workflows, max)
	return dialect.FollowersByName(found), err
}
