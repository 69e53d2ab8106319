package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/graph/model"
)

func (r *Resolver) notifications(ctx context.Context, first *int, after *string, filter *model.NotificationFilter) (*model.NotificationConnection, error) {
	f := miniairflow.NotificationFilter{}
	if filter != nil {
		f.RunID, f.State = valueOr(filter.WorkflowRunID, uuid.Nil), valueOr(filter.State, "")
	}
	list := query[*miniairflow.Notification, uuid.UUID]{encode: encodeNotificationCursor, decode: decodeNotificationCursor}
	list.find = func(ctx context.Context, after *uuid.UUID, limit int) ([]*miniairflow.Notification, error) {
		page := f
		page.Before, page.Limit = valueOr(after, uuid.Nil), limit
		return r.store.FindNotifications(ctx, page)
	}
	list.count = func(ctx context.Context, max int) (int, error) { return r.store.CountNotifications(ctx, f, max) }
	return list.page(ctx, first, after)
}

func (r *Resolver) sendNotification(ctx context.Context, input model.SendNotificationInput) (*model.SendNotificationPayload, error) {
	n, err := r.control.SendNotification(ctx, input.ID, actor(ctx, input.Reason))
	problems, err := userErrors(err, "id")
	return &model.SendNotificationPayload{Notification: n, UserErrors: problems}, err
}
