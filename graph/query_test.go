package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// TestRunIsShownWhole asks for every field of a finished run.
func TestRunIsShownWhole(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "extract", "load")
		d.Owner, d.Tags, d.Docs, d.Timeout = "data", []string{"daily"}, "# Orders", miniairflow.Duration(time.Hour)
		d.Schedules = []miniairflow.Schedule{{Cron: "0 2 * * *", Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue}}
		d.Params = []miniairflow.Param{
			{Name: "region", Type: miniairflow.ParamString, Enum: []any{"eu", "us"}, Default: "eu"},
			{Name: "rows", Type: miniairflow.ParamInteger, Optional: true, Minimum: int64(1), Maximum: int64(10)},
			{Name: "files", Type: miniairflow.ParamList, Default: []any{"a", int64(1)}},
			{Name: "table", Type: miniairflow.ParamString, Default: "a", Pattern: "[a-z]+"},
		}
		d.Tasks[0].Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
		d.Tasks[0].Retry = &miniairflow.RetryPolicy{Count: 2, Delay: miniairflow.Duration(1500 * time.Millisecond)}
		d.Groups = []miniairflow.Group{{Name: "store", Description: "Into it", DependsOn: []string{"extract"}}}
		d.Tasks[1].Group = "store"
		w.save(t, d)
		id := w.started(t, "etl")
		end := succeed(w.work(t, 1)[0])
		end.Outputs = map[string]any{"rows": 42}
		w.work(t, 0, w.workAll(t, end)...)

		var got any
		w.ask(t, `query($id: ID!) { workflowRun(id: $id) {
			number label status reason type cause { kind detail by } scheduleName params cancelRequestedAt taskCount
			workflow { name owner tags docs scheduleCron isPaused isActive origin sourceFile latestRun { number }
				schedules { cron timezone catchup overlap catchupWindowSeconds } params { name type enum default isRequired pattern minimum maximum } }
			version { number timeoutSeconds maxActiveTasks groups { name description dependsOn } tasks { name group } }
			taskStates { status count }
			taskRuns { totalCount totalCountIsExact nodes { name index status attempt reason exitCode outputs queue priority dependsOn
				task { triggerRule when noop command { script shell argv } outputs { name type } retry { count delaySeconds backoff } timeoutSeconds }
				attempts { number status exitCode worker reason } workflowRun { label } } } } }`, vars{"id": id}, &got)
		text, err := json.Marshal(got)
		require.NoError(t, err)
		task := func(name string, index int, outputs, upstream, declared, retry string) string {
			return fmt.Sprintf(`{"name": %q, "index": %d, "status": "SUCCESS", "attempt": 1, "reason": null, "exitCode": 0, "outputs": %s,
				"queue": "default", "priority": "NORMAL", "dependsOn": %s, "workflowRun": {"label": "etl#1"},
				"attempts": [{"number": 1, "status": "SUCCESS", "exitCode": 0, "worker": "w1", "reason": null}],
				"task": {"triggerRule": "ALL_SUCCESS", "when": null, "noop": false, "timeoutSeconds": null, "outputs": %s, "retry": %s,
					"command": {"script": "true", "shell": "bash", "argv": null}}}`, name, index, outputs, upstream, declared, retry)
		}
		require.JSONEq(t, `{"workflowRun": {
			"number": 1, "label": "etl#1", "status": "SUCCESS", "reason": null, "type": "MANUAL", "cause": {"kind": "MANUAL", "detail": null, "by": "api"}, "scheduleName": null,
			"params": {"region": "eu", "rows": null, "files": ["a", 1], "table": "a"}, "cancelRequestedAt": null, "taskCount": 2,
			"workflow": {"name": "etl", "owner": "data", "tags": ["daily"], "docs": "# Orders", "scheduleCron": "0 2 * * *",
				"isPaused": false, "isActive": true, "origin": "FILE", "sourceFile": "etl.yaml", "latestRun": {"number": 1},
				"schedules": [{"cron": "0 2 * * *", "timezone": "UTC", "catchup": "LATEST", "overlap": "QUEUE", "catchupWindowSeconds": null}],
				"params": [{"name": "region", "type": "STRING", "enum": ["eu", "us"], "default": "eu", "isRequired": false, "pattern": "", "minimum": null, "maximum": null},
					{"name": "rows", "type": "INTEGER", "enum": null, "default": null, "isRequired": false, "pattern": "", "minimum": 1, "maximum": 10},
					{"name": "files", "type": "LIST", "enum": null, "default": ["a", 1], "isRequired": false, "pattern": "", "minimum": null, "maximum": null},
					{"name": "table", "type": "STRING", "enum": null, "default": "a", "isRequired": false, "pattern": "[a-z]+", "minimum": null, "maximum": null}]},
			"version": {"number": 1, "timeoutSeconds": 3600, "maxActiveTasks": 16,
				"groups": [{"name": "store", "description": "Into it", "dependsOn": ["extract"]}],
				"tasks": [{"name": "extract", "group": null}, {"name": "load", "group": "store"}]},
			"taskStates": [{"status": "SUCCESS", "count": 2}],
			"taskRuns": {"totalCount": 2, "totalCountIsExact": true, "nodes": [`+
			task("extract", 0, `{"rows": 42}`, `[]`, `[{"name": "rows", "type": "INTEGER"}]`, `{"count": 2, "delaySeconds": 1.5, "backoff": null}`)+","+
			task("load", 1, `null`, `["extract"]`, `[]`, `{"count": 0, "delaySeconds": null, "backoff": null}`)+`]}}}`, string(text))
	})
}

