package persistencetest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// rowsMax is more than any hot call reads of the tables below, and far less than
// each of these has.
const rowsMax = 2000

// fillText copies a run four thousand times, as finished ones of two hundred
// workflows, with task runs, of which others wait or run. Then it writes what starts
// runs, and what is told of them.
var fillText = []string{
	`INSERT INTO workflows (id, name, origin, version_id, version_number, is_active, max_active_runs, created_at, updated_at)
	SELECT gen_random_uuid(), name || n, 'api', version_id, 1, true, 1, now(), now() FROM workflows, generate_series(1, 200) n`,
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, task_count, created_at, started_at, finished_at)
	SELECT gen_random_uuid(), w.id, r.version_id, n, 'success', r.type, logical_date - n * interval '1 day', logical_date, run_after, 10, r.created_at, started_at, now()
	FROM workflow_runs r JOIN workflows w ON w.origin = 'api', generate_series(100, 119) n`,
	`INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, queue, priority, up_total, finished_at)
	SELECT r.id, n, gen_random_uuid(), 'x', 'success', 'default', 1, 0, now() FROM workflow_runs r, generate_series(0, 9) n WHERE r.status = 'success'`,
	`INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, status, started_at, finished_at)
	SELECT workflow_run_id, seq, 1, gen_random_uuid(), gen_random_uuid(), 'success', now(), now() FROM task_runs WHERE status = 'success'`,
	`INSERT INTO task_queue (workflow_run_id, seq, state, queue, priority, pool, pool_slots, sort_key)
	SELECT r.id, 100 + q.place, q.state, q.queue, 0, q.pool, q.slots, r.number
	FROM workflow_runs r,
		(VALUES ('ready', 'default', '', 0, 0), ('ready', 'elsewhere', 'hot', 1, 1), ('ready', 'default', 'full', 1, 2), ('limited', 'default', '', 0, 3), ('delayed', 'default', '', 0, 4))
			AS q(state, queue, pool, slots, place)
	WHERE r.status = 'success'`,
	`UPDATE task_queue SET due_at = now() + interval '1 day' WHERE state = 'delayed'`,
	`INSERT INTO task_open (workflow_run_id, seq, token, session_id, attempt, pool, pool_slots, started_at)
	SELECT id, n, gen_random_uuid(), gen_random_uuid(), 1, CASE WHEN number % 8 = 0 AND n = 200 THEN 'full' ELSE '' END, 1, now()
	FROM workflow_runs, generate_series(200, 204) n WHERE status = 'success'`,
	`INSERT INTO task_waits (workflow_run_id, seq, attempt, token, session_id, since, started_at, memory)
	SELECT workflow_run_id, seq, 1, gen_random_uuid(), gen_random_uuid(), now(), now(), '' FROM task_open`,
	// A workflow with a long past, half of it by webhooks, which fails of late, and with many runs that wait
	// for their turn; another one with many scheduled ones that do.
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, idempotency_key, created_at, finished_at, late_after)
	SELECT gen_random_uuid(), id, version_id, n, CASE WHEN n % 10 = 0 OR n > 3500 THEN 'failed' ELSE 'success' END, 'manual', at, at, at,
		CASE WHEN n % 2 = 0 THEN 'webhook:' || n + 1000 END, at, at, now() + n * interval '1 minute'
	FROM workflows, generate_series(1, 6000) n, LATERAL (SELECT date_trunc('hour', now()) - (6001 - n) * interval '1 hour' AS at) t WHERE name = 'upstream'`,
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, created_at)
	SELECT gen_random_uuid(), id, version_id, n, 'pending', 'manual', at, at, at, now() - interval '2 years'
	FROM workflows, generate_series(10000, 14000) n, LATERAL (SELECT now() + n * interval '1 hour' AS at) t WHERE name = 'upstream'`,
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, created_at)
	SELECT gen_random_uuid(), id, version_id, n, 'pending', 'scheduled', now() - n * interval '1 hour', now(), now(), now()
	FROM workflows, generate_series(200, 3200) n WHERE name = 'a1'`,
	`UPDATE workflows SET last_run_number = 20000, paused_at = CASE WHEN origin = 'api' THEN now() END`,
	`INSERT INTO backfills (id, workflow_id, version_id, name, hash, entries, from_at, to_at, mode, direction, concurrency, params, selection, status,
		total, created, created_by, reason, created_at, finished_at)
	SELECT gen_random_uuid(), id, version_id, n, '', '[]', now(), now(), 'all', 'oldest', 1, '{}', '', CASE WHEN n > 1 THEN 'finished' ELSE 'running' END,
		10, 10, '', '', now() - n * interval '1 minute', CASE WHEN n > 1 THEN now() - n * interval '1 minute' END
	FROM workflows, generate_series(1, 20) n WHERE origin = 'api'`,
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, created_at, finished_at, is_awaited, backfill_id)
	SELECT gen_random_uuid(), workflow_id, version_id, 5000 + row_number() OVER (PARTITION BY workflow_id), CASE status WHEN 'running' THEN 'pending' ELSE 'success' END, 'backfill',
		created_at - interval '90 days', now(), now(), now(), finished_at, status = 'running', id FROM backfills WHERE created_at > now() - interval '10 minutes'`,
	`INSERT INTO late_marks (workflow_run_id, task, deadline, noted_at) SELECT id, '', now(), now() FROM workflow_runs`,
	`INSERT INTO missed_slots (workflow_id, schedule_name, hash, first_slot, last_slot, slots, reason, text, noted_at)
	SELECT id, '', '', now() - n * interval '1 hour', now() - n * interval '1 hour', 1, 'paused', '', now()
	FROM workflows, generate_series(1, 4000) n WHERE name IN ('upstream', 'a1', 'a2', 'a3')`,
	`INSERT INTO after_ends (workflow_run_id, workflow_id, status, noted) SELECT id, workflow_id, status, 1 FROM workflow_runs WHERE finished_at IS NOT NULL`,
	`INSERT INTO seen_files (workflow_id, path, size, modified) SELECT id, n || '.csv', 1, now() FROM workflows, generate_series(1, 50) n`,
	`INSERT INTO notices (workflow_run_id, version_id, seq, event, task, status, attempt, reason, at)
	SELECT id, version_id, -1, 'success', '', 'success', 0, '', now() FROM workflow_runs WHERE status = 'success'`,
	`INSERT INTO notifications (id, workflow_run_id, event, of_tasks, recipient, destination, fold_key, facts, task_count, at, state, due_at, since, created_at, sent_at)
	SELECT gen_random_uuid(), id, 'success', false, '{"webhook":{"url":"https://a.example.org/"}}', number % 5 || '.example.org', id, '{}', 0, now(), state,
		now() + number % 2 * interval '1 day', now(), now(), CASE state WHEN 'sent' THEN now() END
	FROM workflow_runs, LATERAL (SELECT CASE WHEN number % 100 < 70 THEN 'sent' WHEN number % 100 = 70 THEN 'stuck' ELSE 'pending' END AS state) s WHERE status = 'success'`,
	`ANALYZE`,
}

// TestHotCallsReadLittle counts with PostgreSQL's own statistics what the store's
// own statements read: with many rows in every table, no hot call may go through one
// from end to end, be it along an index; neither with the plans for its first
// arguments nor with those for any.
func TestHotCallsReadLittle(t *testing.T) {
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		t.Run(mode, func(t *testing.T) {
			db := openPostgres(t)
			db.url += "&plan_cache_mode=" + mode
			judgeHotCalls(t, db)
		})
	}
}

func judgeHotCalls(t *testing.T, db *database) {
	t.Helper()
	var calls []persistencetest.HotCall
	withProbe(t, db, func(probe *database) {
		probe.start(definition("a", task("a")))
		probe.setPool("full", 100)
		persistencetest.MustSync(t, probe, persistencetest.Define(persistencetest.Upstream, persistencetest.Task("a")))
		probe.fill()
		calls = persistencetest.HotCalls(t, probe)
	})
	read, _ := rowsRead(t, db, func(ctx context.Context, probe *database) error {
		_, err := probe.CountTaskRuns(ctx, miniairflow.TaskRunFilter{}, 1_000_000)
		return err
	})
	require.Greater(t, read, rowsMax, "the probe itself must see a scan")
	calls = append(calls, counts()...)
	for _, call := range calls {
		read, scans := rowsRead(t, db, func(ctx context.Context, probe *database) error { return call.Do(ctx, probe) })
		require.Zero(t, scans, "%s: scans of whole tables", call.Name)
		require.Less(t, read, rowsMax, call.Name)
	}
}

// counts are the counts of everything up to a limit, which the page asks for.
func counts() []persistencetest.HotCall {
	const limit = 100
	return []persistencetest.HotCall{
		{Name: "count runs", Do: func(ctx context.Context, store miniairflow.Store) error {
			_, err := store.CountRuns(ctx, miniairflow.RunFilter{}, limit)
			return err
		}},
		{Name: "count task runs", Do: func(ctx context.Context, store miniairflow.Store) error {
			_, err := store.CountTaskRuns(ctx, miniairflow.TaskRunFilter{}, limit)
			return err
		}},
	}
}

// fill runs fillText.
func (db *database) fill() {
	db.Helper()
	raw, err := sql.Open("pgx", db.url+"&application_name=probe")
	require.NoError(db, err)
	for _, text := range fillText {
		_, err := raw.ExecContext(db.Context(), text)
		require.NoError(db, err)
	}
	require.NoError(db, raw.Close())
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

// rowsRead returns how many rows of the large tables do reads, and how often it
// goes through one from end to end.
func rowsRead(t *testing.T, db *database, do func(ctx context.Context, probe *database) error) (rows, scans int) {
	t.Helper()
	const large = `('workflow_runs', 'task_runs', 'task_attempts', 'task_queue', 'task_open', 'backfills', 'missed_slots', 'late_marks',
		'after_ends', 'seen_files', 'notices', 'notifications')`
	count := func() (rows, scans int) {
		rows = db.number(`SELECT sum(seq_tup_read) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname IN ` + large + `)
			FROM pg_stat_user_tables WHERE relname IN ` + large)
		return rows, db.number(`SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ` + large)
	}
	rowsBefore, scansBefore := count()
	withProbe(t, db, func(probe *database) { require.NoError(t, do(t.Context(), probe)) })
	rows, scans = count()
	return rows - rowsBefore, scans - scansBefore
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
