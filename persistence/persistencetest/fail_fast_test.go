package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// failsFast makes a workflow fail with its first failure.
func failsFast(d *miniairflow.Definition) *miniairflow.Definition {
	d.FailFast = true
	return d
}

// Of a and b, which run, a ends: c waits for a, d for nobody but has no slot, e is
// queued, and z is of finally.
func TestFailFast(t *testing.T) {
	for _, c := range []struct {
		name   string
		tasks  func(d *miniairflow.Definition)
		end    miniairflow.TaskStatus // of a
		then   string                 // right after that
		result miniairflow.RunStatus
		reason string
	}{
		{name: "a failure", end: miniairflow.TaskFailed, then: "frcccp", result: miniairflow.RunFailed, reason: "fail_fast: task a failed"},
		{name: "no failure", end: miniairflow.TaskSuccess, then: "srqqqp", result: miniairflow.RunSuccess},
		{name: "one that is skipped", end: miniairflow.TaskSkipped, then: "krpqqp", result: miniairflow.RunSuccess},
		{
			name: "one that is tolerated", end: miniairflow.TaskFailed, then: "frqqqp", result: miniairflow.RunSuccess,
			tasks: func(d *miniairflow.Definition) { d.Tasks[0].AllowFailure = true },
		},
		{
			name: "one that wants another try", end: miniairflow.TaskUpForRetry, then: "wrpqqp", result: miniairflow.RunRunning,
			tasks: func(d *miniairflow.Definition) {
				d.Tasks[0].Retry = &miniairflow.RetryPolicy{Count: 1, Delay: retryDelay}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				d := failsFast(withFinally(definition("etl", task("a"), task("b"), task("c", "a"), task("d"), task("e")), task("z")))
				d.MaxActiveTasks = 4
				if c.reason != "" {
					d.MaxActiveTasks = 3 // so that one waits for a slot
				}
				if c.tasks != nil {
					c.tasks(d)
				}
				r := db.start(d)
				w := db.worker("w")
				claims := w.claim(2)
				require.Equal(t, []int{0, 1}, seqs(claims))
				w.end(c.end, claims[0])
				db.check()
				want := states(c.then)
				if c.end == miniairflow.TaskUpForRetry {
					want[0] = miniairflow.TaskUpForRetry
				}
				require.Equal(t, want, db.statuses(r.ID))
				if c.reason == "" {
					require.Nil(t, db.run(r.ID).CancelRequestedAt)
					w.end(miniairflow.TaskSuccess, claims[1])
					w.drain(nil)
					require.Equal(t, c.result, db.run(r.ID).Status)
					return
				}
				for seq := 2; seq < 5; seq++ {
					require.Equal(t, c.reason, db.task(r.ID, seq).Reason)
				}
				beat, err := db.Heartbeat(t.Context(), w.id, []miniairflow.HeldAttempt{held(claims[1])}, lease)
				require.NoError(t, err)
				require.Equal(t, []miniairflow.HeldAttempt{held(claims[1])}, beat.Cancel, "what runs is ended")
				w.end(miniairflow.TaskCancelled, claims[1])
				require.Equal(t, states("fccccq"), db.statuses(r.ID))
				require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Outcome)
				w.drain(nil)
				require.Equal(t, states("fccccs"), db.statuses(r.ID))
				ended := db.run(r.ID)
				require.Equal(t, c.result, ended.Status)
				require.Equal(t, c.reason, ended.Reason)
				db.check()

				db.rerun(rerunOf(r, miniairflow.RerunFailed))
				db.playOn(w, r)
				require.Empty(t, db.run(r.ID).Reason)
			})
		})
	}
}

// Whatever ends a task run as failed ends the run; nothing does once all have
// ended, or when the tasks of finally have begun.
func TestFailFastByOtherEnds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		last := db.played(w, failsFast(definition("last", task("a"))), map[string]miniairflow.TaskStatus{"a": miniairflow.TaskFailed})
		require.Equal(t, "task a failed", last.Reason, "nothing was left to stop")
		require.Nil(t, last.CancelRequestedAt)

		final := db.played(w, failsFast(withFinally(definition("final", task("a")), task("y"), task("z"))), map[string]miniairflow.TaskStatus{"y": miniairflow.TaskFailed})
		require.Equal(t, states("sfs"), db.statuses(final.ID))
		require.Nil(t, final.CancelRequestedAt)

		lost := definition("lost", task("lost"), task("b"))
		lost.Tasks[0].OnLost = miniairflow.LostFail
		r := db.start(failsFast(lost))
		gone := db.worker("gone")
		gone.claim(1)
		require.NoError(t, db.EndSession(t.Context(), gone.id, ""))
		_, err := db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, states("fc"), db.statuses(r.ID))
		require.Equal(t, "fail_fast: task lost failed", db.run(r.ID).Reason)
		db.check()
	})
}

// What people end as failed ends the run as well: a mark, and an answer.
func TestFailFastByHand(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		d := failsFast(withFinally(definition("etl", task("a"), forEach("b", `[1,2,3]`, 2), task("c", "a"), asking("ask", "")), task("z")))
		r := db.start(d)
		db.decide()
		claims := w.claim(4)
		require.Equal(t, []int{0, 3, item(0), item(1)}, seqs(claims))
		w.exchange(0, aside(claims[1], time.Hour, "asked"))
		control := &miniairflow.Control{Store: db.Store}
		_, err := control.AnswerApproval(t.Context(), miniairflow.AnswerRequest{RunID: r.ID, Task: "ask", By: user})
		require.NoError(t, err)
		db.check()
		require.Equal(t, states("rwcfp"+"rrc"), db.statuses(r.ID), "of the items the one that was held back")
		require.Equal(t, "fail_fast: task ask failed", db.run(r.ID).Reason)
		w.end(miniairflow.TaskCancelled, claims[0], claims[2], claims[3])
		w.drain(nil)
		require.Equal(t, states("cccfs"+"ccc"), db.statuses(r.ID))
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		db.check()

		r = db.start(failsFast(definition("marked", task("a"), task("b"), task("c", "a"))))
		claims = w.claim(2)
		db.rerun(miniairflow.Rerun{ID: uuid.New(), RunID: r.ID, Kind: miniairflow.RerunMark, Seqs: []int{0}, Status: miniairflow.TaskFailed, By: user})
		db.check()
		require.Equal(t, states("frc"), db.statuses(r.ID))
		w.end(miniairflow.TaskCancelled, claims[1])
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		db.check()
	})
}

// An item that fails before it can start, for its when is no boolean, is a failure.
func TestFailFastByItemThatCannotStart(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(failsFast(definition("etl", task("a"), forEach("b", `[1,"failed",3]`, 1))))
		w := db.worker("w")
		claims := w.claim(1)
		db.decide()
		db.check()
		require.Equal(t, "fail_fast: an item of task b failed", db.run(r.ID).Reason)
		require.Equal(t, states("rf"+"cfc"), db.statuses(r.ID))
		w.end(miniairflow.TaskCancelled, claims...)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		db.check()

		only := db.start(failsFast(definition("only", forEach("b", `["failed","skipped"]`, 0))))
		db.decide()
		require.Equal(t, miniairflow.RunFailed, db.run(only.ID).Status)
		db.check()
	})
}

// held names the attempt of a claim.
func held(c miniairflow.Claim) miniairflow.HeldAttempt {
	return miniairflow.HeldAttempt{RunID: c.RunID, Seq: c.Seq, Token: c.Token}
}
