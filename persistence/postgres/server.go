package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// serverName names the server behind a connection: the cluster, its timeline,
// which changes with a failover, and the start of the process. A role that may
// not read the first two is left with the last.
func serverName(ctx context.Context, t *tx) (string, error) {
	const mayRead = `
		SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')`
	const full = `
		SELECT format('%s/%s/%s', (pg_control_system()).system_identifier, (pg_control_checkpoint()).timeline_id, pg_postmaster_start_time())`
	const plain = `SELECT pg_postmaster_start_time()::text`
	var allowed bool
	if err := t.QueryRow(ctx, mayRead).Scan(&allowed); err != nil {
		return "", fmt.Errorf("name server: %w", err)
	}
	text := plain
	if allowed {
		text = full
	}
	names, err := collect(ctx, t, pgx.RowTo[string], text)
	if err != nil {
		return "", fmt.Errorf("name server: %w", err)
	}
	return names[0], nil
}
