package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// syncBatch is how many files are compared with one read.
const syncBatch = 500

// SyncFiles implements miniairflow.CatalogStore. A file without changes costs
// its share of two reads and no transaction of its own.
func (s *Store) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	results := make([]miniairflow.FileResult, 0, len(files))
	for batch := range slices.Chunk(files, syncBatch) {
		catalog, err := readCatalog(ctx, s.read, batch)
		if err != nil {
			return results, fmt.Errorf("read catalog: %w", err)
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
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.ExecContext(ctx, text, rows)
		return err
	})
}

// RetireFile implements miniairflow.CatalogStore.
func (s *Store) RetireFile(ctx context.Context, path string) error {
	if _, err := s.syncFile(ctx, miniairflow.FileSync{Path: path}); err != nil {
		return fmt.Errorf("retire file %s: %w", path, err)
	}
	return nil
}

// syncFile plans anew inside the transaction and writes the plan.
func (s *Store) syncFile(ctx context.Context, file miniairflow.FileSync) (dialect.FilePlan, error) {
	var plan dialect.FilePlan
	err := s.inTx(ctx, func(t *tx) error {
		catalog, err := readCatalog(ctx, t, []miniairflow.FileSync{file})
		if err != nil {
			return err
		}
		if plan, err = dialect.PlanFile(file, catalog.Of(file)); err != nil || plan.IsEmpty() {
			return err
		}
		for _, save := range plan.Saves {
			if err := saveWorkflow(ctx, t, save); err != nil {
				return fmt.Errorf("workflow %q: %w", save.Workflow.Name, err)
			}
		}
		if err := retireWorkflows(ctx, t, plan.Retired); err != nil {
			return err
		}
		if plan.ErrorsChanged {
			if err := replaceImportErrors(ctx, t, file.Path, plan.Errors); err != nil {
				return err
			}
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog})
		return nil
	})
	return plan, err
}

// readCatalog reads what is stored about the files and the names in them.
func readCatalog(ctx context.Context, q querier, files []miniairflow.FileSync) (*dialect.Catalogs, error) {
	const workflows = `
		SELECT w.id, w.name, w.origin, w.source_file, v.hash, w.version_id, w.version_number,
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
	err = row.Scan(&k.ID, &k.Name, &k.Origin, &k.SourceFile, &k.Hash, &k.VersionID, &k.VersionNumber, &k.IsActive, &k.IsPaused, &k.IsRetired)
	return k, err
}

// saveWorkflow writes a workflow, its new version, and its schedules.
func saveWorkflow(ctx context.Context, t *tx, save dialect.Save) error {
	const text = `
		INSERT INTO workflows (id, name, description, owner, tags, origin, source_file, version_id, version_number, schedule_cron,
			is_active, max_active_runs, created_at, updated_at)
		VALUES (?1, ?2, ?3, ?4, ?5, 'file', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)
		ON CONFLICT (id) DO UPDATE SET description = excluded.description, owner = excluded.owner, tags = excluded.tags, origin = excluded.origin,
			source_file = excluded.source_file, version_id = excluded.version_id, version_number = excluded.version_number,
			schedule_cron = excluded.schedule_cron, is_active = excluded.is_active, max_active_runs = excluded.max_active_runs,
			source_hash = '', retired_at = NULL, updated_at = excluded.updated_at`
	w, d := save.Workflow, save.Graph.Definition
	_, err := t.ExecContext(ctx, text, w.ID, w.Name, dialect.Text(d.Description), dialect.Text(d.Owner), list[string](d.Tags), w.SourceFile,
		w.VersionID, w.VersionNumber, d.ScheduleCron(), d.IsActive, d.MaxActiveRuns, t.now)
	if err != nil {
		return err
	}
	if save.IsNewVersion {
		if err := insertVersion(ctx, t, save); err != nil {
			return fmt.Errorf("version %d: %w", w.VersionNumber, err)
		}
	}
	return saveSchedules(ctx, t, save)
}

// insertVersion writes a version with its tasks.
func insertVersion(ctx context.Context, t *tx, save dialect.Save) error {
	const version = `
		INSERT INTO workflow_versions (id, workflow_id, number, hash, document, created_at) VALUES (?, ?, ?, ?, ?, ?)`
	const tasks = `
		INSERT INTO tasks (id, version_id, seq, name, command, retry_count, retry_delay_seconds, timeout_seconds, created_at)
		SELECT value ->> 0, ?2, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, ?3 FROM json_each(?1)`
	const dependencies = `
		INSERT INTO task_dependencies (task_id, depends_on_task_id) SELECT value ->> 0, value ->> 1 FROM json_each(?)`
	w := save.Workflow
	rows, err := dialect.NewTaskRows(w.VersionID, save.Graph)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, version, w.VersionID, w.ID, w.VersionNumber, w.Hash, string(save.Document), t.now); err != nil {
		return err
	}
	taskTable, edges := table{}, table{}
	for i, id := range rows.IDs {
		taskTable = append(taskTable, []any{id, rows.Seqs[i], rows.Names[i], rows.Commands[i], rows.RetryCounts[i], rows.RetryDelays[i], rows.Timeouts[i]})
	}
	for i := range rows.Upstreams {
		edges = append(edges, []any{rows.Downstreams[i], rows.Upstreams[i]})
	}
	if _, err := t.ExecContext(ctx, tasks, taskTable, w.VersionID, t.now); err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	if _, err := t.ExecContext(ctx, dependencies, edges); err != nil {
		return fmt.Errorf("dependencies: %w", err)
	}
	return nil
}

// saveSchedules brings the cursors in line with a definition: one of an equal
// schedule stays where it is.
func saveSchedules(ctx context.Context, t *tx, save dialect.Save) error {
	const drop = `DELETE FROM schedules WHERE workflow_id = ? AND name NOT IN (SELECT value FROM json_each(?))`
	// The WHERE tells SQLite's parser that ON belongs to the INSERT.
	const upsert = `
		INSERT INTO schedules (workflow_id, name, version_id, spec, hash, params, is_active)
		SELECT ?1, value ->> 0, ?2, value ->> 1, value ->> 2, ?6, ?3 FROM json_each(?4) WHERE true
		ON CONFLICT (workflow_id, name) DO UPDATE SET version_id = excluded.version_id, spec = excluded.spec, hash = excluded.hash,
			params = excluded.params, is_active = excluded.is_active,
			next_at = CASE WHEN hash = excluded.hash AND NOT ?5 THEN next_at END,
			last_at = CASE WHEN hash = excluded.hash THEN last_at END,
			is_finished = is_finished AND hash = excluded.hash AND NOT ?5`
	w := save.Workflow
	rows, err := dialect.NewScheduleRows(save.Graph.Definition)
	if err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, drop, w.ID, list[string](rows.Names)); err != nil {
		return fmt.Errorf("drop schedules: %w", err)
	}
	schedules := table{}
	for i, name := range rows.Names {
		schedules = append(schedules, []any{name, rows.Specs[i], rows.Hashes[i]})
	}
	if _, err := t.ExecContext(ctx, upsert, w.ID, w.VersionID, w.Runs(), schedules, save.ResetCursors, rows.Params); err != nil {
		return fmt.Errorf("save schedules: %w", err)
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
	if _, err := t.ExecContext(ctx, `UPDATE schedules SET is_active = false WHERE workflow_id IN (SELECT value FROM json_each(?))`, ids); err != nil {
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
		SET status = 'cancelled', reason = ?2, cancel_requested_at = ?3, finished_at = ?3, paused_at = NULL, changed = ?4
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
	for _, id := range cancelled {
		t.publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	return nil
}
