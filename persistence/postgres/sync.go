package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// catalogLock is the key of the advisory lock under which files change
// workflows: a name must not get two owners at once.
const catalogLock = 0x63617461

// SyncFiles implements miniairflow.CatalogStore.
func (s *Store) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	read := func(files []*dialect.File) (*dialect.Catalogs, error) { return s.readCatalog(ctx, files) }
	write := func(files []*dialect.File) ([]dialect.FilePlan, error) { return s.syncGroup(ctx, files) }
	return dialect.SyncFiles(files, read, write)
}

// RetireFile implements miniairflow.CatalogStore.
func (s *Store) RetireFile(ctx context.Context, path string) error {
	if _, err := s.syncGroup(ctx, dialect.NewFiles([]miniairflow.FileSync{{Path: path}})); err != nil {
		return fmt.Errorf("retire file %s: %w", path, err)
	}
	return nil
}

// syncGroup plans anew under the catalog's lock and writes the plans, which are
// those of the first ones of the files: what new files need, in two round trips.
func (s *Store) syncGroup(ctx context.Context, files []*dialect.File) (plans []dialect.FilePlan, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var now time.Time
		var rows catalogRows
		batch := &pgx.Batch{}
		batch.Queue(`SELECT pg_advisory_xact_lock($1, 0)`, int32(catalogLock))
		lockFileWorkflows(batch, files)
		batch.Queue(`SELECT clock_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&now) })
		queueCatalog(batch, files, &rows)
		if err := t.SendBatch(ctx, batch).Close(); err != nil {
			return fmt.Errorf("read catalog: %w", err)
		}
		var err error
		if plans, err = dialect.PlanFiles(files, dialect.NewCatalogs(rows.known, rows.errors)); err != nil {
			return err
		}
		writes := dialect.NewWrites(plans)
		if writes.IsEmpty() {
			return nil
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog})
		return writeFiles(ctx, t, writes, now)
	})
	return plans, err
}

// writeFiles writes what was planned for some files.
func writeFiles(ctx context.Context, t *tx, writes *dialect.Writes, now time.Time) error {
	if ids := writes.Stopping(); len(ids) > 0 {
		cursors, err := cursorsOf(ctx, t, ids...)
		if err != nil {
			return err
		}
		if err := noteMissed(ctx, t, writes.LeftOut(cursors, now)); err != nil {
			return err
		}
	}
	batch := &pgx.Batch{}
	if err := saveWorkflows(batch, writes.Saves, now); err != nil {
		return err
	}
	if len(writes.Retired) == 0 && len(writes.Errors) == 0 {
		noteHashes(batch, writes.Paths, writes.Hashes)
		return t.end(ctx, batch)
	}
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	if err := retireWorkflows(ctx, t, writes.Retired, now); err != nil {
		return err
	}
	batch = &pgx.Batch{}
	noteHashes(batch, writes.Paths, writes.Hashes) // of those that stay
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	for _, plan := range writes.Errors {
		if err := replaceImportErrors(ctx, t, plan.Result.Path, plan.Errors, now); err != nil {
			return err
		}
	}
	return nil
}

// readCatalog reads what is stored about the files and the names in them.
func (s *Store) readCatalog(ctx context.Context, files []*dialect.File) (*dialect.Catalogs, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	batch := &pgx.Batch{}
	var rows catalogRows
	queueCatalog(batch, files, &rows)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, mapError(err)
	}
	return dialect.NewCatalogs(rows.known, rows.errors), nil
}

// chosenWorkflows begins a statement about the workflows of files ($1) and those of
// names ($2). It looks each of them up by an index: while a first sync fills the
// table, the planner takes it for a small one that it had better read whole.
const chosenWorkflows = `
WITH chosen AS MATERIALIZED (
	SELECT w.id FROM unnest($1::text[]) AS p(path)
	CROSS JOIN LATERAL (SELECT id FROM workflows WHERE origin = 'file' AND source_file = p.path OFFSET 0) w
	UNION
	SELECT w.id FROM unnest($2::text[]) AS n(name)
	CROSS JOIN LATERAL (SELECT id FROM workflows WHERE name = n.name LIMIT 1) w)`

// lockFileWorkflows locks the rows that the sync of files may change, in the
// order of the package's comment: schedules first.
func lockFileWorkflows(batch *pgx.Batch, files []*dialect.File) {
	const schedules = chosenWorkflows + `
SELECT 1 FROM chosen JOIN schedules c ON c.workflow_id = chosen.id ORDER BY c.workflow_id, c.name FOR NO KEY UPDATE OF c`
	const workflows = chosenWorkflows + `
SELECT 1 FROM chosen JOIN workflows w ON w.id = chosen.id ORDER BY w.id FOR NO KEY UPDATE OF w`
	paths, names := dialect.FileKeys(files)
	batch.Queue(schedules, paths, names)
	batch.Queue(workflows, paths, names)
}

// catalogRows are what is stored about files and names.
type catalogRows struct {
	known  []dialect.Known
	errors []miniairflow.ImportError
}

// queueCatalog adds the statements that read what is stored about the files and
// the names in them.
func queueCatalog(batch *pgx.Batch, files []*dialect.File, into *catalogRows) {
	const workflows = chosenWorkflows + `
SELECT w.* FROM chosen CROSS JOIN LATERAL (
	SELECT w.id, w.name, w.origin, w.source_file, w.source_hash, v.hash, w.version_id, w.version_number,
		w.is_active, w.paused_at IS NOT NULL, w.retired_at IS NOT NULL
	FROM workflows w JOIN workflow_versions v ON v.id = w.version_id
	WHERE w.id = chosen.id OFFSET 0) w`
	const importErrors = `SELECT file, line, col, message, since FROM import_errors WHERE file = ANY($1)`
	paths, names := dialect.FileKeys(files)
	batch.Queue(workflows, paths, names).Query(func(rows pgx.Rows) (err error) {
		into.known, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k dialect.Known, err error) {
			err = row.Scan(&k.ID, &k.Name, &k.Origin, &k.SourceFile, &k.SourceHash, &k.Hash, &k.VersionID, &k.VersionNumber,
				&k.IsActive, &k.IsPaused, &k.IsRetired)
			return k, err
		})
		return err
	})
	batch.Queue(importErrors, paths).Query(func(rows pgx.Rows) (err error) {
		into.errors, err = pgx.CollectRows(rows, scanImportError)
		return err
	})
}

// noteHashes adds what keeps the hashes of files whose workflows are all as the
// files say. A workflow that changes has none until then.
func noteHashes(batch *pgx.Batch, paths, hashes []string) {
	const text = `
UPDATE workflows w SET source_hash = i.hash FROM unnest($1::text[], $2::text[]) AS i(path, hash)
WHERE w.source_file = i.path AND w.origin = 'file' AND w.retired_at IS NULL AND w.source_hash <> i.hash`
	if len(paths) > 0 {
		queueAs(batch, "note hashes of files", text, paths, hashes)
	}
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
	if _, err := t.Exec(ctx, `UPDATE schedules SET is_active = false, next_at = NULL, since = $2 WHERE workflow_id = ANY($1)`, ids, now); err != nil {
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
SET status = 'cancelled', reason = $2, cancel_requested_at = $3, finished_at = $3, paused_at = NULL, is_awaited = false,
	changed = pg_current_xact_id()
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
	wakeParents(batch, now, ids)
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("cancel task runs: %w", err)
	}
	for _, id := range ids {
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	t.publish(miniairflow.Event{Topic: miniairflow.TopicChild}) // perhaps one of them was one
	return nil
}
