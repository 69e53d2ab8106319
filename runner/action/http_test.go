package action_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// asking returns the Input of a task that makes a request.
func asking(h miniairflow.HTTP) action.Input {
	return action.Input{
		Claim: miniairflow.Claim{RunID: uuid.New(), Attempt: 1, Run: &miniairflow.WorkflowRun{Number: 7}},
		Task:  &miniairflow.Task{Name: "ask", HTTP: &h},
	}
}

// serving starts a server on loopback and returns its URL.
func serving(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

func TestRequestArrivesAsItIsWritten(t *testing.T) {
	var got *http.Request
	var body string
	url := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got, body = r, string(data)
	})
	result, log := run(t, asking(miniairflow.HTTP{
		URL: url + "/orders?first=%2F", Method: "POST",
		Query:   map[string]string{"day": "a b&c=d/☃", "access_token": "canary"},
		Headers: map[string]string{"X-Own": "1", "Authorization": "Bearer canary", "host": "elsewhere.example"},
		JSON:    json.RawMessage(`{"n":3.10}`),
	}))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Nil(t, result.ExitCode)
	require.Nil(t, result.Outputs)
	require.Equal(t, "POST", got.Method)
	require.Equal(t, "/orders", got.URL.Path)
	require.True(t, strings.HasPrefix(got.URL.RawQuery, "first=%2F&"), got.URL.RawQuery)
	require.Equal(t, "a b&c=d/☃", got.URL.Query().Get("day"))
	require.Equal(t, "canary", got.URL.Query().Get("access_token"))
	require.Equal(t, "1", got.Header.Get("X-Own"))
	require.Equal(t, "Bearer canary", got.Header.Get("Authorization"))
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	require.Equal(t, "elsewhere.example", got.Host)
	require.Equal(t, `{"n":3.10}`, body)
	require.Contains(t, log, "miniairflow: POST "+url+"/orders?first=%2F&access_token=***&day=")
	require.Contains(t, log, "miniairflow: 200 OK, 0 bytes after ")
	require.NotContains(t, log, "canary")
}

func TestTextIsSentAsText(t *testing.T) {
	var kind, body string
	url := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		kind, body = r.Header.Get("Content-Type"), string(data)
	})
	h := miniairflow.HTTP{URL: url, Method: "PUT", Body: "näive\n"}
	result, _ := run(t, asking(h))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, "text/plain; charset=utf-8", kind)
	require.Equal(t, "näive\n", body)
	h.Headers = map[string]string{"content-type": "text/csv"}
	run(t, asking(h))
	require.Equal(t, "text/csv", kind)
}

