package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// carol signs what these tests do, in words that a careless store would spoil.
var carol = miniairflow.Actor{Name: "carol ⛵", Reason: "żółw 🐢 said: 'no'; --\n\"今日は\""}

// audited returns the entries that a filter chooses.
func (db *database) audited(filter miniairflow.AuditFilter) []*miniairflow.AuditEntry {
	db.Helper()
	entries, err := db.FindAuditEntries(db.Context(), filter)
	require.NoError(db, err)
	count, err := db.CountAuditEntries(db.Context(), filter, 1000)
	require.NoError(db, err)
	if filter.Before == 0 && filter.Limit == 0 && count < 50 {
		require.Len(db, entries, count)
	}
	return entries
}

// actions returns what entries are of.
func actions(entries []*miniairflow.AuditEntry) []miniairflow.AuditAction {
	all := []miniairflow.AuditAction{}
	for _, e := range entries {
		all = append(all, e.Action)
	}
	return all
}

// operation is something that people ask for.
type operation struct {
	action  miniairflow.AuditAction
	before  func() // what must have happened, done once; nil: nothing
	do      func(by miniairflow.Actor) error
	again   error // of the second time
	subject string
	label   string
	of      uuid.UUID // the workflow
	details string
}

// operations returns one operation for each action, to be done in this order.
func (db *database) operations(w *worker, v *miniairflow.WorkflowVersion) []operation {
	ctx, run := db.Context(), db.newRun(v)
	pauseRun := func(paused bool) func(by miniairflow.Actor) error {
		return func(by miniairflow.Actor) error { _, err := db.SetRunPaused(ctx, run.ID, paused, by); return err }
	}
	pause := func(paused bool) func(by miniairflow.Actor) error {
		return func(by miniairflow.Actor) error { _, err := db.SetPaused(ctx, v.WorkflowID, paused, by); return err }
	}
	rerun := func(kind miniairflow.RerunKind, change func(*miniairflow.Rerun)) func(by miniairflow.Actor) error {
		req := miniairflow.Rerun{ID: uuid.New(), RunID: run.ID, Kind: kind}
		change(&req)
		return func(by miniairflow.Actor) error {
			req.By = by
			_, err := db.Rerun(ctx, req)
			return err
		}
	}
	fail := func() {
		db.mustStart(run.ID)
		w.drain(func(miniairflow.Claim) miniairflow.TaskStatus { return miniairflow.TaskFailed })
	}
	question := asking("ask", "")
	question.Queue = "people"
	asks := db.newRun(db.sync(definition("ask", question)))
	asks.By = miniairflow.Actor{} // so that the log does not note it
	ask := func() {
		_, _, err := db.CreateRun(ctx, asks)
		require.NoError(db, err)
		db.mustStart(asks.ID)
		people, err := db.newWorkerOf(ctx, "people", question.Queue, 1)
		require.NoError(db, err)
		people.exchange(0, aside(people.claim(1)[0], time.Hour, ""))
	}
	told := db.newRun(db.sync(&miniairflow.Definition{
		Name: "told", IsActive: true, MaxActiveRuns: 1, MaxActiveTasks: 1, Tasks: []miniairflow.Task{task("a")}, Notify: tells("https://example.org/"),
	}))
	told.By = miniairflow.Actor{}
	tell := func() {
		_, _, err := db.CreateRun(ctx, told)
		require.NoError(db, err)
		db.mustStart(told.ID)
		w.drain(nil)
		db.gather()
	}
	id, label, of := run.ID.String(), "etl#1", v.WorkflowID
	backfill := miniairflow.Backfill{
		ID: uuid.New(), WorkflowID: of, VersionID: v.ID, Name: "march", Hash: "h", Schedules: miniairflow.ScheduleGroup{{Cron: "0 * * * *", Timezone: "UTC"}},
		From: slot, To: slot.Add(3 * time.Hour), Mode: miniairflow.BackfillMissing, Order: miniairflow.BackfillOldest, Concurrency: 1, Total: 4,
	}
	pauseBackfill := func(paused bool) func(by miniairflow.Actor) error {
		return func(by miniairflow.Actor) error {
			_, err := db.SetBackfillPaused(ctx, backfill.ID, paused, by)
			return err
		}
	}
	backfillID, backfillLabel := backfill.ID.String(), "etl/march"
	return []operation{
		{action: miniairflow.AuditSendNotification, subject: told.ID.String(), label: "told#1", of: told.WorkflowID, before: tell, do: func(by miniairflow.Actor) error {
			all, err := db.FindNotifications(ctx, miniairflow.NotificationFilter{RunID: told.ID})
			require.NoError(db, err)
			if by.Name == carol.Name {
				require.Len(db, db.take(10, 10, time.Hour), len(all), "somebody has it in the hands")
			}
			_, err = db.SendNotification(ctx, all[0].ID, by)
			return err
		}},
		{action: miniairflow.AuditCreateBackfill, subject: backfillID, label: backfillLabel, of: of, do: func(by miniairflow.Actor) error {
			_, _, err := db.CreateBackfill(ctx, backfill, by)
			return err
		}},
		{action: miniairflow.AuditPauseBackfill, subject: backfillID, label: backfillLabel, of: of, do: pauseBackfill(true)},
		{action: miniairflow.AuditResumeBackfill, subject: backfillID, label: backfillLabel, of: of, do: pauseBackfill(false)},
		{action: miniairflow.AuditCancelBackfill, subject: backfillID, label: backfillLabel, of: of, do: func(by miniairflow.Actor) error {
			_, err := db.CancelBackfill(ctx, backfill.ID, false, by)
			return err
		}},
		{action: miniairflow.AuditCreateRun, subject: id, label: label, of: of, do: func(by miniairflow.Actor) error {
			run.By = by
			_, _, err := db.CreateRun(ctx, run)
			return err
		}},
		{action: miniairflow.AuditPauseRun, subject: id, label: label, of: of, do: pauseRun(true)},
		{action: miniairflow.AuditResumeRun, subject: id, label: label, of: of, do: pauseRun(false)},
		{
			action: miniairflow.AuditRetryRun, subject: id, label: label, of: of, details: "a, b, latest version", before: fail,
			do: rerun(miniairflow.RerunFailed, func(r *miniairflow.Rerun) { r.Latest = true }),
		},
		{
			action: miniairflow.AuditMarkTasks, subject: id, label: label, of: of, details: "a as success",
			do: rerun(miniairflow.RerunMark, func(r *miniairflow.Rerun) { r.Seqs, r.Status = []int{0}, miniairflow.TaskSuccess }),
		},
		{
			action: miniairflow.AuditClearTasks, subject: id, label: label, of: of, details: "a with all below",
			do: rerun(miniairflow.RerunClear, func(r *miniairflow.Rerun) { r.Seqs, r.Downstream = []int{0}, true }),
		},
		{
			action: miniairflow.AuditAnswerApproval, subject: asks.ID.String(), label: "ask#1", of: asks.WorkflowID, details: "ask as success", before: ask,
			do: rerun(miniairflow.RerunAnswer, func(r *miniairflow.Rerun) {
				r.RunID, r.Seqs, r.Status, r.Outputs = asks.ID, []int{0}, miniairflow.TaskSuccess, map[string]any{"decision": miniairflow.DecisionApproved}
			}),
		},
		{action: miniairflow.AuditCancelRun, subject: id, label: label, of: of, do: func(by miniairflow.Actor) error {
			_, err := db.CancelRun(ctx, miniairflow.Cancel{RunID: run.ID, By: by})
			return err
		}},
		{action: miniairflow.AuditPauseWorkflow, subject: of.String(), label: "etl", of: of, do: pause(true)},
		{action: miniairflow.AuditUnpauseWorkflow, subject: of.String(), label: "etl", of: of, do: pause(false)},
		{action: miniairflow.AuditDrainWorker, subject: "w", label: "w", do: func(by miniairflow.Actor) error { _, err := db.DrainWorker(ctx, "w", by); return err }},
		{action: miniairflow.AuditSetPool, subject: "db", label: "db", details: "0 slots", do: func(by miniairflow.Actor) error {
			_, err := db.SetPool(ctx, miniairflow.Pool{Name: "db"}, by)
			return err
		}},
		{action: miniairflow.AuditDeletePool, subject: "db", label: "db", again: miniairflow.ErrNotFound, do: func(by miniairflow.Actor) error {
			return db.DeletePool(ctx, "db", by)
		}},
		{action: miniairflow.AuditSetVar, subject: "url", label: "url", do: func(by miniairflow.Actor) error {
			_, err := db.SetVar(ctx, miniairflow.Var{Name: "url", Value: "v"}, nil, by)
			return err
		}},
		{action: miniairflow.AuditDeleteVar, subject: "url", label: "url", again: miniairflow.ErrNotFound, do: func(by miniairflow.Actor) error {
			return db.DeleteVar(ctx, "url", by)
		}},
		{action: miniairflow.AuditSetSecret, subject: "token", label: "token", do: func(by miniairflow.Actor) error {
			_, err := db.SetSecret(ctx, miniairflow.SealedSecret{Name: "token", KeyID: "k", Sealed: []byte("s")}, by)
			return err
		}},
		{action: miniairflow.AuditRotateSecrets, subject: "k2", label: "k2", do: func(by miniairflow.Actor) error {
			_, err := db.ResealSecrets(ctx, func(s miniairflow.SealedSecret) (miniairflow.SealedSecret, error) {
				s.KeyID = "k2"
				return s, nil
			}, by)
			return err
		}},
		{action: miniairflow.AuditDeleteSecret, subject: "token", label: "token", again: miniairflow.ErrNotFound, do: func(by miniairflow.Actor) error {
			return db.DeleteSecret(ctx, "token", by)
		}},
		{
			action: miniairflow.AuditCreateToken, subject: "ann@example.org", label: "ann@example.org", again: &miniairflow.Error{Code: miniairflow.CodeConflict},
			do: func(by miniairflow.Actor) error {
				_, err := db.CreateToken(ctx, "ann@example.org", []byte("hash"), by)
				return err
			},
		},
		{
			action: miniairflow.AuditRevokeToken, subject: "ann@example.org", label: "ann@example.org", again: miniairflow.ErrNotFound,
			do: func(by miniairflow.Actor) error { return db.RevokeToken(ctx, "ann@example.org", by) },
		},
	}
}

