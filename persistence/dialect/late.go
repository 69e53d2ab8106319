package dialect

import (
	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// MarksByRun returns marks by their runs.
func MarksByRun(marks []miniairflow.LateMark) map[uuid.UUID][]miniairflow.LateMark {
	byRun := map[uuid.UUID][]miniairflow.LateMark{}
	for _, m := range marks {
		byRun[m.RunID] = append(byRun[m.RunID], m)
	}
	return byRun
}
