package shape

import (
	"fmt"
	"time"
)

// Done is how a task ran.
type Done struct {
	Started, Finished time.Time
	Attempts          int
	Success           bool
}

// Check returns an error unless each task ran once, with success, and began
// after all of its parents had ended.
func (g *Graph) Check(done []Done) error {
	if len(done) != g.Len() {
		return fmt.Errorf("%d of %d tasks ran", len(done), g.Len())
	}
	for i, d := range done {
		if !d.Success || d.Attempts != 1 {
			return fmt.Errorf("task %d: success %t after %d attempts", i, d.Success, d.Attempts)
		}
		for _, parent := range g.Parents[i] {
			if d.Started.Before(done[parent].Finished) {
				return fmt.Errorf("task %d began at %s, before task %d ended at %s", i, d.Started, parent, done[parent].Finished)
			}
		}
	}
	return nil
}

// Lags returns of each task how long after its last parent it began; of one
// without parents, how long after begin.
func (g *Graph) Lags(done []Done, begin time.Time) []time.Duration {
	lags := make([]time.Duration, len(done))
	for i, parents := range g.Parents {
		ready := begin
		for _, parent := range parents {
			if done[parent].Finished.After(ready) {
				ready = done[parent].Finished
			}
		}
		lags[i] = done[i].Started.Sub(ready)
	}
	return lags
}