// mustStart starts the run.
func (db *database) mustStart(id uuid.UUID) {
	db.Helper()
	started, err := db.StartRuns(db.Context(), 10)
	require.NoError(db, err)
	require.Contains(db, started, id)
}

func TestEachOperationIsAuditedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		var done []miniairflow.AuditAction
		for _, op := range db.operations(w, db.sync(definition("etl", task("a"), task("b", "a")))) {
			if op.before != nil {
				op.before()
			}
			before, err := db.Now(t.Context())
			require.NoError(t, err)
			require.NoError(t, op.do(carol), op.action)
			require.ErrorIs(t, op.do(miniairflow.Actor{Name: "dave"}), op.again, "%s again", op.action)
			after, err := db.Now(t.Context())
			require.NoError(t, err)
			done = append([]miniairflow.AuditAction{op.action}, done...)
			entries := db.audited(miniairflow.AuditFilter{})
			require.Equal(t, done, actions(entries), "one more entry than before")
			e := *entries[0]
			require.WithinRange(t, e.At, before, after)
			if op.details == "" {
				require.Nil(t, e.Details, op.action)
			} else {
				require.Equal(t, op.details, e.Details.Text())
			}
			e.ID, e.At, e.Details = 0, time.Time{}, nil
			require.Equal(t, miniairflow.AuditEntry{
				Actor: carol.Name, Reason: carol.Reason, Action: op.action, Subject: op.subject, Label: op.label, WorkflowID: op.of,
			}, e)
		}
		require.ElementsMatch(t, miniairflow.AuditActions, done, "every action is tried")
	})
}

