package miniairflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// HTTP is one request to a server, made by the worker itself. URL, the values of
// Query and Headers, Body, and every text in JSON are templates.
type HTTP struct {
	URL            string            `json:"url"`              // its scheme is http or https
	Method         string            `json:"method,omitempty"` // empty: GET
	Query          map[string]string `json:"query,omitempty"`  // added to the URL, escaped
	Headers        map[string]string `json:"headers,omitempty"`
	Body           string            `json:"body,omitempty"`            // text; one of Body and JSON may be set
	JSON           json.RawMessage   `json:"json,omitempty"`            // a map or a list
	ExpectedStatus []string          `json:"expected_status,omitempty"` // "200" or "2xx"; empty: 2xx
}

// HTTPMethods lists the methods of requests, the default first.
var HTTPMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// httpStatus is what ExpectedStatus holds.
var httpStatus = regexp.MustCompile(`^[2-5](xx|[0-9]{2})$`)

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")

// ownHeaders follow from the request itself.
var ownHeaders = []string{"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}

// Kind implements Action.
func (h *HTTP) Kind() ActionKind { return ActionHTTP }

// MethodOrDefault returns the method of the request.
func (h *HTTP) MethodOrDefault() string {
	if h.Method == "" {
		return HTTPMethods[0]
	}
	return h.Method
}

// Expects reports whether an answer with that status is a success.
func (h *HTTP) Expects(status int) bool {
	text := strconv.Itoa(status)
	if len(h.ExpectedStatus) == 0 {
		return strings.HasPrefix(text, "2")
	}
	return slices.Contains(h.ExpectedStatus, text) || slices.Contains(h.ExpectedStatus, text[:1]+"xx")
}

func (h *HTTP) validate(v *validator, at []string, t *Task) {
	h.validateURL(v, sub(at, "url"), t)
	if h.Method != "" {
		oneOf(v, sub(at, "method"), h.Method, HTTPMethods)
	}
	if method := h.MethodOrDefault(); (method == "GET" || method == "HEAD") && (h.Body != "" || h.JSON != nil) {
		v.add(sub(at, "body"), "a %s request has no body: write method: POST, or leave body out", method)
	}
	for _, name := range sortedKeys(h.Query) {
		if strings.Contains(name, "${{") {
			v.addOfKey(sub(at, "query", name), "${{ }} is not allowed in the name of a query parameter: only its value may have it")
		}
	}
	h.validateHeaders(v, sub(at, "headers"))
	for i, status := range h.ExpectedStatus {
		if !httpStatus.MatchString(status) {
			v.add(sub(at, "expected_status", strconv.Itoa(i)), "expected_status %s is no status: write a number such as 200, or 2xx for all from 200 to 299", show(status))
		}
	}
	if t.Stdin != "" {
		v.add(sub(taskPath(t), "stdin"), "stdin does nothing for an http task: write what it sends into body")
	}
	for _, key := range sortedKeys(t.OutputFrom) {
		if _, err := ParseAnswerPart(t.OutputFrom[key]); err != nil {
			v.add(sub(taskPath(t), "outputs", key, "from"), "output %q: %v", key, err)
		}
	}
}

// validateURL checks what is known of the URL when the file is read.
func (h *HTTP) validateURL(v *validator, at []string, t *Task) {
	literal, _, templated := strings.Cut(h.URL, "${{")
	switch {
	case h.URL == "":
		v.add(at[:len(at)-1], "the http request of task %q has no url: write url: https://…", t.Name)
	case !templated:
		if _, err := ParseURL(h.URL); err != nil {
			v.add(at, "%v", err)
		}
	case !startsAlike(literal, "http://") && !startsAlike(literal, "https://"):
		v.add(at, "url %s must begin with https:// or http://", show(h.URL))
	}
}

// startsAlike reports whether one of two texts is the beginning of the other.
func startsAlike(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

func (h *HTTP) validateHeaders(v *validator, at []string) {
	seen := make(map[string]string, len(h.Headers))
	for _, name := range sortedKeys(h.Headers) {
		lower := strings.ToLower(name)
		switch first, twice := seen[lower]; {
		case !headerName.MatchString(name):
			v.addOfKey(sub(at, name), "header name %s is not valid: use letters, digits and -", show(name))
		case slices.Contains(ownHeaders, lower):
			v.addOfKey(sub(at, name), "header %s is set by the request itself: leave it out", name)
		case twice:
			v.addOfKey(sub(at, name), "header %s is here already, as %s", name, first)
		}
		seen[lower] = name
		if err := CheckHeader(h.Headers[name]); err != nil {
			v.add(sub(at, name), "header %s: %v", name, err)
		}
	}
}

func (h *HTTP) copyInto(t *Task) {
	copied := *h
	copied.Query, copied.Headers = maps.Clone(h.Query), maps.Clone(h.Headers)
	t.HTTP = &copied
}

func (h *HTTP) eachTemplate(visit visitTemplate) error {
	const key = string(ActionHTTP)
	if err := eachText(&h.URL, visit, key, "url"); err != nil {
		return err
	}
	if err := eachValue(h.Query, visit, key, "query"); err != nil {
		return err
	}
	if err := eachValue(h.Headers, visit, key, "headers"); err != nil {
		return err
	}
	if h.JSON != nil {
		return eachTextOfJSON(&h.JSON, visit, key, "body")
	}
	if h.Body == "" {
		return nil
	}
	return eachText(&h.Body, visit, key, "body")
}

// CheckHeader says what is wrong with the value of a header; nil: nothing.
func CheckHeader(value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return errors.New("the value has a line break or another control character, which no header can hold")
	}
	return nil
}

// hostMax bounds the name of a host, as DNS does.
const hostMax = 253

// ParseURL reads the URL of a request. Its error says nothing that may be secret.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	var wrong *url.Error
	switch {
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("the url is not valid: %w", wrong.Err)
	case err != nil:
		return nil, fmt.Errorf("the url is not valid: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the url must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("the url names no host")
	case len(u.Hostname()) > hostMax:
		return nil, fmt.Errorf("the host of the url has %d characters, but may have at most %d", len(u.Hostname()), hostMax)
	}
	return u, nil
}
