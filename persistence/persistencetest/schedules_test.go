package persistencetest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

var slot = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// scheduled returns a workflow with a schedule for each cron expression.
func scheduled(name string, overlap miniairflow.Overlap, crons ...string) *miniairflow.Definition {
	d := definition(name, task("x"))
	d.MaxActiveRuns = 1
	for i, cron := range crons {
		s := miniairflow.Schedule{Cron: cron, Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: overlap}
		if len(crons) > 1 {
			s.Name = fmt.Sprintf("s%d", i)
		}
		d.Schedules = append(d.Schedules, s)
	}
	return d
}

func (db *database) due() miniairflow.DueSchedules {
	db.Helper()
	due, err := db.DueSchedules(db.Context(), 100)
	require.NoError(db, err)
	return due
}

// fireOf moves a cursor to next and makes a run for each slot.
func (db *database) fireOf(c miniairflow.ScheduleCursor, next time.Time, slots ...time.Time) miniairflow.Fire {
	db.Helper()
	f := miniairflow.Fire{Cursor: c, NextAt: next}
	for _, at := range slots {
		id, err := miniairflow.NewParentID()
		require.NoError(db, err)
		f.Runs = append(f.Runs, miniairflow.NewRun{
			ID: id, WorkflowID: c.WorkflowID, VersionID: c.VersionID, Type: miniairflow.RunScheduled, ScheduleName: c.Schedules.Name(),
			LogicalDate: at, DataIntervalStart: at.Add(-time.Hour), Overlap: c.Schedules[0].Overlap, Params: map[string]any{"n": int64(1)},
		})
	}
	return f
}

func (db *database) fire(fires ...miniairflow.Fire) int {
	db.Helper()
	moved, err := db.FireSchedules(db.Context(), fires)
	require.NoError(db, err)
	return moved
}

// aim gives every new cursor a next time.
func (db *database) aim(at time.Time) {
	db.Helper()
	for _, c := range db.due().Due {
		if c.NextAt == nil {
			require.Equal(db, 1, db.fire(db.fireOf(c, at)))
		}
	}
}

func (db *database) runs(filter miniairflow.RunFilter) []*miniairflow.WorkflowRun {
	db.Helper()
	runs, err := db.FindRuns(db.Context(), filter)
	require.NoError(db, err)
	return runs
}

func TestFireSchedule(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := scheduled("a", miniairflow.OverlapQueue, "0 * * * *")
		d.Params = []miniairflow.Param{{Name: "n", Type: miniairflow.ParamInteger, Enum: []any{int64(1), int64(1) << 60}, Default: int64(1)}}
		v := db.sync(d)
		due := db.due()
		require.Len(t, due.Due, 1)
		require.Nil(t, due.Next)
		c := due.Due[0]
		require.Equal(t, miniairflow.ScheduleCursor{
			WorkflowID: v.WorkflowID, WorkflowName: "a", VersionID: v.ID, Schedules: v.Definition.ScheduleGroups()[0], Hash: v.Definition.ScheduleGroups()[0].Hash(),
			Params: d.Params, Since: c.Since,
		}, c)
		require.WithinDuration(t, due.Now, c.Since, time.Minute)
		db.aim(slot)
		c = db.due().Due[0]
		require.Equal(t, slot, *c.NextAt)

		next := due.Now.Add(time.Hour)
		f := db.fireOf(c, next, slot)
		events := db.Bus().SubscribeTopics(miniairflow.TopicRuns)
		defer events.Close()
		require.Equal(t, 1, db.fire(f))
		require.Contains(t, events.Take(), miniairflow.Event{Topic: miniairflow.TopicRuns})
		require.Zero(t, db.fire(f))
		due = db.due()
		require.Empty(t, due.Due)
		require.Equal(t, next, *due.Next)
		runs := db.runs(miniairflow.RunFilter{})
		require.Len(t, runs, 1)
		r := runs[0]
		require.Equal(t, &miniairflow.WorkflowRun{
			ID: f.Runs[0].ID, WorkflowID: v.WorkflowID, WorkflowName: "a", VersionID: v.ID, Number: 1, Status: miniairflow.RunPending,
			Type: miniairflow.RunScheduled, Cause: miniairflow.Cause{Kind: miniairflow.CauseSchedule}, ScheduleName: "", LogicalDate: slot, DataIntervalStart: slot.Add(-time.Hour), DataIntervalEnd: slot,
			RunAfter: slot, Params: map[string]any{"n": int64(1)}, CreatedAt: r.CreatedAt, Generation: 1, Revision: r.Revision,
		}, r)
		require.Zero(t, db.number(`SELECT count(*) FROM audit_log`)) // nobody is named
	})
}

