package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

const (
	// syncBatch is how many files are compared with one read.
	syncBatch = 500
	// catalogLock is the key of the advisory lock under which files change
	// workflows: a name must not get two owners at once.
	catalogLock = 0x63617461
)

// SyncFiles implements miniairflow.CatalogStore. A file without changes costs
// its share of two reads and no transaction of its own.
func (s *Store) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	results := make([]miniairflow.FileResult, 0, len(files))
	for batch := range slices.Chunk(files, syncBatch) {
		catalog, err := s.readCatalog(ctx, batch)
		if err != nil {
			return results, fmt.Errorf("read catalog: %w", mapError(err))
		}
		for i := range batch {
			plan, err := dialect.PlanFile(batch[i], catalog.Of(batch[i]))
			if err == nil && !plan.IsEmpty() {
				plan, err = s.syncFile(ctx, batch[i])
			}
			if err != nil {
				return results, fmt.Errorf("sync file %s: %w", batch[i].Path, err)
			}
			results = append(results, plan.Result)
		}
		paths, hashes := dialect.KnownFiles(batch, results[len(results)-len(batch):])
		if err := s.noteHashes(ctx, paths, hashes); err != nil {
			return results, fmt.Errorf("note hashes of files: %w", err)
		}
	}
	return results, nil
}

// noteHashes keeps the hashes of files whose workflows are all as the files say. A
// workflow that changes has none until then.
func (s *Store) noteHashes(ctx context.Context, paths, hashes []string) error {
	const text = `
WITH stale AS (
	SELECT w.id, i.hash FROM workflows w JOIN unnest($1::text[], $2::text[]) AS i(path, hash) ON i.path = w.source_file
	WHERE w.origin = 'file' AND w.retired_at IS NULL AND w.source_hash <> i.hash ORDER BY w.id FOR NO KEY UPDATE OF w)
UPDATE workflows w SET source_hash = stale.hash FROM stale WHERE w.id = stale.id`
	if len(paths) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, text, paths, hashes)
		return err
	})
}

// readCatalog reads what is stored about the files and the names in them.
func (s *Store) readCatalog(ctx context.Context, files []miniairflow.FileSync) (*dialect.Catalogs, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	batch := &pgx.Batch{}
	var rows catalogRows
	queueCatalog(batch, files, &rows)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	return dialect.NewCatalogs(rows.known, rows.errors), nil
}

// RetireFile implements miniairflow.CatalogStore.
func (s *Store) RetireFile(ctx context.Context, path string) error {
	if _, err := s.syncFile(ctx, miniairflow.FileSync{Path: path}); err != nil {
		return fmt.Errorf("retire file %s: %w", path, err)
	}
	return nil
}

