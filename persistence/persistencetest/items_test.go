package persistencetest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// forEach returns a task with the items of a JSON list.
func forEach(name, list string, maxParallel int, dependsOn ...string) miniairflow.Task {
	t := task(name, dependsOn...)
	t.ForEach = &miniairflow.ForEach{List: json.RawMessage(list), MaxParallel: maxParallel}
	return t
}

// item returns the place of an item of the first task that has any.
func item(i int) int { return miniairflow.FirstItem + i }

func TestItemsRunAndTheirTaskEndsWithThem(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", forEach("a", `["x","y","z"]`, 0), task("b", "a")))
		w := db.worker("w")
		require.Empty(t, w.exchange(10).Claims, "nobody knows the items yet")
		db.decide()
		db.check()
		require.Equal(t, miniairflow.TaskWaiting, db.task(r.ID, 0).Status)
		claims := w.claim(3)
		require.Equal(t, []int{item(0), item(1), item(2)}, seqs(claims))
		require.Equal(t, "a[1]", db.task(r.ID, item(1)).Name)
		value, err := db.FindItem(t.Context(), r.ID, item(1))
		require.NoError(t, err)
		require.JSONEq(t, `"y"`, string(value))
		skipped, done := finish(claims[1], miniairflow.TaskSkipped), finish(claims[0], miniairflow.TaskSuccess)
		done.Outputs = map[string]any{"n": int64(1)}
		w.exchange(0, done, skipped)
		db.check()
		fan, err := db.FindFanOut(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, miniairflow.FanOut{Total: 3, Success: 1, Skipped: 1}, fan)
		items, err := db.FindItems(t.Context(), r.ID, 0, 0, 2)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.ItemRun{{Seq: item(0), Name: "a[0]", Status: miniairflow.TaskSuccess}, {Seq: item(1), Name: "a[1]", Status: miniairflow.TaskSkipped}}, items)
		items, err = db.FindItems(t.Context(), r.ID, 0, item(1), 2)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.ItemRun{{Seq: item(2), Name: "a[2]", Status: miniairflow.TaskRunning}}, items)
		items, err = db.FindItems(t.Context(), r.ID, 1, 0, 2)
		require.NoError(t, err)
		require.Empty(t, items, "of a task that has none")
		w.end(miniairflow.TaskSuccess, claims[2])
		require.Equal(t, miniairflow.TaskWaiting, db.task(r.ID, 0).Status, "until somebody decides")
		db.check()
		db.decide()
		require.Equal(t, miniairflow.TaskSuccess, db.task(r.ID, 0).Status)
		outputs, err := db.ItemOutputs(t.Context(), r.ID, 0, 1000)
		require.NoError(t, err)
		require.Equal(t, []map[string]any{{"n": int64(1)}, nil, nil}, outputs)
		_, err = db.ItemOutputs(t.Context(), r.ID, 0, 3)
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err), "there is a limit")
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		counts, err := db.CountTasks(t.Context(), []uuid.UUID{r.ID})
		require.NoError(t, err)
		require.Equal(t, map[miniairflow.TaskStatus]int{miniairflow.TaskSuccess: 2}, counts[r.ID], "items are no tasks")
		db.check()
	})
}

func TestDecisionAboutItemsIsWrittenOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", forEach("a", `[1,2,3,4,5]`, 2)))
		w := db.worker("w")
		open, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		changes := db.changes(open)
		for range 2 { // two schedulers have decided the same
			require.NoError(t, db.ApplyChanges(t.Context(), r.ID, open.Run.Generation, changes))
			db.check()
		}
		claims := w.exchange(10).Claims
		require.Equal(t, []int{item(0), item(1)}, seqs(claims), "max_parallel")
		w.end(miniairflow.TaskSuccess, claims[0])
		open, err = db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		changes = db.changes(open)
		require.Equal(t, 1, changes[0].Release)
		for range 2 {
			require.NoError(t, db.ApplyChanges(t.Context(), r.ID, open.Run.Generation, changes))
			db.check()
		}
		require.Equal(t, []int{item(2)}, seqs(w.exchange(10).Claims))
	})
}

// A decision that comes late for one task still holds for the others.
func TestDecisionsAboutItemsOfSeveralTasks(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", forEach("a", `[1]`, 0), forEach("b", `[1]`, 0)))
		open, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		changes := db.changes(open)
		require.Len(t, changes, 2)
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, open.Run.Generation, changes[:1]))
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, open.Run.Generation, changes))
		db.check()
		w := db.worker("w")
		require.Len(t, w.exchange(10).Claims, 2)
	})
}

func TestItemsGetTheSlotsOfTheirRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", forEach("a", `[1,2,3,4,5]`, 0), forEach("b", `[1,2]`, 0))
		d.MaxActiveTasks = 3
		r := db.start(d)
		w := db.worker("w")
		db.decide()
		require.Len(t, w.exchange(10).Claims, 3)
		db.check()
		require.Empty(t, w.exchange(10).Claims)
		_, err := db.SetRunPaused(t.Context(), r.ID, true, miniairflow.Actor{})
		require.NoError(t, err)
		db.check()
		_, err = db.SetRunPaused(t.Context(), r.ID, false, miniairflow.Actor{})
		require.NoError(t, err)
		reaped := db.fence(w)
		require.Equal(t, 3, reaped)
		db.check()
		other := db.worker("other")
		other.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

