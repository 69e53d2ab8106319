package persistencetest_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestBackfillIsPaused(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(hourly("a", task("x")))
		b := db.backfill(dates("a", 3, 1))
		w := db.worker("w")
		pause := func(paused bool) {
			for range 2 { // the second changes nothing
				found, err := db.SetBackfillPaused(t.Context(), b.ID, paused, by)
				require.NoError(t, err)
				require.Equal(t, paused, found.PausedAt != nil)
			}
		}
		pause(true)
		db.advance()
		require.Empty(t, db.backfilled(b))
		pause(false)
		db.advance()
		require.Len(t, db.backfilled(b), 1)
		db.startPending()
		w.drain(nil)
		_, err := db.SetPaused(t.Context(), v.WorkflowID, true, by)
		require.NoError(t, err)
		db.advance()
		require.Len(t, db.backfilled(b), 1, "its workflow is paused")
		_, err = db.SetPaused(t.Context(), v.WorkflowID, false, by)
		require.NoError(t, err)
		db.advance()
		require.Len(t, db.backfilled(b), 2)
		entries, err := db.FindAuditEntries(t.Context(), miniairflow.AuditFilter{Subject: b.ID.String()})
		require.NoError(t, err)
		require.Len(t, entries, 3)
		require.Equal(t, miniairflow.AuditResumeBackfill, entries[0].Action)
		require.Equal(t, miniairflow.AuditCreateBackfill, entries[2].Action)
		require.Equal(t, "a/"+b.Name, entries[0].Label)
	})
}

// A cancelled backfill takes its runs with it, but for those that somebody has opened
// again, or all if they are to be kept.
func TestBackfillIsCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(hourly("a", task("x")))
		w := db.worker("w")
		kept, b := db.backfill(dates("a", 2, 1)), (*miniairflow.Backfill)(nil)
		db.advance()
		_, err := db.CancelBackfill(t.Context(), kept.ID, true, by)
		require.NoError(t, err)
		require.Empty(t, db.abandoned())
		db.startPending()
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.backfilled(kept)[0].Status)

		req := dates("a", 9, 3)
		req.Mode = miniairflow.BackfillAll
		b = db.backfill(req)
		db.advance()
		db.startPending()
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		db.advance() // its place is taken by the next one
		runs := db.backfilled(b)
		require.Len(t, runs, 4)
		failed := runs[slices.IndexFunc(runs, func(r *miniairflow.WorkflowRun) bool { return r.Status == miniairflow.RunFailed })]
		db.rerun(rerunOf(failed, miniairflow.RerunFailed))
		db.advance()
		require.Len(t, db.backfilled(b), 4, "a run that was opened again neither counts nor makes room")
		for range 2 {
			b, err = db.CancelBackfill(t.Context(), b.ID, false, by)
			require.NoError(t, err)
			require.Equal(t, miniairflow.BackfillCancelled, b.Status)
		}
		db.advance()
		require.Len(t, db.abandoned(), 3)
		for _, id := range db.abandoned() {
			_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: id, By: by})
			require.NoError(t, err)
		}
		require.Empty(t, db.abandoned())
		db.startPending()
		require.Equal(t, miniairflow.PriorityBackfill, db.task(failed.ID, 0).Priority)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(failed.ID).Status)
		require.Len(t, db.backfilled(b), 4, "it made no other run")
		db.check()
	})
}

func TestBackfillOfARetiredWorkflow(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(hourly("a", task("x")))
		b := db.backfill(dates("a", 3, 1))
		db.advance()
		db.startPending()
		require.NoError(t, db.RetireFile(t.Context(), "a.yaml"))
		db.advance()
		require.Equal(t, miniairflow.BackfillCancelled, db.found(b).Status)
		require.NotEmpty(t, db.found(b).Problem)
		require.Len(t, db.backfilled(b), 1)
		require.Len(t, db.abandoned(), 1)
		_, _, err := (&miniairflow.Control{Store: db.Store}).CreateBackfill(t.Context(), dates("a", 3, 1))
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
	})
}

