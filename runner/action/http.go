package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// answerMax is how much of an answer's body is read.
	answerMax = 1 << 20
	// answerShown is how much of it the log gets.
	answerShown = 4 << 10
	// answerHeadMax bounds the headers of an answer.
	answerHeadMax = 256 << 10
	// redirectsMax bounds how often a request is sent elsewhere.
	redirectsMax = 10
	// connectPatience is how long a connection may take, and its TLS handshake.
	connectPatience = 30 * time.Second
)

// request makes http requests in the worker itself: no process is started.
type request struct {
	transport http.RoundTripper
}

// newRequest returns a Runner whose attempts share nothing: a connection is
// closed with the answer, so that none idles until the next task wants it.
func newRequest() *request {
	return &request{transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectPatience}).DialContext,
		TLSHandshakeTimeout:    connectPatience,
		MaxResponseHeaderBytes: answerHeadMax,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
	}}
}

// Run implements Runner.
func (r *request) Run(ctx context.Context, in Input, log io.Writer) Result {
	notes := &noteWriter{w: log}
	result, _ := r.perform(ctx, in, notes)
	if result.Status != miniairflow.AttemptSuccess {
		notes.note(result.Reason)
	}
	return result
}

// perform sends the request of a task. mayCome says of a failure that the same
// request may have an expected answer later.
func (r *request) perform(ctx context.Context, in Input, notes *noteWriter) (result Result, mayCome bool) {
	task := in.Task
	prepared, err := prepare(ctx, task.HTTP)
	if err != nil {
		return failed("cannot send the request: " + err.Error()), false
	}
	where := prepared.Method + " " + shownURL(prepared.URL)
	notes.note(where)
	began := time.Now()
	answer, err := r.exchange(prepared, task.HTTP, notes)
	switch {
	case err != nil && ctx.Err() != nil:
		return interrupted(ctx, task), false
	case err != nil:
		return failed(where + ": " + explainRequest(err)), true
	}
	answer.hide(in.Mask)
	notes.note(fmt.Sprintf("%s after %s", answer.head(), time.Since(began).Round(time.Millisecond)))
	answer.show(notes)
	if !task.HTTP.Expects(answer.status) {
		return failed(fmt.Sprintf("%s: answered %s, expected %s", where, statusText(answer.status), expected(task.HTTP))), true
	}
	outputs, err := answer.outputs(task)
	if err != nil {
		return failed(err.Error()), false
	}
	return Result{Status: miniairflow.AttemptSuccess, Outputs: outputs}, false
}

// prepare returns the request that a task describes.
func prepare(ctx context.Context, h *miniairflow.HTTP) (*http.Request, error) {
	where, err := miniairflow.ParseURL(h.URL)
	if err != nil {
		return nil, err
	}
	addQuery(where, h.Query)
	body, kind := h.Body, "text/plain; charset=utf-8"
	if h.JSON != nil {
		body, kind = string(h.JSON), "application/json"
	}
	prepared, err := http.NewRequestWithContext(ctx, h.MethodOrDefault(), where.String(), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the url is not valid") // the error would repeat it
	}
	prepared.Header.Set("User-Agent", "miniairflow")
	if body != "" {
		prepared.Header.Set("Content-Type", kind)
	}
	for name, value := range h.Headers {
		if err := miniairflow.CheckHeader(value); err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		prepared.Header.Set(name, value)
		if http.CanonicalHeaderKey(name) == "Host" {
			prepared.Host = value
		}
	}
	return prepared, nil
}

// exchange sends a request and reads the answer.
func (r *request) exchange(prepared *http.Request, h *miniairflow.HTTP, notes *noteWriter) (*answer, error) {
	client := http.Client{Transport: r.transport, CheckRedirect: func(next *http.Request, before []*http.Request) error {
		return redirect(next, before, h, notes)
	}}
	response, err := client.Do(prepared)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMax+1))
	if err != nil {
		return nil, fmt.Errorf("answered %s, but the body ends early: %w", statusText(response.StatusCode), err)
	}
	return &answer{status: response.StatusCode, header: response.Header, body: body, isCut: len(body) > answerMax}, nil
}

// redirect decides whether an answer may send the request elsewhere. Where that
// is another server, it does not get the headers of the task, which may hold a
// token, nor does any learn the URL that led there.
func redirect(next *http.Request, before []*http.Request, h *miniairflow.HTTP, notes *noteWriter) error {
	if h.Expects(next.Response.StatusCode) {
		return http.ErrUseLastResponse
	}
	if len(before) > redirectsMax {
		return fmt.Errorf("more than %d redirects, the last one to %s", redirectsMax, shownURL(next.URL))
	}
	if next.URL.Scheme != "http" && next.URL.Scheme != "https" {
		return fmt.Errorf("redirected to %s, which is neither http nor https", shownURL(next.URL))
	}
	next.Header.Del("Referer")
	first := before[0].URL
	isElsewhere := func(r *http.Request) bool { return r.URL.Scheme != first.Scheme || r.URL.Host != first.Host }
	if isElsewhere(next) && next.ContentLength != 0 {
		return fmt.Errorf("redirected to %s, another server, which would get the body", shownURL(next.URL))
	}
	if isElsewhere(next) || slices.ContainsFunc(before, isElsewhere) {
		for name := range h.Headers {
			next.Header.Del(name)
		}
	}
	notes.note("redirected to " + shownURL(next.URL))
	return nil
}

// show writes the beginning of the body to the log.
func (a *answer) show(notes *noteWriter) {
	shown := a.body
	if len(shown) > answerShown {
		shown = shown[:answerShown]
		for cut := 0; cut < utf8.UTFMax && !utf8.Valid(shown); cut++ {
			shown = shown[:len(shown)-1] // perhaps in the middle of a character
		}
	}
	switch {
	case len(shown) == 0:
		return
	case !utf8.Valid(shown):
		notes.note("the body is not text")
		return
	}
	_, _ = notes.Write(shown) // a log that does not take it is not the task's fault
	if len(shown) < len(a.body) {
		notes.note(fmt.Sprintf("these are the first %d bytes of the body", len(shown)))
	} else if shown[len(shown)-1] != '\n' {
		_, _ = notes.Write([]byte("\n"))
	}
}

func expected(h *miniairflow.HTTP) string {
	if len(h.ExpectedStatus) == 0 {
		return "2xx"
	}
	return strings.Join(h.ExpectedStatus, ", ")
}

// statusText returns a status as people know it: 404 Not Found.
func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}
