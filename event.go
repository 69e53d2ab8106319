package miniairflow

import (
	"slices"
	"sync"

	"github.com/google/uuid"
)

// Topic says what kind of thing may have changed.
type Topic string

// The topics. An Event is a hint to look, never the news itself: it may come
// twice, late or not at all, so every listener also looks by itself now and then.
const (
	TopicQueue   Topic = "queue"   // a task run may be ready to be claimed
	TopicRuns    Topic = "runs"    // a pending run may start: one was created, or one ended
	TopicDecide  Topic = "decide"  // a task run needs a decision of Advance
	TopicRun     Topic = "run"     // run ID changed, or one of its task runs
	TopicCancel  Topic = "cancel"  // run ID is to be cancelled
	TopicChild   Topic = "child"   // a child run is over, so that the task which waits for it may go on
	TopicLog     Topic = "log"     // a log of run ID grew
	TopicCatalog Topic = "catalog" // a workflow, schedule or import error changed
	TopicWorkers Topic = "workers" // a worker came, went or drains
	TopicNotices Topic = "notices" // something happened that somebody wants to be told, or a notification is due
	TopicAll     Topic = "all"     // more happened than was kept: look at everything
)

// Event is one hint. ID is the run for the topics that say so, else zero.
type Event struct {
	Topic Topic
	ID    uuid.UUID
}

// subscriptionEventsMax bounds the events that one subscriber has not taken yet.
const subscriptionEventsMax = 1024

// Bus hands events to the subscribers in this process. It never blocks and
// never drops silently: a subscriber that falls behind gets TopicAll. The zero
// value is ready; all methods may be called from any goroutine.
type Bus struct {
	mu   sync.Mutex
	subs map[*Subscription]struct{}
}

// Subscription holds the events that its owner has not taken yet, each once.
type Subscription struct {
	bus     *Bus
	want    func(Event) bool
	wake    chan struct{}
	pending []Event
	known   map[Event]struct{}
}

// Subscribe returns a subscription to the events that want accepts; nil accepts
// all. want is called with the bus locked: it must be quick and must not use the
// bus. The owner must call Close.
func (b *Bus) Subscribe(want func(Event) bool) *Subscription {
	s := &Subscription{bus: b, want: want, wake: make(chan struct{}, 1), known: map[Event]struct{}{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[*Subscription]struct{}{}
	}
	b.subs[s] = struct{}{}
	return s
}

// SubscribeTopics returns a subscription to the given topics (and TopicAll).
func (b *Bus) SubscribeTopics(topics ...Topic) *Subscription {
	return b.Subscribe(func(e Event) bool {
		return slices.Contains(topics, e.Topic)
	})
}

// Publish hands the events to every subscriber that wants them. TopicAll
// reaches everyone.
func (b *Bus) Publish(events ...Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		for _, e := range events {
			if e.Topic == TopicAll || s.want == nil || s.want(e) {
				s.add(e)
			}
		}
	}
}

// add keeps e unless it is known, and wakes the owner. The bus is locked.
func (s *Subscription) add(e Event) {
	if _, known := s.known[e]; known {
		return
	}
	if len(s.pending) >= subscriptionEventsMax {
		clear(s.known)
		s.pending = s.pending[:0]
		e = Event{Topic: TopicAll}
	}
	s.known[e] = struct{}{}
	s.pending = append(s.pending, e)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// C returns a channel that receives when there is something to Take.
func (s *Subscription) C() <-chan struct{} { return s.wake }

// Take returns the events since the last call, in order of arrival, each once.
func (s *Subscription) Take() []Event {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	taken := s.pending
	s.pending = nil
	clear(s.known)
	return taken
}

// Close ends the subscription. It may be called twice.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	delete(s.bus.subs, s)
}
