package dialect

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Start is how every run of one version and selection begins: its task runs, and what becomes of
// those that wait for nothing.
type Start struct {
	Count    int   // of task runs
	Queued   []int // roots that may be claimed at once, in this order
	Limited  []int // roots that wait for a slot, in this order
	Asks     []int // roots that need a decision of Advance
	Pasts    []int // that depend on the past, if the run is scheduled
	Counters Counters

	versionID  uuid.UUID
	graph      *miniairflow.DAG
	isBackfill bool
	isQueued   []bool
}

// StartTask is a task run at the start.
type StartTask struct {
	Seq      int
	TaskID   uuid.UUID
	Name     string
	Status   miniairflow.TaskStatus
	Reason   string // of one that is skipped from the start
	Upstream int
	Priority miniairflow.Priority
	Task     *miniairflow.Task
}

// StartKind is what runs have in common that begin alike.
type StartKind struct {
	VersionID  uuid.UUID
	Graph      *miniairflow.DAG // of their selection
	IsBackfill bool             // their task runs come behind those of other runs
}

// NewStart plans the start of runs of a kind.
func NewStart(kind StartKind) Start {
	graph := kind.Graph
	count := len(graph.Definition.Tasks)
	start := Start{
		Count: count, Pasts: graph.Pasts, versionID: kind.VersionID, graph: graph, isBackfill: kind.IsBackfill, isQueued: make([]bool, count),
	}
	run := Run{Graph: graph, TaskCount: count}
	var fast []int
	fast, start.Asks = graph.Roots()
	start.Queued, start.Limited = run.admit(run.readyOf(fast))
	start.Counters = run.Change
	for seq := range count {
		if graph.IsLeftOut(seq) {
			start.Counters.Done++
		}
	}
	for _, seq := range start.Queued {
		start.isQueued[seq] = true
	}
	return start
}

// Hold lets all task runs that are to run be pending at first.
func (s *Start) Hold() { clear(s.isQueued) }

// Task returns a task run. It is made when it is asked for: all of them at once
// would take as much memory as the graph.
func (s *Start) Task(seq int) StartTask {
	task := &s.graph.Definition.Tasks[seq]
	t := StartTask{
		Seq: seq, TaskID: miniairflow.MemberID(s.versionID, seq), Name: task.Name, Status: miniairflow.TaskPending,
		Upstream: len(s.graph.Upstream[seq]), Priority: priorityOf(task, s.isBackfill), Task: task,
	}
	switch {
	case s.isQueued[seq]:
		t.Status = miniairflow.TaskQueued
	case s.graph.IsLeftOut(seq):
		t.Status, t.Reason = miniairflow.TaskSkipped, s.graph.LeftOutReason()
	}
	return t
}

// priorityOf returns the priority of the task runs of a task.
func priorityOf(task *miniairflow.Task, isBackfill bool) miniairflow.Priority {
	if isBackfill {
		return miniairflow.PriorityBackfill
	}
	return task.Priority
}

// StartSome starts runs of some workflows in one transaction, at most limit. rest
// are those of which more may be started, which were too many for it.
type StartSome func(ctx context.Context, workflows []uuid.UUID, limit int) (started, rest []uuid.UUID, err error)

// StartEach starts up to limit runs of the workflows, in their order, with so many
// workflows together: with one for each, ten thousand that are due in the same
// minute would wait for ten thousand commits. Those that cannot be started together
// are started each alone, so that one holds up no other: the error is StartFaults then,
// unless the database has gone away.
func StartEach(ctx context.Context, workflows []uuid.UUID, together, limit int, start StartSome) ([]uuid.UUID, error) {
	var all []uuid.UUID
	faults := miniairflow.StartFaults{}
	alone := 0 // so many of the next ones
	for len(workflows) > 0 && len(all) < limit {
		size := min(together, len(workflows))
		if alone > 0 {
			size = 1
		}
		started, rest, err := start(ctx, workflows[:size], limit-len(all))
		switch {
		case err == nil && len(rest) > 0 && len(started) > 0:
			all, workflows = append(all, started...), slices.Concat(rest, workflows[size:])
			alone = max(alone-(size-len(rest)), 0)
		case err == nil:
			all = append(all, started...)
			workflows, alone = workflows[size:], max(alone-size, 0)
		case ctx.Err() != nil, IsAway(err):
			return all, fmt.Errorf("start runs: %w", err)
		case size > 1:
			alone = size
		default:
			faults[workflows[0]] = err
			workflows, alone = workflows[1:], max(alone-1, 0)
		}
	}
	return all, faults.OrNil()
}
