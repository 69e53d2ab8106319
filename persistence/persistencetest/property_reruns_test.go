package persistencetest_test

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// rerun opens a run again, or changes how task runs of it ended (T9).
func (g *game) rerun() bool {
	r := g.someRun(func(*runView) bool { return true })
	if r == nil {
		return false
	}
	req := miniairflow.Rerun{
		ID: g.id(), RunID: r.id, Kind: pick(g, "kind", []miniairflow.RerunKind{miniairflow.RerunFailed, miniairflow.RerunClear, miniairflow.RerunMark}),
		Latest: g.one(4, "latest"), DryRun: g.one(5, "dry run"), By: user,
	}
	if req.Kind != miniairflow.RerunFailed {
		if len(r.tasks) == 0 {
			return false
		}
		for range rapid.IntRange(1, 2).Draw(g.rt, "seqs") {
			req.Seqs = append(req.Seqs, rapid.IntRange(0, len(r.tasks)-1).Draw(g.rt, "seq"))
		}
		req.Downstream = g.one(2, "downstream")
		req.Status = pick(g, "mark", []miniairflow.TaskStatus{miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskSkipped})
	}
	before, print := g.now, g.print()
	plan, refused := g.planRerun(before.runs[r.id], req)
	var result miniairflow.RerunResult
	fault := g.fault
	err := g.sure(func() (err error) {
		result, err = g.Rerun(g.Context(), req)
		return err
	})
	if refused || req.DryRun || plan.IsEmpty() {
		if refused {
			require.Error(g, err, "T9: the state of the run is in the way")
		} else {
			require.NoError(g, err)
		}
		require.Equal(g, print, g.print(), "T9: a rerun that may change nothing did")
		return false
	}
	require.NoError(g, err)
	g.reruns = append(g.reruns, req)
	if fault == "" {
		require.False(g, result.IsRepeat)
	}
	g.judgeRerun(before.runs[r.id], g.look().runs[r.id], plan)
	return true
}

// planRerun says what the request must do, or that it must be refused.
func (g *game) planRerun(r *runView, req miniairflow.Rerun) (plan miniairflow.RerunPlan, refused bool) {
	g.Helper()
	f := g.flowOf(r.workflow)
	over := r.status.IsTerminal()
	if len(r.tasks) == 0 || r.isCancelling() && !over || f.isRetired {
		return plan, true
	}
	dag := g.dag(r.version)
	if r.cancelled && !over && (req.Kind == miniairflow.RerunFailed || slices.ContainsFunc(req.Seqs, func(seq int) bool { return !dag.IsFinal(seq) })) {
		return plan, true // what was cancelled stays so until the tasks of finally have ended
	}
	if req.Latest {
		if !over || miniairflow.FitsVersion(dag, g.dag(f.version)) != nil {
			return plan, true
		}
		dag = g.dag(f.version)
	}
	plan, err := miniairflow.PlanRerun(dag, r.states(), over, req)
	return plan, err != nil
}

// judgeRerun checks that a rerun did what was planned, and nothing else.
func (g *game) judgeRerun(was, is *runView, plan miniairflow.RerunPlan) {
	g.Helper()
	opened := map[int]bool{}
	for _, seq := range plan.Reopen {
		opened[seq] = true
	}
	require.Len(g, is.tasks, len(plan.States))
	for seq, want := range plan.States {
		got := is.tasks[seq]
		if want != miniairflow.TaskPending {
			require.Equal(g, want, got.status, "T9: task run %d", seq)
			continue
		}
		require.Contains(g, []miniairflow.TaskStatus{miniairflow.TaskPending, miniairflow.TaskQueued}, got.status, "T9: task run %d", seq)
		if opened[seq] {
			require.Equal(g, was.tasks[seq].attempt, got.attempt, "T9: attempts are kept")
			require.Zero(g, got.failures)
			require.Zero(g, got.losses)
		}
	}
	if was.status.IsTerminal() {
		require.False(g, is.cancelled || is.timedOut, "T9: a run that was ended is judged by its tasks")
	}
	if plan.Reopens {
		require.Equal(g, miniairflow.RunPending, is.status)
		require.Equal(g, was.generation+1, is.generation)
		require.Empty(g, is.outcome)
	}
}

// repeatRerun sends a rerun that was done once more.
func (g *game) repeatRerun() bool {
	if len(g.reruns) == 0 {
		return false
	}
	req := pick(g, "rerun", g.reruns)
	if g.now.runs[req.RunID] == nil {
		return false
	}
	print := g.print()
	result, err := g.db.Rerun(g.Context(), req)
	require.NoError(g, err)
	require.True(g, result.IsRepeat, "T9: the same request again changes nothing")
	require.Empty(g, result.TaskRuns)
	require.Equal(g, print, g.print())
	return true
}
