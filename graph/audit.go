package graph

import (
	"context"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

// auditFilter translates a filter. A workflow name that does not exist is
// ErrNotFound.
func (r *Resolver) auditFilter(ctx context.Context, filter *model.AuditLogFilter) (miniairflow.AuditFilter, error) {
	if filter == nil {
		return miniairflow.AuditFilter{}, nil
	}
	f := miniairflow.AuditFilter{Action: valueOr(filter.Action, "")}
	if filter.WorkflowRunID != nil {
		f.Subject = filter.WorkflowRunID.String()
	}
	if filter.Workflow != nil {
		w, err := r.store.FindWorkflowByName(ctx, *filter.Workflow)
		if err != nil {
			return f, fmt.Errorf("find workflow %q: %w", *filter.Workflow, err)
		}
		f.WorkflowID = w.ID
	}
	return f, nil
}

func (r *Resolver) auditLog(ctx context.Context, first *int, after *string, filter *model.AuditLogFilter) (*model.AuditEntryConnection, error) {
	f, err := r.auditFilter(ctx, filter)
	if err != nil {
		return nil, err
	}
	list := query[*miniairflow.AuditEntry, int64]{encode: encodeAuditCursor, decode: decodeAuditCursor}
	list.find = func(ctx context.Context, after *int64, limit int) ([]*miniairflow.AuditEntry, error) {
		page := f
		page.Before, page.Limit = valueOr(after, 0), limit
		return r.store.FindAuditEntries(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountAuditEntries(ctx, f, max) }
	return list.page(ctx, first, after)
}
