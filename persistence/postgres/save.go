package postgres

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// queueAs adds a statement without a result. Its error says what it was for.
func queueAs(batch *pgx.Batch, what, text string, args ...any) {
	batch.Queue(text, args...).Fn = func(results pgx.BatchResults) error {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
}

// saveWorkflows adds what writes workflows, their new versions, and their schedules.
func saveWorkflows(batch *pgx.Batch, saves []dialect.Save, now time.Time) error {
	const statement = `
INSERT INTO workflows (id, name, description, owner, tags, origin, source_file, source_hash, version_id, version_number, schedule_cron,
	is_active, max_active_runs, created_at, updated_at)
SELECT u.id, u.name, u.description, u.owner, u.tags::jsonb, 'file', u.source_file, u.source_hash, u.version_id, u.version_number, u.cron,
	u.is_active, u.max_active_runs, $13, $13
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::int[], $10::text[],
	$11::bool[], $12::int[]) AS u(id, name, description, owner, tags, source_file, source_hash, version_id, version_number, cron,
	is_active, max_active_runs)
ON CONFLICT (id) DO UPDATE SET description = excluded.description, owner = excluded.owner, tags = excluded.tags, origin = excluded.origin,
	source_file = excluded.source_file, source_hash = excluded.source_hash, version_id = excluded.version_id,
	version_number = excluded.version_number, schedule_cron = excluded.schedule_cron, is_active = excluded.is_active,
	max_active_runs = excluded.max_active_runs, retired_at = NULL, updated_at = excluded.updated_at`
	if len(saves) == 0 {
		return nil
	}
	n := len(saves)
	ids, versions, numbers := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]int, n)
	names, descriptions, owners, tags := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	paths, hashes, crons := make([]string, n), make([]string, n), make([]string, n)
	active, limits := make([]bool, n), make([]int, n)
	for i, save := range saves {
		w, d := save.Workflow, save.Graph.Definition
		list, err := json.Marshal(append([]string{}, d.Tags...))
		if err != nil {
			return fmt.Errorf("encode tags of workflow %q: %w", w.Name, err)
		}
		ids[i], versions[i], numbers[i], names[i], tags[i] = w.ID, w.VersionID, w.VersionNumber, w.Name, string(list)
		descriptions[i], owners[i], paths[i], hashes[i] = dialect.Text(d.Description), dialect.Text(d.Owner), w.SourceFile, w.SourceHash
		crons[i], active[i], limits[i] = d.ScheduleCron(), d.IsActive, d.MaxActiveRuns
	}
	queueAs(batch, "workflows", statement, ids, names, descriptions, owners, tags, paths, hashes, versions, numbers, crons, active, limits, now)
	if err := insertVersions(batch, saves, now); err != nil {
		return err
	}
	if err := saveSchedules(batch, saves, now); err != nil {
		return err
	}
	saveAfters(batch, saves)
	saveArrivals(batch, saves)
	return nil
}

