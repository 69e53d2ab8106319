package dialect

import "github.com/google/uuid"

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
