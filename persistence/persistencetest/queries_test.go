package persistencetest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func runIDs(runs []*miniairflow.WorkflowRun) []uuid.UUID {
	var ids []uuid.UUID
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

// TestFindRunsPagesOverTies: runs of one transaction share their time of creation.
func TestFindRunsPagesOverTies(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(scheduled("a", miniairflow.OverlapQueue, "0 * * * *"))
		db.aim(slot)
		var slots []time.Time
		for i := range 5 {
			slots = append(slots, slot.Add(time.Duration(i)*time.Hour))
		}
		db.fire(db.fireOf(db.due().Due[0], slot.Add(10*time.Hour), slots...))
		other := db.trigger(db.sync(definition("b", task("x"))))
		require.Equal(t, 1, db.number(`SELECT count(DISTINCT created_at) FROM workflow_runs WHERE type = 'scheduled'`))

		all := db.runs(miniairflow.RunFilter{})
		require.Len(t, all, 6)
		require.Equal(t, other.ID, all[0].ID)
		var paged []uuid.UUID
		var before *miniairflow.RunCursor
		for {
			page := db.runs(miniairflow.RunFilter{Limit: 2, Before: before})
			if len(page) == 0 {
				break
			}
			paged = append(paged, runIDs(page)...)
			last := page[len(page)-1]
			before = &miniairflow.RunCursor{CreatedAt: last.CreatedAt, ID: last.ID}
		}
		require.Equal(t, runIDs(all), paged)

		require.Len(t, db.runs(miniairflow.RunFilter{WorkflowID: v.WorkflowID}), 5)
		require.Len(t, db.runs(miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunPending, miniairflow.RunFailed}}), 6)
		require.Empty(t, db.runs(miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunFailed}}))
		for max, want := range map[int]int{100: 5, 3: 3} {
			count, err := db.CountRuns(t.Context(), miniairflow.RunFilter{WorkflowID: v.WorkflowID, Limit: 1}, max)
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
		latest, err := db.FindRunByNumber(t.Context(), v.WorkflowID, 0)
		require.NoError(t, err)
		require.EqualValues(t, 5, latest.Number)
		second, err := db.FindRunByNumber(t.Context(), v.WorkflowID, 2)
		require.NoError(t, err)
		require.Equal(t, "a#2", second.Label())
	})
}

func TestFindTaskRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		first := db.start(definition("a", wide(5)...))
		second := db.start(definition("b", task("x"), task("y", "x")))
		w := db.worker("w1")
		claims := w.claim(6)
		for _, c := range claims {
			if c.RunID == first.ID && c.Seq == 0 {
				w.end(miniairflow.TaskFailed, c)
			}
		}

		list := func(filter miniairflow.TaskRunFilter) []miniairflow.TaskRunKey {
			page, err := db.FindTaskRuns(t.Context(), filter)
			require.NoError(t, err)
			var keys []miniairflow.TaskRunKey
			for _, r := range page {
				keys = append(keys, miniairflow.TaskRunKey{RunID: r.RunID, Seq: r.Seq})
			}
			return keys
		}
		all := list(miniairflow.TaskRunFilter{})
		require.Len(t, all, 7)
		require.Equal(t, miniairflow.TaskRunKey{RunID: second.ID, Seq: 0}, all[0])
		require.Equal(t, miniairflow.TaskRunKey{RunID: first.ID, Seq: 4}, all[6])
		var paged []miniairflow.TaskRunKey
		var after *miniairflow.TaskRunKey
		for page := list(miniairflow.TaskRunFilter{Limit: 3}); len(page) > 0; page = list(miniairflow.TaskRunFilter{Limit: 3, After: after}) {
			paged = append(paged, page...)
			after = &page[len(page)-1]
		}
		require.Equal(t, all, paged)
		require.Equal(t, all[5:], list(miniairflow.TaskRunFilter{RunID: first.ID, After: &all[4]}))

		for status, want := range map[miniairflow.TaskStatus]int{
			miniairflow.TaskRunning: 5, miniairflow.TaskFailed: 1, miniairflow.TaskPending: 1, miniairflow.TaskSuccess: 0,
		} {
			filter := miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{status}}
			require.Len(t, list(filter), want, status)
			count, err := db.CountTaskRuns(t.Context(), filter, 1000)
			require.NoError(t, err)
			require.Equal(t, want, count, status)
		}
		count, err := db.CountTaskRuns(t.Context(), miniairflow.TaskRunFilter{RunID: first.ID}, 3)
		require.NoError(t, err)
		require.Equal(t, 3, count)
		unknown := uuid.New()
		counts, err := db.CountTasks(t.Context(), []uuid.UUID{first.ID, unknown})
		require.NoError(t, err)
		total := 0
		for _, n := range counts[first.ID] {
			total += n
		}
		require.Equal(t, 5, total)
		require.Empty(t, counts[unknown])
	})
}

