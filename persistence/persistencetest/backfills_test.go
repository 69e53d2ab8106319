package persistencetest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// hourly returns a workflow with a slot at each full hour, and room for one run.
func hourly(name string, tasks ...miniairflow.Task) *miniairflow.Definition {
	d := scheduled(name, miniairflow.OverlapQueue, "0 * * * *")
	d.Tasks = tasks
	return d
}

// dates is a request for the slots of so many hours from slot on.
func dates(workflow string, n, concurrency int) miniairflow.BackfillRequest {
	return miniairflow.BackfillRequest{
		Workflow: workflow, From: slot.Format(time.RFC3339), To: slot.Add(time.Duration(n-1) * time.Hour).Format(time.RFC3339),
		Mode: miniairflow.BackfillMissing, Order: miniairflow.BackfillOldest, Concurrency: concurrency, By: by,
	}
}

func (db *database) backfill(req miniairflow.BackfillRequest) *miniairflow.Backfill {
	db.Helper()
	control := &miniairflow.Control{Store: db.Store}
	b, created, err := control.CreateBackfill(db.Context(), req)
	require.NoError(db, err)
	require.True(db, created)
	return b
}

// advance lets all backfills go as far as they can, as a scheduler does.
func (db *database) advance() {
	db.Helper()
	for anyMoved := true; anyMoved; {
		due, err := db.DueBackfills(db.Context(), 100)
		require.NoError(db, err)
		anyMoved = false
		for _, b := range due {
			moved, err := (&miniairflow.Control{Store: db.Store}).AdvanceBackfill(db.Context(), b)
			require.NoError(db, err)
			anyMoved = anyMoved || moved
		}
	}
}

// backfilled returns the runs of a backfill by their dates.
func (db *database) backfilled(b *miniairflow.Backfill) []*miniairflow.WorkflowRun {
	db.Helper()
	runs := db.runs(miniairflow.RunFilter{BackfillID: b.ID, Types: []miniairflow.RunType{miniairflow.RunBackfill}, Limit: 200})
	slices.SortFunc(runs, func(a, b *miniairflow.WorkflowRun) int { return a.LogicalDate.Compare(b.LogicalDate) })
	return runs
}

func (db *database) found(b *miniairflow.Backfill) *miniairflow.Backfill {
	db.Helper()
	found, err := db.FindBackfill(db.Context(), b.ID)
	require.NoError(db, err)
	return found
}

// Several schedulers at once make one run for each date, never more at a time than
// the backfill allows, and lose none.
func TestBackfillMakesOneRunForEachDate(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.sync(hourly("a", task("x")))
		b := db.backfill(dates("a", 25, 4))
		w := db.worker("w")
		for round := 0; db.found(b).Status == miniairflow.BackfillRunning; round++ {
			require.Less(t, round, 50, "the backfill hangs")
			together(t, 3, func(ctx context.Context, _ int) error {
				_, err := (&miniairflow.Control{Store: db.Store}).AdvanceBackfill(ctx, b)
				return err
			})
			require.LessOrEqual(t, db.number(`SELECT count(*) FROM workflow_runs WHERE status IN ('pending', 'running')`), 4)
			db.startPending()
			w.drain(nil)
			db.check()
		}
		runs := db.backfilled(b)
		require.Len(t, runs, 25)
		for i, r := range runs {
			require.Equal(t, slot.Add(time.Duration(i)*time.Hour), r.LogicalDate)
			require.Equal(t, r.LogicalDate.Add(-time.Hour), r.DataIntervalStart)
			require.Equal(t, miniairflow.RunSuccess, r.Status)
			require.Equal(t, miniairflow.RunBackfill, r.Type)
			require.Equal(t, &b.ID, r.BackfillID)
			require.False(t, r.RunAfter.Before(b.CreatedAt), "its time is that of its creation")
		}
		b = db.found(b)
		require.Equal(t, miniairflow.BackfillFinished, b.Status)
		require.Equal(t, [3]int{25, 25, 0}, [3]int{b.Total, b.Created, b.LeftAlone})
		require.NotNil(t, b.FinishedAt)
		counts, err := db.CountBackfillRuns(t.Context(), []uuid.UUID{b.ID})
		require.NoError(t, err)
		require.Equal(t, map[miniairflow.RunStatus]int{miniairflow.RunSuccess: 25}, counts[b.ID])
	})
}

