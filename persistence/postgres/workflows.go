package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// workflowColumns are what scanWorkflow reads, from workflows.
const workflowColumns = `id, name, description, owner, tags, origin, source_file, version_id, version_number, schedule_cron,
	is_active, paused_at, retired_at, max_active_runs, created_at, updated_at`

// versionColumns are what scanVersionHead reads, from workflow_versions.
const versionColumns = `id, workflow_id, number, hash, created_at, commit_hash, commit_author, commit_at, commit_dirty`

// SourceFiles implements miniairflow.CatalogStore.
func (s *Store) SourceFiles(ctx context.Context) ([]miniairflow.SourceFile, error) {
	const statement = `
SELECT source_file, source_hash, retired_at IS NOT NULL, false FROM workflows WHERE origin = 'file'
UNION ALL SELECT file, '', false, true FROM import_errors`
	rows, err := query(ctx, s, func(row pgx.CollectableRow) (r dialect.SourceRow, err error) {
		err = row.Scan(&r.Path, &r.Hash, &r.IsRetired, &r.IsError)
		return r, err
	}, statement)
	return dialect.SourceFiles(rows), err
}

// FindWorkflow implements miniairflow.CatalogStore.
func (s *Store) FindWorkflow(ctx context.Context, id uuid.UUID) (*miniairflow.Workflow, error) {
	return queryOne(ctx, s, scanWorkflow, `SELECT `+workflowColumns+` FROM workflows WHERE id = $1`, id)
}

// FindWorkflowByName implements miniairflow.CatalogStore.
func (s *Store) FindWorkflowByName(ctx context.Context, name string) (*miniairflow.Workflow, error) {
	return queryOne(ctx, s, scanWorkflow, `SELECT `+workflowColumns+` FROM workflows WHERE name = $1`, dialect.Text(name))
}

// FindWorkflows implements miniairflow.CatalogStore.
func (s *Store) FindWorkflows(ctx context.Context, filter miniairflow.WorkflowFilter) ([]*miniairflow.Workflow, error) {
	c := workflowConditions(filter)
	c.add(`name > ?`, dialect.Text(filter.AfterName))
	text := `SELECT ` + workflowColumns + ` FROM workflows WHERE ` + c.where() + ` ORDER BY name` + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s, scanWorkflow, text, c.args...)
}

// CountWorkflows implements miniairflow.CatalogStore.
func (s *Store) CountWorkflows(ctx context.Context, filter miniairflow.WorkflowFilter) (int, error) {
	c := workflowConditions(filter)
	return queryOne(ctx, s, pgx.RowTo[int], `SELECT count(*) FROM workflows WHERE `+c.where(), c.args...)
}

// workflowConditions returns what a filter means, but for its page.
func workflowConditions(filter miniairflow.WorkflowFilter) *conditions {
	c := &conditions{}
	if filter.Search != "" {
		c.add(`strpos(lower(name), lower(?)) > 0`, dialect.Text(filter.Search))
	}
	if filter.Tag != "" {
		c.add(`jsonb_exists(tags, ?)`, dialect.Text(filter.Tag))
	}
	if filter.Paused != nil {
		c.add(`(NOT is_active OR paused_at IS NOT NULL) = ?`, *filter.Paused)
	}
	if !filter.IncludeRetired {
		c.add(`retired_at IS NULL`)
	}
	return c
}

// FindVersion implements miniairflow.CatalogStore.
func (s *Store) FindVersion(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowVersion, error) {
	const text = `SELECT ` + versionColumns + ` FROM workflow_versions WHERE id = $1`
	v, err := queryOne(ctx, s, scanVersionHead, text, id)
	if err != nil {
		return nil, err
	}
	graph, err := s.FindDAG(ctx, id)
	if err != nil {
		return nil, err
	}
	v.Definition = graph.Definition
	return v, nil
}

// FindVersions implements miniairflow.CatalogStore.
func (s *Store) FindVersions(ctx context.Context, workflowID uuid.UUID, limit int) ([]*miniairflow.WorkflowVersion, error) {
	const statement = `
SELECT ` + versionColumns + `, document FROM workflow_versions
WHERE workflow_id = $1 ORDER BY number DESC LIMIT $2`
	return query(ctx, s, scanVersion, statement, workflowID, limit)
}

