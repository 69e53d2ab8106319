package graph

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// How often a feed looks at the store, unless it has times of its own: at once
// after an event, but not twice within feedGap, and by itself every feedPoll to
// twice that, because events are hints that may be lost.
const (
	feedGap  = 50 * time.Millisecond
	feedPoll = time.Second
)

// feed holds the latest state of one topic. One goroutine reads the store for
// all who watch; each watcher keeps only the state that it has seen, so a slow
// one costs nothing and delays nobody, and skips what has been overtaken. States
// are shared and never changed.
type feed[S any] struct {
	mu       sync.Mutex
	state    S
	version  int // of state; 0: none yet
	asked    int // fresh calls so far
	answered int // fresh calls for which a poll that began later has ended
	over     bool
	err      error         // why it is over, if it failed
	changed  chan struct{} // closed at the next change of the fields above
	poke     chan struct{}
	watchers int
	stop     context.CancelFunc
}

// poller reads the state of a topic. changed says whether state differs from
// that of the last call; over, that it will never change again. An ErrNotFound
// ends the feed; after another error it is called again.
type poller[S any] func(ctx context.Context) (state S, changed, over bool, err error)

// feeds are the feeds of one kind, by key: they exist while they are watched.
type feeds[K comparable, S any] struct {
	logger *slog.Logger
	bus    *miniairflow.Bus
	wants  func(K, miniairflow.Event) bool // the events after which to look
	open   func(K) poller[S]
	gap    time.Duration // feedGap, or more where a look costs more
	poll   time.Duration // feedPoll, or more

	mu    sync.Mutex
	byKey map[K]*feed[S]
}

// join returns the feed of key for a watcher, who must call leave. tasks runs
// its goroutine. A feed that is over belongs to those who still watch it: what
// came to an end may have been opened again since.
func (s *feeds[K, S]) join(tasks *tasks, key K) (f *feed[S], leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.byKey[key]
	if f == nil || f.ended() {
		f = &feed[S]{changed: make(chan struct{}), poke: make(chan struct{}, 1)}
		var ctx context.Context
		ctx, f.stop = context.WithCancel(tasks.ctx)
		if s.byKey == nil {
			s.byKey = map[K]*feed[S]{}
		}
		s.byKey[key] = f
		tasks.start(func() { s.run(ctx, key, f) })
	}
	f.watchers++
	return f, sync.OnceFunc(func() { s.leave(key, f) })
}

func (s *feeds[K, S]) leave(key K, f *feed[S]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.watchers--; f.watchers > 0 {
		return
	}
	f.stop()
	if s.byKey[key] == f {
		delete(s.byKey, key)
	}
}

// run keeps f fresh until ctx ends.
func (s *feeds[K, S]) run(ctx context.Context, key K, f *feed[S]) {
	events := s.bus.Subscribe(func(e miniairflow.Event) bool { return s.wants(key, e) })
	defer events.Close()
	poll := s.open(key)
	failing := false
	for ctx.Err() == nil {
		events.Take()
		asked := f.beginPoll()
		state, changed, over, err := poll(ctx)
		switch {
		case err == nil:
			f.endPoll(asked, state, changed, over)
			failing = false
		case errors.Is(err, miniairflow.ErrNotFound):
			f.end(err)
			return
		case ctx.Err() == nil && !failing: // once, however long it takes
			s.logger.WarnContext(ctx, "Live updates wait for the store", "err", err)
			failing = true
		}
		if over {
			return
		}
		f.wait(ctx, max(s.gap, feedGap), max(s.poll, feedPoll), events.C())
	}
	f.end(ctx.Err())
}

// wait returns when it is time for the next poll.
func (f *feed[S]) wait(ctx context.Context, gap, poll time.Duration, events <-chan struct{}) {
	pause := time.NewTimer(gap)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return
	case <-f.poke:
		return
	case <-pause.C:
	}
	next := time.NewTimer(poll + rand.N(poll))
	defer next.Stop()
	select {
	case <-ctx.Done():
	case <-f.poke:
	case <-events:
	case <-next.C:
	}
}

func (f *feed[S]) beginPoll() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *feed[S]) endPoll(asked int, state S, changed, over bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.answered, f.over = state, asked, over
	if changed || f.version == 0 {
		f.version++
	}
	f.signal()
}

func (f *feed[S]) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over, f.err = true, err
	f.signal()
}

// signal wakes all watchers. f is locked.
func (f *feed[S]) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *feed[S]) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over
}

// fresh returns a state that was read after the call began.
func (f *feed[S]) fresh(ctx context.Context) (state S, version int, err error) {
	f.mu.Lock()
	f.asked++
	asked := f.asked
	f.mu.Unlock()
	select {
	case f.poke <- struct{}{}:
	default:
	}
	return f.await(ctx, func() bool { return f.answered >= asked })
}

// next returns the state once its version is not the one that was seen, or when
// it will never change again.
func (f *feed[S]) next(ctx context.Context, seen int) (state S, version int, err error) {
	return f.await(ctx, func() bool { return f.version != seen })
}

// await returns the state when ready, which is called with f locked, or when no
// other state will follow.
func (f *feed[S]) await(ctx context.Context, ready func() bool) (state S, version int, err error) {
	for {
		f.mu.Lock()
		done := f.over || ready()
		state, version, err = f.state, f.version, f.err
		changed := f.changed
		f.mu.Unlock()
		if done {
			return state, version, err
		}
		select {
		case <-ctx.Done():
			return state, version, ctx.Err()
		case <-changed:
		}
	}
}
