package dialect

import (
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// Sizes of a page, see the filters of the store.
const (
	pageDefault = 50
	pageMax     = 200
)

// PageLimit returns how many items a page with that limit has.
func PageLimit(limit int) int {
	if limit <= 0 {
		return pageDefault
	}
	return min(limit, pageMax)
}

// AreOpen reports whether only task runs of running runs have these statuses.
func AreOpen(statuses []miniairflow.TaskStatus) bool {
	return len(statuses) > 0 && !slices.ContainsFunc(statuses, miniairflow.TaskStatus.IsTerminal)
}

// AreRare reports whether the index on rare statuses (column is_rare) holds all
// these.
func AreRare(statuses []miniairflow.TaskStatus) bool {
	return len(statuses) > 0 && !slices.ContainsFunc(statuses, func(s miniairflow.TaskStatus) bool {
		return s == miniairflow.TaskSuccess || s != miniairflow.TaskUpForRetry && s != miniairflow.TaskWaiting && !s.IsTerminal()
	})
}

// AttemptsByKey sorts attempts by their task run; their order stays.
func AttemptsByKey(attempts []*miniairflow.TaskAttempt) map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt {
	byKey := map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt{}
	for _, a := range attempts {
		key := miniairflow.TaskRunKey{RunID: a.RunID, Seq: a.Seq}
		byKey[key] = append(byKey[key], a)
	}
	return byKey
}
