package persistencetest_test

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// backfillSlots is how many dates a backfill has at most.
const backfillSlots = 4

// addBackfill creates a backfill of a workflow with a schedule, and the same again.
func (g *game) addBackfill() bool {
	f := pick(g, "flow", g.flows)
	if len(f.definition.Schedules) == 0 || g.openRuns() >= runsMax || g.backfillsLeft() >= backfillSlots {
		return false
	}
	b := miniairflow.Backfill{
		ID: g.id(), WorkflowID: f.id, VersionID: f.version, Schedules: f.definition.ScheduleGroups()[0], Hash: "h",
		From: slot.Add(time.Duration(g.between(0, 2, "from")) * time.Hour), Mode: pick(g, "mode", miniairflow.BackfillModes),
		Order: pick(g, "order", miniairflow.BackfillOrders), Concurrency: g.between(1, 2, "concurrency"), Total: g.between(1, backfillSlots, "dates"),
	}
	b.Name, b.To = fmt.Sprintf("b%d", g.ids), b.From.Add(time.Duration(b.Total-1)*time.Hour)
	if g.one(3, "partial") {
		b.Selection = g.drawSelection(f.definition)
	}
	err := g.sure(func() error {
		_, _, err := g.CreateBackfill(g.Context(), b, user)
		return err
	})
	if f.isRetired {
		require.Equal(g, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		return true
	}
	require.NoError(g, err)
	print := g.print()
	again := b
	again.ID = g.id()
	made, created, err := g.db.CreateBackfill(g.Context(), again, user)
	require.NoError(g, err)
	require.False(g, created)
	require.Equal(g, b.ID, made.ID, "a backfill is known by its name")
	require.Equal(g, print, g.print())
	return true
}

// backfillsLeft returns how many dates of all backfills are still to come.
func (g *game) backfillsLeft() int {
	return g.number(`SELECT coalesce(sum(total - created - left_alone), 0) FROM backfills WHERE status = 'running'`)
}

// errNoRun is what is wrong with the params of a run.
var errNoRun = errors.New("no run can be made")

// advanceBackfills lets a scheduler take a step of what is due.
func (g *game) advanceBackfills() bool {
	due, err := g.db.DueBackfills(g.Context(), 10)
	require.NoError(g, err)
	if len(due) == 0 {
		return false
	}
	b := pick(g, "backfill", due)
	before, fails := g.look(), g.one(5, "problem")
	moved := false
	g.certainly(func() (err error) {
		moved, err = g.AdvanceBackfill(g.Context(), b.ID, g.backfillPlan(fails))
		return err
	})
	made := 0
	for id := range g.look().runs {
		if before.runs[id] == nil {
			made++
		}
	}
	require.LessOrEqual(g, made, b.Concurrency)
	if fails && made == 0 {
		after, err := g.db.FindBackfill(g.Context(), b.ID)
		require.NoError(g, err)
		// The answer that it moved may have been lost.
		isOver := after.Status != b.Status
		require.True(g, moved || isOver || after.Problem == errNoRun.Error() || after.Remaining() != b.Remaining())
	}
	return true
}

// backfillPlan makes the runs of a step, or fails to.
func (g *game) backfillPlan(fails bool) miniairflow.BackfillPlan {
	return func(b *miniairflow.Backfill, _ time.Time, dates []miniairflow.BackfillDate) ([]miniairflow.NewRun, error) {
		switch {
		case fails && len(dates) == 1:
			return nil, errNoRun
		case fails && len(dates) > 1:
			dates = dates[:1] // the next one is in the way
		}
		runs := make([]miniairflow.NewRun, len(dates))
		for i, date := range dates {
			runs[i] = miniairflow.NewRun{
				ID: g.id(), WorkflowID: b.WorkflowID, VersionID: b.VersionID, Type: miniairflow.RunBackfill, ScheduleName: b.Schedules.Name(),
				LogicalDate: date.LogicalDate, DataIntervalStart: date.DataIntervalStart, Selection: b.Selection, BackfillID: b.ID,
			}
		}
		return runs, nil
	}
}

// steerBackfill pauses, resumes or cancels a backfill.
func (g *game) steerBackfill() bool {
	all, err := g.db.FindBackfills(g.Context(), miniairflow.BackfillFilter{Limit: 100})
	require.NoError(g, err)
	if len(all) == 0 {
		return false
	}
	slices.Reverse(all)
	b := pick(g, "backfill", all)
	isOver, print := b.Status != miniairflow.BackfillRunning, g.print()
	if !g.one(4, "cancel") {
		paused := b.PausedAt == nil
		g.certainly(func() error {
			_, err := g.SetBackfillPaused(g.Context(), b.ID, paused, user)
			return err
		})
	} else {
		keep := g.one(2, "keep")
		g.certainly(func() error {
			found, err := g.CancelBackfill(g.Context(), b.ID, keep, user)
			require.True(g, err != nil || found.Status != miniairflow.BackfillRunning)
			return err
		})
	}
	if isOver {
		require.Equal(g, print, g.print(), "a backfill that is over was changed")
	}
	return true
}

// passSchedules lets all schedules pass what is due without a run, so that no backfill
// waits for them.
func (g *game) passSchedules() {
	g.Helper()
	due, err := g.db.DueSchedules(g.Context(), 100)
	require.NoError(g, err)
	var fires []miniairflow.Fire
	for _, c := range due.Due {
		plan, err := miniairflow.PlanFire(c, due.Now)
		require.NoError(g, err)
		f := miniairflow.Fire{Cursor: c, NextAt: plan.Next}
		if left := new(miniairflow.Timetables).LeaveOut(c, due.Now, miniairflow.MissedByNone); left != nil {
			f.Left = append(f.Left, *left)
		}
		fires = append(fires, f)
	}
	_, err = g.db.FireSchedules(g.Context(), fires)
	require.NoError(g, err)
}

// finishBackfills lets all backfills go on, and reports whether they are over.
func (g *game) finishBackfills() bool {
	g.Helper()
	g.passSchedules()
	running, err := g.db.FindBackfills(g.Context(), miniairflow.BackfillFilter{Statuses: []miniairflow.BackfillStatus{miniairflow.BackfillRunning}, Limit: 100})
	require.NoError(g, err)
	for _, b := range running {
		_, err := g.db.SetBackfillPaused(g.Context(), b.ID, false, user)
		require.NoError(g, err)
	}
	for {
		due, err := g.db.DueBackfills(g.Context(), 100)
		require.NoError(g, err)
		anyMoved := false
		for _, b := range due {
			moved, err := g.db.AdvanceBackfill(g.Context(), b.ID, g.backfillPlan(false))
			require.NoError(g, err)
			anyMoved = anyMoved || moved
			g.judge()
		}
		if !anyMoved {
			return len(running) == 0
		}
	}
}

// backfillVersions returns the version of each run that backfills have still to make.
func (g *game) backfillVersions() (versions []uuid.UUID) {
	g.Helper()
	running, err := g.db.FindBackfills(g.Context(), miniairflow.BackfillFilter{Statuses: []miniairflow.BackfillStatus{miniairflow.BackfillRunning}, Limit: 100})
	require.NoError(g, err)
	for _, b := range running {
		for range b.Remaining() + 1 {
			versions = append(versions, b.VersionID)
		}
	}
	return versions
}
