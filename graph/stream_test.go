package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// source is an open subscription over either transport: next returns the data
// of the next event, false after the last one.
type source struct {
	next func() (answer, bool)
	stop func()
}

// message is one of the graphql-transport-ws protocol.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// dial opens a WebSocket and initialises it.
func (w *world) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	conn := w.dialRaw(t)
	require.NoError(t, wsjson.Write(t.Context(), conn, vars{"type": "connection_init", "payload": vars{"token": socketToken}}))
	var ack message
	require.NoError(t, wsjson.Read(t.Context(), conn, &ack))
	require.Equal(t, "connection_ack", ack.Type)
	return conn
}

// dialRaw opens a WebSocket.
func (w *world) dialRaw(t *testing.T) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial( //nolint:bodyclose // the package says that it needs no closing
		t.Context(), w.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	require.NoError(t, err)
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// socket subscribes over WebSocket.
func (w *world) socket(t *testing.T, query string, variables vars) *source {
	t.Helper()
	conn := w.dial(t)
	require.NoError(t, wsjson.Write(t.Context(), conn, vars{"id": "1", "type": "subscribe", "payload": vars{"query": query, "variables": variables}}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	s := &source{stop: func() {
		cancel()
		_ = conn.CloseNow()
	}}
	t.Cleanup(s.stop)
	s.next = func() (answer, bool) {
		for {
			var m message
			require.NoError(t, wsjson.Read(ctx, conn, &m))
			switch m.Type {
			case "ping":
				require.NoError(t, wsjson.Write(ctx, conn, message{Type: "pong"}))
			case "next":
				var a answer
				require.NoError(t, json.Unmarshal(m.Payload, &a))
				return a, true
			case "complete":
				return answer{}, false
			default:
				require.Fail(t, "unexpected message", "%s %s", m.Type, m.Payload)
			}
		}
	}
	return s
}

// events subscribes over server-sent events.
func (w *world) events(t *testing.T, query string, variables vars) *source {
	t.Helper()
	body, err := json.Marshal(vars{"query": query, "variables": variables})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // stop closes it
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	s := &source{stop: func() {
		cancel()
		_ = response.Body.Close()
	}}
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 64<<20)
	s.next = func() (answer, bool) {
		for lines.Scan() {
			if lines.Text() == "event: complete" {
				return answer{}, false
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var a answer
				require.NoError(t, json.Unmarshal([]byte(data), &a))
				return a, true
			}
		}
		require.NoError(t, lines.Err())
		require.Fail(t, "the stream ended without complete")
		return answer{}, false
	}
	return s
}

// transports are the ways to subscribe.
var transports = []struct {
	name string
	open func(*world, *testing.T, string, vars) *source
}{
	{"socket", (*world).socket},
	{"events", (*world).events},
}

// eachTransport runs a test on both databases over both transports.
func eachTransport(t *testing.T, test func(t *testing.T, w *world, open func(*testing.T, string, vars) *source)) {
	eachWorld(t, func(t *testing.T, w *world) {
		for _, transport := range transports {
			t.Run(transport.name, func(t *testing.T) {
				test(t, w, func(t *testing.T, query string, variables vars) *source {
					return transport.open(w, t, query, variables)
				})
			})
		}
	})
}

// runUpdate is an event of workflowRunUpdated.
type runUpdate struct {
	WorkflowRun     struct{ Status string }
	Revision        int64
	ChangedTaskRuns []struct {
		Name, Status string
		Attempt      int
	}
}

const watchRunQuery = `subscription($id: ID!, $since: Int64) { workflowRunUpdated(id: $id, sinceRevision: $since) {
	workflowRun { status } revision changedTaskRuns { name status attempt } } }`

// nextRun returns the next update of a run.
func nextRun(t *testing.T, s *source) (runUpdate, bool) {
	t.Helper()
	a, ok := s.next()
	if !ok {
		return runUpdate{}, false
	}
	require.Empty(t, a.Errors)
	var data struct{ WorkflowRunUpdated runUpdate }
	require.NoError(t, json.Unmarshal(a.Data, &data))
	return data.WorkflowRunUpdated, true
}

// seen is what a client knows of a run.
type seen struct {
	run      string
	revision int64
	tasks    map[string]string
	updates  int
}

// follow applies updates until enough says so or the stream completes, which it
// returns. Revisions must rise and each update must bring something.
func (k *seen) follow(t *testing.T, s *source, enough func() bool) (complete bool) {
	t.Helper()
	if k.tasks == nil {
		k.tasks = map[string]string{}
	}
	for enough == nil || !enough() {
		update, ok := nextRun(t, s)
		if !ok {
			return true
		}
		require.GreaterOrEqual(t, update.Revision, k.revision)
		if k.updates > 0 {
			require.False(t, update.WorkflowRun.Status == k.run && len(update.ChangedTaskRuns) == 0, "an update without a change")
		}
		k.updates++
		k.run, k.revision = update.WorkflowRun.Status, update.Revision
		for _, task := range update.ChangedTaskRuns {
			k.tasks[task.Name] = task.Status
		}
	}
	return false
}

func watchRun(id uuid.UUID) vars { return vars{"id": id} }