// The same request with the same name is the same backfill, another one is refused.
func TestBackfillIsKnownByItsName(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := hourly("a", task("x"))
		d.Params = []miniairflow.Param{{Name: "n", Type: miniairflow.ParamInteger, Default: int64(1)}}
		db.sync(d)
		control := &miniairflow.Control{Store: db.Store}
		req := dates("a", 3, 1)
		req.Name, req.Params, req.Selection = "january", map[string]any{"n": int64(7)}, miniairflow.Selection{Only: []string{"x"}}
		b := db.backfill(req)
		d.Tasks = append(d.Tasks, task("y"))
		db.sync(d) // what has become of the workflow does not matter
		same := func() (again *miniairflow.Backfill) {
			again, created, err := control.CreateBackfill(t.Context(), req)
			require.NoError(t, err)
			require.False(t, created)
			require.Equal(t, b.ID, again.ID)
			return again
		}
		again := same()
		require.Equal(t, b, again)
		require.Equal(t, req.Params, again.Params)
		db.advance()
		require.Equal(t, req.Params, db.backfilled(b)[0].Params)
		require.Equal(t, b.VersionID, db.backfilled(b)[0].VersionID)
		require.Equal(t, &req.Selection, db.backfilled(b)[0].Selection)

		plain := dates("a", 3, 1)
		plain.Name = "plain"
		other := db.backfill(plain)
		plain.Params = map[string]any{}
		found, created, err := control.CreateBackfill(t.Context(), plain)
		require.NoError(t, err)
		require.False(t, created, "no params are the same as none")
		require.Equal(t, other.ID, found.ID)

		d.Params = nil
		d.Schedules = []miniairflow.Schedule{{Name: "new", Cron: "0 3 * * *", Timezone: "Europe/Berlin", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue}}
		db.sync(d)
		same()
		require.NoError(t, db.RetireFile(t.Context(), "a.yaml"))
		same()
		req.Concurrency = 2
		_, _, err = control.CreateBackfill(t.Context(), req)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		for i := range 2 {
			_, created, err = db.CreateBackfill(t.Context(), *again, by)
			require.NoError(t, err, i)
			require.False(t, created)
		}
		named, err := db.FindBackfills(t.Context(), miniairflow.BackfillFilter{WorkflowID: b.WorkflowID, Name: "january"})
		require.NoError(t, err)
		require.Len(t, named, 1)
		require.Equal(t, "a/january", named[0].Label())
	})
}

// A date whose run cannot be made keeps the backfill where it is, and it says why.
func TestBackfillWithAProblem(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(hourly("a", task("x")))
		b := db.backfill(dates("a", 3, 1))
		errs := []error{errors.New("no such variable"), nil}
		for i, fault := range errs {
			moved, err := db.AdvanceBackfill(t.Context(), b.ID, func(b *miniairflow.Backfill, _ time.Time, dates []miniairflow.BackfillDate) ([]miniairflow.NewRun, error) {
				var runs []miniairflow.NewRun
				for _, date := range dates {
					runs = append(runs, miniairflow.NewRun{
						ID: uuid.New(), WorkflowID: b.WorkflowID, VersionID: b.VersionID, Type: miniairflow.RunBackfill, LogicalDate: date.LogicalDate, BackfillID: b.ID,
					})
				}
				return runs, fault
			})
			require.NoError(t, err)
			require.Equal(t, fault == nil, moved)
			require.Len(t, db.backfilled(b), i)
			if fault != nil {
				require.Equal(t, "no such variable", db.found(b).Problem)
				due, err := db.DueBackfills(t.Context(), 10)
				require.NoError(t, err)
				require.Len(t, due, 1, "it is tried again")
			}
		}
		require.Empty(t, db.found(b).Problem)
	})
}

func TestBackfillPages(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(hourly("a", task("x")))
		var want []string
		for i := range 5 {
			req := dates("a", 1, 1)
			req.Name = fmt.Sprintf("b%d", i)
			want = append([]string{db.backfill(req).Name}, want...)
		}
		var names []string
		filter := miniairflow.BackfillFilter{Statuses: []miniairflow.BackfillStatus{miniairflow.BackfillRunning}, Limit: 2}
		for {
			page, err := db.FindBackfills(t.Context(), filter)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, b := range page {
				names = append(names, b.Name)
			}
			last := page[len(page)-1]
			filter.Before = &miniairflow.RunCursor{CreatedAt: last.CreatedAt, ID: last.ID}
		}
		require.Equal(t, want, names)
	})
}

// Workflows that start after others do not start after the runs of a backfill.
func TestBackfillStartsNoFollowers(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(hourly("a", task("x")))
		db.sync(after("b", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterFinished, "a")}))
		db.backfill(dates("a", 2, 2))
		db.advance()
		db.startPending()
		w := db.worker("w")
		w.drain(nil)
		require.Empty(t, db.noted())
		w.ran(v, slot.Add(9*time.Hour), miniairflow.TaskSuccess)
		require.Len(t, db.noted(), 1)
	})
}