// Runs of a backfill take no room from others, and their tasks come last, also below
// child runs and as items.
func TestBackfillHoldsUpNoScheduledRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := hourly("a", wide(20)...)
		db.sync(d)
		db.aim(slot.Add(1000 * time.Hour))
		db.backfill(dates("a", 50, 50))
		db.advance()
		require.Len(t, db.startPending(), 50)
		require.Equal(t, 1000, db.number(`SELECT count(*) FROM task_queue WHERE state = 'ready'`))

		low := definition("b", task("last"))
		low.Tasks[0].Priority = miniairflow.PriorityLow
		other := db.start(low)
		w := db.worker("w")
		require.Equal(t, other.ID, w.claim(1)[0].RunID, "a task of low priority comes before those of backfills")
		manual := db.trigger(db.sync(d))
		require.Equal(t, []uuid.UUID{manual.ID}, db.startPending(), "max_active_runs 1 is not used up")
		require.Equal(t, manual.ID, w.claim(1)[0].RunID)
		db.check()
	})
}

func TestBackfillReachesItemsAndChildRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		child := db.sync(definition("child", task("a")))
		db.sync(hourly("a", running("call", "child"), forEach("each", `["x","y"]`, 2)))
		b := db.backfill(dates("a", 1, 1))
		db.advance()
		db.startPending()
		db.decide()
		w := db.worker("w")
		claims := w.claim(3)
		for _, c := range claims {
			require.Equal(t, miniairflow.PriorityBackfill, db.task(c.RunID, c.Seq).Priority)
		}
		call := claims[slices.IndexFunc(claims, func(c miniairflow.Claim) bool { return c.Seq == 0 })]
		called := db.child(child, call)
		require.Equal(t, &b.ID, called.BackfillID)
		db.startPending()
		require.Equal(t, miniairflow.PriorityBackfill, db.task(called.ID, 0).Priority)
		require.Len(t, db.backfilled(b), 1, "the child run is none of its dates")
		db.check()
	})
}

// What a date has already decides what becomes of it.
func TestBackfillModes(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(hourly("a", task("x")))
		w := db.worker("w")
		made := func(hour int, end miniairflow.TaskStatus, selection *miniairflow.Selection) {
			run := db.newRun(v)
			run.LogicalDate, run.Selection = slot.Add(time.Duration(hour)*time.Hour), selection
			r, _, err := db.CreateRun(t.Context(), run)
			require.NoError(t, err)
			switch end {
			case miniairflow.TaskRunning:
				return
			case miniairflow.TaskCancelled:
				_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, By: by})
				require.NoError(t, err)
			default:
				db.startPending()
				w.end(end, w.claim(1)...)
			}
		}
		made(0, miniairflow.TaskSuccess, nil)
		made(1, miniairflow.TaskFailed, nil)
		made(2, miniairflow.TaskCancelled, nil)
		made(4, miniairflow.TaskSuccess, &miniairflow.Selection{Only: []string{"x"}})
		made(5, miniairflow.TaskFailed, nil)
		made(5, miniairflow.TaskSuccess, nil)
		made(3, miniairflow.TaskRunning, nil)
		for mode, want := range map[miniairflow.BackfillMode][]string{
			miniairflow.BackfillMissing: {
				"leave: run #1 has succeeded", "leave: run #2 has failed", "create: it has no run", "leave: run #7 is pending",
				"create: it has no run", "leave: run #6 has succeeded", "create: it has no run",
			},
			miniairflow.BackfillFailed: {
				"leave: run #1 has succeeded", "rerun: run #2 has failed", "create: it has no run", "leave: run #7 is pending",
				"create: it has no run", "leave: run #6 has succeeded", "create: it has no run",
			},
			miniairflow.BackfillAll: {
				"rerun: run #1 has succeeded", "rerun: run #2 has failed", "create: it has no run", "leave: run #7 is pending",
				"create: it has no run", "rerun: run #6 has succeeded", "create: it has no run",
			},
		} {
			req := dates("a", 7, 100)
			req.Mode = mode
			_, dates, err := (&miniairflow.Control{Store: db.Store}).PlanBackfill(t.Context(), req)
			require.NoError(t, err)
			var got []string
			for _, d := range dates {
				got = append(got, string(d.Action)+": "+d.Reason)
			}
			require.Equal(t, want, got, mode)
		}
		require.Zero(t, db.number(`SELECT count(*) FROM backfills`), "a plan makes nothing")

		req := dates("a", 7, 100)
		req.Mode, req.Order = miniairflow.BackfillFailed, miniairflow.BackfillNewest
		b := db.backfill(req)
		db.advance()
		b = db.found(b)
		require.Equal(t, [3]int{7, 4, 3}, [3]int{b.Total, b.Created, b.LeftAlone})
		var numbers []int64
		for _, r := range db.backfilled(b) {
			numbers = append(numbers, r.Number)
		}
		require.Equal(t, []int64{11, 10, 9, 8}, numbers, "the newest date first")
		req.Mode, req.Selection = miniairflow.BackfillMissing, miniairflow.Selection{Only: []string{"x"}}
		_, dates, err := (&miniairflow.Control{Store: db.Store}).PlanBackfill(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, "run #11 is pending", dates[len(dates)-2].Reason, "a part is done where the whole is")
	})
}
