package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// client speaks GraphQL with a server: one on the network, or the handler of
// this very process over an in-memory connection, so that every command works
// the same way on both. Its methods may be called from any goroutine.
type client struct {
	http  *http.Client
	url   string // of the server, without a path
	token string
	close func() error
	store miniairflow.Store // of a local client

	notices io.Writer // nil: nobody is told that the server is away
}

// graphQLError is one error of a GraphQL answer.
type graphQLError struct {
	Message    string `json:"message"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

// userError is one error that a mutation's payload carries.
type userError struct {
	Message string   `json:"message"`
	Code    string   `json:"code"`
	Field   []string `json:"field"`
}

// firstUserError returns the first of errs as a domain error, or nil.
func firstUserError(errs []userError) error {
	if len(errs) == 0 {
		return nil
	}
	e := miniairflow.Errorf(errs[0].Code, "%s", errs[0].Message)
	e.Field = strings.Join(errs[0].Field, ".")
	return e
}

// query executes a query or mutation and decodes its data into out.
func (c *client) query(ctx context.Context, document string, variables map[string]any, out any) error {
	response, err := c.post(ctx, document, variables, "application/json")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err := c.decode(response)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("decode data of %s: %w", c.url, err)
	}
	return nil
}

// decode returns the data of an answer, or the first of its errors.
func (c *client) decode(response *http.Response) (json.RawMessage, error) {
	if !isOf(response, "application/json") && !isOf(response, "application/graphql-response+json") {
		return nil, &exitError{code: exitUnreachable, cause: fmt.Errorf("%s answers %s and no GraphQL: is it the address of a Mini Airflow server?", c.url, response.Status)}
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []graphQLError  `json:"errors"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("decode answer of %s: %w", c.url, err)
	}
	if len(answer.Errors) > 0 {
		return nil, domainError(answer.Errors[0])
	}
	return answer.Data, nil
}

func domainError(e graphQLError) error {
	return miniairflow.Errorf(e.Extensions.Code, "%s", e.Message)
}

// post sends an operation.
func (c *client) post(ctx context.Context, document string, variables map[string]any, accept string) (*http.Response, error) {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return nil, fmt.Errorf("encode operation: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, usageErrorf("--server %s: %v", c.url, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	return c.send(request)
}

// send sends a request and checks that the server takes it.
func (c *client) send(request *http.Request) (*http.Response, error) {
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx := request.Context(); ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &exitError{code: exitUnreachable, cause: fmt.Errorf("no server answers at %s: %w", c.url, err)}
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		response.Body.Close()
		return nil, finalError{&exitError{code: exitUnreachable, cause: fmt.Errorf("the server at %s refuses the token: give --token or MINIAIRFLOW_TOKEN", c.url)}}
	case http.StatusServiceUnavailable:
		response.Body.Close()
		return nil, miniairflow.Errorf(miniairflow.CodeUnavailable, "the server at %s is not ready: its database does not answer", c.url)
	}
	return response, nil
}

// isOf reports whether the answer is of a media type.
func isOf(response *http.Response, mediaType string) bool {
	found, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && found == mediaType
}

// errStop ends a subscription from within its handler, without an error.
var errStop = errors.New("stop")

// subscribe executes a subscription over server-sent events and hands the data
// of each event to handle, until the server completes it or handle returns an
// error. errStop ends it without one. complete says that the server ended it.
func (c *client) subscribe(ctx context.Context, document string, variables map[string]any, handle func(json.RawMessage) error) (complete bool, err error) {
	response, err := c.post(ctx, document, variables, "text/event-stream")
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if !isOf(response, "text/event-stream") {
		if _, err = c.decode(response); err == nil {
			err = finalError{fmt.Errorf("%s answers a subscription with %s", c.url, response.Header.Get("Content-Type"))}
		}
		return false, err
	}
	err = readEvents(response.Body, func(event, data string) error {
		switch event {
		case "complete":
			complete = true
			return errStop
		case "next":
			return handleNext(data, handle)
		default:
			return nil
		}
	})
	if errors.Is(err, errStop) {
		return complete, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return complete, err
}

func handleNext(data string, handle func(json.RawMessage) error) error {
	var next struct {
		Data   json.RawMessage `json:"data"`
		Errors []graphQLError  `json:"errors"`
	}
	if err := json.Unmarshal([]byte(data), &next); err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	if len(next.Errors) > 0 {
		return domainError(next.Errors[0])
	}
	if err := handle(next.Data); err != nil {
		return finalError{err}
	}
	return nil
}

// finalError is an error that a new connection would not put right.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// readEvents splits a stream of server-sent events.
func readEvents(r io.Reader, handle func(event, data string) error) error {
	lines := bufio.NewReader(r)
	var event string
	var data []string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read events: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if event != "" || len(data) > 0 {
				if err := handle(event, strings.Join(data, "\n")); err != nil {
					return err
				}
			}
			event, data = "", nil
		case field == "event":
			event = value
		case field == "data":
			data = append(data, value)
		}
	}
}

// resubscribePatience is how long a subscription that breaks is tried again
// before the command gives up: a server that starts anew is back sooner.
const resubscribePatience = 5 * time.Minute

// resubscribe keeps a subscription going over broken connections: subscribe is
// called again, with a growing pause, until it completes, fails for good or for
// all of patience, or ctx ends. It must go on from where the last call stopped.
// A server that is away for longer than it takes to start anew is told of.
func (c *client) resubscribe(ctx context.Context, patience time.Duration, subscribe func() (complete bool, err error)) error {
	const first, longest, silent = 100 * time.Millisecond, 5 * time.Second, 800 * time.Millisecond
	pause, broken := first, time.Now()
	for {
		started := time.Now()
		complete, err := subscribe()
		if complete || ctx.Err() != nil {
			return ctx.Err()
		}
		if isFinal(err) {
			return err
		}
		if time.Since(started) > longest {
			pause, broken = first, time.Now()
		}
		if time.Since(broken) > patience {
			return cmp.Or(err, errNoAnswer)
		}
		if pause == silent && c.notices != nil {
			fmt.Fprintf(c.notices, "miniairflow: lost the server, trying again for %s: %v\n", patience, cmp.Or(err, errNoAnswer))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

var errNoAnswer error = &exitError{code: exitUnreachable, cause: errors.New("the server ends every connection at once")}

// isFinal reports whether trying again cannot help.
func isFinal(err error) bool {
	var final finalError
	code := miniairflow.ErrorCode(err)
	return errors.As(err, &final) || code == miniairflow.CodeNotFound || code == miniairflow.CodeInvalid || code == miniairflow.CodeConflict
}
