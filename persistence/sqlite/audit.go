package sqlite

import (
	"context"
	"fmt"

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
