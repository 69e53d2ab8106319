package persistencetest_test

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// rerun opens a run again, or changes how task runs of it ended (T9).
func (g *game) rerun() bool {
	r := g.someRun(func(*runView) bool { return true })
	return r != nil && g.rerunOf(r, g.one(4, "latest"))
}

func (g *game) rerunOf(r *runView, latest bool) bool {
	req := miniairflow.Rerun{
		ID: g.id(), RunID: r.id, Kind: pick(g, "kind", []miniairflow.RerunKind{miniairflow.RerunFailed, miniairflow.RerunClear, miniairflow.RerunMark}),
		Latest: latest, DryRun: g.one(5, "dry run"), By: user,
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
	return g.sendRerun(req)
}

// answerApproval approves or rejects what asks for it, and sometimes what does not (any more).
func (g *game) answerApproval() bool {
	r := g.someRun(func(r *runView) bool { return len(g.asking(r)) > 0 })
	if r == nil {
		return false
	}
	seq := pick(g, "asking", g.asking(r))
	if g.one(4, "another") {
		seq = rapid.IntRange(0, len(r.tasks)-1).Draw(g.rt, "seq")
	}
	req := miniairflow.Rerun{
		ID: g.id(), RunID: r.id, Kind: miniairflow.RerunAnswer, Seqs: []int{seq}, By: user,
		Status:  pick(g, "answer", []miniairflow.TaskStatus{miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskSkipped}),
		Outputs: map[string]any{"by": user.Name, "n": int64(g.ids)},
	}
	if !g.sendRerun(req) {
		return false
	}
	all, err := g.db.RunChanges(g.Context(), r.id, 0)
	require.NoError(g, err)
	require.Equal(g, req.Outputs, all.TaskRuns[seq].Outputs, "the outputs are the answer's")
	want := miniairflow.AttemptFailed
	if req.Status == miniairflow.TaskSuccess {
		want = miniairflow.AttemptSuccess
	}
	require.Equal(g, 1, g.number(fmt.Sprintf(`SELECT count(*) FROM task_attempts WHERE workflow_run_id = '%s' AND seq = %d AND number = %d AND status = '%s'`,
		r.id, seq, all.TaskRuns[seq].Attempt, want)), "the attempt ends as it was answered")
	return true
}

// asking returns the places of the task runs that wait for an answer.
func (g *game) asking(r *runView) (seqs []int) {
	for seq := range r.tasks {
		if r.tasks[seq].status == miniairflow.TaskWaiting && g.dag(r.version).Definition.Tasks[seq].Approval != nil {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// sendRerun makes a rerun, and compares what it did with its plan.
func (g *game) sendRerun(req miniairflow.Rerun) bool {
	g.Helper()
	before, print := g.now, g.print()
	r := before.runs[req.RunID]
	plan, refused := g.planRerun(r, req)
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
	g.judgeRerun(r, g.look().runs[r.id], plan)
	return true
}

// planRerun says what the request must do, or that it must be refused.
func (g *game) planRerun(r *runView, req miniairflow.Rerun) (plan miniairflow.RerunPlan, refused bool) {
	g.Helper()
	f := g.flowOf(r.workflow)
	over := r.status.IsTerminal()
	if len(r.tasks) == 0 || r.isCancelling() && !over || f.isRetired && over {
		return plan, true
	}
	dag := g.ownDAG(r)
	if r.cancelled && !over && (req.Kind == miniairflow.RerunFailed || slices.ContainsFunc(req.Seqs, func(seq int) bool { return !dag.IsFinal(seq) })) {
		return plan, true // what was cancelled stays so until the tasks of finally have ended
	}
	if req.Latest {
		next, err := g.dagOf(r, f.version)
		if err != nil || !over || miniairflow.FitsVersion(dag, next) != nil {
			return plan, true
		}
		dag = next
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
	stopped := g.failsFast(was, plan)
	require.Equal(g, stopped, !was.cancelled && is.cancelled, "T9: an end by hand counts for fail_fast")
	for seq, want := range plan.States {
		got := is.tasks[seq]
		if stopped {
			want = g.stoppedState(is, seq, want)
		}
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

// failsFast reports whether what was planned ends the run: a task is marked as failed,
// or its approval is refused, while others have not ended.
func (g *game) failsFast(r *runView, plan miniairflow.RerunPlan) bool {
	dag := g.ownDAG(r)
	isOpen := slices.ContainsFunc(plan.States[:dag.Mains], func(s miniairflow.TaskStatus) bool { return !s.IsTerminal() })
	if !isOpen || !dag.Definition.FailFast || r.status != miniairflow.RunRunning || r.cancelled {
		return false
	}
	return slices.ContainsFunc(plan.Mark, func(m miniairflow.Ended) bool {
		return m.Status == miniairflow.TaskFailed && !dag.TaskAt(m.Seq).AllowFailure
	})
}

// stoppedState returns what a task run of the given state is after its run was ended.
func (g *game) stoppedState(r *runView, seq int, state miniairflow.TaskStatus) miniairflow.TaskStatus {
	task := g.dag(r.version).TaskAt(seq)
	waitsForItems := state == miniairflow.TaskWaiting && task.ForEach != nil
	if state.IsTerminal() || state == miniairflow.TaskRunning || waitsForItems || task.Finally {
		return state
	}
	return miniairflow.TaskCancelled
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
