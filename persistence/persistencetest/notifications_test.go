package persistencetest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// tells is somebody who is told of everything.
func tells(url string) miniairflow.Notices {
	notices := miniairflow.Notices{}
	for _, event := range miniairflow.NotificationEvents {
		notices[event] = []miniairflow.Recipient{{Webhook: &miniairflow.Webhook{URL: url}}}
	}
	return notices
}

// dan has a name that reads well in what is told.
var dan = miniairflow.Actor{Name: "dan", Reason: "because"}

// gather makes notifications of all notices, without waiting for others.
func (db *database) gather() {
	db.Helper()
	for {
		n, err := db.GatherNotices(db.Context(), 0, 3)
		require.NoError(db, err)
		if n == 0 {
			require.Zero(db, db.number(`SELECT count(*) FROM notices`))
			return
		}
	}
}

// take claims the notifications that are due.
func (db *database) take(limit, perDestination int, lease time.Duration) []*miniairflow.Notification {
	db.Helper()
	claimed, _, err := db.ClaimNotifications(db.Context(), miniairflow.NotificationClaim{
		Token: uuid.New(), Lease: lease, Limit: limit, PerDestination: perDestination,
	})
	require.NoError(db, err)
	return claimed
}

// told gathers and describes all notifications of a run, the oldest first.
func (db *database) told(runID uuid.UUID) []string {
	db.Helper()
	db.gather()
	all, err := db.FindNotifications(db.Context(), miniairflow.NotificationFilter{RunID: runID})
	require.NoError(db, err)
	texts := make([]string, len(all))
	for i, n := range all {
		text := fmt.Sprintf("%s: %s %s", n.Event, n.Status, n.Reason)
		for _, task := range n.Tasks {
			text = fmt.Sprintf("%s: %s %s #%d %s", n.Event, task.Name, task.Status, task.Attempt, task.Reason)
		}
		texts[len(all)-1-i] = text
	}
	return texts
}

// Every way in which a run or a task run ends, or is tried again, is told to who asked
// for it, once.
func TestNoticesOfEachEvent(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, w := t.Context(), db.worker("w1")
		own := func(name string) *miniairflow.Definition {
			a := task("a")
			a.Notify = tells("https://a.example.org/")
			d := definition(name, a)
			d.Notify = tells("https://run.example.org/")
			return d
		}
		good := db.start(own("good"))
		w.drain(nil)
		require.Equal(t, []string{"success: a success #1 ", "success: success "}, db.told(good.ID))

		failed := db.start(own("failed"))
		retry := finish(w.claim(1)[0], miniairflow.TaskUpForRetry)
		w.exchange(0, retry)
		w.exchange(0, retry) // a repeated call tells nothing
		_, _, err := db.PromoteRetries(ctx, 10)
		require.NoError(t, err)
		w.drain(func(miniairflow.Claim) miniairflow.TaskStatus { return miniairflow.TaskFailed })
		require.Equal(t, []string{
			"retry: a up_for_retry #1 exit code 1", "failure: a failed #2 exit code 1", "failure: failed task a failed",
		}, db.told(failed.ID))

		again := miniairflow.Rerun{ID: uuid.New(), RunID: failed.ID, Kind: miniairflow.RerunFailed, By: dan}
		_, err = db.Rerun(ctx, again)
		require.NoError(t, err)
		_, err = db.Rerun(ctx, again)
		require.NoError(t, err)
		require.Equal(t, []string{"retry: pending opened again by dan: because"}, db.told(failed.ID)[3:])
		_, err = db.CancelRun(ctx, miniairflow.Cancel{RunID: failed.ID, By: dan})
		require.NoError(t, err)
		require.Equal(t, []string{"cancel: a cancelled #2 run is being cancelled", "cancel: cancelled cancelled by dan: because"}, db.told(failed.ID)[4:])

		cancelled := db.start(own("cancelled"))
		_, err = db.CancelRun(ctx, miniairflow.Cancel{RunID: cancelled.ID, By: dan})
		require.NoError(t, err)
		require.Equal(t, []string{"cancel: a cancelled #0 run is being cancelled", "cancel: cancelled cancelled by dan: because"}, db.told(cancelled.ID))

		_, err = db.Rerun(ctx, miniairflow.Rerun{
			ID: uuid.New(), RunID: good.ID, Kind: miniairflow.RerunMark, Seqs: []int{0}, Status: miniairflow.TaskFailed, By: dan,
		})
		require.NoError(t, err)
		require.Equal(t, []string{"failure: a failed #1 marked failed by dan: because", "failure: failed task a failed"}, db.told(good.ID)[2:])

		lost := db.start(own("lost"))
		w.claim(1)
		require.NoError(t, db.EndSession(ctx, w.id, miniairflow.EndStopped))
		_, err = db.Reap(ctx, 10)
		require.NoError(t, err)
		require.Equal(t, []string{"retry: a queued #1 worker w1 was stopped before the task ended"}, db.told(lost.ID))
		db.check()
	})
}

