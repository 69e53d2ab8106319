package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// ClaimNotifications implements miniairflow.NotificationStore.
func (s *Store) ClaimNotifications(ctx context.Context, claim miniairflow.NotificationClaim) ([]*miniairflow.Notification, *time.Time, error) {
	const firstText = `
		SELECT min(due_at), coalesce(min(due_at) <= clock_timestamp(), false) FROM notifications WHERE state = 'pending'`
	if first, isDue, err := s.nextTime(ctx, firstText); err != nil || !isDue {
		return nil, first, err
	}
	var claimed []*miniairflow.Notification
	err := s.inTx(ctx, func(t *tx) error {
		// Who claims at the same time waits here for a row, and then finds that it is held.
		// The destinations are found by jumping from one to the next, so a long backlog of
		// one costs no more than a short one, and takes no room from the others.
		const text = `
			WITH RECURSIVE clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
			destinations AS (
				(SELECT destination FROM notifications WHERE state = 'pending' ORDER BY destination LIMIT 1)
				UNION ALL
				SELECT n.destination FROM destinations d CROSS JOIN LATERAL (
					SELECT destination FROM notifications WHERE state = 'pending' AND destination > d.destination ORDER BY destination LIMIT 1) n),
			held AS (
				SELECT destination, count(*) AS number FROM notifications
				WHERE state = 'pending' AND claimed_until > '-infinity' AND claimed_until > (SELECT now FROM clock) GROUP BY destination),
			chosen AS MATERIALIZED (
				SELECT due.id FROM destinations d LEFT JOIN held h ON h.destination = d.destination CROSS JOIN LATERAL (
					SELECT id, due_at, row_number() OVER (ORDER BY due_at, id) + coalesce(h.number, 0) AS place
					FROM (SELECT id, due_at FROM notifications
						WHERE state = 'pending' AND destination = d.destination
							AND due_at <= (SELECT now FROM clock) AND claimed_until <= (SELECT now FROM clock)
						ORDER BY due_at, id LIMIT $3) first) due
				WHERE due.place <= $3 ORDER BY due.place, due.due_at, due.id LIMIT $4)
			UPDATE notifications n SET token = $1, claimed_until = now + $2::bigint * interval '1 microsecond',
				due_at = now + $2::bigint * interval '1 microsecond', tries = n.tries + 1, round = n.round + 1,
				since = CASE WHEN n.round = 0 THEN now ELSE n.since END
			FROM chosen c, clock WHERE n.id = c.id AND n.state = 'pending' AND n.claimed_until <= clock_timestamp()
			RETURNING n.id`
		ids, err := collect(ctx, t, pgx.RowTo[uuid.UUID], text, claim.Token, claim.Lease.Microseconds(), claim.PerDestination, claim.Limit)
		if err != nil {
			return fmt.Errorf("claim notifications: %w", err)
		}
		const foundText = `SELECT ` + notificationColumns + ` FROM ` + notificationTables + ` WHERE n.id = ANY($1) ORDER BY n.id`
		claimed, err = collect(ctx, t, scanNotification, foundText, ids)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	const nextText = `
		SELECT min(due_at), false FROM notifications WHERE state = 'pending' AND due_at > (SELECT clock_timestamp())`
	next, _, err := s.nextTime(ctx, nextText)
	return claimed, next, err
}

// EndNotification implements miniairflow.NotificationStore.
func (s *Store) EndNotification(ctx context.Context, end miniairflow.NotificationEnd) error {
	return s.inTx(ctx, func(t *tx) error {
		if end.Error == "" {
			const sentText = `
				UPDATE notifications SET state = 'sent', sent_at = clock_timestamp(), last_error = '', claimed_until = '-infinity'
				WHERE id = $1 AND state <> 'sent'`
			_, err := t.Exec(ctx, sentText, end.ID)
			return err
		}
		const text = `
			UPDATE notifications
			SET state = CASE WHEN $3 THEN 'stuck' ELSE 'pending' END, last_error = $4, claimed_until = '-infinity',
				due_at = clock_timestamp() + $5::bigint * interval '1 microsecond'
			WHERE id = $1 AND token = $2 AND state = 'pending' AND claimed_until > '-infinity'`
		_, err := t.Exec(ctx, text, end.ID, end.Token, end.IsStuck, dialect.LastError(end.Error), end.Delay.Microseconds())
		return err
	})
}

// SendNotification implements miniairflow.NotificationStore.
func (s *Store) SendNotification(ctx context.Context, id uuid.UUID, by miniairflow.Actor) (*miniairflow.Notification, error) {
	var found *miniairflow.Notification
	err := s.inTx(ctx, func(t *tx) error {
		const text = `
			UPDATE notifications SET state = 'pending', due_at = clock_timestamp(), round = 0, token = NULL, claimed_until = '-infinity',
				sent_at = NULL
			WHERE id = $1 AND NOT (state = 'pending' AND due_at <= clock_timestamp() AND round = 0 AND token IS NULL)`
		done, err := t.Exec(ctx, text, id)
		if err != nil {
			return err
		}
		rows, err := t.Query(ctx, notificationByID, id)
		if err != nil {
			return err
		}
		if found, err = pgx.CollectOneRow(rows, scanNotification); err != nil {
			return err
		}
		if done.RowsAffected() == 0 {
			return nil
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
	notificationByID   = `SELECT ` + notificationColumns + ` FROM ` + notificationTables + ` WHERE n.id = $1`
)

// scanNotification reads notificationColumns.
func scanNotification(row pgx.CollectableRow) (*miniairflow.Notification, error) {
	n := &miniairflow.Notification{}
	var recipient, facts string
	var token uuid.NullUUID
	err := row.Scan(&n.ID, &n.RunID, &n.WorkflowName, &n.RunNumber, &n.Event, &n.OfTasks, &recipient, &facts, &n.Count, &n.State,
		&n.Tries, &n.Round, &n.LastError, &n.At, &n.DueAt, &n.Since, &n.SentAt, &token)
	if err != nil {
		return nil, err
	}
	n.Token = token.UUID
	return n, dialect.DecodeNotification(n, recipient, facts)
}

// FindNotification implements miniairflow.NotificationStore.
func (s *Store) FindNotification(ctx context.Context, id uuid.UUID) (*miniairflow.Notification, error) {
	return queryOne(ctx, s, scanNotification, notificationByID, id)
}

// FindNotifications implements miniairflow.NotificationStore.
func (s *Store) FindNotifications(ctx context.Context, filter miniairflow.NotificationFilter) ([]*miniairflow.Notification, error) {
	c := notificationConditions(filter)
	if filter.Before != uuid.Nil {
		c.add(`n.id < ?`, filter.Before)
	}
	text := `SELECT ` + notificationColumns + ` FROM ` + notificationTables + ` WHERE ` + c.where() + ` ORDER BY n.id DESC` + c.limit(dialect.PageLimit(filter.Limit))
	return query(ctx, s, scanNotification, text, c.args...)
}

// CountNotifications implements miniairflow.NotificationStore.
func (s *Store) CountNotifications(ctx context.Context, filter miniairflow.NotificationFilter, max int) (int, error) {
	c := notificationConditions(filter)
	order := ""
	if filter.RunID == uuid.Nil {
		order = alongIndex(`n.id DESC`)
	}
	text := `SELECT count(*) FROM (SELECT FROM notifications n WHERE ` + c.where() + order + c.limit(max) + `) counted`
	return queryOne(ctx, s, pgx.RowTo[int], text, c.args...)
}

// notificationConditions returns what a filter means, but for its page.
func notificationConditions(filter miniairflow.NotificationFilter) *conditions {
	c := &conditions{}
	if filter.RunID != uuid.Nil {
		c.add(`n.workflow_run_id = ?`, filter.RunID)
	}
	if filter.State != "" {
		c.add(`n.state = ?`, string(filter.State))
	}
	switch filter.State {
	case miniairflow.NotificationPending, miniairflow.NotificationStuck:
		c.add(`n.state <> 'sent'`) // by the index of these few, whose condition a parameter alone does not meet
	}
	return c
}
