package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// filler is what differs between the databases when a history is written.
type filler struct {
	before []string // statements for the connection
	table  string   // of the copies to be made: their ages are of a type that a time can be reduced by
	insert string   // of one row there
	after  []string
}

// The product is stopped, and who is interrupted here starts anew: nothing has to
// be durable before the end. The rows are copies of rows that have passed all checks
// of foreign keys. PostgreSQL gets what its autovacuum would do in the course of
// a history; the product's SQLite files have no statistics either.
var fillers = map[database]filler{
	onPostgres: {
		before: []string{"SET session_replication_role = replica", "SET synchronous_commit = off", "SET work_mem = '256MB'"},
		table:  "CREATE TABLE bench_clones (id uuid PRIMARY KEY, template uuid NOT NULL, number bigint NOT NULL, age interval NOT NULL)",
		insert: "INSERT INTO bench_clones (id, template, number, age) VALUES ($1, $2, $3, $4::bigint * interval '1 microsecond')",
		after:  []string{"VACUUM (ANALYZE)", "CHECKPOINT"},
	},
	onSQLite: {
		before: []string{"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -200000"},
		table:  "CREATE TABLE bench_clones (id text PRIMARY KEY, template text NOT NULL, number integer NOT NULL, age integer NOT NULL) WITHOUT ROWID",
		insert: "INSERT INTO bench_clones (id, template, number, age) VALUES ($1, $2, $3, $4)",
		after:  []string{"PRAGMA journal_mode = WAL"},
	},
}

// copies write the copies of runs, table by table, each run behind the older ones
// and all its rows together, as the product would have written them.
var copies = []string{
	`UPDATE workflow_runs SET number = 1 + (SELECT count(*) FROM bench_clones c WHERE c.template = workflow_runs.id)
	WHERE id IN (SELECT template FROM bench_clones)`,
	`UPDATE workflows SET last_run_number = (SELECT max(number) FROM workflow_runs r WHERE r.workflow_id = workflows.id)`,
	`INSERT INTO workflow_runs (id, workflow_id, version_id, number, status, reason, type, schedule_name,
		logical_date, data_interval_start, run_after, params, task_count, created_at, started_at, finished_at, generation, outcome, changed)
	SELECT c.id, r.workflow_id, r.version_id, c.number, r.status, r.reason, r.type, r.schedule_name,
		r.logical_date - c.age, r.data_interval_start - c.age, r.run_after - c.age, r.params, r.task_count,
		r.created_at - c.age, r.started_at - c.age, r.finished_at - c.age, r.generation, r.outcome, r.changed
	FROM bench_clones c JOIN workflow_runs r ON r.id = c.template ORDER BY c.id`,
	`INSERT INTO run_counters (workflow_run_id, done, failed, active, limited)
	SELECT c.id, n.done, n.failed, n.active, n.limited
	FROM bench_clones c JOIN run_counters n ON n.workflow_run_id = c.template ORDER BY c.id`,
	`INSERT INTO task_runs (workflow_run_id, seq, task_id, name, status, reason, attempt, failures, losses, queue, priority, queue_timeout,
		pool, pool_slots, is_finally, reopens, up_total, up_success, up_failed, up_skipped, exit_code, outputs,
		queued_at, started_at, finished_at, changed)
	SELECT c.id, t.seq, t.task_id, t.name, t.status, t.reason, t.attempt, t.failures, t.losses, t.queue, t.priority, t.queue_timeout,
		t.pool, t.pool_slots, t.is_finally, t.reopens, t.up_total, t.up_success, t.up_failed, t.up_skipped, t.exit_code, t.outputs,
		t.queued_at - c.age, t.started_at - c.age, t.finished_at - c.age, t.changed
	FROM bench_clones c JOIN task_runs t ON t.workflow_run_id = c.template ORDER BY c.id, t.seq`,
	`INSERT INTO task_attempts (workflow_run_id, seq, number, token, session_id, worker_name, status, reason, exit_code, started_at, finished_at)
	SELECT c.id, a.seq, a.number, a.token, a.session_id, a.worker_name, a.status, a.reason, a.exit_code, a.started_at - c.age, a.finished_at - c.age
	FROM bench_clones c JOIN task_attempts a ON a.workflow_run_id = c.template ORDER BY c.id, a.seq, a.number`,
	`DROP TABLE bench_clones`,
}

// insert writes the copies and counts what is there afterwards.
func (h *history) insert(ctx context.Context, on database, clones []clone) (err error) {
	db, path, err := h.openToWrite()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // what is set is set for a connection
	f := fillers[on]
	if err := execute(ctx, db, append(f.before, f.table)); err != nil {
		return err
	}
	if err := f.list(ctx, db, clones); err != nil {
		return fmt.Errorf("list the copies: %w", err)
	}
	if err := execute(ctx, db, append(copies[:len(copies):len(copies)], f.after...)); err != nil {
		return err
	}
	var runs, tasks int
	const count = `SELECT (SELECT count(*) FROM workflow_runs), (SELECT count(*) FROM task_runs)`
	if err := db.QueryRowContext(ctx, count).Scan(&runs, &tasks); err != nil {
		return fmt.Errorf("count the copies: %w", err)
	}
	if runs != h.runs || tasks != h.tasks {
		return fmt.Errorf("%d runs with %d task runs, not %d with %d", runs, tasks, h.runs, h.tasks)
	}
	if path == "" {
		return nil
	}
	return syncFile(path)
}

func execute(ctx context.Context, db *sql.DB, statements []string) error {
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}

// list writes down which copies are to be made.
func (f *filler) list(ctx context.Context, db *sql.DB, clones []clone) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	insert, err := tx.PrepareContext(ctx, f.insert)
	if err != nil {
		return err
	}
	defer insert.Close()
	for i := range clones {
		c := &clones[i]
		if _, err := insert.ExecContext(ctx, c.id, c.run, c.number, c.age.Microseconds()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// syncFile waits until a file is on the disk, so that nothing of it is written
// while something is measured.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