// fence ends the session of a worker and takes what it held.
func (db *database) fence(w *worker) int {
	db.Helper()
	require.NoError(db, db.EndSession(db.Context(), w.id, miniairflow.EndStopped))
	reaped, err := db.Reap(db.Context(), 100)
	require.NoError(db, err)
	return reaped
}

func TestCancelEndsItems(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		clean := task("clean")
		clean.Finally = true
		r := db.start(definition("etl", forEach("a", `[1,2,3,4]`, 2), task("b", "a"), clean))
		w := db.worker("w")
		db.decide()
		claims := w.claim(2)
		db.cancel(r)
		db.check()
		db.decide()
		require.Equal(t, miniairflow.TaskWaiting, db.task(r.ID, 0).Status, "two of its items run")
		w.end(miniairflow.TaskCancelled, claims[0])
		db.decide()
		db.check()
		require.Equal(t, miniairflow.TaskWaiting, db.task(r.ID, 0).Status)
		w.end(miniairflow.TaskSuccess, claims[1])
		db.check()
		w.drain(nil)
		require.Equal(t, miniairflow.TaskCancelled, db.task(r.ID, 0).Status)
		require.Equal(t, miniairflow.TaskSuccess, db.task(r.ID, 2).Status, "finally")
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()

		// Nothing of it runs: then somebody has to end the task all the same.
		r = db.start(definition("other", forEach("a", `[1,2]`, 0)))
		db.decide()
		db.cancel(r)
		db.check()
		db.decide()
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}

func TestRetryOfATaskKeepsTheItemsThatWentWell(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("list"), forEach("a", `["x","y","z"]`, 0, "list"), task("b", "a")))
		w := db.worker("w")
		fails := func(c miniairflow.Claim) miniairflow.TaskStatus {
			if c.Seq == item(1) {
				return miniairflow.TaskFailed
			}
			return miniairflow.TaskSuccess
		}
		w.drain(fails)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		require.Equal(t, "task a failed", db.run(r.ID).Reason, "and not its items")
		db.check()

		db.rerun(rerunOf(r, miniairflow.RerunFailed))
		db.check()
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		db.check()
		db.decide()
		claims := w.claim(1)
		require.Equal(t, []int{item(1)}, seqs(claims))
		require.Equal(t, 2, claims[0].Attempt, "attempts count on")
		req := rerunOf(r, miniairflow.RerunClear, 1)
		_, err = db.Rerun(t.Context(), req)
		require.ErrorContains(t, err, "still running: a")
		_, err = db.Rerun(t.Context(), rerunOf(r, miniairflow.RerunClear, item(0)))
		require.ErrorContains(t, err, `name the task "a"`)
		mark := rerunOf(r, miniairflow.RerunMark, 1)
		mark.Status = miniairflow.TaskSuccess
		_, err = db.Rerun(t.Context(), mark)
		require.ErrorContains(t, err, "cancel the run first")
		w.end(miniairflow.TaskSuccess, claims...)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()

		// Cleared, all of them run again; and so they do when what is above does.
		db.rerun(rerunOf(r, miniairflow.RerunClear, 1))
		_, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		db.decide()
		claims = w.claim(3)
		db.cancel(r)
		w.end(miniairflow.TaskCancelled, claims...)
		w.drain(nil)
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
		db.rerun(rerunOf(r, miniairflow.RerunClear, 0, 1))
		_, err = db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.drain(nil)
		require.Len(t, db.attempts(r, item(0)), 3)
		require.Len(t, db.attempts(r, item(1)), 4)
		db.check()
	})
}

// A list that has become shorter leaves items behind that count for nothing.
func TestItemsOfAShorterList(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", forEach("a", `[1,2,3]`, 0)))
		w := db.worker("w")
		w.drain(nil)
		db.sync(definition("etl", forEach("a", `[9]`, 0)))
		req := rerunOf(r, miniairflow.RerunClear, 0)
		req.Latest = true
		db.rerun(req)
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		outputs, err := db.ItemOutputs(t.Context(), r.ID, 0, 1000)
		require.NoError(t, err)
		require.Len(t, outputs, 1)
		require.Equal(t, miniairflow.TaskSkipped, db.task(r.ID, item(2)).Status)
		db.check()
		db.change(map[string]string{
			"sqlite":   `UPDATE workflow_runs SET finished_at = finished_at - 3600000000`,
			"postgres": `UPDATE workflow_runs SET finished_at = finished_at - interval '1 hour'`,
		})
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		deleted, err := db.DeleteRuns(t.Context(), now.Add(-time.Minute), 10)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		require.Zero(t, db.number(`SELECT (SELECT count(*) FROM task_fanouts) + (SELECT count(*) FROM task_items) + (SELECT count(*) FROM task_runs)`))
	})
}
