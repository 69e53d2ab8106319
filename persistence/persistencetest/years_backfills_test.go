package persistencetest_test

import (
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// yearDatesMax bounds the dates of a backfill in the simulated years.
const yearDatesMax = 100

// addBackfill asks for runs of dates of the last hours or days that have none, however far the
// schedulers have come.
func (y *years) addBackfill(name string) {
	groups := y.flows[name].definition.ScheduleGroups()
	if len(groups) == 0 {
		return
	}
	to, hours := y.clock(), []int{6, 48, 400}[y.random.IntN(3)]
	b, created, err := (&miniairflow.Control{Store: y.Store}).CreateBackfill(y.Context(), miniairflow.BackfillRequest{
		Workflow: name, Schedule: groups[y.random.IntN(len(groups))].Name(), Mode: miniairflow.BackfillMissing,
		From: to.Add(-time.Duration(y.random.IntN(hours)) * time.Hour).Format(time.RFC3339), To: to.Format(time.RFC3339),
		Order: miniairflow.BackfillOrders[y.random.IntN(len(miniairflow.BackfillOrders))], Concurrency: 1 + y.random.IntN(20), By: by,
	})
	switch code := miniairflow.ErrorCode(err); code {
	case miniairflow.CodeInvalid, miniairflow.CodeConflict:
		return // no dates, or its file is gone
	default:
		require.NoError(y, err)
	}
	require.True(y, created)
	if b.Total > yearDatesMax || y.chance(5) {
		_, err := y.CancelBackfill(y.Context(), b.ID, false, by)
		require.NoError(y, err)
		return
	}
	y.backfills = append(y.backfills, b.ID)
	if y.chance(50) {
		y.advance() // before the schedulers do what is due
	}
}

// finishBackfills lets all backfills end.
func (y *years) finishBackfills() {
	for range 2 + yearDatesMax*len(y.backfills) {
		y.advance()
		running, err := y.FindBackfills(y.Context(), miniairflow.BackfillFilter{Statuses: []miniairflow.BackfillStatus{miniairflow.BackfillRunning}})
		require.NoError(y, err)
		if len(running) == 0 {
			return
		}
		y.endRuns()
	}
	require.Fail(y, "a backfill hangs")
}

// date is a date of a schedule of a workflow.
type date struct {
	workflow, schedule string
	at                 time.Time
}

// checkBackfills requires that each date of a backfill has a run, by its schedule or by a
// backfill; and that of no date two have begun, or may. It returns how many were made.
func (y *years) checkBackfills() (made int) {
	there, begun, own := map[date]int{}, map[date]int{}, map[uuid.UUID]map[time.Time]int{}
	for _, name := range y.names {
		y.eachRun(miniairflow.RunFilter{WorkflowID: y.flows[name].id}, func(r *miniairflow.WorkflowRun) {
			d := date{name, r.ScheduleName, r.LogicalDate}
			if r.Status != miniairflow.RunSkipped {
				there[d]++
			}
			if r.StartedAt != nil || !r.Status.IsTerminal() {
				begun[d]++
			}
			if r.BackfillID != nil {
				if own[*r.BackfillID] == nil {
					own[*r.BackfillID] = map[time.Time]int{}
				}
				own[*r.BackfillID][r.LogicalDate]++
				made++
			}
		})
	}
	for d, n := range begun {
		require.LessOrEqual(y, n, 1, "date %s of %s/%s", d.at, d.workflow, d.schedule)
	}
	for _, id := range y.backfills {
		b, err := y.FindBackfill(y.Context(), id)
		require.NoError(y, err)
		isFinished := b.Status == miniairflow.BackfillFinished
		require.Len(y, own[id], b.Created)
		for _, at := range y.slotsOf(era{schedules: b.Schedules, from: b.From.Add(-time.Microsecond), until: b.To}) {
			isOwed := isFinished && at.Before(b.CreatedAt.Add(-2*time.Hour)) // else its run may come later by the jitter
			require.False(y, isOwed && there[date{b.WorkflowName, b.Schedules.Name(), at}] == 0, "date %s of backfill %s has no run", at, b.Label())
			delete(own[id], at)
		}
		require.Empty(y, own[id], "runs of backfill %s that are none of its dates", b.Label())
	}
	return made
}

// eachRun calls do for all runs of a filter.
func (y *years) eachRun(filter miniairflow.RunFilter, do func(*miniairflow.WorkflowRun)) {
	filter.Limit = 200
	for {
		page := y.runs(filter)
		for _, r := range page {
			do(r)
		}
		if len(page) < filter.Limit {
			return
		}
		last := page[len(page)-1]
		filter.Before = &miniairflow.RunCursor{CreatedAt: last.CreatedAt, ID: last.ID}
	}
}
