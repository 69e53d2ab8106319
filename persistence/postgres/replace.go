package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// ReplacedRuns implements miniairflow.RunStore.
func (s *Store) ReplacedRuns(ctx context.Context, limit int) ([]miniairflow.ReplacedRun, error) {
	const text = `
		SELECT o.id, w.name, n.number
		FROM (
			SELECT workflow_id, max(number) AS number FROM workflow_runs
			WHERE replaces AND status IN ('pending', 'running') AND cancel_requested_at IS NULL GROUP BY workflow_id) n
		JOIN workflows w ON w.id = n.workflow_id
		JOIN workflow_runs o ON o.workflow_id = n.workflow_id AND o.type = 'scheduled' AND o.status IN ('pending', 'running') AND o.number < n.number
		WHERE o.cancel_requested_at IS NULL AND o.outcome = '' AND o.generation = 1 AND w.max_active_runs <= (
			SELECT count(*) FROM workflow_runs y
			WHERE y.workflow_id = o.workflow_id AND y.type = 'scheduled' AND y.status IN ('pending', 'running') AND y.number > o.number
				AND y.cancel_requested_at IS NULL)
		ORDER BY o.id LIMIT $1`
	return query(ctx, s, pgx.RowToStructByPos[miniairflow.ReplacedRun], text, limit)
}
