package dialect

import (
	"errors"

	"github.com/google/uuid"
)

// ErrOtherWatch says that the watch of a workflow's files has begun anew, or is over.
var ErrOtherWatch = errors.New("another watch of files has begun, or none goes on")

// WatchMark returns what the hash of a watch is until it has begun: its own, so that two
// that begin at once do not mix, and none that a trigger has.
func WatchMark() string { return "begins:" + uuid.NewString() }

// ArrivalRows says which workflows are started by files, which of them begin anew, since
// they stood still, and which have no such trigger, but may have had one.
func ArrivalRows(saves []Save) (triggers, reset, none []uuid.UUID) {
	for _, save := range saves {
		switch id := save.Workflow.ID; {
		case save.Graph.Definition.File() == nil && save.IsNew:
		case save.Graph.Definition.File() == nil:
			none = append(none, id)
		case save.ResetCursors:
			triggers, reset = append(triggers, id), append(reset, id)
		default:
			triggers = append(triggers, id)
		}
	}
	return triggers, reset, none
}
