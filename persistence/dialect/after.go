package dialect

import (
	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// AfterRow is a row of after_triggers, as a definition says it.
type AfterRow struct {
	Upstream   string
	WorkflowID uuid.UUID
	Status     miniairflow.AfterStatus
}

// AfterRows returns the rows of the workflows, and the workflows that may have others.
func AfterRows(saves []Save) (rows []AfterRow, old []uuid.UUID) {
	for _, save := range saves {
		if !save.IsNew {
			old = append(old, save.Workflow.ID)
		}
		after := save.Graph.Definition.After()
		if after == nil {
			continue
		}
		for _, w := range after.Workflows {
			rows = append(rows, AfterRow{Upstream: w.Workflow, WorkflowID: save.Workflow.ID, Status: w.Status})
		}
	}
	return rows, old
}

// Follower is a workflow that starts after another one.
type Follower struct {
	Upstream string // the name of that one
	Name     string
}

// FollowersByName returns the names of followers by those after which they start.
func FollowersByName(followers []Follower) map[string][]string {
	byName := map[string][]string{}
	for _, f := range followers {
		byName[f.Upstream] = append(byName[f.Upstream], f.Name)
	}
	return byName
}