func TestFindTaskRunAndAttempts(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("a", task("x"), task("y")))
		w := db.worker("w1")
		claims := w.claim(2)
		w.end(miniairflow.TaskFailed, claims[0])
		found, err := db.FindTaskRun(t.Context(), r.ID, claims[0].Seq)
		require.NoError(t, err)
		require.Equal(t, miniairflow.TaskFailed, found.Status)
		require.Equal(t, 1, found.Attempt)
		require.NotNil(t, found.FinishedAt)

		done, open := miniairflow.TaskRunKey{RunID: r.ID, Seq: claims[0].Seq}, miniairflow.TaskRunKey{RunID: r.ID, Seq: claims[1].Seq}
		attempts, err := db.FindAttempts(t.Context(), []miniairflow.TaskRunKey{done, open, done, {RunID: uuid.New()}})
		require.NoError(t, err)
		require.Len(t, attempts, 2)
		require.Len(t, attempts[done], 1)
		require.Equal(t, miniairflow.AttemptFailed, attempts[done][0].Status)
		require.Equal(t, "exit code 1", attempts[done][0].Reason)
		require.Equal(t, &miniairflow.TaskAttempt{
			RunID: r.ID, Seq: open.Seq, Number: 1, Status: miniairflow.AttemptRunning, WorkerID: w.id, WorkerName: "w1", StartedAt: claims[1].StartedAt,
		}, attempts[open][0])
		none, err := db.FindAttempts(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, none)
	})
}

func TestQueueDepth(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		gpu := task("g")
		gpu.Queue = "gpu"
		db.start(definition("a", task("x"), task("y"), gpu, task("later", "x")))
		depth, err := db.QueueDepth(t.Context())
		require.NoError(t, err)
		require.Equal(t, map[string]int{miniairflow.QueueDefault: 2, "gpu": 1}, depth)
	})
}

func TestRunChanges(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("a", wide(5)...))
		changes, err := db.RunChanges(t.Context(), r.ID, 0)
		require.NoError(t, err)
		require.Equal(t, r.ID, changes.Run.ID)
		require.Len(t, changes.TaskRuns, 5)
		claims := db.worker("w1").claim(1)
		later, err := db.RunChanges(t.Context(), r.ID, changes.Revision)
		require.NoError(t, err)
		require.Len(t, later.TaskRuns, 1)
		require.Equal(t, claims[0].Seq, later.TaskRuns[0].Seq)
		require.Greater(t, later.Revision, changes.Revision)
		nothing, err := db.RunChanges(t.Context(), r.ID, later.Revision)
		require.NoError(t, err)
		require.Empty(t, nothing.TaskRuns)
		require.GreaterOrEqual(t, nothing.Revision, later.Revision)
	})
}

// TestRunChangesSeesASlowerCommit: a transaction that took its number early and
// commits late is not passed over.
func TestRunChangesSeesASlowerCommit(t *testing.T) {
	db := openPostgres(t)
	r := db.start(definition("a", wide(3)...))
	before, err := db.RunChanges(t.Context(), r.ID, 0)
	require.NoError(t, err)
	const change = `UPDATE task_runs SET reason = 'changed', changed = pg_current_xact_id() WHERE workflow_run_id = $1 AND seq = $2`
	slow, err := db.raw.BeginTx(context.WithoutCancel(t.Context()), nil)
	require.NoError(t, err)
	_, err = slow.ExecContext(t.Context(), change, r.ID, 0)
	require.NoError(t, err)
	_, err = db.raw.ExecContext(t.Context(), change, r.ID, 1)
	require.NoError(t, err)
	between, err := db.RunChanges(t.Context(), r.ID, before.Revision)
	require.NoError(t, err)
	require.Len(t, between.TaskRuns, 1)
	require.Equal(t, 1, between.TaskRuns[0].Seq)
	require.NoError(t, slow.Commit())
	after, err := db.RunChanges(t.Context(), r.ID, between.Revision)
	require.NoError(t, err)
	require.Contains(t, seqsOf(after.TaskRuns), 0)
}