func TestOutputsOfAnAnswer(t *testing.T) {
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Page", "2")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"rows": 12345678901234567, "ratio": 0.5, "ok": true, "name": " x ", "status": "ours",
			"orders": [{"id": 1}, {"id": 2}], "a.b": {"c": "d"}, "nothing": null}`)
	})
	in := asking(miniairflow.HTTP{URL: url})
	in.Task.Outputs = map[string]miniairflow.OutputType{
		"status": miniairflow.OutputInteger, "rows": miniairflow.OutputInteger, "ratio": miniairflow.OutputNumber, "ok": miniairflow.OutputBoolean,
		"name": miniairflow.OutputString, "orders": miniairflow.OutputList, "second": miniairflow.OutputInteger, "odd": miniairflow.OutputString,
		"theirs": miniairflow.OutputString, "page": miniairflow.OutputInteger, "whole": miniairflow.OutputObject, "one": miniairflow.OutputString,
	}
	in.Task.OutputFrom = map[string]string{
		"second": "body.orders[1].id", "odd": `body["a.b"].c`, "theirs": "body.status", "page": "headers.x-page", "whole": "headers", "one": "body.orders[0]",
	}
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, "2", result.Outputs["whole"].(map[string]any)["X-Page"])
	delete(result.Outputs, "whole")
	require.Equal(t, map[string]any{
		"status": int64(201), "rows": int64(12345678901234567), "ratio": 0.5, "ok": true, "name": "x",
		"orders": []any{map[string]any{"id": json.Number("1")}, map[string]any{"id": json.Number("2")}},
		"second": int64(2), "odd": "d", "theirs": "ours", "page": int64(2), "one": `{"id":1}`,
	}, result.Outputs)
}

func TestAnswersThatAreNotAsDeclared(t *testing.T) {
	for name, c := range map[string]struct {
		body, from string
		want       string
	}{
		"missing":       {`{"a": 1}`, "", `output "rows": the answer has no body.rows: body is an object of 1 keys`},
		"deep":          {`{"a": [1]}`, "body.a[1].b", `output "rows": the answer has no body.a[1]: body.a is a list of 1`},
		"through text":  {`{"a": "x"}`, "body.a.b", "the answer has no body.a.b: body.a is neither an object nor a list"},
		"null":          {`{"rows": null}`, "", `output "rows": body.rows is null in the answer`},
		"wrong type":    {`{"rows": "many"}`, "", `output "rows": "many" is not an integer`},
		"no JSON":       {`<html>`, "", `output "rows": the body is not JSON: invalid character '<'`},
		"more":          {`{"rows": 1} {"rows": 2}`, "", "the body is not JSON: more follows after the first value"},
		"no header":     {``, "headers.X-Rows", `output "rows": the answer has no header X-Rows`},
		"invalid UTF-8": {"\xff", "body", `output "rows": the body is not valid UTF-8`},
		"NUL":           {`{"rows": "\u0000"}`, "", `output "rows": body.rows has a NUL byte`},
	} {
		t.Run(name, func(t *testing.T) {
			in := asking(miniairflow.HTTP{URL: serving(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.body) })})
			in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
			if c.from != "" {
				in.Task.OutputFrom = map[string]string{"rows": c.from}
			}
			result, log := run(t, in)
			require.Equal(t, miniairflow.AttemptFailed, result.Status)
			require.Contains(t, result.Reason, c.want)
			require.Nil(t, result.Outputs)
			require.Contains(t, log, "miniairflow: "+result.Reason+"\n")
		})
	}
}

func TestStatusDecides(t *testing.T) {
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		code := 0
		_, _ = fmt.Sscan(strings.TrimPrefix(r.URL.Path, "/"), &code)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "because")
	})
	for _, c := range []struct {
		status   int
		expected []string
		want     string
	}{
		{200, nil, ""},
		{299, nil, ""},
		{404, []string{"2xx", "404"}, ""},
		{503, nil, "answered 503 Service Unavailable, expected 2xx"},
		{200, []string{"404", "3xx"}, "answered 200 OK, expected 404, 3xx"},
		{599, nil, "answered 599, expected 2xx"},
	} {
		result, log := run(t, asking(miniairflow.HTTP{URL: fmt.Sprintf("%s/%d", url, c.status), ExpectedStatus: c.expected}))
		if c.want == "" {
			require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
			continue
		}
		require.Equal(t, miniairflow.AttemptFailed, result.Status)
		require.Contains(t, result.Reason, c.want)
		require.Contains(t, log, "because\n", "the body says why")
	}
}

func TestHugeAnswerIsCut(t *testing.T) {
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		line := bytes.Repeat([]byte("é"), 32<<10)
		for range 1000 { // 64 MB, which nobody may keep
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	in := asking(miniairflow.HTTP{URL: url})
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, "nobody asks for the body")
	require.Contains(t, log, "more than 1 MiB")
	require.Contains(t, log, "these are the first 4096 bytes of the body")
	require.Less(t, len(log), 6<<10)
	in.Task.Outputs = map[string]miniairflow.OutputType{"body": miniairflow.OutputString}
	result, _ = run(t, in)
	require.Equal(t, `output "body": the body is larger than 1 MiB, so it cannot be an output`, result.Reason)
}

func TestOutputsOfAnAnswerAreBoundedTogether(t *testing.T) {
	in := asking(miniairflow.HTTP{URL: serving(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 600<<10))
	})})
	in.Task.Outputs = map[string]miniairflow.OutputType{"a": miniairflow.OutputString, "b": miniairflow.OutputString}
	in.Task.OutputFrom = map[string]string{"a": "body", "b": "body"}
	result, _ := run(t, in)
	require.Contains(t, result.Reason, "the outputs are larger than 1 MiB together")
}

func TestBinaryAnswerStaysOutOfTheLog(t *testing.T) {
	_, log := run(t, asking(miniairflow.HTTP{URL: serving(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff, 0xfe, 0}) })}))
	require.Contains(t, log, "miniairflow: the body is not text\n")
	require.NotContains(t, log, "\xff")
}

func TestRedirects(t *testing.T) {
	var secrets []string
	other := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		secrets = append(secrets, r.Header.Get("X-Key"), r.Header.Get("Authorization"), r.Referer())
	})
	url := serving(t, func(w http.ResponseWriter, r *http.Request) {
		targets := map[string]string{"/loop": "/loop", "/file": "file:///etc/passwd", "/other": other + "/?token=canary", "/here": "/last", "/bare": ""}
		target, known := targets[r.URL.Path]
		if !known {
			secrets = append(secrets, r.Header.Get("X-Key"))
			return
		}
		if target != "" {
			w.Header().Set("Location", target)
		}
		w.WriteHeader(http.StatusFound)
	})
	ask := func(path string) (action.Result, string) {
		return run(t, asking(miniairflow.HTTP{URL: url + path + "?x=1", Headers: map[string]string{"X-Key": "canary", "Authorization": "canary"}}))
	}
	result, log := ask("/loop")
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Contains(t, result.Reason, "more than 10 redirects, the last one to "+url+"/loop")
	require.Equal(t, 10, strings.Count(log, "miniairflow: redirected to "))
	result, _ = ask("/file")
	require.Contains(t, result.Reason, "redirected to file:///etc/passwd, which is neither http nor https")
	result, log = ask("/other")
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, []string{"", "", ""}, secrets, "another server learns neither the headers nor the URL")
	require.Contains(t, log, other+"/?token=***")
	secrets = nil
	result, _ = ask("/here")
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, []string{"canary"}, secrets)
	result, _ = ask("/bare")
	require.Contains(t, result.Reason, "302")
	result, _ = run(t, asking(miniairflow.HTTP{URL: url + "/here", ExpectedStatus: []string{"302"}}))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, "a status that is expected is not followed: "+result.Reason)
}

// The body of a request goes to the server that the task names, and to no other.
func TestRedirectWithABody(t *testing.T) {
	asked := 0
	other := serving(t, func(http.ResponseWriter, *http.Request) { asked++ })
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", other+"/there")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	result, _ := run(t, asking(miniairflow.HTTP{URL: url, Method: "POST", Body: "canary"}))
	require.Equal(t, miniairflow.AttemptFailed, result.Status)
	require.Contains(t, result.Reason, "another server, which would get the body")
	require.Zero(t, asked)
}

func TestServersThatDoNotAnswer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://user:canary@" + closed.Addr().String() + "/x?token=canary"
	require.NoError(t, closed.Close())
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	broken := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	for name, c := range map[string]struct{ url, want string }{
		"refused":    {nobody, "GET http://" + closed.Addr().String() + "/x?token=***: dial tcp " + closed.Addr().String() + ": connect: connection refused"},
		"TLS":        {secure.URL, "certificate signed by unknown authority; make its certificate authority known"},
		"plain":      {strings.Replace(broken, "http:", "https:", 1), "server gave HTTP response to HTTPS client"},
		"early end":  {broken, "answered 200 OK, but the body ends early: unexpected EOF"},
		"no host":    {"http:///x", "cannot send the request: the url names no host"},
		"no scheme":  {"example.org", "cannot send the request: the url must begin with https:// or http://"},
		"other":      {"ftp://canary", "cannot send the request: the url must begin with https:// or http://"},
		"unreadable": {"http://canary:canary@[/", "cannot send the request: the url is not valid: missing ']' in host"},
	} {
		t.Run(name, func(t *testing.T) {
			result, printed := run(t, asking(miniairflow.HTTP{URL: c.url}))
			require.Equal(t, miniairflow.AttemptFailed, result.Status)
			require.Contains(t, result.Reason, c.want)
			require.NotContains(t, result.Reason+printed, "canary")
			require.Contains(t, printed, "miniairflow: "+result.Reason+"\n")
		})
	}
	h := miniairflow.HTTP{URL: broken, Headers: map[string]string{"X": "a\nb: canary"}}
	result, _ := run(t, asking(h))
	require.Equal(t, "cannot send the request: header X: the value has a line break or another control character, which no header can hold", result.Reason)
}

// A server that answers nothing, or not to the end, holds a task no longer than
// its context.
func TestSlowServerIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		cause  error
		answer string
		want   action.Result
	}{
		"timeout":                 {action.ErrTimedOut, "", action.Result{Status: miniairflow.AttemptTimedOut, Reason: "timed out after 10s"}},
		"cancelled":               {action.ErrCancelled, "", action.Result{Status: miniairflow.AttemptCancelled, Reason: "cancelled"}},
		"lost":                    {action.ErrLost, "", action.Result{Status: miniairflow.AttemptLost, Reason: "the worker lost the attempt"}},
		"timeout in the body":     {action.ErrTimedOut, "half", action.Result{Status: miniairflow.AttemptTimedOut, Reason: "timed out after 10s"}},
		"cancelled in the middle": {action.ErrCancelled, "half", action.Result{Status: miniairflow.AttemptCancelled, Reason: "cancelled"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			left := make(chan struct{})
			url := serving(t, func(w http.ResponseWriter, r *http.Request) {
				defer close(left)
				if c.answer != "" {
					_, _ = io.WriteString(w, c.answer)
					w.(http.Flusher).Flush()
				}
				cancel(c.cause)
				<-r.Context().Done() // the other side has gone
			})
			in := asking(miniairflow.HTTP{URL: url})
			in.Task.Timeout = miniairflow.Duration(10 * time.Second)
			var log bytes.Buffer
			result := newRunner(t).Run(ctx, in, &log)
			require.Equal(t, c.want, result)
			require.Contains(t, log.String(), "miniairflow: "+c.want.Reason+"\n")
			<-left
		})
	}
}
