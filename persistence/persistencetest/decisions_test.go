package persistencetest_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// ruled returns a task with a trigger rule.
func ruled(rule miniairflow.TriggerRule, name string, dependsOn ...string) miniairflow.Task {
	t := task(name, dependsOn...)
	t.TriggerRule = rule
	return t
}

func TestFailureFallsThroughTheBranch(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a"), task("c", "b"), ruled(miniairflow.AllDone, "report", "c"), task("other")))
		w := db.worker("w")
		w.drain(func(c miniairflow.Claim) miniairflow.TaskStatus {
			if c.Seq == 0 {
				return miniairflow.TaskFailed
			}
			return miniairflow.TaskSuccess
		})
		u := miniairflow.TaskUpstreamFailed
		require.Equal(t, []miniairflow.TaskStatus{miniairflow.TaskFailed, u, u, miniairflow.TaskSuccess, miniairflow.TaskSuccess}, db.statuses(r.ID))
		require.Equal(t, "trigger rule all_success: 1 of 1 upstream tasks ended: 0 success, 1 failed (a)", db.task(r.ID, 1).Reason)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		require.Equal(t, "task a failed", db.run(r.ID).Reason)
		db.check()
	})
}

func TestWhen(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		yes, no := task("yes", "a"), task("no", "a")
		yes.When, no.When = "true", "false"
		r := db.start(definition("etl", task("a"), yes, no, task("after", "no")))
		db.worker("w").drain(nil)
		s, k := miniairflow.TaskSuccess, miniairflow.TaskSkipped
		require.Equal(t, []miniairflow.TaskStatus{s, s, k, k}, db.statuses(r.ID))
		require.Equal(t, "when is false: false", db.task(r.ID, 2).Reason)
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestRunOfDecisionsAloneEnds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		only := task("only")
		only.When = "false"
		r := db.start(definition("etl", only, task("after", "only")))
		db.decide()
		require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
		db.check()
	})
}

func TestOneSuccessStartsEarly(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b"), ruled(miniairflow.OneSuccess, "first", "a", "b")))
		w := db.worker("w")
		claims := w.claim(2)
		w.end(miniairflow.TaskSuccess, claims[0])
		db.decide()
		require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 2).Status)
		first := w.claim(1)
		w.end(miniairflow.TaskSuccess, first...)
		w.end(miniairflow.TaskFailed, claims[1])
		db.decide()
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		db.check()
	})
}

func TestDecidedTaskThatWaitsForASlotIsNotDecidedAgain(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := definition("etl", task("a"), task("b"), ruled(miniairflow.OneSuccess, "first", "a", "b"))
		d.MaxActiveTasks = 2
		r := db.start(d)
		w := db.worker("w")
		claims := w.claim(2)
		w.end(miniairflow.TaskSuccess, claims[0])
		// A second long task keeps the freed slot, so that the decision finds none.
		db.decide()
		require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 2).Status)
		nodes, err := db.LoadNodes(t.Context(), r.ID, []int{2, 1, 0})
		require.NoError(t, err)
		require.Empty(t, nodes, "none of them is undecided")
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, 1, []miniairflow.Change{{Seq: 2, To: miniairflow.TaskSkipped}}))
		require.Equal(t, miniairflow.TaskQueued, db.task(r.ID, 2).Status)
		w.end(miniairflow.TaskFailed, claims[1])
		undecided, err := db.Undecided(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, undecided)
		db.check()
	})
}

func TestAnswerToAnOlderRequestLeavesTheNewerOpen(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b"), task("c"), ruled(miniairflow.OneFailed, "alarm", "a", "b", "c")))
		w := db.worker("w")
		claims := w.claim(3)
		w.end(miniairflow.TaskFailed, claims[0])
		old, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		require.Len(t, old.Nodes, 1)
		require.Equal(t, r.ID, old.Run.ID)
		require.Equal(t, miniairflow.UpstreamCounts{Total: 3, Failed: 1}, old.Nodes[0].Upstream)

		w.end(miniairflow.TaskFailed, claims[1])
		wait := miniairflow.Change{Seq: 3, To: miniairflow.TaskPending, Generation: old.Nodes[0].Generation}
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, 1, []miniairflow.Change{wait}))
		newer, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		require.Len(t, newer.Nodes, 1)
		require.Equal(t, 2, newer.Nodes[0].Upstream.Failed)

		wait.Generation = newer.Nodes[0].Generation
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, 1, []miniairflow.Change{wait}))
		undecided, err := db.Undecided(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, undecided)

		w.end(miniairflow.TaskFailed, claims[2])
		third, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		require.NotContains(t, []int64{old.Nodes[0].Generation, newer.Nodes[0].Generation}, third.Nodes[0].Generation,
			"a generation is never used again")
		db.check()
	})
}

