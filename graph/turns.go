package graph

import (
	"context"
	"runtime"
	"time"
)

// turnPatience bounds the wait for a turn: slow operations must not hold up all others.
const turnPatience = 100 * time.Millisecond

// turns lets only some operations be answered at the same time. More of them would
// share the processors in small pieces and all take long; one after the other they
// take the same time together, and the slowest of them much less.
type turns chan struct{}

// newTurns returns as many turns as keep the processors busy while some operations
// wait for the database.
func newTurns() turns { return make(turns, 2*runtime.GOMAXPROCS(0)) }

// take waits for a turn, but not for long, and returns what to call at its end.
func (t turns) take(ctx context.Context) (end func()) {
	select {
	case t <- struct{}{}: // no timer where nobody waits
		return t.end
	default:
	}
	patience := time.NewTimer(turnPatience)
	defer patience.Stop()
	select {
	case t <- struct{}{}:
		return t.end
	case <-patience.C:
	case <-ctx.Done():
	}
	return func() {}
}

func (t turns) end() { <-t }
