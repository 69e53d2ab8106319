package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// ClaimNotifications implements miniairflow.NotificationStore.
func (s *Store) ClaimNotifications(ctx context.Context, claim miniairflow.NotificationClaim) ([]*miniairflow.Notification, *time.Time, error) {
	next, err := s.nextNotification(ctx, 0)
	if err != nil || next == nil || next.After(timeOf(now())) {
		return nil, next, err
	}
	var claimed []*miniairflow.Notification
	var at int64
	err = s.inTx(ctx, func(t *tx) error {
		at = t.now
		// The destinations are found by jumping from one to the next, so a long backlog of
		// one costs no more than a short one, and takes no room from the others.
		const text = `
			WITH RECURSIVE destinations (destination) AS (
				SELECT min(destination) FROM notifications WHERE state = 'pending'
				UNION ALL
				SELECT (SELECT min(destination) FROM notifications WHERE state = 'pending' AND destination > d.destination)
				FROM destinations d WHERE d.destination IS NOT NULL),
			held AS (
				SELECT destination, count(*) AS number FROM notifications
				WHERE state = 'pending' AND claimed_until > 0 AND claimed_until > ?2 GROUP BY +destination), -- by those that are held, not by all
			due AS (
				SELECT n.id, n.due_at, n.destination, row_number() OVER (PARTITION BY n.destination ORDER BY n.due_at, n.id) AS place
				FROM destinations d CROSS JOIN notifications n ON n.id IN (
					SELECT id FROM notifications
					WHERE state = 'pending' AND destination = d.destination AND due_at <= ?2 AND claimed_until <= ?2
					ORDER BY due_at, id LIMIT ?4 + 0))
			UPDATE notifications SET token = ?1, claimed_until = ?2 + ?3, due_at = ?2 + ?3, tries = tries + 1, round = round + 1,
				since = CASE WHEN round = 0 THEN ?2 ELSE since END
			WHERE id IN (
				SELECT d.id FROM due d LEFT JOIN held h ON h.destination = d.destination
				WHERE d.place + coalesce(h.number, 0) <= ?4 ORDER BY d.place + coalesce(h.number, 0), d.due_at, d.id LIMIT ?5 + 0)
			RETURNING id`
		ids, err := query(ctx, t, scanID, text, claim.Token, t.now, claim.Lease.Microseconds(), claim.PerDestination, claim.Limit)
		if err != nil {
			return fmt.Errorf("claim notifications: %w", err)
		}
		const foundText = `
			SELECT ` + notificationColumns + ` FROM ` + notificationTables + ` WHERE n.id IN (SELECT value FROM json_each(?)) ORDER BY n.id`
		claimed, err = query(ctx, t, scanNotification, foundText, list[uuid.UUID](ids))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	next, err = s.nextNotification(ctx, at)
	return claimed, next, err
}

// nextNotification returns when the next notification after a time is due.
func (s *Store) nextNotification(ctx context.Context, after int64) (*time.Time, error) {
	const text = `SELECT min(due_at) FROM notifications WHERE state = 'pending' AND due_at > ?`
	return queryOne(ctx, brief{s.read}, scanNullTime, text, after)
}

// EndNotification implements miniairflow.NotificationStore.
func (s *Store) EndNotification(ctx context.Context, end miniairflow.NotificationEnd) error {
	return s.inTx(ctx, func(t *tx) error {
		if end.Error == "" {
			const sentText = `
				UPDATE notifications SET state = 'sent', sent_at = ?2, last_error = '', claimed_until = 0 WHERE id = ?1 AND state <> 'sent'`
			_, err := t.ExecContext(ctx, sentText, end.ID, t.now)
			return err
		}
		const text = `
			UPDATE notifications
			SET state = CASE WHEN ?3 THEN 'stuck' ELSE 'pending' END, last_error = ?4, due_at = ?5, claimed_until = 0
			WHERE id = ?1 AND token = ?2 AND state = 'pending' AND claimed_until > 0`
		_, err := t.ExecContext(ctx, text, end.ID, end.Token, end.IsStuck, dialect.LastError(end.Error), t.now+end.Delay.Microseconds())
		return err
	})
}

// SendNotification implements miniairflow.NotificationStore.
func (s *Store) SendNotification(ctx context.Context, id uuid.UUID, by miniairflow.Actor) (*miniairflow.Notification, error) {
	var found *miniairflow.Notification
	err := s.inTx(ctx, func(t *tx) error {
		const text = `
			UPDATE notifications SET state = 'pending', due_at = ?2, round = 0, token = NULL, claimed_until = 0, sent_at = NULL
			WHERE id = ?1 AND NOT (state = 'pending' AND due_at <= ?2 AND round = 0 AND token IS NULL)`
		done, err := t.ExecContext(ctx, text, id, t.now)
		if err != nil {
			return err
		}
		if found, err = queryOne(ctx, t, scanNotification, notificationByID, id); err != nil {
			return err
		}
		if changed, err := done.RowsAffected(); err != nil || changed == 0 {
			return err
		}
		t.publish(miniairflow.Event{Topic: miniairflow.TopicNotices})
		return audit(ctx, t, by, dialect.Audited{Action: miniairflow.AuditSendNotification, RunID: &found.RunID})
	})
	return found, err
}

const (
	notificationColumns = `n.id, n.workflow_run_id, w.name, r.number, n.event, n.of_tasks, n.recipient, n.facts, n.task_count, n.state,
		n.tries, n.round, n.last_error, n.at, n.due_at, n.since, n.sent_at, n.token`
	notificationTables = `notifications n JOIN workflow_runs r ON r.id = n.workflow_run_id JOIN workflows w ON w.id = r.workflow_id`
	notificationByID   = `SELECT ` + notificationColumns + ` FROM ` + notificationTables + ` WHERE n.id = ?`
)

// scanNotification reads notificationColumns.
func scanNotification(row row) (*miniairflow.Notification, error) {
	n := &miniairflow.Notification{}
	var recipient, facts string
	var token uuid.NullUUID
	err := row.Scan(&n.ID, &n.RunID, &n.WorkflowName, &n.RunNumber, &n.Event, &n.OfTasks, &recipient, &facts, &n.Count, &n.State,
		&n.Tries, &n.Round, &n.LastError, timeInto{&n.At}, timeInto{&n.DueAt}, timeInto{&n.Since}, nullTimeInto{&n.SentAt}, &token)
	if err != nil {
		return nil, err
	}
	n.Token = token.UUID
	return n, dialect.DecodeNotification(n, recipient, facts)
}

// FindNotification implements miniairflow.NotificationStore.
func (s *Store) FindNotification(ctx context.Context, id uuid.UUID) (*miniairflow.Notification, error) {
	return queryOne(ctx, s.read, scanNotification, notificationByID, id)
}

// FindNotifications implements miniairflow.NotificationStore.
func (s *Store) FindNotifications(ctx context.Context, filter miniairflow.NotificationFilter) ([]*miniairflow.Notification, error) {
	c := notificationConditions(filter)
	if filter.Before != uuid.Nil {
		c.add(`n.id < ?`, filter.Before)
	}
	text := `SELECT ` + notificationColumns + ` FROM ` + notificationTables + ` WHERE ` + c.where() + ` ORDER BY n.id DESC` + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s.read, scanNotification, text, c.args...)
}

// CountNotifications implements miniairflow.NotificationStore.
func (s *Store) CountNotifications(ctx context.Context, filter miniairflow.NotificationFilter, max int) (int, error) {
	c := notificationConditions(filter)
	text := `SELECT count(*) FROM (SELECT 1 FROM notifications n WHERE ` + c.where() + c.limit(max) + `) counted`
	return queryOne(ctx, s.read, scanOne[int], text, c.args...)
}

// notificationConditions returns what a filter means, but for its page.
func notificationConditions(filter miniairflow.NotificationFilter) *conditions {
	c := &conditions{}
	if filter.RunID != uuid.Nil {
		c.add(`n.workflow_run_id = ?`, filter.RunID)
	}
	if filter.State != "" {
		c.add(`n.state = ?`, filter.State)
	}
	switch filter.State {
	case miniairflow.NotificationPending, miniairflow.NotificationStuck:
		c.add(`n.state <> 'sent'`) // by the index of these few, whose condition a parameter alone does not meet
	}
	return c
}