// insertVersions adds what writes the new versions with their tasks.
func insertVersions(batch *pgx.Batch, saves []dialect.Save, now time.Time) error {
	const versions = `
INSERT INTO workflow_versions (id, workflow_id, number, hash, document, created_at, commit_hash, commit_author, commit_at, commit_dirty, has_deadlines)
SELECT u.id, u.workflow_id, u.number, u.hash, u.document::jsonb, $6, u.commit_hash, u.author, u.authored_at, u.is_dirty, u.has_deadlines
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $7::text[], $8::text[], $9::timestamptz[], $10::bool[], $11::bool[])
	AS u(id, workflow_id, number, hash, document, commit_hash, author, authored_at, is_dirty, has_deadlines)`
	const files = `
INSERT INTO version_files (version_id, hash) SELECT * FROM unnest($1::uuid[], $2::text[])`
	const tasks = `
INSERT INTO tasks (id, version_id, seq, name, command, retry_count, retry_delay_seconds, timeout_seconds, created_at)
SELECT u.*, $9 FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::int[], $7::float8[], $8::float8[]) AS u`
	const dependencies = `
INSERT INTO task_dependencies (task_id, depends_on_task_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])`
	var rows dialect.TaskRows
	var ids, workflows []uuid.UUID
	var numbers []int
	var hashes, documents []string
	var deadlines []bool
	var commits dialect.CommitRows
	var carrying []uuid.UUID
	var carried []string
	for _, save := range saves {
		if !save.IsNewVersion {
			continue
		}
		w := save.Workflow
		ids, workflows, numbers = append(ids, w.VersionID), append(workflows, w.ID), append(numbers, w.VersionNumber)
		hashes, documents = append(hashes, w.Hash), append(documents, string(save.Document))
		deadlines = append(deadlines, save.Graph.Definition.HasDeadlines())
		commits.Add(save.Commit)
		for _, hash := range miniairflow.FileHashes(save.Graph.Definition.Files) {
			carrying, carried = append(carrying, w.VersionID), append(carried, hash)
		}
		if err := rows.Add(w.VersionID, save.Graph); err != nil {
			return fmt.Errorf("version %d of workflow %q: %w", w.VersionNumber, w.Name, err)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	queueAs(batch, "versions", versions, ids, workflows, numbers, hashes, documents, now,
		commits.Hashes, commits.Authors, commits.Times, commits.Dirty, deadlines)
	if len(carried) > 0 {
		queueAs(batch, "files of versions", files, carrying, carried)
	}
	queueAs(batch, "tasks", tasks, rows.IDs, rows.Versions, rows.Seqs, rows.Names, rows.Commands, rows.RetryCounts,
		rows.RetryDelays, rows.Timeouts, now)
	queueAs(batch, "dependencies", dependencies, rows.Downstreams, rows.Upstreams)
	return nil
}

// saveSchedules adds what brings the cursors in line with the definitions: one of
// an equal schedule stays where it is, but for those that stood still.
func saveSchedules(batch *pgx.Batch, saves []dialect.Save, now time.Time) error {
	const drop = `
DELETE FROM schedules WHERE workflow_id = ANY($1) AND (workflow_id, name) NOT IN (SELECT * FROM unnest($2::uuid[], $3::text[]))`
	const keep = `
ON CONFLICT (workflow_id, name) DO UPDATE SET version_id = excluded.version_id, entries = excluded.entries, hash = excluded.hash,
	params = excluded.params, is_active = excluded.is_active,
	next_at = CASE WHEN c.hash = excluded.hash THEN c.next_at END,
	since = CASE WHEN c.hash = excluded.hash THEN c.since ELSE excluded.since END,
	last_at = CASE WHEN c.hash = excluded.hash THEN c.last_at END,
	is_finished = c.is_finished AND c.hash = excluded.hash`
	const reset = `
ON CONFLICT (workflow_id, name) DO UPDATE SET version_id = excluded.version_id, entries = excluded.entries, hash = excluded.hash,
	params = excluded.params, is_active = excluded.is_active, next_at = NULL, since = excluded.since,
	last_at = CASE WHEN c.hash = excluded.hash THEN c.last_at END, is_finished = false`
	schedules, err := dialect.NewScheduleRows(saves)
	if err != nil {
		return err
	}
	if len(schedules.Old) > 0 {
		all := append(append([]dialect.ScheduleRow{}, schedules.Keep...), schedules.Reset...)
		ids, names := make([]uuid.UUID, len(all)), make([]string, len(all))
		for i, s := range all {
			ids[i], names[i] = s.WorkflowID, s.Name
		}
		queueAs(batch, "drop schedules", drop, schedules.Old, ids, names)
	}
	upsertSchedules(batch, schedules.Keep, keep, now)
	upsertSchedules(batch, schedules.Reset, reset, now)
	return nil
}

func upsertSchedules(batch *pgx.Batch, list []dialect.ScheduleRow, onConflict string, now time.Time) {
	const insert = `
INSERT INTO schedules AS c (workflow_id, name, version_id, entries, hash, params, is_active, since)
SELECT u.id, u.name, u.version_id, u.entries::jsonb, u.hash, u.params::jsonb, u.runs, $8
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bool[])
	AS u(id, name, version_id, entries, hash, params, runs)`
	if len(list) == 0 {
		return
	}
	n := len(list)
	ids, versions, runs := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]bool, n)
	names, specs, hashes, params := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, s := range list {
		ids[i], versions[i], runs[i] = s.WorkflowID, s.VersionID, s.Runs
		names[i], specs[i], hashes[i], params[i] = s.Name, s.Entries, s.Hash, s.Params
	}
	queueAs(batch, "save schedules", insert+onConflict, ids, names, versions, specs, hashes, params, runs, now)
}
