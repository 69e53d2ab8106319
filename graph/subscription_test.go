package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// TestRunIsWatchedToItsEnd is the promise of subscriptions: every terminal state
// arrives, revisions rise, and the subscription completes.
func TestRunIsWatchedToItsEnd(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprintf("task_%02d", i))
		}
		name := "chain-" + strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
		w.save(t, workflow(name, names...))
		id := w.started(t, name)
		s := open(t, watchRunQuery, watchRun(id))
		var known seen
		require.False(t, known.follow(t, s, func() bool { return known.updates == 1 }))
		require.Len(t, known.tasks, len(names), "the first update is everything")
		require.Equal(t, "RUNNING", known.run)

		w.finish(t)
		require.True(t, known.follow(t, s, nil))
		require.Equal(t, "SUCCESS", known.run)
		for _, name := range names {
			require.Equal(t, "SUCCESS", known.tasks[name], name)
		}
		var later seen
		require.True(t, later.follow(t, open(t, watchRunQuery, watchRun(id)), nil), "a run that is over completes at once")
		require.Equal(t, known.tasks, later.tasks)
		require.Equal(t, 1, later.updates)
	})
}

// TestReconnectMissesNothing leaves a run and comes back with the last revision
// several times; what it is told together must be the truth.
func TestReconnectMissesNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		name := "again-" + uuid.NewString()
		w.save(t, workflow(name, "a", "b", "c", "d", "e", "f"))
		id := w.started(t, name)
		var known seen
		s := open(t, watchRunQuery, watchRun(id))
		require.False(t, known.follow(t, s, func() bool { return len(known.tasks) == 6 }))
		claims := w.work(t, 1)
		for len(claims) > 0 {
			s.stop()
			claims = w.work(t, 1, succeed(claims[0]))
			s = open(t, watchRunQuery, vars{"id": id, "since": known.revision})
			known.updates = 0
			require.False(t, known.follow(t, s, func() bool { return known.updates > 0 }) && known.updates == 0)
		}
		require.True(t, known.run == "SUCCESS" || known.follow(t, s, nil))
		require.Equal(t, "SUCCESS", known.run)
		for name, status := range known.tasks {
			require.Equal(t, "SUCCESS", status, name)
		}
	})
}

// TestReconnectBringsOnlyWhatChanged: a client that has everything is not sent
// everything again.
func TestReconnectBringsOnlyWhatChanged(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("few", "a", "b", "c", "d"))
		id := w.started(t, "few")
		claims := w.work(t, 1)
		var known seen
		require.False(t, known.follow(t, w.socket(t, watchRunQuery, watchRun(id)), func() bool { return known.tasks["a"] == "RUNNING" }))
		w.work(t, 0, succeed(claims[0]))
		known.tasks, known.updates = nil, 0
		s := w.socket(t, watchRunQuery, vars{"id": id, "since": known.revision})
		require.False(t, known.follow(t, s, func() bool { return known.tasks["b"] == "QUEUED" && known.tasks["a"] == "SUCCESS" }))
		require.NotContains(t, known.tasks, "d")
	})
}

// TestRevisionOfAnotherDatabaseBringsEverything: after a restore a client may
// hold a revision that the store has not reached.
func TestRevisionOfAnotherDatabaseBringsEverything(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("restored", "a", "b"))
		id := w.started(t, "restored")
		update, ok := nextRun(t, w.socket(t, watchRunQuery, vars{"id": id, "since": int64(1) << 60}))
		require.True(t, ok)
		require.Len(t, update.ChangedTaskRuns, 2)
		require.Less(t, update.Revision, int64(1)<<60)
	})
}

// TestStalledClientDelaysNobody opens sockets that never read beside one that
// does.
func TestStalledClientDelaysNobody(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var names []string
		for i := range 40 {
			names = append(names, fmt.Sprintf("task_with_a_rather_long_name_%02d", i))
		}
		w.save(t, workflow("busy", names...))
		id := w.started(t, "busy")
		for range 5 {
			conn := w.dial(t)
			t.Cleanup(func() { _ = conn.CloseNow() })
			for i := range 20 {
				request := vars{"query": watchRunQuery, "variables": watchRun(id)}
				require.NoError(t, wsjson.Write(t.Context(), conn, vars{"id": fmt.Sprint(i), "type": "subscribe", "payload": request}))
			}
		}
		s := w.events(t, watchRunQuery, watchRun(id))
		w.finish(t)
		var known seen
		require.True(t, known.follow(t, s, nil))
		require.Equal(t, "SUCCESS", known.run)
		require.Len(t, known.tasks, len(names))
	})
}

// TestManyTaskRunsComeInPieces: no update is larger than promised, and only the
// last piece has the new revision.
func TestManyTaskRunsComeInPieces(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	d := workflow("wide")
	for i := range 2500 {
		d.Tasks = append(d.Tasks, workflow("", fmt.Sprintf("t%d", i)).Tasks...)
	}
	w.save(t, d)
	id := w.started(t, "wide")
	s := w.socket(t, watchRunQuery, watchRun(id))
	total := 0
	for i, want := range []int{1000, 1000, 500} {
		update, ok := nextRun(t, s)
		require.True(t, ok)
		require.Len(t, update.ChangedTaskRuns, want)
		require.Equal(t, i == 2, update.Revision > 0)
		total += want
	}
	require.Equal(t, 2500, total)
}

