package dialect

import (
	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Start is how every run of one version begins: its task runs, and what
// becomes of those that wait for nothing.
type Start struct {
	Tasks    []StartTask
	Queued   []int // roots that may be claimed at once, in this order
	Limited  []int // roots that wait for a slot, in this order
	Asks     []int // roots that need a decision of Advance
	Counters Counters
}

// StartTask is a task run at the start.
type StartTask struct {
	Seq      int
	TaskID   uuid.UUID
	Name     string
	Status   miniairflow.TaskStatus
	Upstream int
	Task     *miniairflow.Task
}

// NewStart plans the start of a run of the version with that graph.
func NewStart(versionID uuid.UUID, graph *miniairflow.DAG) Start {
	start := Start{Tasks: make([]StartTask, len(graph.Definition.Tasks))}
	for seq := range graph.Definition.Tasks {
		task := &graph.Definition.Tasks[seq]
		start.Tasks[seq] = StartTask{
			Seq: seq, TaskID: miniairflow.MemberID(versionID, seq), Name: task.Name, Status: miniairflow.TaskPending,
			Upstream: len(graph.Upstream[seq]), Task: task,
		}
	}
	run := Run{Graph: graph, TaskCount: len(start.Tasks)}
	var fast []int
	fast, start.Asks = graph.Roots()
	start.Queued, start.Limited = run.admit(run.readyOf(fast))
	start.Counters = run.Change
	for _, seq := range start.Queued {
		start.Tasks[seq].Status = miniairflow.TaskQueued
	}
	return start
}