// What nobody asked for, what is refused, and what changes nothing is not noted.
func TestNothingIsAuditedWithoutAChange(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, w := t.Context(), db.worker("w")
		v := db.sync(definition("etl", task("a")))
		run := db.newRun(v)
		run.By = miniairflow.Actor{}
		_, _, err := db.CreateRun(ctx, run)
		require.NoError(t, err)
		db.mustStart(run.ID)
		w.drain(nil)
		r := db.run(run.ID)
		require.Equal(t, miniairflow.RunSuccess, r.Status)

		_, err = db.CancelRun(ctx, miniairflow.Cancel{RunID: r.ID, By: carol})
		require.NoError(t, err)
		_, err = db.SetRunPaused(ctx, r.ID, true, carol)
		require.NoError(t, err)
		retry := rerunOf(r, miniairflow.RerunFailed)
		require.Empty(t, db.rerun(retry).TaskRuns, "nothing has failed")
		dry := rerunOf(r, miniairflow.RerunClear, 0)
		dry.DryRun = true
		require.Len(t, db.rerun(dry).TaskRuns, 1)
		_, err = db.DrainWorker(ctx, "nobody", carol)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		_, err = db.SyncPools(ctx, "pools.yaml", []miniairflow.Pool{{Name: "db", Slots: 1}}, nil)
		require.NoError(t, err)
		_, err = db.SetPool(ctx, miniairflow.Pool{Name: "db", Slots: 2}, carol)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(db.DeletePool(ctx, "db", carol)))
		require.NoError(t, db.RetireFile(ctx, "etl.yaml"))
		_, err = db.SetPaused(ctx, v.WorkflowID, true, miniairflow.Actor{})
		require.NoError(t, err)
		require.Empty(t, db.audited(miniairflow.AuditFilter{}))
	})
}

