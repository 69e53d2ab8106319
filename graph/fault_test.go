package graph_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// TestDisconnectLeavesNoGoroutine: with the handler still open, clients that
// went away without a word leave nothing behind.
func TestDisconnectLeavesNoGoroutine(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		name := "left-" + uuid.NewString()
		w.save(t, workflow(name, "a"))
		run := w.started(t, name)
		http.DefaultClient.CloseIdleConnections()
		before := goleak.IgnoreCurrent()
		var clients []*source
		for _, c := range []struct {
			query     string
			variables vars
		}{
			{watchRunQuery, watchRun(run)},
			{`subscription { workflowRunsUpdated { id } }`, nil},
			{`subscription { workersUpdated { id } }`, nil},
			{watchCatalogQuery, nil},
			{`subscription($id: ID!) { taskLogs(taskRunId: $id) { text } }`, vars{"id": miniairflow.MemberID(run, 0)}},
		} {
			for range 3 {
				clients = append(clients, open(t, c.query, c.variables))
			}
		}
		_, ok := nextRun(t, clients[0])
		require.True(t, ok)
		for _, client := range clients {
			client.stop()
		}
		http.DefaultClient.CloseIdleConnections()
		var left error
		require.Eventually(t, func() bool { left = goleak.Find(before); return left == nil }, patience, time.Millisecond, "%v", left)
	})
}

// deafStore has a bus on which nothing is ever heard.
type deafStore struct {
	miniairflow.Store
	bus miniairflow.Bus
}

func (s *deafStore) Bus() *miniairflow.Bus { return &s.bus }

// TestUpdatesComeWithoutEvents: events are hints; the poll is the truth.
func TestUpdatesComeWithoutEvents(t *testing.T) {
	w := newWorld(t, &deafStore{Store: persistencetest.SQLite(t)})
	w.save(t, workflow("deaf", "a"))
	id := w.started(t, "deaf")
	s := w.socket(t, watchRunQuery, watchRun(id))
	log := w.events(t, `subscription($id: ID!) { taskLogs(taskRunId: $id) `+chunkFields+` }`, vars{"id": miniairflow.MemberID(id, 0)})
	var known seen
	require.False(t, known.follow(t, s, func() bool { return known.updates == 1 }))
	claim := w.work(t, 1)[0]
	w.write(t, claim, 0, "said to nobody")
	w.work(t, 0, succeed(claim))
	require.True(t, known.follow(t, s, nil))
	require.Equal(t, "SUCCESS", known.run)
	require.Equal(t, "said to nobody", collect(t, log, 0))
}

// flakyStore fails some reads of changes.
type flakyStore struct {
	miniairflow.Store
	failures chan error
}

func (s flakyStore) RunChanges(ctx context.Context, id uuid.UUID, since int64) (miniairflow.RunChanges, error) {
	select {
	case err := <-s.failures:
		return miniairflow.RunChanges{}, err
	default:
		return s.Store.RunChanges(ctx, id, since)
	}
}

// TestWatchersOutliveDatabase: while it does not answer they wait.
func TestWatchersOutliveDatabase(t *testing.T) {
	store := flakyStore{Store: persistencetest.SQLite(t), failures: make(chan error, 2)}
	w := newWorld(t, store)
	w.save(t, workflow("patient", "a"))
	id := w.started(t, "patient")
	store.failures <- miniairflow.Errorf(miniairflow.CodeUnavailable, "gone")
	store.failures <- miniairflow.Errorf(miniairflow.CodeUnavailable, "gone")
	s := w.socket(t, watchRunQuery, watchRun(id))
	w.finish(t)
	var known seen
	require.True(t, known.follow(t, s, nil))
	require.Equal(t, "SUCCESS", known.run)
	require.Empty(t, store.failures)
	require.Equal(t, 1, strings.Count(w.log.String(), "Live updates wait for the store"), "one line for one outage")
}

// TestDeletedRunEndsItsWatchers tells them why.
func TestDeletedRunEndsItsWatchers(t *testing.T) {
	for _, transport := range transports {
		store := flakyStore{Store: persistencetest.SQLite(t), failures: make(chan error, 1)}
		w := newWorld(t, store)
		w.save(t, workflow("gone", "a"))
		s := transport.open(w, t, watchRunQuery, watchRun(w.started(t, "gone")))
		_, ok := nextRun(t, s)
		require.True(t, ok)
		store.failures <- miniairflow.Errorf(miniairflow.CodeNotFound, "the run was deleted")
		a, ok := s.next()
		require.True(t, ok)
		require.Equal(t, miniairflow.CodeNotFound, a.Errors[0].Extensions.Code)
		require.Equal(t, "the run was deleted", a.Errors[0].Message)
		_, ok = s.next()
		require.False(t, ok)
	}
}