func TestFireChecksTheCursor(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		c := db.due().Due[0]
		stale, edited := c, c
		earlier := slot.Add(-time.Hour)
		stale.NextAt, edited.Hash = &earlier, "other"
		require.Zero(t, db.fire(db.fireOf(stale, slot.Add(time.Hour), slot), db.fireOf(edited, slot.Add(time.Hour), slot)))
		_, err := db.SetPaused(t.Context(), c.WorkflowID, true, by)
		require.NoError(t, err)
		require.Zero(t, db.fire(db.fireOf(c, slot.Add(time.Hour), slot)))
		require.Empty(t, db.runs(miniairflow.RunFilter{}))
	})
}

func TestScheduleThatNeverFiresAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		require.Equal(t, 1, db.fire(db.fireOf(db.due().Due[0], time.Time{}, slot)))
		require.Empty(t, db.due().Due)
		require.Nil(t, db.due().Next)
	})
}

func TestSchedulersFireASlotOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		const workflows, schedulers = 20, 4
		for i := range workflows {
			db.sync(scheduled(fmt.Sprintf("w%d", i), miniairflow.OverlapQueue, "0 * * * *"))
		}
		db.aim(slot)
		fires := make([][]miniairflow.Fire, schedulers)
		for i := range fires {
			for _, c := range db.due().Due {
				fires[i] = append(fires[i], db.fireOf(c, slot.Add(2*time.Hour), slot, slot.Add(time.Hour)))
			}
			if i%2 == 1 { // another order must not deadlock
				for a, b := 0, len(fires[i])-1; a < b; a, b = a+1, b-1 {
					fires[i][a], fires[i][b] = fires[i][b], fires[i][a]
				}
			}
		}
		var wg sync.WaitGroup
		moved, errs := make([]int, schedulers), make([]error, schedulers)
		for i := range schedulers {
			wg.Go(func() { moved[i], errs[i] = db.FireSchedules(t.Context(), fires[i]) })
		}
		wg.Wait()
		total := 0
		for i := range schedulers {
			require.NoError(t, errs[i])
			total += moved[i]
		}
		require.Equal(t, workflows, total)
		require.Equal(t, 2*workflows, db.number(`SELECT count(*) FROM workflow_runs`))
		require.Equal(t, workflows, db.number(`SELECT count(*) FROM workflow_runs WHERE number = 1`))
		require.Equal(t, workflows, db.number(`SELECT count(*) FROM workflows WHERE last_run_number = 2`))
	})
}

func TestSlotThatHasARunGetsNoSecond(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		c := db.due().Due[0]
		existing := db.fireOf(c, slot, slot).Runs[0]
		_, created, err := db.CreateRun(t.Context(), existing)
		require.NoError(t, err)
		require.True(t, created)
		require.Equal(t, 1, db.fire(db.fireOf(c, slot.Add(2*time.Hour), slot, slot.Add(time.Hour))))
		runs := db.runs(miniairflow.RunFilter{})
		require.Len(t, runs, 2)
		require.Equal(t, existing.ID, runs[1].ID)
		require.EqualValues(t, 2, runs[0].Number)
	})
}

