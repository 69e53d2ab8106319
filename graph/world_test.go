package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/graph"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/secrets"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }

const socketToken = "the-token-of-this-test"

// world is a store with the API over it, and a worker that the test moves by
// hand.
type world struct {
	store   miniairflow.Store
	url     string
	log     *bytes.Buffer
	session uuid.UUID
	caller  atomic.Pointer[string] // whose token requests have; nil: the server's own
}

// newWorld serves the API over store until the test ends.
func newWorld(t *testing.T, store miniairflow.Store) *world {
	t.Helper()
	w := &world{store: store, log: &bytes.Buffer{}}
	api, err := graph.NewHandler(graph.Config{
		Store: store, Control: &miniairflow.Control{Store: store, Evaluator: expression.New(), Vault: secrets.NewVault(strings.Repeat("A", 43)+"=", "", false)},
		Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Authenticate: func(ctx context.Context, token string) (context.Context, error) {
			switch token {
			case socketToken:
				return ctx, nil
			case "untold":
				return ctx, miniairflow.Errorf(miniairflow.CodeUnavailable, "nobody could be asked")
			}
			return ctx, errors.New("refused")
		},
	})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if name := w.caller.Load(); name != nil {
			r = r.WithContext(miniairflow.WithCaller(r.Context(), *name))
		}
		api.ServeHTTP(answer, r)
	}))
	t.Cleanup(func() {
		require.NoError(t, api.Close())
		server.CloseClientConnections()
		server.Close()
	})
	w.url = server.URL
	return w
}

// eachWorld runs a test on both databases.
func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) { test(t, newWorld(t, store)) })
}

// answer is what GraphQL answers.
type answer struct {
	Status int
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string `json:"message"`
		Path       []any  `json:"path"`
		Extensions struct {
			Code string `json:"code"`
		} `json:"extensions"`
	} `json:"errors"`
}

type vars = map[string]any

// post sends an operation.
func (w *world) post(t *testing.T, query string, variables vars) answer {
	t.Helper()
	body, err := json.Marshal(vars{"query": query, "variables": variables})
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	return send(t, request)
}

func send(t *testing.T, request *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	a := answer{Status: response.StatusCode}
	require.NoError(t, json.Unmarshal(text, &a), "%s", text)
	return a
}

// ask sends an operation that must succeed and decodes its data into out.
func (w *world) ask(t *testing.T, query string, variables vars, out any) {
	t.Helper()
	a := w.post(t, query, variables)
	require.Empty(t, a.Errors, "%s", query)
	require.NoError(t, json.Unmarshal(a.Data, out), "%s", a.Data)
}

// code sends an operation that must fail and returns the code of its first error.
func (w *world) code(t *testing.T, query string, variables vars) string {
	t.Helper()
	a := w.post(t, query, variables)
	require.NotEmpty(t, a.Errors, "%s answered %s", query, a.Data)
	return a.Errors[0].Extensions.Code
}

// workflow is a definition of tasks that run one after the other.
func workflow(name string, tasks ...string) *miniairflow.Definition {
	d := &miniairflow.Definition{Name: name, IsActive: true, MaxActiveRuns: 100, MaxActiveTasks: 16}
	for i, task := range tasks {
		next := miniairflow.Task{
			Name: task, TriggerRule: miniairflow.AllSuccess, Command: &miniairflow.Command{Script: "true", Shell: "bash"},
			Priority: miniairflow.PriorityNormal, Queue: miniairflow.QueueDefault,
		}
		if i > 0 {
			next.DependsOn = []string{tasks[i-1]}
		}
		d.Tasks = append(d.Tasks, next)
	}
	return d
}

// save writes definitions, each in a file of its own.
func (w *world) save(t *testing.T, definitions ...*miniairflow.Definition) {
	t.Helper()
	var files []miniairflow.FileSync
	for _, d := range definitions {
		files = append(files, miniairflow.FileSync{Path: d.Name + ".yaml", Definitions: []miniairflow.DefinitionAt{{Definition: d, Line: 1, Column: 1}}})
	}
	results, err := w.store.SyncFiles(t.Context(), files)
	require.NoError(t, err)
	for _, result := range results {
		require.Empty(t, result.Conflicts)
	}
}

// trigger creates a run through the API and returns its id.
func (w *world) trigger(t *testing.T, name string) uuid.UUID {
	t.Helper()
	var got struct {
		TriggerWorkflow struct {
			WorkflowRun *struct{ ID uuid.UUID }
			UserErrors  []struct{ Message string }
		}
	}
	w.ask(t, `mutation($n: String!) { triggerWorkflow(input: {workflow: $n}) { workflowRun { id } userErrors { message } } }`, vars{"n": name}, &got)
	require.Empty(t, got.TriggerWorkflow.UserErrors)
	return got.TriggerWorkflow.WorkflowRun.ID
}

// started triggers a run and starts it.
func (w *world) started(t *testing.T, name string) uuid.UUID {
	t.Helper()
	id := w.trigger(t, name)
	_, err := w.store.StartRuns(t.Context(), 100)
	require.NoError(t, err)
	return id
}

// work exchanges finishes for up to limit claims.
func (w *world) work(t *testing.T, limit int, finishes ...miniairflow.Finish) []miniairflow.Claim {
	t.Helper()
	if w.session == uuid.Nil {
		w.session = uuid.Must(uuid.NewV7())
		require.NoError(t, w.store.StartSession(t.Context(), miniairflow.Worker{
			ID: w.session, Name: "w1", Hostname: "host", PID: 1, Version: "test",
			Queues: []string{miniairflow.QueueDefault}, Concurrency: 100,
		}, time.Hour))
	}
	result, err := w.store.Exchange(t.Context(), miniairflow.Exchange{
		SessionID: w.session, Finishes: finishes, Limit: limit, Token: uuid.Must(uuid.NewV7()),
		Queues: []string{miniairflow.QueueDefault},
	})
	require.NoError(t, err)
	for _, stale := range result.Stale {
		require.False(t, stale)
	}
	return result.Claims
}

// succeed is the good end of a claim.
func succeed(c miniairflow.Claim) miniairflow.Finish {
	return miniairflow.Finish{
		RunID: c.RunID, Seq: c.Seq, Token: c.Token, Attempt: miniairflow.AttemptSuccess, Next: miniairflow.TaskSuccess,
		ExitCode: new(int),
	}
}

// finish executes everything that is queued, task by task, until nothing is left.
func (w *world) finish(t *testing.T) {
	t.Helper()
	claims := w.work(t, 1)
	for len(claims) > 0 {
		claims = w.work(t, 1, succeed(claims[0]))
	}
}
