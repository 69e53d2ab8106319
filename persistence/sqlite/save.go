package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// insertSizes are the numbers of rows that one statement of insertRows has: few,
// since each is a text that is kept prepared.
var insertSizes = []int{64, 8, 1}

// insertRows inserts rows, many with a statement. into is the text before VALUES,
// and tail the one after.
func insertRows(ctx context.Context, t *tx, into string, rows [][]any, tail string) error {
	if len(rows) == 0 {
		return nil
	}
	row := ", (?" + strings.Repeat(", ?", len(rows[0])-1) + ")"
	for _, size := range insertSizes {
		text := into + " VALUES " + strings.Repeat(row, size)[2:] + tail
		for len(rows) >= size {
			if _, err := t.ExecContext(ctx, text, slices.Concat(rows[:size]...)...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}

// saveWorkflows writes workflows, their new versions, and their schedules.
func saveWorkflows(ctx context.Context, t *tx, saves []dialect.Save) error {
	const into = `
		INSERT INTO workflows (id, name, description, owner, tags, origin, source_file, source_hash, version_id, version_number, schedule_cron,
			is_active, max_active_runs, created_at, updated_at)`
	const tail = `
		ON CONFLICT (id) DO UPDATE SET description = excluded.description, owner = excluded.owner, tags = excluded.tags, origin = excluded.origin,
			source_file = excluded.source_file, source_hash = excluded.source_hash, version_id = excluded.version_id,
			version_number = excluded.version_number, schedule_cron = excluded.schedule_cron, is_active = excluded.is_active,
			max_active_runs = excluded.max_active_runs, retired_at = NULL, updated_at = excluded.updated_at`
	rows := make([][]any, len(saves))
	for i, save := range saves {
		w, d := save.Workflow, save.Graph.Definition
		rows[i] = []any{
			w.ID, w.Name, dialect.Text(d.Description), dialect.Text(d.Owner), list[string](d.Tags), w.Origin, w.SourceFile, w.SourceHash,
			w.VersionID, w.VersionNumber, d.ScheduleCron(), d.IsActive, d.MaxActiveRuns, t.now, t.now,
		}
	}
	if err := insertRows(ctx, t, into, rows, tail); err != nil {
		return fmt.Errorf("workflows: %w", err)
	}
	if err := insertVersions(ctx, t, saves); err != nil {
		return err
	}
	if err := saveSchedules(ctx, t, saves); err != nil {
		return err
	}
	if err := saveAfters(ctx, t, saves); err != nil {
		return err
	}
	return saveArrivals(ctx, t, saves)
}

// insertVersions writes the new versions with their tasks.
func insertVersions(ctx context.Context, t *tx, saves []dialect.Save) error {
	const intoVersions = `INSERT INTO workflow_versions (id, workflow_id, number, hash, document, created_at, commit_hash, commit_author, commit_at, commit_dirty, has_deadlines)`
	const intoTasks = `
		INSERT INTO tasks (id, version_id, seq, name, command, retry_count, retry_delay_seconds, timeout_seconds, created_at)`
	const intoFiles = `INSERT INTO version_files (version_id, hash)`
	const intoDependencies = `INSERT INTO task_dependencies (task_id, depends_on_task_id)`
	var rows dialect.TaskRows
	var versions, files, tasks, dependencies [][]any
	for _, save := range saves {
		if !save.IsNewVersion {
			continue
		}
		w := save.Workflow
		commit := dialect.NewCommitRow(save.Commit)
		versions = append(versions, []any{
			w.VersionID, w.ID, w.VersionNumber, w.Hash, string(save.Document), t.now, commit.Hash, commit.Author, nullMicros(commit.AuthoredAt), commit.IsDirty,
			save.Graph.Definition.HasDeadlines(),
		})
		for _, hash := range miniairflow.FileHashes(save.Graph.Definition.Files) {
			files = append(files, []any{w.VersionID, hash})
		}
		if err := rows.Add(w.VersionID, save.Graph); err != nil {
			return fmt.Errorf("version %d of workflow %q: %w", w.VersionNumber, w.Name, err)
		}
	}
	for i, id := range rows.IDs {
		tasks = append(tasks, []any{
			id, rows.Versions[i], rows.Seqs[i], rows.Names[i], rows.Commands[i], rows.RetryCounts[i], rows.RetryDelays[i], rows.Timeouts[i], t.now,
		})
	}
	for i := range rows.Upstreams {
		dependencies = append(dependencies, []any{rows.Downstreams[i], rows.Upstreams[i]})
	}
	if err := insertRows(ctx, t, intoVersions, versions, ""); err != nil {
		return fmt.Errorf("versions: %w", err)
	}
	if err := insertRows(ctx, t, intoFiles, files, ""); err != nil {
		return fmt.Errorf("files of versions: %w", err)
	}
	if err := insertRows(ctx, t, intoTasks, tasks, ""); err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	if err := insertRows(ctx, t, intoDependencies, dependencies, ""); err != nil {
		return fmt.Errorf("dependencies: %w", err)
	}
	return nil
}

// saveSchedules brings the cursors in line with the definitions: one of an equal
// schedule stays where it is, but for those that stood still.
func saveSchedules(ctx context.Context, t *tx, saves []dialect.Save) error {
	const drop = `
		DELETE FROM schedules WHERE workflow_id IN (SELECT value FROM json_each(?1))
			AND (workflow_id, name) NOT IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2))`
	const into = `INSERT INTO schedules (workflow_id, name, version_id, entries, hash, params, is_active, since)`
	const keep = `
		ON CONFLICT (workflow_id, name) DO UPDATE SET version_id = excluded.version_id, entries = excluded.entries, hash = excluded.hash,
			params = excluded.params, is_active = excluded.is_active,
			next_at = CASE WHEN hash = excluded.hash THEN next_at END,
			since = CASE WHEN hash = excluded.hash THEN since ELSE excluded.since END,
			last_at = CASE WHEN hash = excluded.hash THEN last_at END,
			is_finished = is_finished AND hash = excluded.hash`
	const reset = `
		ON CONFLICT (workflow_id, name) DO UPDATE SET version_id = excluded.version_id, entries = excluded.entries, hash = excluded.hash,
			params = excluded.params, is_active = excluded.is_active, next_at = NULL, since = excluded.since,
			last_at = CASE WHEN hash = excluded.hash THEN last_at END, is_finished = false`
	schedules, err := dialect.NewScheduleRows(saves)
	if err != nil {
		return err
	}
	if len(schedules.Old) > 0 {
		names := make(table, 0, len(schedules.Keep)+len(schedules.Reset))
		for _, row := range slices.Concat(schedules.Keep, schedules.Reset) {
			names = append(names, []any{row.WorkflowID, row.Name})
		}
		if _, err := t.ExecContext(ctx, drop, list[uuid.UUID](schedules.Old), names); err != nil {
			return fmt.Errorf("drop schedules: %w", err)
		}
	}
	if err := insertRows(ctx, t, into, scheduleRows(schedules.Keep, t.now), keep); err != nil {
		return fmt.Errorf("save schedules: %w", err)
	}
	if err := insertRows(ctx, t, into, scheduleRows(schedules.Reset, t.now), reset); err != nil {
		return fmt.Errorf("save schedules that stood still: %w", err)
	}
	return nil
}

func scheduleRows(list []dialect.ScheduleRow, now int64) [][]any {
	rows := make([][]any, len(list))
	for i, s := range list {
		rows[i] = []any{s.WorkflowID, s.Name, s.VersionID, s.Entries, s.Hash, s.Params, s.Runs, now}
	}
	return rows
}
