package miniairflow_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// asking returns a task that makes a request with everything that one can have.
func asking() *miniairflow.Task {
	return &miniairflow.Task{
		Name: "ask", TriggerRule: miniairflow.AllSuccess, Queue: miniairflow.QueueDefault, Priority: miniairflow.PriorityNormal,
		HTTP: &miniairflow.HTTP{
			URL: "https://${{ params.host }}/x", Method: "POST", Query: map[string]string{"day": "${{ params.day }}"},
			Headers: map[string]string{"Accept": "${{ params.kind }}"}, ExpectedStatus: []string{"2xx", "404"},
			JSON: json.RawMessage(`{"b":["<",{"c":"${{ params.c }}"}],"a":"x ${{ params.a }}","n":1.50}`),
		},
		Outputs:    map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger},
		OutputFrom: map[string]string{"rows": "body.rows"},
	}
}

func requestProblems(change func(t *miniairflow.Task)) []miniairflow.Problem {
	t := asking()
	change(t)
	d := validDefinition()
	d.Tasks = []miniairflow.Task{*t}
	return d.Validate()
}

func TestValidateRequests(t *testing.T) {
	require.Empty(t, requestProblems(func(*miniairflow.Task) {}))
	set := func(change func(h *miniairflow.HTTP)) func(*miniairflow.Task) {
		return func(t *miniairflow.Task) { change(t.HTTP) }
	}
	for _, tt := range []struct {
		change     func(t *miniairflow.Task)
		path, want string
	}{
		{set(func(h *miniairflow.HTTP) { h.URL = "" }), "http", `the http request of task "ask" has no url: write url: https://…`},
		{set(func(h *miniairflow.HTTP) { h.URL = "example.org/x" }), "http url", "the url must begin with https:// or http://"},
		{set(func(h *miniairflow.HTTP) { h.URL = "https:///x" }), "http url", "the url names no host"},
		{set(func(h *miniairflow.HTTP) { h.URL = "https://a b/" }), "http url", "the url is not valid: "},
		{set(func(h *miniairflow.HTTP) { h.URL = "ftp://${{ params.host }}" }), "http url", `url "ftp://${{ params.host }}" must begin with https:// or http://`},
		{set(func(h *miniairflow.HTTP) { h.Method = "get" }), "http method", `method "get" is unknown: use GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; did you mean "GET"?`},
		{set(func(h *miniairflow.HTTP) { h.Method = "" }), "http body", "a GET request has no body: write method: POST, or leave body out"},
		{set(func(h *miniairflow.HTTP) { h.Query["${{ x }}"] = "" }), "http query ${{ x }}", "is not allowed in the name"},
		{set(func(h *miniairflow.HTTP) { h.Headers["a b"] = "" }), "http headers a b", `header name "a b" is not valid`},
		{set(func(h *miniairflow.HTTP) { h.Headers["content-Length"] = "1" }), "http headers content-Length", "is set by the request itself"},
		{set(func(h *miniairflow.HTTP) { h.Headers["accept"] = "x" }), "http headers accept", "header accept is here already, as Accept"},
		{set(func(h *miniairflow.HTTP) { h.Headers["X"] = "a\n" }), "http headers X", "header X: the value has a line break"},
		{set(func(h *miniairflow.HTTP) { h.ExpectedStatus = []string{"200", "20"} }), "http expected_status 1", `expected_status "20" is no status`},
		{func(t *miniairflow.Task) { t.Stdin = "x" }, "stdin", "stdin does nothing for an http task"},
		{func(t *miniairflow.Task) { t.Noop = true }, "noop", "has two actions, http and noop: keep one"},
		{func(t *miniairflow.Task) { t.OutputFrom["rows"] = "bodi.rows" }, "outputs rows from", `output "rows": from: "bodi.rows" is no part of an answer: write status, headers.NAME, body, or body.KEY; did you mean "body"?`},
	} {
		problems := requestProblems(tt.change)
		require.Len(t, problems, 1, "%s: %v", tt.want, problems)
		require.Equal(t, "tasks ask "+tt.path, strings.Join(problems[0].Path, " "))
		require.Contains(t, problems[0].Message, tt.want)
	}
}

