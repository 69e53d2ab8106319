package persistencetest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// GatherNotices implements miniairflow.NotificationStore.
func (f *Faulty) GatherNotices(ctx context.Context, hold time.Duration, limit int, without ...int64) (int, error) {
	return try(f, "GatherNotices", func() (int, error) { return f.inner.GatherNotices(ctx, hold, limit, without...) })
}

// ClaimNotifications implements miniairflow.NotificationStore.
func (f *Faulty) ClaimNotifications(ctx context.Context, claim miniairflow.NotificationClaim) ([]*miniairflow.Notification, *time.Time, error) {
	return tryTwo(f, "ClaimNotifications", func() ([]*miniairflow.Notification, *time.Time, error) { return f.inner.ClaimNotifications(ctx, claim) })
}

// EndNotification implements miniairflow.NotificationStore.
func (f *Faulty) EndNotification(ctx context.Context, end miniairflow.NotificationEnd) error {
	return tryOnly(f, "EndNotification", func() error { return f.inner.EndNotification(ctx, end) })
}

// SendNotification implements miniairflow.NotificationStore.
func (f *Faulty) SendNotification(ctx context.Context, id uuid.UUID, by miniairflow.Actor) (*miniairflow.Notification, error) {
	return try(f, "SendNotification", func() (*miniairflow.Notification, error) { return f.inner.SendNotification(ctx, id, by) })
}

// FindNotification implements miniairflow.NotificationStore.
func (f *Faulty) FindNotification(ctx context.Context, id uuid.UUID) (*miniairflow.Notification, error) {
	return try(f, "FindNotification", func() (*miniairflow.Notification, error) { return f.inner.FindNotification(ctx, id) })
}

// FindNotifications implements miniairflow.NotificationStore.
func (f *Faulty) FindNotifications(ctx context.Context, filter miniairflow.NotificationFilter) ([]*miniairflow.Notification, error) {
	return try(f, "FindNotifications", func() ([]*miniairflow.Notification, error) { return f.inner.FindNotifications(ctx, filter) })
}

// CountNotifications implements miniairflow.NotificationStore.
func (f *Faulty) CountNotifications(ctx context.Context, filter miniairflow.NotificationFilter, max int) (int, error) {
	return try(f, "CountNotifications", func() (int, error) { return f.inner.CountNotifications(ctx, filter, max) })
}
