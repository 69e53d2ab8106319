package runner_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// fickle is a server that fails the first request of each path, and never
// answers one of /hangs.
type fickle struct {
	mu     sync.Mutex
	asked  map[string]int
	bodies map[string]string
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/hangs" {
		<-r.Context().Done()
		return
	}
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies[r.URL.Path] = string(body)
	if f.asked[r.URL.Path]++; f.asked[r.URL.Path] == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, `{"result": {"rows": 42, "names": ["a", "b"]}}`)
}

// An http task is tried again like a command, is ended by its timeout, and hands
// parts of the answer on with their types.
func TestRequestsInARun(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		f := &fickle{asked: map[string]int{}, bodies: map[string]string{}}
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		s := newSystem(t, store)
		s.dags = filepath.Join(t.TempDir(), "no checkout") // which requests do not need
		s.load(map[string]string{"ask.yaml": fmt.Sprintf(`
params: {day: {type: date, default: "2026-01-31"}, limit: {type: integer, default: 7}}
tasks:
  ask:
    http: {url: "%[1]s/first", query: {day: "${{ params.day }}"}}
    outputs: {rows: {type: integer, from: body.result.rows}, names: {type: list, from: body.result.names}, status: integer}
    retry: {count: 1, delay: 1ms}
  tell:
    depends_on: ask
    http:
      url: "%[1]s/second"
      method: POST
      body: {rows: "${{ tasks.ask.outputs.rows + 1 }}", names: "${{ tasks.ask.outputs.names }}", text: "${{ params.day }}", limit: "${{ params.limit }}"}
      expected_status: 503
  hang:
    http: {url: "%[1]s/hangs"}
    outputs: {rows: integer}
    timeout: 50ms
    allow_failure: true
  refuse:
    depends_on: hang
    http: {url: "%[1]s/third", headers: {X: "${{ tasks.hang.outputs.rows }}"}}
    retry: 3
    allow_failure: true
`, server.URL)})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("ask", nil)
		s.finish(id)
		require.Equal(t, `run: success
ask: success [failed success]
tell: success [success]
hang: failed [timed_out]
refuse: failed [failed]
`, s.picture(id))
		tasks := s.tasks(id)
		require.Equal(t, map[string]any{"rows": int64(42), "names": []any{"a", "b"}, "status": int64(200)}, tasks["ask"].Outputs)
		require.Contains(t, tasks["refuse"].Reason, "http.headers.X: ", "no further try can mend it")
		require.JSONEq(t, `{"rows": 43, "names": ["a", "b"], "text": "2026-01-31", "limit": 7}`, f.bodies["/second"])
	})
}
