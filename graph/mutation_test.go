package graph_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

const triggerQuery = `mutation($in: TriggerWorkflowInput!) { triggerWorkflow(input: $in) { workflowRun { id params } userErrors { field message code } } }`

type triggered struct {
	TriggerWorkflow struct {
		WorkflowRun *struct {
			ID     uuid.UUID
			Params map[string]any
		}
		UserErrors []struct {
			Field         []string
			Message, Code string
		}
	}
}

func TestTrigger(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "a")
		d.Params = []miniairflow.Param{
			{Name: "region", Type: miniairflow.ParamString, Enum: []any{"eu", "us"}, Default: "eu"},
			{Name: "day", Type: miniairflow.ParamInteger},
		}
		w.save(t, d)
		trigger := func(input vars) triggered {
			var got triggered
			w.ask(t, triggerQuery, vars{"in": input}, &got)
			return got
		}
		good := vars{"workflow": "etl", "params": vars{"day": 7}, "idempotencyKey": "k", "logicalDate": "2026-01-31T06:00:00+01:00"}
		first := trigger(good)
		require.Empty(t, first.TriggerWorkflow.UserErrors)
		require.Equal(t, map[string]any{"region": "eu", "day": 7.0}, first.TriggerWorkflow.WorkflowRun.Params)
		require.Equal(t, first, trigger(good), "the same key is the same run")

		for name, c := range map[string]struct {
			input vars
			field []string
			code  string
		}{
			"no such workflow":  {vars{"workflow": "no"}, []string{"workflow"}, "NOT_FOUND"},
			"missing parameter": {vars{"workflow": "etl"}, []string{"params", "day"}, "INVALID"},
			"wrong type":        {vars{"workflow": "etl", "params": vars{"day": "x"}}, []string{"params", "day"}, "INVALID"},
			"not allowed":       {vars{"workflow": "etl", "params": vars{"day": 1, "region": "mars"}}, []string{"params", "region"}, "INVALID"},
			"unknown parameter": {vars{"workflow": "etl", "params": vars{"day": 1, "x.y": 1}}, []string{"params", "x.y"}, "INVALID"},
		} {
			got := trigger(c.input).TriggerWorkflow
			require.Nil(t, got.WorkflowRun, name)
			require.Len(t, got.UserErrors, 1, name)
			require.Equal(t, c.field, got.UserErrors[0].Field, name)
			require.Equal(t, c.code, got.UserErrors[0].Code, name)
			require.NotEmpty(t, got.UserErrors[0].Message)
		}
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, triggerQuery, vars{"in": vars{"workflow": "etl", "params": []int{1}}}))
		require.Equal(t, miniairflow.CodeInvalid, w.code(t, triggerQuery, vars{"in": vars{"workflow": "etl", "logicalDate": "tomorrow"}}))
		n, err := w.store.CountRuns(t.Context(), miniairflow.RunFilter{}, 10)
		require.NoError(t, err)
		require.Equal(t, 1, n, "nothing but the first trigger made a run")

		require.NoError(t, w.store.RetireFile(t.Context(), "etl.yaml"))
		require.Equal(t, "CONFLICT", trigger(vars{"workflow": "etl"}).TriggerWorkflow.UserErrors[0].Code)
	})
}

// Values of every type come by variables and written out, and are shown as they are stored.
func TestTriggerTakesEveryType(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "a")
		d.Params = []miniairflow.Param{
			{Name: "files", Type: miniairflow.ParamList},
			{Name: "info", Type: miniairflow.ParamObject},
			{Name: "window", Type: miniairflow.ParamDuration, Maximum: "2d"},
			{Name: "limit", Type: miniairflow.ParamInteger, Optional: true},
		}
		w.save(t, d)
		want := map[string]any{"files": []any{"a", 1.0, nil}, "info": map[string]any{"deep": []any{true}}, "window": "1h30m", "limit": nil}
		var got triggered
		w.ask(t, triggerQuery, vars{"in": vars{"workflow": "etl", "params": vars{
			"files": []any{"a", 1, nil}, "info": vars{"deep": []any{true}}, "window": "90m", "limit": nil,
		}}}, &got)
		require.Empty(t, got.TriggerWorkflow.UserErrors)
		require.Equal(t, want, got.TriggerWorkflow.WorkflowRun.Params)
		got = triggered{}
		w.ask(t, `mutation { triggerWorkflow(input: {workflow: "etl", params: {files: ["a", 1, null], info: {deep: [true]}, window: "1.5h"}}) {
			workflowRun { id params } userErrors { field message code } } }`, nil, &got)
		require.Equal(t, want, got.TriggerWorkflow.WorkflowRun.Params)
		got = triggered{}
		w.ask(t, triggerQuery, vars{"in": vars{"workflow": "etl", "params": vars{"files": "[]", "info": "{}", "window": "49h"}}}, &got)
		require.Equal(t, `param "window": 49h is more than maximum 48h`, got.TriggerWorkflow.UserErrors[0].Message)
		require.Equal(t, []string{"params", "window"}, got.TriggerWorkflow.UserErrors[0].Field)
	})
}