func TestUnfinishedURLsAreLeftToTheRun(t *testing.T) {
	for _, url := range []string{"${{ tasks.a.outputs.url }}", "http${{ params.s }}://x", "https://${{ params.host }}", "http://h/${{ x }}?a b"} {
		require.Empty(t, requestProblems(func(t *miniairflow.Task) { t.HTTP.URL = url }), url)
	}
}

func TestTemplatesOfARequest(t *testing.T) {
	task := asking()
	var names []string
	for _, template := range task.Templates() {
		require.Equal(t, template.Path[1] == "body", template.JSON, template.Name())
		names = append(names, template.Name()+" "+template.Text)
	}
	require.Equal(t, []string{
		"http.url https://${{ params.host }}/x", "http.query.day ${{ params.day }}", "http.headers.Accept ${{ params.kind }}",
		"http.body.a x ${{ params.a }}", "http.body.b[1].c ${{ params.c }}",
	}, names)
	rendered, err := task.Render(func(template miniairflow.Template) (string, error) {
		if template.JSON {
			return `[true]`, nil
		}
		return "rendered", nil
	})
	require.NoError(t, err)
	require.Equal(t, asking(), task)
	require.Equal(t, &miniairflow.HTTP{
		URL: "rendered", Method: "POST", Query: map[string]string{"day": "rendered"}, Headers: map[string]string{"Accept": "rendered"},
		ExpectedStatus: []string{"2xx", "404"}, JSON: json.RawMessage(`{"a":[true],"b":["<",{"c":[true]}],"n":1.50}`),
	}, rendered.HTTP)
}

// A definition that went through its canonical form stays the same version.
func TestRequestsKeepTheirHash(t *testing.T) {
	d := validDefinition()
	d.Tasks = []miniairflow.Task{*asking()}
	document, hash, err := d.Canonical()
	require.NoError(t, err)
	var again miniairflow.Definition
	require.NoError(t, json.Unmarshal(document, &again))
	require.Equal(t, hash, again.Hash())
}

func TestAnswerParts(t *testing.T) {
	for text, want := range map[string]miniairflow.AnswerPart{
		"status":              {Part: "status"},
		"headers":             {Part: "headers"},
		"headers.Retry-After": {Part: "headers", Header: "Retry-After"},
		"headers.x.y":         {Part: "headers", Header: "x.y"},
		"body":                {Part: "body"},
		"body.rows":           {Part: "body", Steps: []any{"rows"}},
		"body.a[0][12].b":     {Part: "body", Steps: []any{"a", 0, 12, "b"}},
		`body["a.b]"].c`:      {Part: "body", Steps: []any{"a.b]", "c"}},
		`body["\"☃"]`:         {Part: "body", Steps: []any{`"☃`}},
	} {
		part, err := miniairflow.ParseAnswerPart(text)
		require.NoError(t, err, text)
		require.Equal(t, want, part, text)
		again, err := miniairflow.ParseAnswerPart(part.String())
		require.NoError(t, err, text)
		require.Equal(t, want, again, text)
	}
	for text, want := range map[string]string{
		"":                                 "is no part of an answer",
		"rows":                             "is no part of an answer: write status, headers.NAME, body, or body.KEY",
		"status.code":                      "the status is a number with nothing in it",
		"status[0]":                        "the status is a number with nothing in it",
		"headers.":                         "names no header",
		"headers[0]":                       "names no header",
		"body.":                            "a key is missing after a dot",
		"body..a":                          "a key is missing after a dot",
		"body[":                            "in brackets there is a number",
		"body[-1]":                         "in brackets there is a number",
		`body["a]`:                         "in brackets there is a number",
		"body[0]a":                         "after ] there is a dot or a further [",
		"body" + strings.Repeat("[0]", 33): "more than 32 levels deep",
	} {
		_, err := miniairflow.ParseAnswerPart(text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestAnswerPartOfAnOutput(t *testing.T) {
	for name, want := range map[string]string{"status": "status", "headers": "headers", "body": "body", "rows": "body.rows"} {
		part, err := miniairflow.AnswerPartOf(name, "")
		require.NoError(t, err)
		require.Equal(t, want, part.String())
	}
	part, err := miniairflow.AnswerPartOf("rows", "body.status")
	require.NoError(t, err)
	require.Equal(t, "body.status", part.String())
}