func TestAuditEntriesComeInPages(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		const n = 205
		for i := range n {
			db.setPool("db", i)
		}
		filter := miniairflow.AuditFilter{}
		require.Len(t, db.audited(filter), 50)
		filter.Limit = 1000
		all := db.audited(filter)
		require.Len(t, all, 200)
		all = all[:0]
		for filter.Limit = 7; ; {
			page := db.audited(filter)
			if len(page) == 0 {
				break
			}
			all = append(all, page...)
			require.LessOrEqual(t, len(all), n)
			filter.Before = page[len(page)-1].ID
		}
		require.Len(t, all, n)
		for i, e := range all {
			require.Equal(t, n-1-i, *e.Details.Slots, "the newest first, each once")
		}
		for max, want := range map[int]int{1000: n, 100: 100} {
			count, err := db.CountAuditEntries(t.Context(), miniairflow.AuditFilter{Limit: 1, Before: 3}, max)
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
	})
}

func TestAuditFilters(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, created, paused := t.Context(), miniairflow.AuditCreateRun, miniairflow.AuditPauseRun
		first, second := db.sync(definition("first", task("a"))), db.sync(definition("second", task("a")))
		a, b, c := db.trigger(first), db.trigger(first), db.trigger(second)
		db.pause(a, true)
		db.pause(c, true)
		_, err := db.SetPaused(ctx, first.WorkflowID, true, carol)
		require.NoError(t, err)
		db.worker(a.ID.String()) // a name may be anything
		_, err = db.DrainWorker(ctx, a.ID.String(), carol)
		require.NoError(t, err)
		db.setPool("default", 1)

		labels := func(filter miniairflow.AuditFilter) []string {
			found := []string{}
			for _, e := range db.audited(filter) {
				found = append(found, string(e.Action)+" "+e.Label)
			}
			return found
		}
		for _, tt := range []struct {
			filter miniairflow.AuditFilter
			want   []string
		}{
			{miniairflow.AuditFilter{Subject: b.ID.String()}, []string{"create_run first#2"}},
			{miniairflow.AuditFilter{Subject: a.ID.String()}, []string{"drain_worker " + a.ID.String(), "pause_run first#1", "create_run first#1"}},
			{miniairflow.AuditFilter{Subject: a.ID.String(), WorkflowID: first.WorkflowID}, []string{"pause_run first#1", "create_run first#1"}},
			{miniairflow.AuditFilter{Subject: a.ID.String(), WorkflowID: second.WorkflowID}, []string{}},
			{miniairflow.AuditFilter{Subject: "default"}, []string{"set_pool default"}},
			{miniairflow.AuditFilter{Subject: "none\x00such"}, []string{}},
			{miniairflow.AuditFilter{WorkflowID: first.WorkflowID}, []string{"pause_workflow first", "pause_run first#1", "create_run first#2", "create_run first#1"}},
			{miniairflow.AuditFilter{WorkflowID: first.WorkflowID, Action: created}, []string{"create_run first#2", "create_run first#1"}},
			{miniairflow.AuditFilter{WorkflowID: second.WorkflowID}, []string{"pause_run second#1", "create_run second#1"}},
			{miniairflow.AuditFilter{Action: paused}, []string{"pause_run second#1", "pause_run first#1"}},
			{miniairflow.AuditFilter{Action: miniairflow.AuditCancelRun}, []string{}},
		} {
			require.Equal(t, tt.want, labels(tt.filter), "%+v", tt.filter)
		}
	})
}

// The log outlives its subjects.
func TestAuditEntriesOfWhatIsGone(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		r := db.played(w, definition("etl", task("a")), nil)
		_, err := db.SetPaused(t.Context(), r.WorkflowID, true, carol)
		require.NoError(t, err)
		deleted, err := db.DeleteRuns(t.Context(), r.FinishedAt.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		require.NoError(t, db.RetireFile(t.Context(), "etl.yaml"))
		entries := db.audited(miniairflow.AuditFilter{WorkflowID: r.WorkflowID})
		require.Len(t, entries, 2)
		require.Equal(t, "etl", entries[0].Label, "a retired workflow keeps its name")
		require.Equal(t, r.ID.String(), entries[1].Label, "a run that is deleted has none")
		require.Equal(t, r.ID.String(), entries[1].Subject)
	})
}

// Text that no database takes is kept as far as it can be.
func TestAuditEntryOfBrokenText(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		_, err := db.SetPool(t.Context(), miniairflow.Pool{Name: "db"}, miniairflow.Actor{Name: "a\x00b", Reason: "caf\xe9"})
		require.NoError(t, err)
		e := db.audited(miniairflow.AuditFilter{})[0]
		require.Equal(t, "a\uFFFDb", e.Actor)
		require.Equal(t, "caf\uFFFD", e.Reason)
	})
}
