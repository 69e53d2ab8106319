package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// auditText takes what auditArgs returns.
const auditText = `
	INSERT INTO audit_log (at, actor, action, subject, workflow_id, reason, details, request_id)
	VALUES (clock_timestamp(), $1, $2, $3, coalesce($4, (SELECT workflow_id FROM workflow_runs WHERE id = $5)), $6, $7, $8)`

func auditArgs(by miniairflow.Actor, change dialect.Audited) []any {
	return []any{
		dialect.Text(by.Name), change.Action, change.Subject(), change.WorkflowID, change.RunID,
		dialect.Text(by.Reason), change.Details, change.RequestID,
	}
}

// audit notes who asked for a change.
func audit(ctx context.Context, t *tx, by miniairflow.Actor, change dialect.Audited) error {
	if !change.IsNoted(by) {
		return nil
	}
	if _, err := t.Exec(ctx, auditText, auditArgs(by, change)...); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// FindAuditEntries implements miniairflow.AuditStore. The names are looked up for
// the page alone.
func (s *Store) FindAuditEntries(ctx context.Context, filter miniairflow.AuditFilter) ([]*miniairflow.AuditEntry, error) {
	c := auditConditions(filter)
	if filter.Before != 0 {
		c.add(`id < ?`, filter.Before)
	}
	text := `
		SELECT a.id, a.at, a.actor, a.action, a.subject, a.workflow_id, a.reason, a.details,
			coalesce(w.name || '#' || r.number, w.name || '/' || b.name, CASE WHEN a.subject = w.id::text THEN w.name END, a.subject)
		FROM (SELECT * FROM audit_log WHERE ` + c.where() + ` ORDER BY id DESC` + c.limit(dialect.PageLimit(filter.Limit)) + `) a
		LEFT JOIN workflows w ON w.id = a.workflow_id
		LEFT JOIN workflow_runs r ON r.id = CASE WHEN a.workflow_id IS NOT NULL THEN a.subject::uuid END
		LEFT JOIN backfills b ON b.id = CASE WHEN a.workflow_id IS NOT NULL THEN a.subject::uuid END
		ORDER BY a.id DESC`
	return query(ctx, s, scanAuditEntry, text, c.args...)
}

// CountAuditEntries implements miniairflow.AuditStore.
func (s *Store) CountAuditEntries(ctx context.Context, filter miniairflow.AuditFilter, max int) (int, error) {
	c := auditConditions(filter)
	text := `SELECT count(*) FROM (SELECT FROM audit_log WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s, pgx.RowTo[int], text, c.args...)
}

// auditConditions returns what a filter means, but for its page.
func auditConditions(filter miniairflow.AuditFilter) *conditions {
	c := &conditions{}
	if filter.Subject != "" {
		c.add(`subject = ?`, dialect.Text(filter.Subject))
	}
	if filter.WorkflowID != uuid.Nil {
		c.add(`workflow_id = ?`, filter.WorkflowID)
	}
	if filter.Action != "" {
		c.add(`action = ?`, filter.Action)
	}
	return c
}

func scanAuditEntry(row pgx.CollectableRow) (*miniairflow.AuditEntry, error) {
	e := &miniairflow.AuditEntry{}
	var workflowID uuid.NullUUID
	var details string
	err := row.Scan(&e.ID, &e.At, &e.Actor, &e.Action, &e.Subject, &workflowID, &e.Reason, &details, &e.Label)
	if err != nil {
		return nil, err
	}
	e.WorkflowID = workflowID.UUID
	e.Details, err = dialect.DecodeDetails(details)
	return e, err
}
