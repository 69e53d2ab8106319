package postgres

import (
	"context"
	"fmt"

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
