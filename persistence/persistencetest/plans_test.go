package persistencetest_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
)

// hotReads are the reads that run often or over all runs.
var hotReads = map[string]func(ctx context.Context, db *database, id uuid.UUID) error{
	"RunChanges": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.RunChanges(ctx, id, 1)
		return err
	},
	"FindRuns": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.FindRuns(ctx, miniairflow.RunFilter{Limit: 10})
		return err
	},
	"FindTaskRun": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.FindTaskRun(ctx, id, 0)
		return err
	},
	"FindTaskRuns of a run": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.FindTaskRuns(ctx, miniairflow.TaskRunFilter{RunID: id, Limit: 10})
		return err
	},
	"FindTaskRuns failed": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.FindTaskRuns(ctx, miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{miniairflow.TaskFailed}, Limit: 10})
		return err
	},
	"FindTaskRuns skipped, cancelled or below a failed one": func(ctx context.Context, db *database, id uuid.UUID) error {
		rare := []miniairflow.TaskStatus{miniairflow.TaskSkipped, miniairflow.TaskCancelled, miniairflow.TaskUpstreamFailed}
		_, err := db.FindTaskRuns(ctx, miniairflow.TaskRunFilter{Statuses: rare, Limit: 10})
		return err
	},
	"FindTaskRuns running": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.FindTaskRuns(ctx, miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{miniairflow.TaskRunning}, Limit: 10})
		return err
	},
	"CountTasks": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.CountTasks(ctx, []uuid.UUID{id})
		return err
	},
	"FindAttempts": func(ctx context.Context, db *database, id uuid.UUID) error {
		_, err := db.FindAttempts(ctx, []miniairflow.TaskRunKey{{RunID: id}})
		return err
	},
}

// TestHotReadsScanNoTable counts with PostgreSQL's own statistics: with many
// runs in the database, no hot read may go through task_runs from end to end.
func TestHotReadsScanNoTable(t *testing.T) {
	db := openPostgres(t)
	r := db.start(definition("a", wide(10)...))
	const copies = `
		INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, task_count, created_at, started_at, finished_at)
		SELECT gen_random_uuid(), workflow_id, version_id, n, 'success', type, logical_date, logical_date, run_after, 10, created_at, started_at, now()
		FROM workflow_runs, generate_series(100, 4000) n`
	const tasks = `
		INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, queue, priority, up_total, finished_at)
		SELECT r.id, n, gen_random_uuid(), 'x', 'success', 'default', 1, 0, now() FROM workflow_runs r, generate_series(0, 9) n WHERE r.status = 'success'`
	for _, text := range []string{copies, tasks, `ANALYZE`} {
		_, err := db.raw.ExecContext(t.Context(), text)
		require.NoError(t, err)
	}
	require.Positive(t, scansOf(t, db, func(ctx context.Context, probe *database) error {
		_, err := probe.CountTaskRuns(ctx, miniairflow.TaskRunFilter{}, 1_000_000)
		return err
	}), "the probe itself must see a scan")
	for name, read := range hotReads {
		require.Zero(t, scansOf(t, db, func(ctx context.Context, probe *database) error { return read(ctx, probe, r.ID) }), name)
	}
}

// TestUpdatesStayInTheirPage counts with PostgreSQL's own statistics: the way of
// a task run to its success changes no column that an index names.
func TestUpdatesStayInTheirPage(t *testing.T) {
	db := openPostgres(t)
	withProbe(t, db, func(probe *database) {
		probe.start(definition("a", wide(100)...))
		probe.worker("w").drain(nil)
	})
	require.Equal(t, 200, db.number(`SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'task_runs'`))
	// A page that is full for the moment takes no further version of a row.
	require.Greater(t, db.number(`SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'task_runs'`), 100)
}

// scansOf returns how often read goes through task_runs from end to end.
func scansOf(t *testing.T, db *database, read func(ctx context.Context, probe *database) error) int {
	t.Helper()
	const scans = `SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'task_runs'`
	before := db.number(scans)
	withProbe(t, db, func(probe *database) { require.NoError(t, read(t.Context(), probe)) })
	return db.number(scans) - before
}

// withProbe calls do with a store of its own, whose connections report their
// statistics when they end.
func withProbe(t *testing.T, db *database, do func(probe *database)) {
	t.Helper()
	store, err := persistence.Open(t.Context(), db.url+"&application_name=probe", persistence.Options{PollOnly: true})
	require.NoError(t, err)
	do(&database{testCase: t, Store: store, url: db.url, raw: db.raw})
	require.NoError(t, store.Close())
	require.Eventually(t, func() bool {
		return db.number(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'probe'`) == 0
	}, 30*time.Second, time.Millisecond)
}

// TestSQLitePlans pins how SQLite reads what is asked for often.
func TestSQLitePlans(t *testing.T) {
	db := openSQLite(t)
	for text, want := range map[string]string{
		`SELECT * FROM task_runs WHERE workflow_run_id = 'x' AND changed > 1 ORDER BY seq`:                                                                               "SEARCH task_runs USING PRIMARY KEY",
		`SELECT * FROM workflow_runs ORDER BY created_at DESC, id DESC LIMIT 10`:                                                                                         "workflow_runs_newest",
		`SELECT * FROM workflow_runs WHERE workflow_id = 'x' AND (created_at, id) < (1, 'x') ORDER BY created_at DESC, id DESC LIMIT 10`:                                 "workflow_runs_by_workflow",
		`SELECT * FROM schedules WHERE is_active AND NOT is_finished AND next_at <= 1 ORDER BY next_at LIMIT 10`:                                                         "schedules_due",
		`SELECT * FROM task_runs WHERE status = 'failed' AND is_rare ORDER BY workflow_run_id DESC, seq LIMIT 3`:                                                         "task_runs_rare",
		`SELECT seq FROM task_queue WHERE state = 'ready' AND pool = '' AND queue = 'x' ORDER BY priority DESC, sort_key, workflow_run_id, seq LIMIT 10`:                 "task_queue_ready",
		`SELECT seq FROM task_queue WHERE state = 'ready' AND pool = 'p' AND pool <> '' AND queue = 'x' ORDER BY priority DESC, sort_key, workflow_run_id, seq LIMIT 10`: "task_queue_pooled",
		`SELECT seq FROM task_queue WHERE state = 'ready' AND expires_at IS NOT NULL AND expires_at <= 1 ORDER BY expires_at LIMIT 10`:                                   "task_queue_expiring",
		`SELECT * FROM audit_log WHERE id < 9 ORDER BY id DESC LIMIT 10`:                                                                                                 "INTEGER PRIMARY KEY",
		`SELECT * FROM audit_log WHERE subject = 'x' AND id < 9 ORDER BY id DESC LIMIT 10`:                                                                               "audit_log_subject",
		`SELECT * FROM audit_log WHERE workflow_id = 'x' AND id < 9 ORDER BY id DESC LIMIT 10`:                                                                           "audit_log_workflow",
		`SELECT * FROM audit_log WHERE action = 'x' AND id < 9 ORDER BY id DESC LIMIT 10`:                                                                                "audit_log_action",
	} {
		plan := explain(t, db.raw, text)
		require.Contains(t, plan, want, text)
		require.NotContains(t, plan, "TEMP B-TREE FOR ORDER BY", text)
	}
}

func explain(t *testing.T, raw *sql.DB, text string) string {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+text)
	require.NoError(t, err)
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
