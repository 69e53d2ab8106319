package runner

import (
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// runStep is what is to be done to a run.
type runStep struct {
	run uuid.UUID
	do  func() error
}

// eachRun takes the steps that find returns, so many at a time, until it finds no more.
// A run of which the step fails is put aside: it hides no others, however many they are,
// and its error is returned at the end, or at once when the database has refused
// refusedMax runs in a row.
func eachRun(batch int, find func(limit int) ([]runStep, error)) error {
	aside := map[uuid.UUID]error{}
	var refused refusals
	for {
		limit := batch + len(aside)
		steps, err := find(limit)
		if err != nil {
			return err
		}
		for _, step := range steps {
			if aside[step.run] != nil {
				continue
			}
			err := step.do()
			if refused.isAway(err) {
				return err
			}
			if err != nil {
				aside[step.run] = err
			}
		}
		if len(steps) < limit {
			return errors.Join(slices.Collect(maps.Values(aside))...)
		}
	}
}
