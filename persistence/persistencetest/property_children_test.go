package persistencetest_test

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// childrenMax is how many runs that are not over there may be before no task starts
// another one.
const childrenMax = runsMax + 4

// forNoChild tells of a row of the queue that it does not wait for a child run, whose
// end alone must be enough.
const forNoChild = `NOT EXISTS (
	SELECT 1 FROM task_waits w JOIN workflow_runs r ON r.id = w.child_run_id
	WHERE w.workflow_run_id = task_queue.workflow_run_id AND w.seq = task_queue.seq)`

// callee draws the workflow that a task of another one runs: a later one, which may
// not be there, so that they never run each other.
func (g *game) callee(name string) string {
	var own int
	_, err := fmt.Sscanf(name, "f%d", &own)
	require.NoError(g, err)
	if own >= flowsMax-1 || !g.one(3, "calls") {
		return ""
	}
	return fmt.Sprintf("f%d", own+1+g.between(0, flowsMax-2-own, "callee"))
}

// lookAtChild is what a worker does with the claim of a task that runs a workflow. It
// puts the attempt aside, but lets go of its child run at times as it may time out.
func (g *game) lookAtChild(c miniairflow.Claim, callee string) (f miniairflow.Finish, waits bool) {
	g.Helper()
	child := g.childOf(c, callee)
	if child == nil || child.IsTerminal() || !g.isEnding && g.one(6, "lets go") {
		return f, false
	}
	f = miniairflow.Finish{RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: miniairflow.AttemptRunning, Next: miniairflow.TaskWaiting}
	f.Delay, f.ChildID, f.Memory = retryDelay.Std(), child.ID, child.Label()
	return f, true
}

// childOf finds the child run of a claimed task, or makes it, as often as replies
// are lost; nil: there is none.
func (g *game) childOf(c miniairflow.Claim, callee string) *miniairflow.WorkflowRun {
	g.Helper()
	var wait miniairflow.TaskWait
	err := g.sure(func() (err error) {
		wait, err = g.FindWait(g.Context(), c.RunID, c.Seq)
		return err
	})
	if !errors.Is(err, miniairflow.ErrNotFound) {
		require.NoError(g, err)
	}
	if wait.ChildID != uuid.Nil {
		child, err := g.db.FindRun(g.Context(), wait.ChildID)
		if errors.Is(err, miniairflow.ErrNotFound) {
			return nil
		}
		require.NoError(g, err)
		return child
	}
	f := g.flowNamed(callee)
	if f == nil || g.isEnding || g.openRuns() >= childrenMax {
		return nil
	}
	return g.makeChild(c, f)
}

func (g *game) makeChild(c miniairflow.Claim, f *flow) *miniairflow.WorkflowRun {
	g.Helper()
	run := miniairflow.NewRun{
		ID: g.id(), WorkflowID: f.id, VersionID: f.version, Type: miniairflow.RunChild,
		LogicalDate: c.Run.LogicalDate, DataIntervalStart: c.Run.DataIntervalStart,
		Parent: &miniairflow.Parent{TaskRunKey: miniairflow.TaskRunKey{RunID: c.RunID, Seq: c.Seq}, Token: c.Token},
	}
	t := g.look().task(c.RunID, c.Seq)
	isOurs := t != nil && t.token == c.Token.String()
	var child *miniairflow.WorkflowRun
	err := g.sure(func() (err error) {
		child, _, err = g.CreateRun(g.Context(), run)
		return err
	})
	if !isOurs || f.isRetired {
		require.Equal(g, miniairflow.CodeConflict, miniairflow.ErrorCode(err), "a child run of nobody, or of a workflow that is gone")
		return nil
	}
	require.NoError(g, err)
	require.Equal(g, run.ID, child.ID)
	run.ID = g.id()
	print := g.print()
	again, created, err := g.db.CreateRun(g.Context(), run)
	require.NoError(g, err)
	require.False(g, created, "a task has one child run at a time")
	require.Equal(g, child.ID, again.ID)
	require.Equal(g, print, g.print())
	return child
}

// endAbandoned cancels the child runs that nobody waits for any more, as schedulers do.
func (g *game) endAbandoned() bool {
	var abandoned []uuid.UUID
	g.certainly(func() (err error) {
		abandoned, err = g.AbandonedRuns(g.Context(), g.between(1, 5, "limit"))
		return err
	})
	for _, id := range abandoned {
		r := g.look().runs[id]
		require.True(g, r.isApart && !r.status.IsTerminal() && !r.cancelled && r.outcome == "")
		_, err := g.db.CancelRun(g.Context(), miniairflow.Cancel{RunID: id, By: user})
		require.NoError(g, err)
	}
	return len(abandoned) > 0
}

// endReplaced cancels the runs that make room for newer ones, as schedulers do.
func (g *game) endReplaced() bool {
	var replaced []miniairflow.ReplacedRun
	g.certainly(func() (err error) {
		replaced, err = g.ReplacedRuns(g.Context(), g.between(1, 5, "limit"))
		return err
	})
	for _, old := range replaced {
		r := g.look().runs[old.RunID]
		require.True(g, !r.isApart && !r.status.IsTerminal() && !r.cancelled && r.outcome == "")
		_, err := g.db.CancelRun(g.Context(), miniairflow.Cancel{RunID: old.RunID, By: user})
		require.NoError(g, err)
	}
	return len(replaced) > 0
}

func (g *game) flowNamed(name string) *flow {
	for _, f := range g.flows {
		if f.name == name {
			return f
		}
	}
	return nil
}
