package dialect

import (
	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// ErrParentOver says that nobody is there any more to wait for a new child run.
var ErrParentOver = miniairflow.Errorf(miniairflow.CodeConflict, "the attempt that starts the child run is over")

// Children returns the ids of the runs that are child runs, in their order.
func Children(runs []*Run) []uuid.UUID {
	var ids []uuid.UUID
	for _, r := range runs {
		if r.IsChild {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// ByParent returns child runs by the task runs that have started them.
func ByParent(runs []*miniairflow.WorkflowRun) map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun {
	children := make(map[miniairflow.TaskRunKey]*miniairflow.WorkflowRun, len(runs))
	for _, r := range runs {
		children[*r.Parent] = r
	}
	return children
}
