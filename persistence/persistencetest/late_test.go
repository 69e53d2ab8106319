package persistencetest_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A run of a workflow with a deadline is looked at when it is created and when its next
// deadline comes, by one scheduler, and each mark is kept once.
func TestLateMarks(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("a", task("x"))
		deadline, err := miniairflow.ParseDeadline("+1h")
		require.NoError(t, err)
		d.Tasks[0].Deadline, d.Tasks[0].Notify, d.Notify = &deadline, tells("https://example.org/task"), tells("https://example.org/run")
		db.trigger(db.sync(definition("without", task("x"))))
		r := db.trigger(db.sync(d))
		looks := func() []miniairflow.DeadlineLook {
			due, err := db.DueDeadlines(t.Context(), 10)
			require.NoError(t, err)
			return due.Due
		}
		first := looks()
		require.Len(t, first, 1)
		require.Equal(t, r.ID, first[0].Run.ID)
		next := r.CreatedAt.Add(time.Hour)
		require.NoError(t, db.NoteLate(t.Context(), first[0], nil, &next))
		require.Empty(t, looks())
		due, err := db.DueDeadlines(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, next, *due.Next)
		marks := []miniairflow.LateMark{{RunID: r.ID, Deadline: next}, {RunID: r.ID, Task: "x", Deadline: next.Add(-time.Minute)}}
		require.NoError(t, db.NoteLate(t.Context(), first[0], marks, nil))
		require.Nil(t, db.run(r.ID).LateAt, "another one has looked since")

		// A look at a later deadline finds the earlier ones passed as well.
		at, later := next, next.Add(time.Hour)
		for _, then := range []*time.Time{&later, nil} {
			require.NoError(t, db.NoteLate(t.Context(), miniairflow.DeadlineLook{Run: r, At: at}, marks, then))
			at = later
		}
		db.gather()
		told, err := db.FindNotifications(t.Context(), miniairflow.NotificationFilter{RunID: r.ID})
		require.NoError(t, err)
		require.Len(t, told, 2, "each of them once")
		for _, n := range told {
			require.Equal(t, miniairflow.NotifyLate, n.Event)
			if n.OfTasks {
				require.Equal(t, "x", n.Tasks[0].Name, "though it has not started")
			} else {
				require.Equal(t, "not over at its deadline, "+next.Format(time.RFC3339), n.Reason)
			}
		}
		found, err := db.LateMarks(t.Context(), []uuid.UUID{r.ID})
		require.NoError(t, err)
		require.Len(t, found[r.ID], 2)
		require.Equal(t, []string{"x", ""}, []string{found[r.ID][0].Task, found[r.ID][1].Task})
		require.Equal(t, next, found[r.ID][1].Deadline)
		require.False(t, found[r.ID][0].NotedAt.Before(*db.run(r.ID).LateAt))
		due, err = db.DueDeadlines(t.Context(), 10)
		require.NoError(t, err)
		require.Nil(t, due.Next)

		w := db.worker("w")
		db.startPending()
		w.drain(nil)
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		for deleted := 1; deleted > 0; {
			deleted, err = db.DeleteRuns(t.Context(), now.Add(time.Hour), 10)
			require.NoError(t, err)
		}
		require.Zero(t, db.number(`SELECT count(*) FROM late_marks`))
	})
}

// What is usual for a task is taken from runs of all versions, by its name, where it
// succeeded.
func TestTaskEnds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w1")
		first := db.start(definition("a", task("x"), task("y"), task("z")))
		w.drain(func(c miniairflow.Claim) miniairflow.TaskStatus {
			if c.Seq == 1 {
				return miniairflow.TaskFailed
			}
			return miniairflow.TaskSuccess
		})
		second := db.start(definition("a", task("new"), task("x")))
		w.drain(nil)
		open := db.start(definition("a", task("new"), task("x")))
		ends, err := db.TaskEnds(t.Context(), []uuid.UUID{first.ID, second.ID, open.ID}, []string{"x", "y"})
		require.NoError(t, err)
		var want []miniairflow.TaskEnd
		for run, seq := range map[uuid.UUID]int{first.ID: 0, second.ID: 1} {
			want = append(want, miniairflow.TaskEnd{RunID: run, Task: "x", At: *db.task(run, seq).FinishedAt})
		}
		require.ElementsMatch(t, want, ends)
	})
}

// What is usual for a run is taken from the latest successful ones of its workflow that
// schedules and people have made of all tasks, however many others there were since.
func TestUsualRuns(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w1")
		v, other := db.sync(hourly("a", task("x"), task("y"))), db.sync(definition("b", task("x"), task("y")))
		ran := func(v *miniairflow.WorkflowVersion, status miniairflow.TaskStatus, change func(*miniairflow.NewRun)) *miniairflow.WorkflowRun {
			t.Helper()
			run := db.newRun(v)
			if change != nil {
				change(&run)
			}
			r, _, err := db.CreateRun(t.Context(), run)
			require.NoError(t, err)
			db.startPending()
			w.drain(func(miniairflow.Claim) miniairflow.TaskStatus { return status })
			return db.run(r.ID)
		}
		byHand := ran(v, miniairflow.TaskSuccess, nil)
		madeUp := ran(v, miniairflow.TaskSuccess, func(r *miniairflow.NewRun) {
			r.Type, r.LogicalDate = miniairflow.RunScheduled, slot
		})
		later := ran(v, miniairflow.TaskSuccess, nil)
		ran(v, miniairflow.TaskFailed, nil)
		ran(v, miniairflow.TaskSuccess, func(r *miniairflow.NewRun) { r.Selection = &miniairflow.Selection{Only: []string{"x"}} })
		ran(other, miniairflow.TaskSuccess, nil)
		b := db.backfill(dates("a", 3, 3))
		db.advance()
		db.startPending()
		w.drain(nil)
		require.Equal(t, miniairflow.RunSuccess, db.backfilled(b)[0].Status)
		itself := ran(v, miniairflow.TaskSuccess, nil)
		usual := func(r *miniairflow.WorkflowRun) miniairflow.UsualRun {
			return miniairflow.UsualRun{ID: r.ID, Began: r.CreatedAt, Ended: *r.FinishedAt}
		}
		found, err := db.UsualRuns(t.Context(), itself, 10)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.UsualRun{usual(later), usual(madeUp), usual(byHand)}, found)
		found, err = db.UsualRuns(t.Context(), later, 2)
		require.NoError(t, err)
		require.Equal(t, []miniairflow.UsualRun{usual(itself), usual(madeUp)}, found)
	})
}

// A slot that is skipped has no deadline.
func TestSkippedRunsAreNotLate(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := scheduled("a", miniairflow.OverlapSkip, "0 * * * *")
		deadline, err := miniairflow.ParseDeadline("+1h")
		require.NoError(t, err)
		d.Deadline = &deadline
		db.sync(d)
		db.aim(slot)
		db.fire(db.fireOf(db.due().Due[0], slot.Add(1000*time.Hour), slot, slot.Add(time.Hour)))
		require.Len(t, db.runs(miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunSkipped}}), 1)
		due, err := db.DueDeadlines(t.Context(), 10)
		require.NoError(t, err)
		require.Len(t, due.Due, 1)
		require.NotEqual(t, miniairflow.RunSkipped, due.Due[0].Run.Status)
	})
}
