package miniairflow_test

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

func TestBusCoalesces(t *testing.T) {
	var bus miniairflow.Bus
	s := bus.SubscribeTopics(miniairflow.TopicRun, miniairflow.TopicQueue)
	defer s.Close()
	run := miniairflow.Event{Topic: miniairflow.TopicRun, ID: uuid.New()}
	queue := miniairflow.Event{Topic: miniairflow.TopicQueue}
	bus.Publish(run, queue, run, miniairflow.Event{Topic: miniairflow.TopicLog})
	bus.Publish(run)
	require.Len(t, s.C(), 1)
	<-s.C()
	require.Equal(t, []miniairflow.Event{run, queue}, s.Take())
	require.Empty(t, s.Take())

	bus.Publish(run)
	require.Len(t, s.C(), 1, "after Take the same event is news again")
	require.Equal(t, []miniairflow.Event{run}, s.Take())
}

func TestBusTellsThatItLostEvents(t *testing.T) {
	var bus miniairflow.Bus
	s := bus.SubscribeTopics(miniairflow.TopicRun)
	defer s.Close()
	for i := range 5000 {
		var id uuid.UUID
		binary.BigEndian.PutUint32(id[:], uint32(i))
		bus.Publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: id})
	}
	taken := s.Take()
	require.LessOrEqual(t, len(taken), 1024)
	require.Equal(t, miniairflow.TopicAll, taken[0].Topic)
}

func TestBusTopicAllReachesEveryone(t *testing.T) {
	var bus miniairflow.Bus
	s := bus.SubscribeTopics(miniairflow.TopicLog)
	closed := bus.Subscribe(nil)
	closed.Close()
	closed.Close()
	bus.Publish(miniairflow.Event{Topic: miniairflow.TopicAll})
	require.Equal(t, []miniairflow.Event{{Topic: miniairflow.TopicAll}}, s.Take())
	require.Empty(t, closed.Take())
	s.Close()
}

func TestBusIsSafeForManyGoroutines(t *testing.T) {
	var bus miniairflow.Bus
	s := bus.Subscribe(nil)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				bus.Publish(miniairflow.Event{Topic: miniairflow.TopicRun, ID: uuid.New()})
			}
		})
		group.Go(func() {
			for range 100 {
				other := bus.SubscribeTopics(miniairflow.TopicRun)
				other.Take()
				other.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	seen := 0
	for finished := false; !finished; {
		select {
		case <-s.C():
		case <-done:
			finished = true
		}
		for _, e := range s.Take() {
			if e.Topic == miniairflow.TopicAll {
				seen += 2000
			}
			seen++
		}
	}
	require.GreaterOrEqual(t, seen, 2000, "every event came, or TopicAll in its place")
	s.Close()
}