// workAll finishes a claim and then claims and returns the good ends of what it
// made ready.
func (w *world) workAll(t *testing.T, end miniairflow.Finish) []miniairflow.Finish {
	t.Helper()
	var ends []miniairflow.Finish
	for _, claim := range w.work(t, 10, end) {
		ends = append(ends, succeed(claim))
	}
	return ends
}

// TestPagesShowEachThingOnce walks every list page by page.
func TestPagesShowEachThingOnce(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for i := range 7 {
			w.save(t, workflow(fmt.Sprintf("w%d", i), "a"))
		}
		for range 7 {
			w.started(t, "w0")
		}
		for list, order := range map[string]string{
			"workflows": "name", "workflowRuns": "id", "taskRuns": "id",
			"workflowRuns_filtered": "id", "auditLog": "subject",
		} {
			field, filter := list, ""
			if list == "workflowRuns_filtered" {
				field, filter = "workflowRuns", `, filter: {workflow: "w0", statuses: [RUNNING, PENDING]}`
			}
			query := fmt.Sprintf(`query($after: String) { list: %s(first: 3, after: $after%s) { totalCount edges { cursor node { %s } }
				nodes { %s } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, field, filter, order, order)
			var all []string
			var after *string
			for pages := 1; pages <= 3; pages++ {
				var got struct {
					List struct {
						TotalCount int
						Edges      []struct {
							Cursor string
							Node   map[string]string
						}
						Nodes    []map[string]string
						PageInfo struct {
							HasNextPage, HasPreviousPage bool
							StartCursor, EndCursor       *string
						}
					}
				}
				w.ask(t, query, vars{"after": after}, &got)
				require.Equal(t, 7, got.List.TotalCount, list)
				for i, edge := range got.List.Edges {
					all = append(all, edge.Node[order])
					require.Equal(t, got.List.Nodes[i], edge.Node)
				}
				require.Equal(t, pages > 1, got.List.PageInfo.HasPreviousPage)
				require.Equal(t, got.List.Edges[0].Cursor, *got.List.PageInfo.StartCursor)
				if after = got.List.PageInfo.EndCursor; !got.List.PageInfo.HasNextPage {
					require.Equal(t, 3, pages)
					break
				}
			}
			require.Len(t, all, 7, list)
			slices.Sort(all)
			require.Len(t, slices.Compact(all), 7, list)
		}
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `{ workflows(first: 201) { nodes { id } } }`, nil))
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `{ workflows(first: 0) { nodes { id } } }`, nil))
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `{ workflows(first: 3000000000) { nodes { id } } }`, nil))
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `{ workflowRuns(after: "dzE") { nodes { id } } }`, nil))
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `{ workflowRuns(after: "!") { nodes { id } } }`, nil))
		require.Equal(t, miniairflow.CodeNotFound, w.code(t, `{ workflowRuns(filter: {workflow: "no"}) { nodes { id } } }`, nil))
	})
}

// countingStore counts the calls of a store.
type countingStore struct {
	miniairflow.Store
	mu    sync.Mutex
	calls map[string]int
}

func (s *countingStore) count(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
}

func (s *countingStore) take() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = map[string]int{}
	return calls
}

func (s *countingStore) FindRun(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowRun, error) {
	s.count("FindRun")
	return s.Store.FindRun(ctx, id)
}

func (s *countingStore) FindWorkflow(ctx context.Context, id uuid.UUID) (*miniairflow.Workflow, error) {
	s.count("FindWorkflow")
	return s.Store.FindWorkflow(ctx, id)
}

func (s *countingStore) FindVersion(ctx context.Context, id uuid.UUID) (*miniairflow.WorkflowVersion, error) {
	s.count("FindVersion")
	return s.Store.FindVersion(ctx, id)
}

func (s *countingStore) FindRuns(ctx context.Context, filter miniairflow.RunFilter) ([]*miniairflow.WorkflowRun, error) {
	s.count("FindRuns")
	return s.Store.FindRuns(ctx, filter)
}

func (s *countingStore) FindTaskRuns(ctx context.Context, filter miniairflow.TaskRunFilter) ([]*miniairflow.TaskRun, error) {
	s.count("FindTaskRuns")
	return s.Store.FindTaskRuns(ctx, filter)
}

func (s *countingStore) FindAuditEntries(ctx context.Context, filter miniairflow.AuditFilter) ([]*miniairflow.AuditEntry, error) {
	s.count("FindAuditEntries")
	return s.Store.FindAuditEntries(ctx, filter)
}

func (s *countingStore) Followers(ctx context.Context, workflows []string, max int) (map[string][]string, error) {
	s.count("Followers")
	return s.Store.Followers(ctx, workflows, max)
}

func (s *countingStore) CountTasks(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]map[miniairflow.TaskStatus]int, error) {
	s.count("CountTasks")
	return s.Store.CountTasks(ctx, ids)
}

func (s *countingStore) FindAttempts(ctx context.Context, keys []miniairflow.TaskRunKey) (map[miniairflow.TaskRunKey][]*miniairflow.TaskAttempt, error) {
	s.count("FindAttempts")
	return s.Store.FindAttempts(ctx, keys)
}

func (s *countingStore) RunChanges(ctx context.Context, id uuid.UUID, since int64) (miniairflow.RunChanges, error) {
	s.count("RunChanges")
	return s.Store.RunChanges(ctx, id, since)
}

// TestListsAskOncePerKindOfThing: the number of calls does not depend on the
// number of nodes.
func TestListsAskOncePerKindOfThing(t *testing.T) {
	store := &countingStore{Store: persistencetest.SQLite(t), calls: map[string]int{}}
	w := newWorld(t, store)
	w.save(t, workflow("wide", "a", "b", "c", "d", "e", "f", "g", "h"))
	var run uuid.UUID
	for range 10 {
		run = w.started(t, "wide")
	}
	store.take()
	var got any
	w.ask(t, `{ workflowRuns { nodes { id workflow { name docs tasks { name } } version { number } taskStates { count } } } }`, nil, &got)
	calls := store.take()
	require.Equal(t, map[string]int{"FindRuns": 1, "FindWorkflow": 1, "FindVersion": 1, "CountTasks": 1}, calls)

	w.ask(t, `query($id: ID!) { workflowRun(id: $id) { taskRuns { nodes { dependsOn task { queue } attempts { number } workflowRun { label } } } } }`, vars{"id": run}, &got)
	calls = store.take()
	w.ask(t, `{ auditLog { nodes { label reason details { text } } } }`, nil, &got)
	require.Equal(t, map[string]int{"FindAuditEntries": 1}, store.take(), "the names come with the entries")

	require.LessOrEqual(t, calls["FindRun"], 4, "the run itself, and once for each field that needs it")
	delete(calls, "FindRun")
	require.Equal(t, map[string]int{"FindTaskRuns": 1, "FindAttempts": 1}, calls, "the version is known already")
}

// TestWatchersOfRunShareOneReader: ten clients cost the store what one costs.
func TestWatchersOfRunShareOneReader(t *testing.T) {
	store := &countingStore{Store: persistencetest.SQLite(t), calls: map[string]int{}}
	w := newWorld(t, store)
	w.save(t, workflow("shared", "a", "b", "c"))
	id := w.started(t, "shared")
	var watchers []*source
	for range 10 {
		s := w.events(t, watchRunQuery, watchRun(id))
		_, ok := nextRun(t, s)
		require.True(t, ok)
		watchers = append(watchers, s)
	}
	store.take()
	const hops = 6 // claims and finishes, each at most one event
	w.finish(t)
	for _, s := range watchers {
		var known seen
		require.True(t, known.follow(t, s, nil))
		require.Equal(t, "SUCCESS", known.run)
	}
	// Each hop may wake the reader once, and a slow machine adds a look by itself now and then.
	require.Less(t, store.take()["RunChanges"], len(watchers)+hops)
}

func TestNodeFindsEverything(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a"))
		run := w.started(t, "etl")
		w.work(t, 1)
		var ids struct {
			Workflow struct {
				ID      string
				Version struct{ ID string }
			}
			Workers []struct{ ID string }
		}
		w.ask(t, `{ workflow(name: "etl") { id version { id } } workers { id } }`, nil, &ids)
		for id, kind := range map[string]string{
			ids.Workflow.ID: "Workflow", ids.Workflow.Version.ID: "WorkflowVersion", run.String(): "WorkflowRun",
			miniairflow.MemberID(run, 0).String(): "TaskRun", ids.Workers[0].ID: "Worker",
		} {
			var got struct {
				Node struct {
					ID   string
					Kind string `json:"__typename"`
				}
			}
			w.ask(t, `query($id: ID!) { node(id: $id) { id __typename } }`, vars{"id": id}, &got)
			require.Equal(t, kind, got.Node.Kind)
			require.Equal(t, id, got.Node.ID)
		}
		var none struct{ Node, WorkflowRun, TaskRun, Workflow any }
		w.ask(t, `query($id: ID!) { node(id: $id) { id } workflowRun(id: $id) { id } taskRun(id: $id) { id } workflow(name: "no") { id } }`,
			vars{"id": uuid.New()}, &none)
		require.Zero(t, none)
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, `{ node(id: "etl") { id } }`, nil))
	})
}

func TestImportErrorsAreShown(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		_, err := w.store.SyncFiles(t.Context(), []miniairflow.FileSync{{Path: "bad.yaml", Problems: []miniairflow.ImportError{
			{File: "bad.yaml", Line: 3, Column: 5, Message: "unknown key"}, {File: "bad.yaml", Message: "cannot be read"},
		}}})
		require.NoError(t, err)
		var got any
		w.ask(t, `{ importErrors { file line column message } queueDepths { queue depth } }`, nil, &got)
		text, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, `{"queueDepths": [], "importErrors": [{"file": "bad.yaml", "line": null, "column": null, "message": "cannot be read"},
			{"file": "bad.yaml", "line": 3, "column": 5, "message": "unknown key"}]}`, string(text))
	})
}

func TestGetAsksOnly(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	w.save(t, workflow("etl", "a"))
	get := func(query string) answer {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"?query="+url.QueryEscape(query), nil)
		require.NoError(t, err)
		return send(t, request)
	}
	require.JSONEq(t, `{"workflow": {"name": "etl"}}`, string(get(`{ workflow(name: "etl") { name } }`).Data))
	refused := get(`mutation { pauseWorkflow(input: {workflow: "etl"}) { userErrors { message } } }`)
	require.Equal(t, http.StatusNotAcceptable, refused.Status)
	var got struct{ Workflow struct{ IsPaused bool } }
	w.ask(t, `{ workflow(name: "etl") { isPaused } }`, nil, &got)
	require.False(t, got.Workflow.IsPaused)
}

// A name of a run, as the commands take it, is answered with the query that finds it.
func TestNamesOfRunsAreNoIDs(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for id, want := range map[string]string{
			"etl#12":     `"etl#12" is not an id: ids are UUIDs; a run by its number is workflow(name: "etl") { run(number: 12) { id } }`,
			"etl@latest": `"etl@latest" is not an id: ids are UUIDs; the newest run is workflow(name: "etl") { latestRun { id } }`,
			"etl#last":   `"etl#last" is not an id: ids are UUIDs`,
			"12":         `"12" is not an id: ids are UUIDs`,
		} {
			for _, a := range []answer{
				w.post(t, `query($id: ID!) { workflowRun(id: $id) { id } }`, vars{"id": id}),
				w.post(t, `{ workflowRun(id: "`+id+`") { id } }`, nil),
			} {
				require.Len(t, a.Errors, 1)
				require.Equal(t, want, a.Errors[0].Message)
			}
		}
	})
}
