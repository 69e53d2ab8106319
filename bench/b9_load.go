package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/persistence"
)

// apiWarmup is how often each caller asks before it counts: then its connection
// is open, and the database knows the statements.
const apiWarmup = 5

// crowdTurns is how many times as many calls several callers make as one alone: the
// slowest of them say more about the machine than those of one, the fewer there are.
const crowdTurns = 3

// timing is how long calls took that were made one after the other by each of
// some callers.
type timing struct {
	median, p99 float64 // ms
	perSecond   float64 // calls
}

// measured is what was measured of one query, by the number of callers.
type measured struct {
	answer  []byte // as it came
	timings []*timing
	void    string // why there is nothing
}

// median is that of one caller, in ms; 0 if there is nothing.
func (m *measured) median() float64 {
	if len(m.timings) == 0 {
		return 0
	}
	return m.timings[0].median
}

// overHTTP asks a process that does nothing else for each of the queries, n times.
func (h *history) overHTTP(ctx context.Context, n int, connections ...int) (all []measured, err error) {
	server, err := h.start(ctx, "", []string{"api"}, 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	for _, q := range h.queries() {
		var m measured
		answer, err := q.ask(ctx, server.API)
		if err == nil {
			m.answer = answer
			m.timings, err = driveEach(ctx, n, connections, func(ctx context.Context) error { return q.askAgain(ctx, server.API, answer) })
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			m.void = fmt.Sprintf("%s: %v", q.name, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// ask asks once and checks what comes.
func (q *apiQuery) ask(ctx context.Context, api *product.Client) ([]byte, error) {
	var data json.RawMessage
	if err := api.Query(ctx, q.text, q.variables, &data); err != nil {
		return nil, err
	}
	if err := q.check(data); err != nil {
		return nil, err
	}
	return api.Raw(ctx, q.text, q.variables)
}

// askAgain asks and compares: nothing changes in the database, so the answer is
// the same to the last byte, and the comparison costs the machine next to nothing.
func (q *apiQuery) askAgain(ctx context.Context, api *product.Client, answer []byte) error {
	got, err := api.Raw(ctx, q.text, q.variables)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, answer) {
		return fmt.Errorf("the answer is another one than before: %.200s", got)
	}
	return nil
}

// plainMeasured is what the machine needs for one query without GraphQL.
type plainMeasured struct {
	calls []*timing // the store calls alone
	http  []*timing // the same calls, asked for and answered over HTTP
}

// withoutGraphQL makes the store calls of each of the queries, n times: with
// nothing around them, and in a plain HTTP handler that answers with the bytes of
// the product, for the clients that ask the product too. Those share the cores.
func (h *history) withoutGraphQL(ctx context.Context, answers []measured, n int, connections ...int) (all []plainMeasured, err error) {
	store, err := persistence.Open(ctx, h.storeURL(), persistence.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for i, q := range h.queries() {
		var m plainMeasured
		if m.calls, err = driveEach(ctx, n, connections, func(ctx context.Context) error { return q.bare(ctx, store) }); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		if m.http, err = q.overPlainHTTP(ctx, store, answers[i].answer, n, connections); err != nil {
			return nil, fmt.Errorf("%s, plain HTTP: %w", q.name, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// callsAlone makes the store calls of each of the queries, n times, one at a time.
func (h *history) callsAlone(ctx context.Context, n int) (all []*timing, err error) {
	store, err := persistence.Open(ctx, h.storeURL(), persistence.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for _, q := range h.queries() {
		timings, err := driveEach(ctx, n, []int{1}, func(ctx context.Context) error { return q.bare(ctx, store) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		all = append(all, timings...)
	}
	return all, nil
}

// overPlainHTTP asks a handler that makes the store calls of the query.
func (q *apiQuery) overPlainHTTP(ctx context.Context, store miniairflow.Store, answer []byte, n int, connections []int) ([]*timing, error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			err = q.bare(r.Context(), store)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) // a client that went away says so itself
	}))
	defer server.Close()
	client := product.NewClient(server.URL)
	return driveEach(ctx, n, connections, func(ctx context.Context) error { return q.askAgain(ctx, client, answer) })
}

// driveEach measures a call with each number of callers.
func driveEach(ctx context.Context, n int, callers []int, call func(ctx context.Context) error) ([]*timing, error) {
	var all []*timing
	for _, c := range callers {
		if _, err := drive(ctx, c, c*apiWarmup, call); err != nil {
			return nil, err
		}
		calls := n
		if c > 1 {
			calls *= crowdTurns
		}
		t, err := drive(ctx, c, calls, call)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// drive makes n calls, so many at a time, and stops at the first that fails.
func drive(ctx context.Context, callers, n int, call func(ctx context.Context) error) (*timing, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([]float64, n)
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				start := time.Now()
				if err := call(ctx); err != nil {
					cancel(err)
					return
				}
				took[i] = 1e3 * time.Since(start).Seconds()
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return &timing{
		median: report.Median(took), p99: report.Quantile(took, 0.99), perSecond: float64(n) / time.Since(began).Seconds(),
	}, nil
}
