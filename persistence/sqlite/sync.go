package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// SyncFiles implements miniairflow.CatalogStore.
func (s *Store) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	read := func(files []*dialect.File) (*dialect.Catalogs, error) { return readCatalog(ctx, s.read, files) }
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

// syncGroup plans anew inside a transaction and writes the plans, which are those
// of the first ones of the files.
func (s *Store) syncGroup(ctx context.Context, files []*dialect.File) (plans []dialect.FilePlan, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		catalogs, err := readCatalog(ctx, t, files)
		if err != nil {
			return err
		}
		if plans, err = dialect.PlanFiles(files, catalogs); err != nil {
			return err
		}
		writes := dialect.NewWrites(plans)
		if writes.IsEmpty() {
			return nil
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog})
		return writeFiles(ctx, t, writes)
	})
	return plans, err
}

// writeFiles writes what was planned for some files.
func writeFiles(ctx context.Context, t *tx, writes *dialect.Writes) error {
	if ids := writes.Stopping(); len(ids) > 0 {
		cursors, err := cursorsOf(ctx, t, ids...)
		if err != nil {
			return err
		}
		if err := noteMissed(ctx, t, writes.LeftOut(cursors, timeOf(t.now))); err != nil {
			return err
		}
	}
	if err := saveWorkflows(ctx, t, writes.Saves); err != nil {
		return err
	}
	if err := retireWorkflows(ctx, t, writes.Retired); err != nil {
		return err
	}
	if err := noteHashes(ctx, t, writes.Paths, writes.Hashes); err != nil { // of those that stay
		return err
	}
	for _, plan := range writes.Errors {
		if err := replaceImportErrors(ctx, t, plan.Result.Path, plan.Errors); err != nil {
			return err
		}
	}
	return nil
}

// readCatalog reads what is stored about the files and the names in them.
func readCatalog(ctx context.Context, q querier, files []*dialect.File) (*dialect.Catalogs, error) {
	const workflows = `
		SELECT w.id, w.name, w.origin, w.source_file, w.source_hash, v.hash, w.version_id, w.version_number,
			w.is_active, w.paused_at IS NOT NULL, w.retired_at IS NOT NULL
		FROM workflows w JOIN workflow_versions v ON v.id = w.version_id
		WHERE w.id IN (
			SELECT id FROM workflows WHERE origin = 'file' AND source_file IN (SELECT value FROM json_each(?))
			UNION SELECT id FROM workflows WHERE name IN (SELECT value FROM json_each(?)))`
	const importErrors = `
		SELECT file, line, col, message, since FROM import_errors WHERE file IN (SELECT value FROM json_each(?))`
	paths, names := dialect.FileKeys(files)
	known, err := query(ctx, q, scanKnown, workflows, list[string](paths), list[string](names))
	if err != nil {
		return nil, err
	}
	found, err := query(ctx, q, scanImportError, importErrors, list[string](paths))
	if err != nil {
		return nil, err
	}
	return dialect.NewCatalogs(known, found), nil
}

func scanKnown(row row) (k dialect.Known, err error) {
	err = row.Scan(&k.ID, &k.Name, &k.Origin, &k.SourceFile, &k.SourceHash, &k.Hash, &k.VersionID, &k.VersionNumber,
		&k.IsActive, &k.IsPaused, &k.IsRetired)
	return k, err
}

// noteHashes keeps the hashes of files whose workflows are all as the files say. A
// workflow that changes has none until then.
func noteHashes(ctx context.Context, t *tx, paths, hashes []string) error {
	const text = `
		UPDATE workflows AS w SET source_hash = i.hash
		FROM (SELECT value ->> 0 AS path, value ->> 1 AS hash FROM json_each(?)) AS i
		WHERE w.source_file = i.path AND w.origin = 'file' AND w.retired_at IS NULL AND w.source_hash <> i.hash`
	if len(paths) == 0 {
		return nil
	}
	rows := make(table, len(paths))
	for i, path := range paths {
		rows[i] = []any{path, hashes[i]}
	}
	if _, err := t.ExecContext(ctx, text, rows); err != nil {
		return fmt.Errorf("note hashes of files: %w", err)
	}
	return nil
}

// retireWorkflows retires workflows, stops their schedules and cancels what has
// not started.
func retireWorkflows(ctx context.Context, t *tx, retired []dialect.Known) error {
	if len(retired) == 0 {
		return nil
	}
	ids := make(list[uuid.UUID], len(retired))
	for i, w := range retired {
		ids[i] = w.ID
	}
	const stop = `UPDATE schedules SET is_active = 0, next_at = NULL, since = ?2 WHERE workflow_id IN (SELECT value FROM json_each(?1))`
	if _, err := t.ExecContext(ctx, stop, ids, t.now); err != nil {
		return fmt.Errorf("stop schedules: %w", err)
	}
	const text = `UPDATE workflows SET retired_at = ?2, updated_at = ?2 WHERE id IN (SELECT value FROM json_each(?1))`
	if _, err := t.ExecContext(ctx, text, ids, t.now); err != nil {
		return fmt.Errorf("retire workflows: %w", err)
	}
	return cancelPending(ctx, t, ids)
}

// cancelPending cancels the runs of retired workflows that have not started.
func cancelPending(ctx context.Context, t *tx, workflowIDs list[uuid.UUID]) error {
	changed, err := t.changed(ctx)
	if err != nil {
		return err
	}
	const text = `
		UPDATE workflow_runs
		SET status = 'cancelled', reason = ?2, cancel_requested_at = ?3, finished_at = ?3, paused_at = NULL, is_awaited = 0, changed = ?4
		WHERE workflow_id IN (SELECT value FROM json_each(?1)) AND status = 'pending'
		RETURNING id`
	cancelled, err := query(ctx, t, scanID, text, workflowIDs, dialect.RetiredReason, t.now, changed)
	if err != nil {
		return fmt.Errorf("cancel pending runs: %w", err)
	}
	// Those that were opened again have task runs, all pending or over.
	const tasksText = `
		UPDATE task_runs SET status = 'cancelled', reason = ?2, finished_at = ?3, changed = ?4
		WHERE workflow_run_id IN (SELECT value FROM json_each(?1)) AND status = 'pending'`
	const countersText = `
		UPDATE run_counters SET done = (SELECT task_count FROM workflow_runs r WHERE r.id = workflow_run_id)
		WHERE workflow_run_id IN (SELECT value FROM json_each(?1))`
	if _, err := t.ExecContext(ctx, tasksText, list[uuid.UUID](cancelled), dialect.RetiredReason, t.now, changed); err != nil {
		return fmt.Errorf("cancel task runs: %w", err)
	}
	if _, err := t.ExecContext(ctx, countersText, list[uuid.UUID](cancelled)); err != nil {
		return fmt.Errorf("count cancelled task runs: %w", err)
	}
	if err := wakeParents(ctx, t, cancelled); err != nil {
		return fmt.Errorf("wake parents: %w", err)
	}
	for _, id := range cancelled {
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	t.publish(miniairflow.Event{Topic: miniairflow.TopicChild}) // perhaps one of them was one
	return nil
}