// Nobody is told who did not ask, nor of items, nor is anything written.
func TestNoticesCostNothingUnasked(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w1")
		fan := task("fan")
		fan.ForEach = &miniairflow.ForEach{List: json.RawMessage(`[1, 2]`)}
		fan.Notify = tells("https://a.example.org/")
		run := db.start(definition("quiet", task("a"), fan))
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(run.ID).Status)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM notices`), "the task as a whole")
		require.Equal(t, []string{"success: fan success #0 "}, db.told(run.ID))
	})
}

// Hundreds of failed tasks of a run are one message, which names some of them; what
// happens when it is gone already is another one, later.
func TestNotificationsFold(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, w := t.Context(), db.worker("w1")
		tasks := wide(500)
		for i := range tasks {
			tasks[i].Notify = tells("https://a.example.org/")
		}
		d := definition("storm", tasks...)
		d.MaxActiveTasks = 1000
		run := db.start(d)
		for range 4 {
			w.end(miniairflow.TaskFailed, w.claim(100)...)
			n, err := db.GatherNotices(ctx, time.Hour, 1000)
			require.NoError(t, err)
			require.Equal(t, 100, n)
		}
		require.Empty(t, db.take(10, 10, lease), "not before the hour is over")
		all, err := db.FindNotifications(ctx, miniairflow.NotificationFilter{})
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, 400, all[0].Count)
		require.Len(t, all[0].Tasks, miniairflow.NotificationTasksMax)
		require.Equal(t, "storm#1", all[0].RunLabel())
		_, err = db.SendNotification(ctx, all[0].ID, carol)
		require.NoError(t, err)
		first := db.take(10, 10, lease)
		require.Len(t, first, 1)
		w.end(miniairflow.TaskFailed, w.claim(100)...)
		db.gather()
		rest := db.take(10, 10, lease)
		require.Len(t, rest, 1)
		require.NotEqual(t, first[0].ID, rest[0].ID)
		require.Equal(t, 100, rest[0].Count)
		require.Equal(t, 2, db.number(`SELECT count(*) FROM notifications`))
		require.Equal(t, run.ID, rest[0].RunID)
	})
}

// A notification is in one pair of hands at a time, and goes to others when these do not
// say what became of it.
func TestNotificationsAreClaimed(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, w := t.Context(), db.worker("w1")
		d := definition("many", task("a"))
		d.Notify = miniairflow.Notices{miniairflow.NotifySuccess: {
			{Webhook: &miniairflow.Webhook{URL: "https://a.example.org/"}, Text: "1"},
			{Webhook: &miniairflow.Webhook{URL: "https://a.example.org/"}, Text: "2"},
			{Email: &miniairflow.Email{To: []string{"a@example.org"}}},
		}}
		db.start(d)
		w.drain(nil)
		db.gather()
		claimed := db.take(10, 1, lease)
		require.Len(t, claimed, 2, "one of each destination")
		require.Empty(t, db.take(10, 1, lease))
		other := db.take(10, 2, 0)
		require.Len(t, other, 1)
		require.Equal(t, 1, other[0].Tries)
		anew := db.take(10, 2, lease)
		require.Len(t, anew, 1, "the lease is over")
		require.Equal(t, 2, anew[0].Tries)

		late := miniairflow.NotificationEnd{ID: other[0].ID, Token: other[0].Token, Error: "late", IsStuck: true}
		require.NoError(t, db.EndNotification(ctx, late))
		require.Equal(t, miniairflow.NotificationPending, db.notification(late.ID).State, "it is in other hands")
		require.NoError(t, db.EndNotification(ctx, miniairflow.NotificationEnd{ID: late.ID, Token: other[0].Token}))
		sent := db.notification(late.ID)
		require.Equal(t, miniairflow.NotificationSent, sent.State, "who has taken it has taken it")
		require.NotNil(t, sent.SentAt)
		require.NoError(t, db.EndNotification(ctx, miniairflow.NotificationEnd{ID: late.ID, Token: anew[0].Token, Error: "no"}))
		require.Equal(t, miniairflow.NotificationSent, db.notification(late.ID).State)

		first := claimed[0]
		require.NoError(t, db.EndNotification(ctx, miniairflow.NotificationEnd{ID: first.ID, Token: first.Token, Error: "status 500", Delay: time.Hour}))
		found := db.notification(first.ID)
		require.Equal(t, "status 500", found.LastError)
		require.Empty(t, db.take(10, 10, lease), "it is due in an hour")
		_, next, err := db.ClaimNotifications(ctx, miniairflow.NotificationClaim{Token: uuid.New(), Lease: lease, Limit: 10, PerDestination: 10})
		require.NoError(t, err)
		now, err := db.Now(ctx)
		require.NoError(t, err)
		require.WithinRange(t, *next, now.Add(time.Minute), now.Add(lease))
		_, err = db.SendNotification(ctx, first.ID, carol)
		require.NoError(t, err)
		first = db.take(10, 10, lease)[0]
		require.Equal(t, found.ID, first.ID)
		require.NoError(t, db.EndNotification(ctx, miniairflow.NotificationEnd{ID: first.ID, Token: first.Token, Error: "status 500", IsStuck: true}))
		stuck, err := db.FindNotifications(ctx, miniairflow.NotificationFilter{State: miniairflow.NotificationStuck})
		require.NoError(t, err)
		require.Len(t, stuck, 1)
		count, err := db.CountNotifications(ctx, miniairflow.NotificationFilter{State: miniairflow.NotificationStuck}, 10)
		require.NoError(t, err)
		require.Equal(t, 1, count)
		_, err = db.SendNotification(ctx, sent.ID, carol)
		require.NoError(t, err)
		require.Equal(t, sent.ID, db.take(10, 10, lease)[0].ID, "also one that was sent")
		_, err = db.SendNotification(ctx, uuid.New(), carol)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
	})
}

// notification returns a notification.
func (db *database) notification(id uuid.UUID) *miniairflow.Notification {
	db.Helper()
	n, err := db.FindNotification(db.Context(), id)
	require.NoError(db, err)
	return n
}

// Pages come from the newest to the oldest, and all of it goes with its run.
func TestNotificationPagesAndDeletion(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, w := t.Context(), db.worker("w1")
		d := definition("often", task("a"))
		d.Notify = tells("https://a.example.org/")
		for range 3 {
			db.start(d)
			w.drain(nil)
		}
		db.gather()
		last := db.start(d)
		w.drain(nil)
		all, err := db.FindNotifications(ctx, miniairflow.NotificationFilter{})
		require.NoError(t, err)
		require.Len(t, all, 3)
		page, err := db.FindNotifications(ctx, miniairflow.NotificationFilter{Limit: 1, Before: all[0].ID})
		require.NoError(t, err)
		require.Equal(t, all[1:2], page)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM notices`))
		require.True(t, db.run(last.ID).IsTerminal())
		n, err := db.DeleteRuns(ctx, time.Now().Add(time.Hour), 10)
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.Zero(t, db.number(`SELECT (SELECT count(*) FROM notices) + (SELECT count(*) FROM notifications)`))
	})
}

