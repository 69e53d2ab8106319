package runner

import (
	"context"
	"sync"
	"time"
)

// firingMax bounds the wait for more slots to be fired: a backlog of hours must not
// keep the runs that it makes from being started.
const firingMax = time.Second

// firing lets the duty that starts runs wait while the one that fires schedules has
// more slots at hand than one step takes. Both write much, and a run that is not
// there yet is later than one that has not started yet. The zero value is ready; its
// methods may be called from any goroutine.
type firing struct {
	mu    sync.Mutex
	ended chan struct{} // closed by end; nil while nothing fires
}

// begin lets others wait from now on.
func (f *firing) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended == nil {
		f.ended = make(chan struct{})
	}
}

// end lets those go on that wait. Without a begin it does nothing.
func (f *firing) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil {
		close(f.ended)
		f.ended = nil
	}
}

// wait waits for the end, but not for long.
func (f *firing) wait(ctx context.Context) {
	f.mu.Lock()
	ended := f.ended
	f.mu.Unlock()
	if ended != nil {
		waitFor(ctx, firingMax, ended, nil)
	}
}
