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
// workflows, with task runs, of which others wait or run.
var fillText = []string{
	`INSERT INTO workflows (id, name, origin, version_id, version_number, is_active, max_active_runs, created_at, updated_at)
	SELECT gen_random_uuid(), name || n, 'api', version_id, 1, true, 1, now(), now() FROM workflows, generate_series(1, 200) n`,
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, type, logical_date, data_interval_start, run_after, task_count, created_at, started_at, finished_at)
	SELECT gen_random_uuid(), w.id, r.version_id, n, 'success', r.type, logical_date, logical_date, run_after, 10, r.created_at, started_at, now()
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
	const large = `('workflow_runs', 'task_runs', 'task_attempts', 'task_queue', 'task_open')`
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
