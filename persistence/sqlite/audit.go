package sqlite

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// audit notes who asked for a change.
func audit(ctx context.Context, t *tx, by miniairflow.Actor, change dialect.Audited) error {
	const text = `
		INSERT INTO audit_log (at, actor, action, subject, workflow_id, reason, details, request_id)
		VALUES (?, ?, ?, ?, coalesce(?, (SELECT workflow_id FROM workflow_runs WHERE id = ?)), ?, ?, ?)`
	if !change.IsNoted(by) {
		return nil
	}
	_, err := t.ExecContext(ctx, text, t.now, dialect.Text(by.Name), change.Action, change.Subject(), change.WorkflowID, change.RunID,
		dialect.Text(by.Reason), change.Details, change.RequestID)
	if err != nil {
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
			coalesce(w.name || '#' || r.number, w.name || '/' || b.name, CASE WHEN a.subject = w.id THEN w.name END, a.subject)
		FROM (SELECT * FROM audit_log WHERE ` + c.where() + ` ORDER BY id DESC` + c.limit(dialect.PageLimit(filter.Limit)) + `) a
		LEFT JOIN workflows w ON w.id = a.workflow_id
		LEFT JOIN workflow_runs r ON a.workflow_id IS NOT NULL AND r.id = a.subject
		LEFT JOIN backfills b ON a.workflow_id IS NOT NULL AND b.id = a.subject
		ORDER BY a.id DESC`
	return query(ctx, s.read, scanAuditEntry, text, c.args...)
}

// CountAuditEntries implements miniairflow.AuditStore.
func (s *Store) CountAuditEntries(ctx context.Context, filter miniairflow.AuditFilter, max int) (int, error) {
	c := auditConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM audit_log WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
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

func scanAuditEntry(row row) (*miniairflow.AuditEntry, error) {
	e := &miniairflow.AuditEntry{}
	var workflowID uuid.NullUUID
	var details string
	err := row.Scan(&e.ID, timeInto{&e.At}, &e.Actor, &e.Action, &e.Subject, &workflowID, &e.Reason, &details, &e.Label)
	if err != nil {
		return nil, err
	}
	e.WorkflowID = workflowID.UUID
	e.Details, err = dialect.DecodeDetails(details)
	return e, err
}
