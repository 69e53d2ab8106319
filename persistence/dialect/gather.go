package dialect

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Gather lets what comes while a transaction runs share the next one: with many
// who write a little, most of a transaction is its commit. Whoever hands something
// over learns the outcome of the transaction that it was part of, and only then.
type Gather[T any] struct {
	// Do does parts in one transaction, completely or not at all. Doing the same
	// part again after an error must do no harm.
	Do func(ctx context.Context, parts []T) error
	// Size is what a part costs in memory, and Most how much of that a transaction
	// takes, though always one part.
	Size func(T) int
	Most int

	mu      sync.Mutex
	waiting []*member[T]
	running bool
	all     sync.WaitGroup
}

// member is one part of a transaction to come.
type member[T any] struct {
	ctx  context.Context //nolint:containedctx // of the call that waits for it
	part T
	done chan error
}

// Call has part done and returns the outcome. If ctx is done before, it may have
// been done all the same.
func (g *Gather[T]) Call(ctx context.Context, part T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member[T]{ctx: ctx, part: part, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, m)
	if !g.running {
		g.running = true
		g.all.Go(g.run)
	}
	g.mu.Unlock()
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Waiting returns how many parts wait for the next transaction.
func (g *Gather[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// Wait returns when nothing runs any more. Nobody may call Call meanwhile.
func (g *Gather[T]) Wait() { g.all.Wait() }

// run does what waits until nothing is left.
func (g *Gather[T]) run() {
	for members := g.next(); len(members) > 0; members = g.next() {
		g.do(members)
	}
}

// next takes the members of the next transaction. Without any, the run is over.
func (g *Gather[T]) next() []*member[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var members []*member[T]
	taken, size := 0, 0
	for _, m := range g.waiting {
		if m.ctx.Err() == nil { // else nobody waits for it
			if size += g.Size(m.part); size > g.Most && len(members) > 0 {
				break
			}
			members = append(members, m)
		}
		taken++
	}
	clear(g.waiting[:taken]) // what it holds is large
	g.waiting = g.waiting[taken:]
	if len(g.waiting) == 0 {
		g.waiting = nil
	}
	g.running = len(members) > 0
	return members
}

// do does the parts of members in one transaction. If that fails for one of them,
// each has one of its own: a part that cannot be done must hold up no other.
func (g *Gather[T]) do(members []*member[T]) {
	parts := make([]T, len(members))
	for i, m := range members {
		parts[i] = m.part
	}
	ctx, stop := whileAnyWaits(members)
	err := g.surely(ctx, parts)
	gone := ctx.Err() != nil
	stop()
	if err != nil && len(members) > 1 && !gone && !IsAway(err) {
		for _, m := range members {
			g.do([]*member[T]{m})
		}
		return
	}
	for _, m := range members {
		m.done <- err
	}
}

// whileAnyWaits returns a context that ends when the last of members has gone.
func whileAnyWaits[T any](members []*member[T]) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(members[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(members)))
	stops := make([]func() bool, len(members))
	for i, m := range members {
		stops[i] = context.AfterFunc(m.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// surely calls Do. A panic there is the outcome for those who wait, who may know
// what to do about it, and not the end of the process.
func (g *Gather[T]) surely(ctx context.Context, parts []T) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return g.Do(ctx, parts)
}
