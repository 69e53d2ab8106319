package dialect

import (
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// Taken is a row of task_queue that a run has now: its task run needs nobody to
// make it ready.
type Taken struct {
	Seq   int
	State string
}

// Resume takes stock of a run anew, from the states of all its task runs but items
// (by Seq), how many items are running, and its rows in the queue: counters,
// outcome, and what is due without being in the queue. Task runs that wait for
// items are asked about in any case. It is for runs that were changed by hand; the caller writes
// Stored and Outcome as they are then, and goes on with Plan.Add if the run is running.
// The error is that of DAG.Due; nothing has changed then.
func (r *Run) Resume(states []miniairflow.TaskStatus, items int, queue []Taken) (ready []Ready, asks []int, err error) {
	due, undecided, err := r.Graph.Due(states)
	if err != nil {
		return nil, nil, err
	}
	r.TaskCount, r.Stored, r.Change = len(states), Counters{Active: items}, Counters{}
	r.regrouped = ShareMax // those of the run's share may be gone
	mainsDone, mainsFailed := 0, 0
	for seq, s := range states {
		if s == miniairflow.TaskRunning {
			r.Stored.Active++
		}
		if s == miniairflow.TaskWaiting && r.Graph.Definition.Tasks[seq].ForEach != nil {
			undecided = append(undecided, seq)
		}
		if !s.IsTerminal() {
			continue
		}
		r.Stored.Done++
		failed := 0
		if r.Graph.CountsAsFailed(miniairflow.Ended{Seq: seq, Status: s}) {
			failed = 1
		}
		r.Stored.Failed += failed
		if !r.Graph.IsFinal(seq) {
			mainsDone++
			mainsFailed += failed
		}
	}
	taken := make(map[int]bool, len(queue))
	for _, row := range queue {
		taken[row.Seq] = true
		switch row.State {
		case QueueReady, QueuePaused:
			r.Stored.Active++
		case QueueLimited:
			r.Stored.Limited++
		}
	}
	r.Outcome = ""
	if mainsDone == r.Graph.Mains && r.Graph.HasFinals() {
		r.Outcome = miniairflow.RunResult(r.CancelRequested, r.TimedOut, mainsFailed)
	}
	return r.readyOf(without(due, taken)), without(undecided, taken), nil
}

// without returns the places that are not taken.
func without(seqs []int, taken map[int]bool) []int {
	var left []int
	for _, seq := range seqs {
		if !taken[seq] {
			left = append(left, seq)
		}
	}
	return left
}

// CheckRerun reports what is in the way of a rerun before anything is planned.
// tasks is how many task runs the run has now: DeleteRuns begins with them, so
// one that lacks any has lost what a rerun would go on from.
func CheckRerun(r *Run, tasks int, retired bool, req miniairflow.Rerun) error {
	over := r.Status.IsTerminal()
	switch {
	case tasks < r.TaskCount:
		return miniairflow.Errorf(miniairflow.CodeConflict, "the run is being deleted: it finished too long ago; trigger a new one")
	case tasks == 0:
		return miniairflow.Errorf(miniairflow.CodeConflict, "the run has not been started: trigger a new one")
	case retired && over: // what goes on has its version
		return miniairflow.Errorf(miniairflow.CodeConflict, "the workflow is retired: no file defines it any more")
	case !over && (r.IsCancelling() || r.CancelRequested && !r.isOfFinals(req)):
		return miniairflow.Errorf(miniairflow.CodeConflict, "the run is being cancelled: wait for its end")
	case !over && req.Latest:
		return miniairflow.Errorf(miniairflow.CodeConflict, "the run is not over: it goes on with its own version; cancel it first, or rerun it as it was")
	}
	return nil
}

// isOfFinals reports whether the request names nothing but tasks of finally:
// then what it changes is below no other task.
func (r *Run) isOfFinals(req miniairflow.Rerun) bool {
	return req.Kind != miniairflow.RerunFailed && !slices.ContainsFunc(req.Seqs, func(seq int) bool { return !r.Graph.IsFinal(seq) })
}

// RerunSeqs returns the places of the task runs that a plan changes, ascending.
func RerunSeqs(plan miniairflow.RerunPlan) []int {
	seqs := slices.Clone(plan.Reopen)
	for _, m := range plan.Mark {
		seqs = append(seqs, m.Seq)
	}
	seqs = append(seqs, plan.Added...)
	slices.Sort(seqs)
	return slices.Compact(seqs)
}

// Unqueued returns the places whose rows in the queue go, ascending: those of the
// task runs that a plan changes, and those of all that are pending now. These
// wait for a slot by a decision that may not hold any more; if it does, Resume
// says so again.
func Unqueued(plan miniairflow.RerunPlan) []int {
	seqs := RerunSeqs(plan)
	for seq, s := range plan.States {
		if s == miniairflow.TaskPending {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return slices.Compact(seqs)
}

// Left returns the rows of the queue whose task runs are not among seqs.
func Left(queue []Taken, seqs []int) []Taken {
	var left []Taken
	for _, row := range queue {
		if _, found := slices.BinarySearch(seqs, row.Seq); !found {
			left = append(left, row)
		}
	}
	return left
}