func TestUnknownRunIsNotWatched(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		s := open(t, watchRunQuery, watchRun(uuid.New()))
		a, ok := s.next()
		require.True(t, ok)
		require.Equal(t, miniairflow.CodeNotFound, a.Errors[0].Extensions.Code)
		_, ok = s.next()
		require.False(t, ok)
	})
}

func TestWorkersAreWatched(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		s := open(t, `subscription { workersUpdated { name status concurrency } }`, nil)
		names := func() []string {
			a, ok := s.next()
			require.True(t, ok)
			require.Empty(t, a.Errors)
			var data struct{ WorkersUpdated []struct{ Name string } }
			require.NoError(t, json.Unmarshal(a.Data, &data))
			var names []string
			for _, worker := range data.WorkersUpdated {
				names = append(names, worker.Name)
			}
			return names
		}
		before := names()
		name := uuid.NewString()
		require.NoError(t, w.store.StartSession(t.Context(), miniairflow.Worker{
			ID: uuid.Must(uuid.NewV7()), Name: name, Hostname: "host", Queues: []string{"default"}, Concurrency: 1,
		}, time.Hour))
		require.Contains(t, names(), name)
		require.NotContains(t, before, name)
	})
}

func TestAllRunsAreWatched(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		mine, other := "mine-"+uuid.NewString(), "other-"+uuid.NewString()
		w.save(t, workflow(mine, "a"), workflow(other, "a"))
		first := w.trigger(t, mine)
		s := open(t, `subscription($f: WorkflowRunFilter) { workflowRunsUpdated(filter: $f) { id status } }`, vars{"f": vars{"workflow": mine}})
		statuses := map[uuid.UUID][]string{}
		next := func() {
			a, ok := s.next()
			require.True(t, ok)
			require.Empty(t, a.Errors)
			var data struct {
				WorkflowRunsUpdated struct {
					ID     uuid.UUID
					Status string
				}
			}
			require.NoError(t, json.Unmarshal(a.Data, &data))
			run := data.WorkflowRunsUpdated
			statuses[run.ID] = append(statuses[run.ID], run.Status)
		}
		next()
		require.Equal(t, []string{"PENDING"}, statuses[first], "what is there comes at once")
		ended := func(id uuid.UUID) bool {
			got := statuses[id]
			return len(got) > 0 && got[len(got)-1] == "SUCCESS"
		}
		second, foreign := w.trigger(t, mine), w.trigger(t, other)
		_, err := w.store.StartRuns(t.Context(), 10)
		require.NoError(t, err)
		w.finish(t)
		for !ended(first) || !ended(second) {
			next()
		}
		require.NotContains(t, statuses, foreign)
	})
}

// TestSocketNeedsToken also holds for sockets that never say anything.
func TestSocketNeedsToken(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	for _, payload := range []vars{nil, {"token": "wrong"}, {"Authorization": "Bearer wrong"}, {"Authorization": socketToken}} {
		conn := w.dialRaw(t)
		require.NoError(t, wsjson.Write(t.Context(), conn, vars{"type": "connection_init", "payload": payload}))
		var m message
		for err := error(nil); err == nil; err = wsjson.Read(t.Context(), conn, &m) {
			require.NotEqual(t, "connection_ack", m.Type, "%v", payload)
		}
	}
	for token, code := range map[string]websocket.StatusCode{"wrong": 4403, "untold": websocket.StatusTryAgainLater} {
		conn := w.dialRaw(t)
		require.NoError(t, wsjson.Write(t.Context(), conn, vars{"type": "connection_init", "payload": vars{"token": token}}))
		err := error(nil)
		for err == nil {
			_, _, err = conn.Read(t.Context())
		}
		require.Equal(t, code, websocket.CloseStatus(err), token)
	}
	conn := w.dialRaw(t)
	require.NoError(t, wsjson.Write(t.Context(), conn, vars{"type": "connection_init", "payload": vars{"Authorization": "Bearer " + socketToken}}))
	var m message
	require.NoError(t, wsjson.Read(t.Context(), conn, &m))
	require.Equal(t, "connection_ack", m.Type)
}

// TestLargeMessageClosesSocket: nobody makes the server keep what it will not read.
func TestLargeMessageClosesSocket(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	for name, conn := range map[string]*websocket.Conn{"before the token": w.dialRaw(t), "after it": w.dial(t)} {
		large := message{Type: "ping", Payload: json.RawMessage(`"` + strings.Repeat("x", 65<<10) + `"`)}
		require.NoError(t, wsjson.Write(t.Context(), conn, large), name)
		var err error
		for err == nil {
			_, _, err = conn.Read(t.Context())
		}
		require.Equal(t, websocket.StatusMessageTooBig, websocket.CloseStatus(err), "%s: %v", name, err)
	}
}

// TestSubscriptionsOfSocketAreBounded opens one more than a connection may have.
func TestSubscriptionsOfSocketAreBounded(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	conn := w.dial(t)
	defer func() { _ = conn.CloseNow() }()
	const most = 50
	for i := range most + 1 {
		request := vars{"query": `subscription { workersUpdated { name } }`}
		require.NoError(t, wsjson.Write(t.Context(), conn, vars{"id": fmt.Sprint(i), "type": "subscribe", "payload": request}))
	}
	answered, refused := 0, 0
	for answered+refused <= most {
		var m message
		require.NoError(t, wsjson.Read(t.Context(), conn, &m))
		if m.Type != "next" {
			continue
		}
		if strings.Contains(string(m.Payload), "LIMIT_EXCEEDED") {
			refused++
		} else {
			answered++
		}
	}
	require.Equal(t, 1, refused)
}