func seqsOf(taskRuns []*miniairflow.TaskRun) []int {
	var all []int
	for _, r := range taskRuns {
		all = append(all, r.Seq)
	}
	return all
}

func TestDeleteRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w1")
		var done []*miniairflow.WorkflowRun
		for i := range 3 {
			r := db.start(definition(fmt.Sprintf("a%d", i), wide(3)...))
			key := miniairflow.AttemptKey{RunID: r.ID, Attempt: 1}
			require.NoError(t, db.AppendLog(t.Context(), key, []miniairflow.LogChunk{{Size: 1, Data: []byte("x")}}))
			w.drain(nil)
			done = append(done, db.run(r.ID))
			require.Equal(t, miniairflow.RunSuccess, done[i].Status)
		}
		open := db.start(definition("open", task("x")))
		deleted, err := db.DeleteRuns(t.Context(), *done[0].FinishedAt, 10)
		require.NoError(t, err)
		require.Zero(t, deleted)
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		deleted, err = db.DeleteRuns(t.Context(), now.Add(time.Hour), 2)
		require.NoError(t, err)
		require.Equal(t, 2, deleted)
		require.Equal(t, []uuid.UUID{open.ID, done[2].ID}, runIDs(db.runs(miniairflow.RunFilter{})))
		deleted, err = db.DeleteRuns(t.Context(), now.Add(time.Hour), 2)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		for table, rows := range map[string]int{"workflow_runs": 1, "task_runs": 1, "task_attempts": 0, "run_counters": 1} {
			require.Equal(t, rows, db.number(`SELECT count(*) FROM `+table), table)
		}
		size, err := db.LogSize(t.Context(), miniairflow.AttemptKey{RunID: done[0].ID, Attempt: 1})
		require.NoError(t, err)
		require.Zero(t, size)
	})
}

func TestDeleteLargeRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		const tasks = 4500 // several batches
		d := definition("large", wide(tasks)...)
		r := db.start(d)
		_, err := db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID, By: by})
		require.NoError(t, err)
		require.True(t, db.run(r.ID).IsTerminal())
		deleted, err := db.DeleteRuns(t.Context(), time.Now().Add(time.Hour), 1)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		require.Zero(t, db.number(`SELECT count(*) FROM task_runs`))
	})
}

func TestLogs(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		id, err := miniairflow.NewParentID()
		require.NoError(t, err)
		key := miniairflow.AttemptKey{RunID: id, Seq: 1, Attempt: 2}
		chunks := []miniairflow.LogChunk{
			{Offset: 0, Size: 10, Data: []byte{0, 255, 1}}, {Offset: 10, Size: 5, Data: []byte("b")}, {Offset: 15, Size: 20, Data: []byte("c")},
		}
		events := db.Bus().SubscribeTopics(miniairflow.TopicLog)
		defer events.Close()
		require.NoError(t, db.AppendLog(t.Context(), key, chunks[:2]))
		require.Contains(t, events.Take(), miniairflow.Event{Topic: miniairflow.TopicLog, ID: id})
		// The same piece again, with the next one, as after a lost reply.
		require.NoError(t, db.AppendLog(t.Context(), key, []miniairflow.LogChunk{{Offset: 10, Size: 5, Data: []byte("other")}, chunks[2]}))
		require.NoError(t, db.AppendLog(t.Context(), key, nil))

		for offset, want := range map[int64][]miniairflow.LogChunk{0: chunks, 9: chunks, 10: chunks[1:], 14: chunks[1:], 15: chunks[2:], 34: chunks[2:], 35: nil, 99: nil} {
			got, err := db.ReadLog(t.Context(), key, offset, 10)
			require.NoError(t, err)
			require.Len(t, got, len(want), "offset %d", offset)
			for i := range want {
				require.Equal(t, want[i], got[i], "offset %d", offset)
			}
		}
		got, err := db.ReadLog(t.Context(), key, 3, 1)
		require.NoError(t, err)
		require.Equal(t, chunks[:1], got)
		size, err := db.LogSize(t.Context(), key)
		require.NoError(t, err)
		require.EqualValues(t, 35, size)
		other := key
		other.Attempt = 1
		size, err = db.LogSize(t.Context(), other)
		require.NoError(t, err)
		require.Zero(t, size)
		got, err = db.ReadLog(t.Context(), other, 0, 10)
		require.NoError(t, err)
		require.Empty(t, got)
	})
}