func TestOverlapSkip(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(scheduled("a", miniairflow.OverlapSkip, "0 * * * *"))
		db.aim(slot)
		db.fire(db.fireOf(db.due().Due[0], slot.Add(2*time.Hour), slot, slot.Add(time.Hour)))
		runs := db.runs(miniairflow.RunFilter{})
		require.Len(t, runs, 2)
		byDate := map[time.Time]*miniairflow.WorkflowRun{runs[0].LogicalDate: runs[0], runs[1].LogicalDate: runs[1]}
		require.Equal(t, miniairflow.RunPending, byDate[slot].Status)
		skipped := byDate[slot.Add(time.Hour)]
		require.Equal(t, miniairflow.RunSkipped, skipped.Status)
		require.NotNil(t, skipped.FinishedAt)
		require.NotEmpty(t, skipped.Reason)
		require.EqualValues(t, 2, skipped.Number)
	})
}

func TestCursorsOfAChangedWorkflow(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *", "30 * * * *"))
		db.aim(slot)
		// One schedule stays, one is edited, and one is new.
		v := db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *", "31 * * * *"))
		due := db.due().Due
		require.Len(t, due, 2)
		require.Equal(t, "31 * * * *", due[0].Schedules[0].Cron)
		require.Nil(t, due[0].NextAt)
		require.Equal(t, slot, *due[1].NextAt)
		require.Equal(t, v.ID, due[1].VersionID)
		// The same name with another policy is another schedule.
		db.sync(scheduled("a", miniairflow.OverlapSkip, "0 * * * *"))
		due = db.due().Due
		require.Len(t, due, 1)
		require.Nil(t, due[0].NextAt)
	})
}

// TestStandstillIsNotCaughtUp: while its workflow is paused, inactive or
// retired, a schedule is not due, and afterwards it starts without a cursor.
func TestStandstillIsNotCaughtUp(t *testing.T) {
	d := scheduled("a", miniairflow.OverlapQueue, "0 * * * *")
	inactive := scheduled("a", miniairflow.OverlapQueue, "0 * * * *")
	inactive.IsActive = false
	pause := func(paused bool) func(*database) {
		return func(db *database) {
			_, err := db.SetPaused(db.Context(), db.workflow("a").ID, paused, by)
			require.NoError(db, err)
		}
	}
	sync := func(d *miniairflow.Definition) func(*database) { return func(db *database) { db.sync(d) } }
	for name, change := range map[string]struct{ stop, goOn func(*database) }{
		"paused":   {pause(true), pause(false)},
		"inactive": {sync(inactive), sync(d)},
		"retired":  {func(db *database) { require.NoError(db, db.RetireFile(db.Context(), "a.yaml")) }, sync(d)},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db *database) {
				db.sync(d)
				db.aim(slot)
				require.Len(t, db.due().Due, 1)
				change.stop(db)
				require.Empty(t, db.due().Due)
				require.Nil(t, db.due().Next)
				change.goOn(db)
				require.Len(t, db.due().Due, 1)
				require.Nil(t, db.due().Due[0].NextAt)
			})
		})
	}
}

func TestSyncOfAPausedWorkflowKeepsItsSchedulesStill(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		_, err := db.SetPaused(t.Context(), db.workflow("a").ID, true, by)
		require.NoError(t, err)
		db.sync(scheduled("a", miniairflow.OverlapQueue, "5 * * * *"))
		require.Empty(t, db.due().Due)
	})
}

func TestMostOverdueFirst(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for i, name := range []string{"a", "b", "c"} {
			db.sync(scheduled(name, miniairflow.OverlapQueue, "0 * * * *"))
			db.aim(slot.Add(-time.Duration(i) * time.Hour))
		}
		db.sync(scheduled("new", miniairflow.OverlapQueue, "0 * * * *"))
		var names []string
		for _, c := range db.due().Due {
			names = append(names, c.WorkflowName)
		}
		require.Equal(t, []string{"new", "c", "b", "a"}, names)
		due, err := db.DueSchedules(t.Context(), 2)
		require.NoError(t, err)
		require.Len(t, due.Due, 2)
		require.Equal(t, "c", due.Due[1].WorkflowName)
		require.NotEqual(t, uuid.Nil, due.Due[1].VersionID)
	})
}
