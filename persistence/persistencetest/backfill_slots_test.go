package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// fireDue fires what is due, as a scheduler does.
func (db *database) fireDue() {
	db.Helper()
	for moved := 1; moved > 0; {
		var err error
		_, moved, err = db.FireDue(db.Context(), 100, func(due miniairflow.DueSchedules) (fires []miniairflow.Fire) {
			for _, c := range due.Due {
				plan, err := miniairflow.PlanFire(c, due.Now)
				require.NoError(db, err)
				f := db.fireOf(c, plan.Next)
				for _, s := range plan.Slots {
					f.Runs = append(f.Runs, db.fireOf(c, plan.Next, s.LogicalDate).Runs...)
				}
				f.Left = plan.Left
				fires = append(fires, f)
			}
			return fires
		})
		require.NoError(db, err)
	}
}

// oneEach checks that each of the slots of so many hours has one run, but for skipped ones.
func (db *database) oneEach(n int) {
	db.Helper()
	count := map[time.Time]int{}
	for _, r := range db.runs(miniairflow.RunFilter{Limit: 200}) {
		if r.Status != miniairflow.RunSkipped {
			count[r.LogicalDate]++
		}
	}
	for i := range n {
		require.Equal(db, 1, count[slot.Add(time.Duration(i)*time.Hour)], "date %d", i)
	}
}

// A slot that the schedule has not come to is left to it, and gets a run of the
// backfill when the schedule has left it out: no two, and never none.
func TestBackfillLeavesSlotsToTheSchedule(t *testing.T) {
	for _, catchup := range []miniairflow.Catchup{miniairflow.CatchupAll, miniairflow.CatchupNone, miniairflow.CatchupLatest} {
		for name, place := range map[string]func(db *database, id uuid.UUID){
			"overdue": func(db *database, _ uuid.UUID) { db.aim(slot.Add(2 * time.Hour)) },
			"fresh":   func(db *database, id uuid.UUID) { db.rewind(id, slot.Add(90*time.Minute)) },
		} {
			t.Run(string(catchup)+" "+name, func(t *testing.T) {
				onEach(t, func(t *testing.T, db *database) {
					d := hourly("a", task("x"))
					d.Schedules[0].Catchup, d.Schedules[0].Overlap = catchup, miniairflow.OverlapSkip
					v := db.sync(d)
					place(db, v.WorkflowID)
					b := db.backfill(dates("a", 4, 100))
					for range 2 {
						db.advance()
						require.Len(t, db.backfilled(b), 2)
						require.Contains(t, db.found(b).Problem, "waits for the schedule")
					}
					db.fireDue()
					db.advance()
					require.Empty(t, db.found(b).Problem)
					require.Zero(t, db.found(b).Remaining())
					db.oneEach(4)
				})
			})
		}
	}
}

// Nobody waits for a schedule that makes no run by itself.
func TestBackfillWaitsForNoScheduleThatStands(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(hourly("a", task("x")))
		db.rewind(v.WorkflowID, slot)
		b := db.backfill(dates("a", 3, 100))
		for _, paused := range []bool{true, false} { // it has missed nothing after that
			_, err := db.SetPaused(t.Context(), v.WorkflowID, paused, by)
			require.NoError(t, err)
		}
		db.advance()
		require.Len(t, db.backfilled(b), 3)

		d := hourly("b", task("x"))
		v = db.sync(d)
		db.rewind(v.WorkflowID, slot)
		b = db.backfill(dates("b", 3, 100))
		d.Schedules = nil
		db.sync(d)
		db.advance()
		require.Len(t, db.backfilled(b), 3)
	})
}

// A run that was opened again has done something, also when it is cancelled before it
// starts once more.
func TestBackfillKnowsRunsThatWereOpenedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(hourly("a", task("x")))
		w := db.worker("w")
		run := db.newRun(v)
		run.LogicalDate = slot
		r, _, err := db.CreateRun(t.Context(), run)
		require.NoError(t, err)
		db.startPending()
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		db.end(r)
		_, planned, err := (&miniairflow.Control{Store: db.Store}).PlanBackfill(t.Context(), dates("a", 1, 1))
		require.NoError(t, err)
		require.Equal(t, "run #1 was cancelled", planned[0].Reason)
	})
}

// Of a workflow, child runs start first, because somebody waits for them, and runs of
// backfills last, whenever they were made.
func TestBackfillRunsStartAfterOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(hourly("a", task("x")))
		parent := db.start(definition("parent", running("call", "a")))
		w := db.worker("w")
		call := w.claim(1)[0]
		require.Equal(t, parent.ID, call.RunID)
		b := db.backfill(dates("a", 1, 1))
		db.advance()
		manual := db.trigger(v)
		child := db.child(v, call)
		var started []uuid.UUID
		for range 3 {
			ids, err := db.StartRuns(t.Context(), 1)
			require.NoError(t, err)
			started = append(started, ids...)
		}
		require.Equal(t, []uuid.UUID{child.ID, manual.ID, db.backfilled(b)[0].ID}, started)
	})
}

// Backfills that are over are deleted after their runs, and others are not.
func TestDeleteBackfills(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(hourly("a", task("x")))
		b := db.backfill(dates("a", 1, 1))
		db.advance()
		running := db.backfill(dates("a", 5, 1))
		db.startPending()
		deleted := func(before time.Time) int {
			n, err := db.DeleteBackfills(t.Context(), before, 10)
			require.NoError(t, err)
			return n
		}
		later := time.Now().Add(time.Hour)
		require.Zero(t, deleted(later), "both go on")
		w := db.worker("w")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		db.advance()
		require.Equal(t, miniairflow.BackfillFinished, db.found(b).Status)
		require.Zero(t, deleted(later), "its run is there")
		_, err := db.DeleteRuns(t.Context(), later, 10)
		require.NoError(t, err)
		require.Zero(t, deleted(db.found(b).FinishedAt.Add(-time.Second)), "it is young")
		require.Equal(t, 1, deleted(later))
		_, err = db.FindBackfill(t.Context(), b.ID)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		db.found(running)
	})
}