// SetPaused implements miniairflow.CatalogStore.
func (s *Store) SetPaused(ctx context.Context, workflowID uuid.UUID, paused bool, by miniairflow.Actor) (*miniairflow.Workflow, error) {
	const lock = `SELECT 1 FROM schedules WHERE workflow_id = $1 ORDER BY name FOR NO KEY UPDATE`
	// What is paused is what was locked: another change that is about to be committed
	// would make the update find nothing to do.
	const lockWorkflow = `SELECT 1 FROM workflows WHERE id = $1 FOR NO KEY UPDATE`
	const pause = `
UPDATE workflows SET paused_at = CASE WHEN $2 THEN clock_timestamp() END, updated_at = clock_timestamp()
WHERE id = $1 AND (paused_at IS NULL) = $2`
	var found *miniairflow.Workflow
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.Exec(ctx, lock, workflowID); err != nil {
			return err
		}
		if _, err := t.Exec(ctx, lockWorkflow, workflowID); err != nil {
			return err
		}
		done, err := t.Exec(ctx, pause, workflowID, paused)
		if err != nil {
			return err
		}
		if done.RowsAffected() > 0 {
			if err := leaveOutPaused(ctx, t, workflowID); err != nil {
				return err
			}
			if err := audit(ctx, t, by, dialect.Audited{Action: pauseAction(paused), WorkflowID: &workflowID}); err != nil {
				return err
			}
			t.publish(miniairflow.Event{Topic: miniairflow.TopicCatalog}, miniairflow.Event{Topic: miniairflow.TopicRuns})
		}
		rows, err := t.Query(ctx, `SELECT `+workflowColumns+` FROM workflows WHERE id = $1`, workflowID)
		if err != nil {
			return err
		}
		found, err = pgx.CollectExactlyOneRow(rows, scanWorkflow)
		return err
	})
	return found, err
}

// leaveOutPaused lets the cursors of a workflow begin anew, which is paused or goes on
// after that, and notes what they have left out.
func leaveOutPaused(ctx context.Context, t *tx, workflowID uuid.UUID) error {
	const state = `SELECT clock_timestamp(), is_active, retired_at IS NOT NULL FROM workflows WHERE id = $1`
	const schedules = `
UPDATE schedules SET is_active = w.is_active AND w.paused_at IS NULL AND w.retired_at IS NULL, next_at = NULL, since = $2
FROM workflows w WHERE w.id = workflow_id AND workflow_id = $1`
	var now time.Time
	var isActive, isRetired bool
	if err := t.QueryRow(ctx, state, workflowID).Scan(&now, &isActive, &isRetired); err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	cursors, err := cursorsOf(ctx, t, workflowID)
	if err != nil {
		return err
	}
	if err := noteMissed(ctx, t, dialect.LeftOut(new(miniairflow.Timetables), cursors, now, miniairflow.StandsFor(isActive, true, isRetired))); err != nil {
		return err
	}
	_, err = t.Exec(ctx, schedules, workflowID, now)
	return err
}

func pauseAction(paused bool) miniairflow.AuditAction {
	if paused {
		return miniairflow.AuditPauseWorkflow
	}
	return miniairflow.AuditUnpauseWorkflow
}

// TryLease implements miniairflow.CatalogStore.
func (s *Store) TryLease(ctx context.Context, name string, holder uuid.UUID, ttl time.Duration) (bool, error) {
	const statement = `
INSERT INTO leases AS l (name, holder, expires_at) VALUES ($1, $2, clock_timestamp() + $3::bigint * interval '1 microsecond')
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = clock_timestamp() + $3::bigint * interval '1 microsecond'
WHERE l.holder = excluded.holder OR l.expires_at <= clock_timestamp()`
	taken := false
	err := s.inTx(ctx, func(t *tx) error {
		batch := &pgx.Batch{}
		batch.Queue(statement, name, holder, ttl.Microseconds()).Exec(func(done pgconn.CommandTag) error {
			taken = done.RowsAffected() > 0
			return nil
		})
		return t.end(ctx, batch)
	})
	return taken && err == nil, err
}

// scanWorkflow reads workflowColumns.
func scanWorkflow(row pgx.CollectableRow) (*miniairflow.Workflow, error) {
	w := &miniairflow.Workflow{}
	err := row.Scan(&w.ID, &w.Name, &w.Description, &w.Owner, &w.Tags, &w.Origin, &w.SourceFile, &w.VersionID, &w.VersionNumber,
		&w.ScheduleCron, &w.IsActive, &w.PausedAt, &w.RetiredAt, &w.MaxActiveRuns, &w.CreatedAt, &w.UpdatedAt)
	return w, err
}

func scanVersionHead(row pgx.CollectableRow) (*miniairflow.WorkflowVersion, error) {
	return scanVersionWith(row)
}

// scanVersionWith reads versionColumns, and what follows them into more.
func scanVersionWith(row pgx.CollectableRow, more ...any) (*miniairflow.WorkflowVersion, error) {
	v, commit := &miniairflow.WorkflowVersion{}, miniairflow.Commit{}
	var at *time.Time
	into := []any{&v.ID, &v.WorkflowID, &v.Number, &v.Hash, &v.CreatedAt, &commit.Hash, &commit.Author, &at, &commit.IsDirty}
	err := row.Scan(append(into, more...)...)
	if commit.Hash != "" && at != nil {
		commit.AuthoredAt, v.Commit = *at, &commit
	}
	return v, err
}

func scanVersion(row pgx.CollectableRow) (*miniairflow.WorkflowVersion, error) {
	var document string
	v, err := scanVersionWith(row, &document)
	if err != nil {
		return nil, err
	}
	if v.Definition, err = dialect.DecodeDefinition(document); err != nil {
		return nil, fmt.Errorf("version %s: %w", v.ID, err)
	}
	return v, nil
}