func TestCancel(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a", "b"))
		const query = `mutation($id: ID!) { cancelWorkflowRun(input: {id: $id, reason: "enough"}) {
			workflowRun { status cancelRequestedAt } userErrors { field code } } }`
		var got struct {
			CancelWorkflowRun struct {
				WorkflowRun *struct {
					Status            string
					CancelRequestedAt *string
				}
				UserErrors []struct {
					Field []string
					Code  string
				}
			}
		}
		w.ask(t, query, vars{"id": w.trigger(t, "etl")}, &got)
		require.Equal(t, "CANCELLED", got.CancelWorkflowRun.WorkflowRun.Status)

		id := w.started(t, "etl")
		w.work(t, 1)
		w.ask(t, query, vars{"id": id}, &got)
		require.Equal(t, "RUNNING", got.CancelWorkflowRun.WorkflowRun.Status, "its running task must end first")
		require.NotNil(t, got.CancelWorkflowRun.WorkflowRun.CancelRequestedAt)

		w.ask(t, query, vars{"id": uuid.New()}, &got)
		require.Nil(t, got.CancelWorkflowRun.WorkflowRun)
		require.Equal(t, []string{"id"}, got.CancelWorkflowRun.UserErrors[0].Field)
		require.Equal(t, "NOT_FOUND", got.CancelWorkflowRun.UserErrors[0].Code)
	})
}

func TestPause(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.save(t, workflow("etl", "a"))
		for _, c := range []struct {
			mutation string
			paused   bool
		}{{"pauseWorkflow", true}, {"pauseWorkflow", true}, {"unpauseWorkflow", false}, {"unpauseWorkflow", false}} {
			var got map[string]struct {
				Workflow   struct{ IsPaused bool }
				UserErrors []any
			}
			w.ask(t, fmt.Sprintf(`mutation { %s(input: {workflow: "etl"}) { workflow { isPaused } userErrors { message } } }`, c.mutation), nil, &got)
			require.Equal(t, c.paused, got[c.mutation].Workflow.IsPaused)
			require.Empty(t, got[c.mutation].UserErrors)
		}
	})
}

// brokenStore fails as no store should.
type brokenStore struct {
	miniairflow.Store
	fail func() error
}

func (s brokenStore) FindWorkers(context.Context) ([]*miniairflow.Worker, error) {
	return nil, s.fail()
}

func TestFaultsOfOursAreHidden(t *testing.T) {
	fail := func() error { return nil }
	w := newWorld(t, brokenStore{Store: persistencetest.SQLite(t), fail: func() error { return fail() }})
	const query = `{ workers { id } }`

	fail = func() error { return errors.New("password is swordfish") }
	a := w.post(t, query, nil)
	require.Equal(t, miniairflow.CodeInternal, a.Errors[0].Extensions.Code)
	require.Equal(t, []any{"workers"}, a.Errors[0].Path)
	require.NotContains(t, a.Errors[0].Message, "swordfish")
	id := a.Errors[0].Message[strings.LastIndex(a.Errors[0].Message, " ")+1:]
	require.Contains(t, w.log.String(), id)
	require.Contains(t, w.log.String(), "swordfish")

	fail = func() error { panic("swordfish again") }
	a = w.post(t, query, nil)
	require.Equal(t, miniairflow.CodeInternal, a.Errors[0].Extensions.Code)
	require.NotContains(t, a.Errors[0].Message, "swordfish")

	fail = func() error { return miniairflow.Errorf(miniairflow.CodeUnavailable, "the database does not answer") }
	a = w.post(t, query, nil)
	require.Equal(t, miniairflow.CodeUnavailable, a.Errors[0].Extensions.Code)
	require.Equal(t, "the database does not answer", a.Errors[0].Message)
}