// syncFile plans anew under the catalog's lock and writes the plan: what a new
// file needs, in two round trips.
func (s *Store) syncFile(ctx context.Context, file miniairflow.FileSync) (dialect.FilePlan, error) {
	var plan dialect.FilePlan
	err := s.inTx(ctx, func(t *tx) error {
		var now time.Time
		var rows catalogRows
		batch := &pgx.Batch{}
		batch.Queue(`SELECT pg_advisory_xact_lock($1, 0)`, int32(catalogLock))
		batch.Queue(`SELECT clock_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
		lockFileWorkflows(batch, file)
		queueCatalog(batch, []miniairflow.FileSync{file}, &rows)
		if err := t.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("read catalog: %w", err)
		}
		var err error
		catalog := dialect.NewCatalogs(rows.known, rows.errors)
		if plan, err = dialect.PlanFile(file, catalog.Of(file)); err != nil || plan.IsEmpty() {
			return err
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog})
		return writeFile(ctx, t, file.Path, &plan, now)
	})
	return plan, err
}

// writeFile writes the plan of a file.
func writeFile(ctx context.Context, t *tx, path string, plan *dialect.FilePlan, now time.Time) error {
	batch := &pgx.Batch{}
	for _, save := range plan.Saves {
		if err := saveWorkflow(batch, save, now); err != nil {
			return fmt.Errorf("workflow %q: %w", save.Workflow.Name, err)
		}
	}
	if len(plan.Retired) == 0 && !plan.ErrorsChanged {
		return t.end(ctx, batch)
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := retireWorkflows(ctx, t, plan.Retired, now); err != nil {
		return err
	}
	if !plan.ErrorsChanged {
		return nil
	}
	return replaceImportErrors(ctx, t, path, plan.Errors, now)
}

// lockFileWorkflows locks the rows that the sync of a file may change, in the
// order of the package's comment: schedules first.
func lockFileWorkflows(batch *pgx.Batch, file miniairflow.FileSync) {
	const schedules = `
SELECT 1 FROM schedules c JOIN workflows w ON w.id = c.workflow_id
WHERE w.origin = 'file' AND w.source_file = $1 OR w.name = ANY($2)
ORDER BY c.workflow_id, c.name FOR NO KEY UPDATE OF c`
	const workflows = `
SELECT 1 FROM workflows WHERE origin = 'file' AND source_file = $1 OR name = ANY($2) ORDER BY id FOR NO KEY UPDATE`
	paths, names := dialect.FileKeys([]miniairflow.FileSync{file})
	batch.Queue(schedules, paths[0], names)
	batch.Queue(workflows, paths[0], names)
}

// catalogRows are what is stored about files and names.
type catalogRows struct {
	known  []dialect.Known
	errors []miniairflow.ImportError
}

// queueCatalog adds the statements that read what is stored about the files and
// the names in them.
func queueCatalog(batch *pgx.Batch, files []miniairflow.FileSync, into *catalogRows) {
	const workflows = `
SELECT w.id, w.name, w.origin, w.source_file, v.hash, w.version_id, w.version_number,
	w.is_active, w.paused_at IS NOT NULL, w.retired_at IS NOT NULL
FROM workflows w JOIN workflow_versions v ON v.id = w.version_id
WHERE w.origin = 'file' AND w.source_file = ANY($1) OR w.name = ANY($2)`
	const importErrors = `SELECT file, line, col, message, since FROM import_errors WHERE file = ANY($1)`
	paths, names := dialect.FileKeys(files)
	batch.Queue(workflows, paths, names).Query(func(rows pgx.Rows) (err error) {
		into.known, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k dialect.Known, err error) {
			err = row.Scan(&k.ID, &k.Name, &k.Origin, &k.SourceFile, &k.Hash, &k.VersionID, &k.VersionNumber, &k.IsActive, &k.IsPaused, &k.IsRetired)
			return k, err
		})
		return err
	})
	batch.Queue(importErrors, paths).Query(func(rows pgx.Rows) (err error) {
		into.errors, err = pgx.CollectRows(rows, scanImportError)
		return err
	})
}

// queueAs adds a statement without a result. Its error says what it was for.
func queueAs(batch *pgx.Batch, what, text string, args ...any) {
	batch.Queue(text, args...).Fn = func(results pgx.BatchResults) error {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
}

// saveWorkflow adds what writes a workflow, its new version, and its schedules.
func saveWorkflow(batch *pgx.Batch, save dialect.Save, now time.Time) error {
	const statement = `
INSERT INTO workflows (id, name, description, owner, tags, origin, source_file, version_id, version_number, schedule_cron,
	is_active, max_active_runs, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 'file', $6, $7, $8, $9, $10, $11, $12, $12)
ON CONFLICT (id) DO UPDATE SET description = excluded.description, owner = excluded.owner, tags = excluded.tags, origin = excluded.origin,
	source_file = excluded.source_file, version_id = excluded.version_id, version_number = excluded.version_number,
	schedule_cron = excluded.schedule_cron, is_active = excluded.is_active, max_active_runs = excluded.max_active_runs,
	source_hash = '', retired_at = NULL, updated_at = excluded.updated_at`
	w, d := save.Workflow, save.Graph.Definition
	tags, err := json.Marshal(append([]string{}, d.Tags...))
	if err != nil {
		return fmt.Errorf("encode tags: %w", err)
	}
	queueAs(batch, fmt.Sprintf("workflow %q", w.Name), statement, w.ID, w.Name, dialect.Text(d.Description), dialect.Text(d.Owner), tags,
		w.SourceFile, w.VersionID, w.VersionNumber, d.ScheduleCron(), d.IsActive, d.MaxActiveRuns, now)
	if save.IsNewVersion {
		if err := insertVersion(batch, save, now); err != nil {
			return fmt.Errorf("version %d: %w", w.VersionNumber, err)
		}
	}
	return saveSchedules(batch, save)
}

// insertVersion adds what writes a version with its tasks.
func insertVersion(batch *pgx.Batch, save dialect.Save, now time.Time) error {
	const version = `
INSERT INTO workflow_versions (id, workflow_id, number, hash, document, created_at) VALUES ($1, $2, $3, $4, $5, $6)`
	const tasks = `
INSERT INTO tasks (id, version_id, seq, name, command, retry_count, retry_delay_seconds, timeout_seconds, created_at)
SELECT u.*, $9 FROM (SELECT id, $1::uuid, seq, name, command, retries, delay, timeout
	FROM unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::int[], $7::float8[], $8::float8[])
		AS u(id, seq, name, command, retries, delay, timeout)) u`
	const dependencies = `
INSERT INTO task_dependencies (task_id, depends_on_task_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])`
	w := save.Workflow
	rows, err := dialect.NewTaskRows(w.VersionID, save.Graph)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("version %d of workflow %q", w.VersionNumber, w.Name)
	queueAs(batch, what, version, w.VersionID, w.ID, w.VersionNumber, w.Hash, save.Document, now)
	queueAs(batch, "tasks of "+what, tasks, w.VersionID, rows.IDs, rows.Seqs, rows.Names, rows.Commands, rows.RetryCounts,
		rows.RetryDelays, rows.Timeouts, now)
	queueAs(batch, "dependencies of "+what, dependencies, rows.Downstreams, rows.Upstreams)
	return nil
}

// saveSchedules adds what brings the cursors in line with a definition: one of an
// equal schedule stays where it is.
func saveSchedules(batch *pgx.Batch, save dialect.Save) error {
	const drop = `DELETE FROM schedules WHERE workflow_id = $1 AND name <> ALL($2)`
	const upsert = `
INSERT INTO schedules AS c (workflow_id, name, version_id, spec, hash, params, is_active)
SELECT $1, u.name, $2, u.spec, u.hash, $8, $3 FROM unnest($4::text[], $5::jsonb[], $6::text[]) AS u(name, spec, hash)
ON CONFLICT (workflow_id, name) DO UPDATE SET version_id = excluded.version_id, spec = excluded.spec, hash = excluded.hash,
	params = excluded.params, is_active = excluded.is_active,
	next_at = CASE WHEN c.hash = excluded.hash AND NOT $7 THEN c.next_at END,
	last_at = CASE WHEN c.hash = excluded.hash THEN c.last_at END,
	is_finished = c.is_finished AND c.hash = excluded.hash AND NOT $7`
	w := save.Workflow
	rows, err := dialect.NewScheduleRows(save.Graph.Definition)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("schedules of workflow %q", w.Name)
	queueAs(batch, what, drop, w.ID, rows.Names)
	if len(rows.Names) > 0 {
		queueAs(batch, what, upsert, w.ID, w.VersionID, w.Runs(), rows.Names, rows.Specs, rows.Hashes, save.ResetCursors, rows.Params)
	}
	return nil
}

// retireWorkflows retires workflows, stops their schedules and cancels what has
// not started.
func retireWorkflows(ctx context.Context, t *tx, retired []dialect.Known, now time.Time) error {
	if len(retired) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(retired))
	for i, w := range retired {
		ids[i] = w.ID
	}
	if _, err := t.Exec(ctx, `UPDATE schedules SET is_active = false WHERE workflow_id = ANY($1)`, ids); err != nil {
		return fmt.Errorf("stop schedules: %w", err)
	}
	if _, err := t.Exec(ctx, `UPDATE workflows SET retired_at = $2, updated_at = $2 WHERE id = ANY($1)`, ids, now); err != nil {
		return fmt.Errorf("retire workflows: %w", err)
	}
	return cancelPending(ctx, t, ids, now)
}

// cancelPending cancels the runs of retired workflows that have not started. The
// caller has locked the workflows, so that none starts and none is added.
func cancelPending(ctx context.Context, t *tx, workflowIDs []uuid.UUID, now time.Time) error {
	const pending = `SELECT id FROM workflow_runs WHERE workflow_id = ANY($1) AND status = 'pending'`
	const cancel = `
UPDATE workflow_runs
SET status = 'cancelled', reason = $2, cancel_requested_at = $3, finished_at = $3, paused_at = NULL, changed = pg_current_xact_id()
WHERE id = ANY($1) AND status = 'pending' RETURNING id`
	ids, err := collect(ctx, t, pgx.RowTo[uuid.UUID], pending, workflowIDs)
	if err != nil {
		return fmt.Errorf("find pending runs: %w", err)
	}
	if len(ids) == 0 {
		return nil
	}
	if err := lockRuns(ctx, t, ids...); err != nil {
		return err
	}
	if ids, err = collect(ctx, t, pgx.RowTo[uuid.UUID], cancel, ids, dialect.RetiredReason, now); err != nil {
		return fmt.Errorf("cancel pending runs: %w", err)
	}
	// Those that were opened again have task runs, all pending or over.
	const tasks = `
UPDATE task_runs SET status = 'cancelled', reason = $2, finished_at = $3, changed = pg_current_xact_id()
WHERE workflow_run_id = ANY($1) AND status = 'pending'`
	const counters = `
UPDATE run_counters c SET done = r.task_count FROM workflow_runs r WHERE r.id = c.workflow_run_id AND r.id = ANY($1)`
	batch := &pgx.Batch{}
	batch.Queue(tasks, ids, dialect.RetiredReason, now)
	batch.Queue(counters, ids)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("cancel task runs: %w", err)
	}
	for _, id := range ids {
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	return nil
}
