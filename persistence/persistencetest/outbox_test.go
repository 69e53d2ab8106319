package persistencetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// outgoing makes one notification that is due, to a host, of a run of its own workflow.
func (db *database) outgoing(host string) *miniairflow.Notification {
	db.Helper()
	d := definition(host, task("a"))
	d.Notify = miniairflow.Notices{miniairflow.NotifySuccess: {{Webhook: &miniairflow.Webhook{URL: "https://" + host + "/"}}}}
	run := db.start(d)
	db.worker("w-" + host).drain(nil)
	db.gather()
	all, err := db.FindNotifications(db.Context(), miniairflow.NotificationFilter{RunID: run.ID})
	require.NoError(db, err)
	require.Len(db, all, 1)
	return all[0]
}

// backlog copies a notification that is due, each copy a little more overdue.
func (db *database) backlog(id uuid.UUID, copies int) {
	db.Helper()
	const columns = `workflow_run_id, event, of_tasks, recipient, destination, fold_key, facts, task_count, at, state, since, created_at`
	db.change(map[string]string{
		"sqlite": fmt.Sprintf(`
			WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
			INSERT INTO notifications (id, due_at, %s) SELECT printf('0193a000-0000-7000-8000-%%012d', n), due_at - n, %s
			FROM numbers, notifications WHERE id = '%s'`, copies, columns, columns, id),
		"postgres": fmt.Sprintf(`
			INSERT INTO notifications (id, due_at, %s) SELECT gen_random_uuid(), due_at - n * interval '1 microsecond', %s
			FROM generate_series(1, %d) n, notifications WHERE id = '%s'`, columns, columns, copies, id),
	})
}

// hosts returns how many of the notifications go where.
func hosts(all []*miniairflow.Notification) map[string]int {
	count := map[string]int{}
	for _, n := range all {
		count[n.Recipient.Destination()]++
	}
	return count
}

// A long backlog for a receiver that is gone takes no room from the others, not even
// while there is room for one try alone.
func TestBacklogOfOneDestinationHoldsUpNoOther(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		dead := db.outgoing("dead.example.org")
		db.backlog(dead.ID, 1003)
		db.outgoing("ok.example.org")
		require.Equal(t, map[string]int{"dead.example.org": 1}, hosts(db.take(1, 4, lease)), "the most overdue")
		require.Equal(t, map[string]int{"ok.example.org": 1}, hosts(db.take(1, 4, lease)), "the one with nothing under way")
		require.Equal(t, map[string]int{"dead.example.org": 3}, hosts(db.take(16, 4, lease)))
		require.Empty(t, db.take(16, 4, lease))
		db.outgoing("late.example.org")
		require.Equal(t, map[string]int{"late.example.org": 1}, hosts(db.take(16, 4, lease)))
	})
}

// The time in which a notification is tried begins with its first try, however late that
// is, and not when it was made.
func TestNotificationsAreTriedFromTheFirstTryOn(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		n := db.outgoing("a.example.org")
		db.change(map[string]string{
			"sqlite":   `UPDATE notifications SET due_at = due_at - 172800000000, since = since - 172800000000`,
			"postgres": `UPDATE notifications SET due_at = due_at - interval '2 days', since = since - interval '2 days'`,
		})
		before, err := db.Now(t.Context())
		require.NoError(t, err)
		first := db.take(1, 1, 0)[0]
		require.False(t, first.Since.Before(before.Truncate(time.Microsecond)), first.Since)
		second := db.take(1, 1, lease)[0]
		require.Equal(t, n.ID, second.ID)
		require.Equal(t, first.Since, second.Since, "it does not begin anew with each try")
		require.Equal(t, [2]int{2, 2}, [2]int{second.Tries, second.Round})
	})
}

// What somebody sends by hand goes at once and with all of its tries, whatever a try
// that was under way has to say, but that it was taken.
func TestNotificationsSentByHandWhileTheyAreTried(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx := t.Context()
		id := db.outgoing("a.example.org").ID
		for range 3 {
			db.take(1, 1, 0)
		}
		old := db.take(1, 1, lease)[0]
		require.Equal(t, 4, old.Round)
		sent, err := db.SendNotification(ctx, id, carol)
		require.NoError(t, err)
		require.Equal(t, [2]int{4, 0}, [2]int{sent.Tries, sent.Round})
		for _, isStuck := range []bool{true, false} {
			require.NoError(t, db.EndNotification(ctx, miniairflow.NotificationEnd{ID: id, Token: old.Token, Error: "no", Delay: time.Hour, IsStuck: isStuck}))
		}
		anew := db.take(1, 1, lease)
		require.Len(t, anew, 1, "it is due, and not in the old hands")
		require.Equal(t, [2]int{5, 1}, [2]int{anew[0].Tries, anew[0].Round})
		require.True(t, anew[0].Since.After(old.Since))

		_, err = db.SendNotification(ctx, id, carol)
		require.NoError(t, err)
		require.NoError(t, db.EndNotification(ctx, miniairflow.NotificationEnd{ID: id, Token: anew[0].Token}))
		require.Equal(t, miniairflow.NotificationSent, db.notification(id).State)
	})
}