// TestOperationsAreBounded sends what nobody needs.
func TestOperationsAreBounded(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	bomb := "{ ...f0 }"
	for i := range 40 {
		bomb += fmt.Sprintf(" fragment f%d on Query { ...f%d ...f%d }", i, i+1, i+1)
	}
	bomb += " fragment f40 on Query { workers { id } }"
	deep := strings.Repeat("workflow { latestRun { ", 20)
	for name, c := range map[string]struct{ query, code string }{
		"too deep":         {`{ workflowRun(id: "018f0000-0000-7000-8000-000000000000") { ` + deep + "id" + strings.Repeat(" } }", 20) + " } }", "LIMIT_EXCEEDED"},
		"aliases":          {"{ workers { " + repeat(31, func(i int) string { return fmt.Sprintf("a%d: id ", i) }) + "} }", "LIMIT_EXCEEDED"},
		"root fields":      {"{ " + repeat(21, func(i int) string { return fmt.Sprintf("a%d: workers { id } ", i) }) + "}", "LIMIT_EXCEEDED"},
		"fragments":        {bomb, "LIMIT_EXCEEDED"},
		"long text":        {"{ workers { id } }" + strings.Repeat(" ", 64<<10), "LIMIT_EXCEEDED"},
		"too many objects": {`{ workflowRuns(first: 200) { nodes { taskRuns(first: 200) { nodes { attempts { number } } } } } }`, "COMPLEXITY_LIMIT_EXCEEDED"},
		"too much log":     {`{ taskRuns(first: 200) { nodes { logs(limit: 1048576) { text } } } }`, "COMPLEXITY_LIMIT_EXCEEDED"},
		"directives":       {"{ workers " + strings.Repeat("@include(if: true) ", 3000) + "{ id } }", "GRAPHQL_PARSE_FAILED"},
		"fragment cycle":   {"{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }", "GRAPHQL_VALIDATION_FAILED"},
	} {
		a := w.post(t, c.query, nil)
		require.NotEmpty(t, a.Errors, name)
		require.Equal(t, c.code, a.Errors[0].Extensions.Code, "%s: %s", name, a.Errors[0].Message)
		require.Equal(t, "null", string(a.Data), name)
	}
	body := `{"query": "{ workers { id } }", "extensions": {"x": "` + strings.Repeat("x", 1<<20) + `"}}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	require.Equal(t, http.StatusRequestEntityTooLarge, send(t, request).Status)

	for _, contentType := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(`{"query": "{ workers { id } }"}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", contentType)
		require.Equal(t, http.StatusBadRequest, send(t, request).Status, contentType)
	}
}

// TestUnreadableBodyIsNotLogged: what a client sends by mistake may hold secrets.
func TestUnreadableBodyIsNotLogged(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	var printed bytes.Buffer
	log.SetOutput(&printed)
	defer log.SetOutput(os.Stderr)
	for _, accept := range []string{"text/event-stream", "application/json"} {
		for _, body := range []string{`{"query": "{ workers { id } }", "variables": "hunter2"}`, `hunter2`, ``} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url, strings.NewReader(body))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Accept", accept)
			a := send(t, request)
			require.Equal(t, http.StatusBadRequest, a.Status)
			require.Contains(t, a.Errors[0].Message, "the request's body is not")
		}
	}
	require.Empty(t, printed.String())
	require.Empty(t, w.log.String())
}

func repeat(n int, text func(int) string) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(text(i))
	}
	return all.String()
}

// TestIntrospectionFitsTheLimits: GraphiQL asks this at its start.
func TestIntrospectionFitsTheLimits(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	var got struct {
		Schema struct {
			Types []struct {
				Name        string
				Description *string
				Kind        string
				Fields      []struct {
					Name        string
					Description *string
				}
			}
		} `json:"__schema"`
	}
	w.ask(t, `query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name }
		types { ...FullType } directives { name description locations args { ...InputValue } } } }
		fragment FullType on __Type { kind name description fields(includeDeprecated: true) { name description
			args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason } inputFields { ...InputValue }
			interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description } possibleTypes { ...TypeRef } }
		fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
		fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
			ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }`, nil, &got)
	for _, kind := range got.Schema.Types {
		if strings.HasPrefix(kind.Name, "__") {
			continue
		}
		require.NotNil(t, kind.Description, "%s is not described", kind.Name)
		for _, field := range kind.Fields {
			require.NotNil(t, field.Description, "%s.%s is not described", kind.Name, field.Name)
		}
	}
}