// Of an email each address has a letter of its own, and the same event twice writes to
// each once.
func TestEachAddressGetsALetter(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := wide(3)
		for i := range tasks {
			tasks[i].Notify = miniairflow.Notices{miniairflow.NotifyFailure: {
				{Email: &miniairflow.Email{To: []string{"gone@example.org", "data@example.org"}}, Text: "look"},
				{Email: &miniairflow.Email{To: []string{"data@example.org", "data@example.org"}}},
				{Email: &miniairflow.Email{To: []string{"data@example.org"}}},
			}}
		}
		db.start(definition("w", tasks...))
		db.worker("w1").drain(func(miniairflow.Claim) miniairflow.TaskStatus { return miniairflow.TaskFailed })
		db.gather()
		all, err := db.FindNotifications(t.Context(), miniairflow.NotificationFilter{})
		require.NoError(t, err)
		var letters []string
		for _, n := range all {
			letters = append(letters, fmt.Sprintf("%s %q about %d", n.Recipient.Label(), n.Recipient.Text, n.Count))
		}
		require.ElementsMatch(t, []string{
			`email gone@example.org "look" about 3`, `email data@example.org "look" about 3`, `email data@example.org "" about 3`,
		}, letters)
	})
}

// A notice of which nothing can be made is found, kept, and holds up no other.
func TestNoticesThatCannotBeWritten(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, w := t.Context(), db.worker("w1")
		a := task("a")
		a.Notify = tells("https://a.example.org/")
		db.start(definition("w", a))
		w.drain(nil)
		other := `UPDATE notices SET version_id = '0193a000-0000-7000-8000-000000000001'`
		db.change(map[string]string{"sqlite": other, "postgres": other})
		run := db.start(definition("v", a))
		w.drain(nil)
		_, err := db.GatherNotices(ctx, 0, 10)
		require.Error(t, err)
		var fault *miniairflow.NoticeFault
		require.NotErrorAs(t, err, &fault, "there are two of them")
		_, err = db.GatherNotices(ctx, 0, 1)
		require.ErrorAs(t, err, &fault)
		require.Equal(t, miniairflow.NotifySuccess, fault.Notice.Event)
		require.NotEqual(t, run.ID, fault.Notice.RunID)
		n, err := db.GatherNotices(ctx, 0, 10, fault.ID)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, []int{1, 1}, []int{db.number(`SELECT count(*) FROM notices`), db.number(`SELECT count(*) FROM notifications`)}, "it is kept")
	})
}
