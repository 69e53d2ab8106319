package miniairflow

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// NotificationStore is the outbox. Notices are written by what ends runs and task runs,
// in the same transaction; from these come notifications, and these are sent at least
// once. Both go with their run, see DeleteRuns.
type NotificationStore interface {
	// GatherNotices makes notifications of up to limit notices, the oldest first, and
	// returns how many notices it has taken. Those of a run are due at once, those of
	// tasks after FoldDelay of hold; until a notification was tried for the first time,
	// later notices of the same run, event and recipient are folded into it. Where it
	// is about a single notice, an error that is not of the moment is a *NoticeFault. Those
	// of without stay as they are.
	GatherNotices(ctx context.Context, hold time.Duration, limit int, without ...int64) (int, error)
	// ClaimNotifications takes up to limit notifications that are due into the hands of
	// token, for the time of lease, and counts a try of each: of each destination the most
	// overdue first, never more than perDestination at a time, and those destinations first
	// that have the fewest in hands. Until it is ended, a claimed one is due again when the
	// lease is over. next is when the next one is due, if any.
	ClaimNotifications(ctx context.Context, claim NotificationClaim) (claimed []*Notification, next *time.Time, err error)
	// EndNotification writes how a try of a claimed notification ended. One that was
	// taken is sent, whoever has it in the hands; another end counts only for the claim
	// of that token, if it is not over.
	EndNotification(ctx context.Context, end NotificationEnd) error
	// SendNotification makes a notification due now, whatever its state, and lets it be
	// tried as often and as long as a new one: it takes it out of all hands, so that a try
	// that is under way can end it only by success. Its ID stays. It writes the audit log.
	// One that is due already and that nobody has tried yet stays as it is.
	SendNotification(ctx context.Context, id uuid.UUID, by Actor) (*Notification, error)
	FindNotification(ctx context.Context, id uuid.UUID) (*Notification, error)
	// FindNotifications returns a page, the newest first.
	FindNotifications(ctx context.Context, filter NotificationFilter) ([]*Notification, error)
	// CountNotifications counts what FindNotifications would return over all pages, up to max.
	CountNotifications(ctx context.Context, filter NotificationFilter, max int) (int, error)
}

// NoticeFault is a notice of which no notification could be made.
type NoticeFault struct {
	ID     int64
	Notice Notice
	Err    error
}

// Error says why.
func (f *NoticeFault) Error() string { return f.Err.Error() }

// Unwrap returns the reason.
func (f *NoticeFault) Unwrap() error { return f.Err }

// NotificationClaim is the request of NotificationStore.ClaimNotifications.
type NotificationClaim struct {
	Token          uuid.UUID // a new one
	Lease          time.Duration
	Limit          int
	PerDestination int
}

// NotificationEnd is how a try of a notification ended.
type NotificationEnd struct {
	ID      uuid.UUID
	Token   uuid.UUID // of its claim
	Error   string    // empty: its receiver has taken it
	Delay   time.Duration
	IsStuck bool // it is not tried again
}

// NotificationFilter chooses notifications. The zero value of a field does not restrict.
type NotificationFilter struct {
	RunID  uuid.UUID
	State  NotificationState
	Before uuid.UUID // page: those that are older than this one
	Limit  int       // 1 to 200; 0: 50
}
