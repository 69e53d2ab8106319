package persistencetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestChainInOneExchangePerHop(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := []miniairflow.Task{task("t0")}
		for i := 1; i < 20; i++ {
			tasks = append(tasks, task(fmt.Sprintf("t%d", i), fmt.Sprintf("t%d", i-1)))
		}
		r := db.start(definition("chain", tasks...))
		w := db.worker("w")
		claims := w.claim(1)
		for i := range 19 {
			require.Equal(t, i, claims[0].Seq)
			claims = w.exchange(1, finish(claims[0], miniairflow.TaskSuccess)).Claims
			require.Len(t, claims, 1, "the end of one task and the start of the next are one transaction")
		}
		w.end(miniairflow.TaskSuccess, claims...)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestClaimTellsWhatTheWorkerNeeds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		w := db.worker("w")
		request := w.request(5)
		result, err := db.Exchange(t.Context(), request)
		require.NoError(t, err)
		require.Len(t, result.Claims, 1)
		c := result.Claims[0]
		require.Equal(t, r.ID, c.RunID)
		require.Equal(t, 1, c.Attempt)
		require.Equal(t, request.Token, c.Token)
		require.Equal(t, r.VersionID, c.VersionID)
		require.Equal(t, r, c.Run)
		running := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskRunning, running.Status)
		require.Equal(t, c.StartedAt, *running.StartedAt)
		db.check()
	})
}

func TestFinishStoresTheResult(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		w := db.worker("w")
		code := 0
		f := finish(w.claim(1)[0], miniairflow.TaskSuccess)
		f.ExitCode, f.Reason = &code, "bad \x00 and \xff bytes"
		f.Outputs = map[string]any{"rows": int64(9007199254740993), "files": []any{"a\x00", "b"}}
		require.Equal(t, []bool{false}, w.exchange(0, f).Stale)
		done := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskSuccess, done.Status)
		require.Equal(t, &code, done.ExitCode)
		require.Equal(t, "bad \uFFFD and \uFFFD bytes", done.Reason)
		require.Equal(t, map[string]any{"rows": int64(9007199254740993), "files": []any{"a\uFFFD", "b"}}, done.Outputs)
		require.NotNil(t, done.FinishedAt)
		key := miniairflow.TaskRunKey{RunID: r.ID, Seq: 0}
		attempts, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{key})
		require.NoError(t, err)
		require.Len(t, attempts[key], 1)
		require.Equal(t, "w", attempts[key][0].WorkerName)
		require.Equal(t, miniairflow.AttemptSuccess, attempts[key][0].Status)
		require.Equal(t, done.FinishedAt, attempts[key][0].FinishedAt)
	})
}

func TestRepeatedExchangeReturnsTheFirstOutcome(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", wide(10)...))
		w := db.worker("w")
		first := w.claim(2)
		request := w.request(3, finish(first[0], miniairflow.TaskFailed), finish(first[1], miniairflow.TaskSuccess))
		once, err := db.Exchange(t.Context(), request)
		require.NoError(t, err)
		require.Len(t, once.Claims, 3)
		twice, err := db.Exchange(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, once, twice)
		claimed, err := db.Claimed(t.Context(), request.Token)
		require.NoError(t, err)
		require.Equal(t, once.Claims, claimed)
		require.Equal(t, 1, db.task(r.ID, first[0].Seq).Failures, "counted once")
		require.Equal(t, 2, db.number(`SELECT count(*) FROM task_attempts`))
		db.check()

		unknown, err := db.Claimed(t.Context(), uuid.New())
		require.NoError(t, err)
		require.Empty(t, unknown)
	})
}

func TestStaleFinishChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b")))
		w := db.worker("w")
		claims := w.claim(2)
		wrong := finish(claims[0], miniairflow.TaskFailed)
		wrong.Token = uuid.New()
		nowhere := finish(claims[0], miniairflow.TaskFailed)
		nowhere.RunID = uuid.New()
		result := w.exchange(0, wrong, finish(claims[1], miniairflow.TaskSuccess), nowhere)
		require.Equal(t, []bool{true, false, true}, result.Stale, "a good finish beside stale ones counts")
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskRunning, miniairflow.TaskSuccess}, db.statuses(r.ID))
		db.check()
	})
}

func TestEndSessionMakesItsResultsStale(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a")))
		w := db.worker("w")
		c := w.claim(1)[0]
		require.NoError(t, db.EndSession(t.Context(), w.id, ""))
		_, err := db.Exchange(t.Context(), w.request(1, finish(c, miniairflow.TaskSuccess)))
		require.ErrorIs(t, err, miniairflow.ErrFenced)
		require.Equal(t, miniairflow.TaskRunning, db.task(r.ID, 0).Status, "nothing was changed")
		reaped, err := db.Reap(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, reaped)

		other := db.worker("other")
		late := finish(c, miniairflow.TaskSuccess)
		require.Equal(t, []bool{true}, other.exchange(0, late).Stale, "a result of a lost attempt comes too late")
		w2 := other.claim(1)[0]
		require.Equal(t, 2, w2.Attempt)
		require.Zero(t, w2.Failures, "a loss is not the user's retry")
		db.check()
	})
}

func TestClaimOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := wide(8)
		tasks[3].Priority, tasks[6].Priority, tasks[1].Priority = miniairflow.PriorityHigh, miniairflow.PriorityHigh, miniairflow.PriorityLow
		tasks[5].Queue = "gpu"
		db.start(definition("etl", tasks...))
		w := db.worker("w")
		require.Equal(t, []int{3, 6, 0, 2, 4, 7, 1}, seqs(w.claim(7)), "priority first, then first come, first served, of the asked queue")
		request := w.request(5)
		request.Queues = []string{"other", "gpu", "default"}
		result, err := db.Exchange(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, []int{5}, seqs(result.Claims))
		db.check()
	})
}

func TestClaimOverSeveralQueues(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := wide(9)
		for i := range tasks {
			tasks[i].Queue = []string{"a", "b", "c"}[i%3]
		}
		tasks[8].Priority = miniairflow.PriorityCritical
		db.start(definition("etl", tasks...))
		w := db.worker("w")
		request := w.request(4)
		request.Queues = []string{"a", "c"}
		result, err := db.Exchange(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, []int{8, 0, 2, 3}, seqs(result.Claims))
		db.check()
	})
}

func TestRunsShareFairly(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		big := definition("big", wide(100)...)
		big.MaxActiveTasks = 4
		first := db.start(big)
		second := db.start(definition("small", task("a")))
		w := db.worker("w")
		claims := w.claim(5)
		var runs []uuid.UUID
		for _, c := range claims {
			runs = append(runs, c.RunID)
		}
		require.Equal(t, []uuid.UUID{first.ID, first.ID, first.ID, first.ID, second.ID}, runs, "a long run does not hold up a short one")
	})
}

func TestMaxActiveTasks(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := wide(6)
		tasks[4].Priority = miniairflow.PriorityHigh
		tasks = append(tasks, task("child", "t4"))
		d := definition("etl", tasks...)
		d.MaxActiveTasks = 2
		r := db.start(d)
		w := db.worker("w")
		claims := w.exchange(10).Claims
		require.Equal(t, []int{4, 0}, seqs(claims))
		require.Equal(t, miniairflow.TaskPending, db.task(r.ID, 1).Status, "ready, but people see that it waits")
		claims = w.exchange(10, finish(claims[0], miniairflow.TaskSuccess)).Claims
		require.Equal(t, []int{1}, seqs(claims), "the freed slot goes to who waits longest")
		db.check()
		w.drain(nil)
		w.end(miniairflow.TaskSuccess, claims[0])
		w.drain(nil)
		require.Equal(t, 6, db.number(`SELECT count(*) FROM task_runs WHERE status = 'success'`))
		db.check()
	})
}

func TestRetry(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		w := db.worker("w")
		retry := finish(w.claim(1)[0], miniairflow.TaskUpForRetry)
		retry.Delay = time.Hour
		code := 3
		retry.ExitCode = &code
		require.Empty(t, w.exchange(1, retry).Claims, "not due yet")
		waiting := db.task(r.ID, 0)
		require.Equal(t, miniairflow.TaskUpForRetry, waiting.Status)
		require.Equal(t, 1, waiting.Failures)
		require.Equal(t, &code, waiting.ExitCode)
		promoted, next, err := db.PromoteRetries(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, promoted)
		require.Equal(t, waiting.NextRetryAt, next)
		db.check()
	})
}

func TestDueRetryIsClaimedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a")))
		w := db.worker("w")
		w.end(miniairflow.TaskUpForRetry, w.claim(1)...)
		promoted, next, err := db.PromoteRetries(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, promoted)
		require.Nil(t, next)
		require.Equal(t, miniairflow.TaskUpForRetry, db.task(r.ID, 0).Status, "until its next attempt begins")
		db.check()
		promoted, _, err = db.PromoteRetries(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, promoted)

		c := w.claim(1)[0]
		require.Equal(t, 2, c.Attempt)
		require.Equal(t, 1, c.Failures)
		require.Nil(t, db.task(r.ID, 0).NextRetryAt)
		w.end(miniairflow.TaskSuccess, c)
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestRetryGivesItsSlotToOthers(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", wide(2)...)
		d.MaxActiveTasks = 1
		r := db.start(d)
		w := db.worker("w")
		claims := w.exchange(1, finish(w.claim(1)[0], miniairflow.TaskUpForRetry)).Claims
		require.Equal(t, []int{1}, seqs(claims))
		promoted, _, err := db.PromoteRetries(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 1, promoted)
		require.Empty(t, w.exchange(1).Claims, "due, but the slot is taken")
		db.check()
		claims = w.exchange(1, finish(claims[0], miniairflow.TaskSuccess)).Claims
		require.Equal(t, []int{0}, seqs(claims))
		w.end(miniairflow.TaskSuccess, claims...)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestFanIn(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		tasks := wide(1000)
		last := task("last")
		for i := range tasks {
			last.DependsOn = append(last.DependsOn, tasks[i].Name)
		}
		r := db.start(definition("fan", append(tasks, last)...))
		w := db.worker("w")
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		require.Equal(t, miniairflow.TaskSuccess, db.task(r.ID, 1000).Status)
		db.check()
	})
}

func TestExchangeOverSeveralRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("etl", task("a"), task("b", "a")))
		for range 10 {
			db.trigger(v)
		}
		_, err := db.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w := db.worker("w")
		var finishes []miniairflow.Finish
		for _, c := range w.claim(10) {
			finishes = append(finishes, finish(c, miniairflow.TaskSuccess))
		}
		require.Len(t, w.exchange(20, finishes...).Claims, 10)
		db.check()
	})
}
