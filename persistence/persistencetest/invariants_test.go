package persistencetest_test

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"
)

const terminal = `('success', 'failed', 'cancelled', 'skipped', 'upstream_failed')`

// invariants are queries that count what must never be, by what is wrong.
var invariants = map[string]string{
	"done counter is not the recount": `
		SELECT count(*) FROM run_counters c WHERE c.done <>
			(SELECT count(*) FROM task_runs t WHERE t.workflow_run_id = c.workflow_run_id AND t.status IN ` + terminal + `)`,
	"active counter is not the recount": `
		SELECT count(*) FROM run_counters c WHERE c.active <>
			(SELECT count(*) FROM task_queue q WHERE q.workflow_run_id = c.workflow_run_id AND q.state = 'ready') +
			(SELECT count(*) FROM task_open o WHERE o.workflow_run_id = c.workflow_run_id)`,
	"limited counter is not the recount": `
		SELECT count(*) FROM run_counters c WHERE c.limited <>
			(SELECT count(*) FROM task_queue q WHERE q.workflow_run_id = c.workflow_run_id AND q.state = 'limited')`,
	"task run waits for a slot though one is free": `
		SELECT count(*) FROM run_counters c JOIN workflow_runs r ON r.id = c.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE c.limited > 0 AND c.active < CAST(v.document ->> 'max_active_tasks' AS integer)`,
	"more task runs active than max_active_tasks": `
		SELECT count(*) FROM run_counters c JOIN workflow_runs r ON r.id = c.workflow_run_id JOIN workflow_versions v ON v.id = r.version_id
		WHERE c.active > CAST(v.document ->> 'max_active_tasks' AS integer)`,
	"queued without a row in the queue": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'queued' AND NOT EXISTS
			(SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq AND q.state = 'ready')`,
	"retry without a row in the queue": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'up_for_retry' AND NOT EXISTS
			(SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)`,
	"row in the queue of another state": `
		SELECT count(*) FROM task_queue q JOIN task_runs t ON t.workflow_run_id = q.workflow_run_id AND t.seq = q.seq
		WHERE NOT (q.state = 'ready' AND t.status IN ('queued', 'up_for_retry')
			OR q.state = 'limited' AND t.status IN ('pending', 'up_for_retry')
			OR q.state = 'delayed' AND t.status = 'up_for_retry')`,
	"running without an open attempt": `
		SELECT count(*) FROM task_runs t WHERE t.status = 'running' AND NOT EXISTS
			(SELECT 1 FROM task_open o WHERE o.workflow_run_id = t.workflow_run_id AND o.seq = t.seq AND o.attempt = t.attempt)`,
	"open attempt of a task run that is not running": `
		SELECT count(*) FROM task_open o JOIN task_runs t ON t.workflow_run_id = o.workflow_run_id AND t.seq = o.seq
		WHERE t.status <> 'running'`,
	"attempts are not all there": `
		SELECT count(*) FROM task_runs t WHERE t.attempt <>
			(SELECT count(*) FROM task_attempts a WHERE a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq) +
			(SELECT count(*) FROM task_open o WHERE o.workflow_run_id = t.workflow_run_id AND o.seq = t.seq)`,
	"success without exactly one successful attempt": `
		SELECT count(*) FROM task_runs t WHERE (CASE t.status WHEN 'success' THEN 1 ELSE 0 END) <>
			(SELECT count(*) FROM task_attempts a WHERE a.workflow_run_id = t.workflow_run_id AND a.seq = t.seq AND a.status = 'success')`,
	"run goes on though all task runs have ended": `
		SELECT count(*) FROM workflow_runs r JOIN run_counters c ON c.workflow_run_id = r.id
		WHERE r.status = 'running' AND c.done = r.task_count`,
	"run is over before its task runs": `
		SELECT count(*) FROM workflow_runs r JOIN task_runs t ON t.workflow_run_id = r.id
		WHERE r.status IN ('success', 'failed', 'cancelled', 'skipped') AND t.status NOT IN ` + terminal,
	"run is over but left rows behind": `
		SELECT count(*) FROM workflow_runs r WHERE r.status IN ('success', 'failed', 'cancelled', 'skipped') AND (
			EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = r.id) OR
			EXISTS (SELECT 1 FROM task_open o WHERE o.workflow_run_id = r.id) OR
			EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = r.id))`,
	"something may still start after a cancellation": `
		SELECT count(*) FROM workflow_runs r JOIN task_runs t ON t.workflow_run_id = r.id
		WHERE r.cancel_requested_at IS NOT NULL AND t.status NOT IN ('running', 'success', 'failed', 'cancelled', 'skipped', 'upstream_failed')`,
	// A task run whose rule is always waits for nobody, so it counts nobody: it
	// has asked for its decision since the start.
	"upstream counts are not the recount": `
		SELECT count(*) FROM task_runs t
		WHERE t.status = 'pending' AND t.up_success + t.up_failed + t.up_skipped <>
			(SELECT count(*) FROM task_dependencies d JOIN task_runs u ON u.task_id = d.depends_on_task_id AND u.workflow_run_id = t.workflow_run_id
			WHERE d.task_id = t.task_id AND u.status IN ` + terminal + `)
			AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)
			AND NOT (t.up_success + t.up_failed + t.up_skipped = 0 AND EXISTS
				(SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq))`,
	"all upstream tasks have ended and nobody will decide": `
		SELECT count(*) FROM task_runs t
		WHERE t.status = 'pending' AND t.up_success + t.up_failed + t.up_skipped = t.up_total
			AND NOT EXISTS (SELECT 1 FROM task_queue q WHERE q.workflow_run_id = t.workflow_run_id AND q.seq = t.seq)
			AND NOT EXISTS (SELECT 1 FROM task_decisions d WHERE d.workflow_run_id = t.workflow_run_id AND d.seq = t.seq)`,
	"run waits though its workflow is retired": `
		SELECT count(*) FROM workflow_runs r JOIN workflows w ON w.id = r.workflow_id WHERE r.status = 'pending' AND w.retired_at IS NOT NULL`,
	"more runs than max_active_runs": `
		SELECT count(*) FROM workflows w WHERE w.max_active_runs <
			(SELECT count(*) FROM workflow_runs r WHERE r.workflow_id = w.id AND r.status = 'running')`,
}

// check fails the test if the database is in a state that must never be.
func (db *database) check() {
	db.Helper()
	var queries []string
	for wrong, text := range invariants {
		queries = append(queries, fmt.Sprintf("SELECT '%s' AS wrong, (%s) AS n", wrong, text))
	}
	rows, err := db.raw.QueryContext(db.Context(), "SELECT wrong, n FROM ("+strings.Join(queries, " UNION ALL ")+") AS counted WHERE n > 0")
	require.NoError(db, err)
	defer rows.Close()
	for rows.Next() {
		var wrong string
		var n int
		require.NoError(db, rows.Scan(&wrong, &n))
		require.Fail(db, wrong, "%d times", n)
	}
	require.NoError(db, rows.Err())
}