func TestApplyChangesTwice(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a"), ruled(miniairflow.AllDone, "c", "b")))
		w := db.worker("w")
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		decisions, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		changes := db.changes(decisions)
		for range 2 {
			require.NoError(t, db.ApplyChanges(t.Context(), r.ID, 1, changes))
			require.Equal(t, miniairflow.TaskUpstreamFailed, db.task(r.ID, 1).Status)
			db.check()
		}
		require.ErrorIs(t, db.ApplyChanges(t.Context(), uuid.New(), 1, changes), miniairflow.ErrNotFound)
	})
}

func TestAdvanceThroughLoadedNodes(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("b", "a"), ruled(miniairflow.AllDone, "c", "b"), task("d", "b")))
		w := db.worker("w")
		w.end(miniairflow.TaskFailed, w.claim(1)...)
		nodes, err := db.LoadNodes(t.Context(), r.ID, []int{3, 1, 2, 0})
		require.NoError(t, err)
		require.Len(t, nodes, 3, "only pending ones")
		require.Equal(t, []int{3, 1, 2}, []int{nodes[0].Seq, nodes[1].Seq, nodes[2].Seq})
		require.NotZero(t, nodes[1].Generation)
		require.Zero(t, nodes[2].Generation)
		v, err := db.FindVersion(t.Context(), r.VersionID)
		require.NoError(t, err)
		graph, err := miniairflow.NewDAG(v.Definition)
		require.NoError(t, err)
		changes := miniairflow.Advance(graph, nodes, []int{1}, miniairflow.Conditions{})
		require.Len(t, changes, 3, "a whole branch falls in one call")
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, 1, changes))
		db.check()
		undecided, err := db.Undecided(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, undecided)
		w.drain(nil)
		require.Equal(t, miniairflow.RunFailed, db.run(r.ID).Status)
		db.check()
	})
}

func TestChangesAfterCancellationAreIgnored(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		r := db.start(definition("etl", task("a"), task("long"), task("b", "a")))
		w := db.worker("w")
		claims := w.claim(2)
		w.end(miniairflow.TaskFailed, claims[0])
		decisions, err := db.LoadDecisions(t.Context(), r.ID, 10)
		require.NoError(t, err)
		_, err = db.CancelRun(t.Context(), miniairflow.Cancel{RunID: r.ID})
		require.NoError(t, err)
		require.NoError(t, db.ApplyChanges(t.Context(), r.ID, decisions.Run.Generation, db.changes(decisions)))
		require.Equal(t, miniairflow.TaskCancelled, db.task(r.ID, 2).Status)
		w.end(miniairflow.TaskSuccess, claims[1])
		require.Equal(t, miniairflow.RunCancelled, db.run(r.ID).Status)
		db.check()
	})
}

// The states of task runs say whom each of them waits for.
func TestTaskStates(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		asked := task("asked", "a")
		asked.When = "true"
		d := definition("etl", task("a"), task("b"), task("c"), asked, task("child", "a"))
		d.MaxActiveTasks = 2
		r := db.start(d)
		w := db.worker("w")
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		states, err := db.TaskStates(t.Context(), r.ID, []int{0, 1, 2, 3, 4, 99})
		require.NoError(t, err)
		require.Equal(t, []miniairflow.TaskState{
			{Seq: 0, Status: miniairflow.TaskSuccess},
			{Seq: 1, Status: miniairflow.TaskQueued},
			{Seq: 2, Status: miniairflow.TaskQueued},
			{Seq: 3, Status: miniairflow.TaskPending, IsAsked: true},
			{Seq: 4, Status: miniairflow.TaskPending, IsLimited: true},
		}, states)
	})
}
