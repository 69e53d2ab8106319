package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow/bench/report"
)

// apiAllowance is what an answer may cost in milliseconds beside its SQL: HTTP,
// GraphQL and JSON.
const apiAllowance = 5

// apiConnections is how many clients ask at a time: one alone, and more than the
// machine has cores.
var apiConnections = []int{1, 16}

// measureAPI measures how long the API takes for what people look at most, on a
// database with a long history, beside plain HTTP with the same calls of the store.
func measureAPI(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	for _, on := range databases {
		bench, err := l.measureQueries(ctx, on)
		if err != nil {
			return outcome, err
		}
		for _, f := range bench.figures {
			l.keep(&outcome, f.latencies...)
			l.keep(&outcome, f.growth)
		}
		if curve := bench.curve(); len(curve.Series) > 0 {
			outcome.Curves = append(outcome.Curves, curve)
		}
	}
	return outcome, nil
}

// historySizes are how many task runs the two databases have that are compared.
func (l *lab) historySizes(on database) (small, large int) {
	if on == onSQLite {
		return pick(l, 200, 10_000, 10_000), pick(l, 1000, 300_000, 1_000_000)
	}
	return pick(l, 200, 10_000, 10_000), pick(l, 1000, 1_000_000, 1_000_000)
}

// apiBench compares two histories of different size on one database.
type apiBench struct {
	on           database
	small, large *history
	requests     int
	figures      []*apiFigures // of each query
}

// apiFigures is what was measured of one query.
type apiFigures struct {
	name      string
	latencies []report.Row           // by place in apiConnections
	beside    []map[string][]float64 // what stands beside them, of each round
	growth    report.Row
	isMore    bool // see apiQuery
}

// measureQueries fills two databases and asks both in turns.
func (l *lab) measureQueries(ctx context.Context, on database) (b *apiBench, err error) {
	fewer, more := l.historySizes(on)
	small, err := l.newHistory(ctx, on, fewer)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, small.close(ctx)) }()
	large, err := l.newHistory(ctx, on, more)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, large.close(ctx)) }()
	b = &apiBench{on: on, small: small, large: large, requests: pick(l, 20, 200, 500)}
	for _, q := range large.queries() {
		b.figures = append(b.figures, b.newFigures(&q))
	}
	for range pick(l, 1, 3, 5) {
		if err := b.round(ctx); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *apiBench) newFigures(q *apiQuery) *apiFigures {
	size := report.Number(float64(b.large.tasks)) + " task runs"
	f := &apiFigures{name: q.name, growth: report.Row{
		Name: fmt.Sprintf("%s, %s: median", q.name, b.on), Unit: "ms", Target: 1.2, AtMost: true, Note: q.note,
		LimitName: fmt.Sprintf("with %s task runs instead of %s", report.Number(float64(b.small.tasks)), report.Number(float64(b.large.tasks))),
	}}
	if q.isMore {
		f.isMore, f.growth.BoundName = true, "the request of the short history with the store's count of the long one in place of its own"
	}
	for _, n := range apiConnections {
		f.beside = append(f.beside, map[string][]float64{})
		f.latencies = append(f.latencies, report.Row{
			Name: fmt.Sprintf("%s, %s, %d at a time, %s: p99 less %d ms", q.name, size, n, b.on, apiAllowance), Unit: "ms",
			LimitName: "p99 of plain HTTP with the same store calls and answers", Target: 2, AtMost: true, Beside: map[string]float64{},
		})
	}
	return f
}

// round asks both databases over HTTP and then the store without GraphQL.
// SQLite has one process at a time, so each of these has the database for itself.
func (b *apiBench) round(ctx context.Context) error {
	few, err := b.small.overHTTP(ctx, b.requests, 1)
	if err != nil {
		return fmt.Errorf("ask for a short history: %w", err)
	}
	many, err := b.large.overHTTP(ctx, b.requests, apiConnections...)
	if err != nil {
		return fmt.Errorf("ask for a long history: %w", err)
	}
	plain, err := b.large.withoutGraphQL(ctx, many, b.requests, apiConnections...)
	if err != nil {
		return fmt.Errorf("call the store: %w", err)
	}
	calls, err := b.small.callsAlone(ctx, b.requests)
	if err != nil {
		return fmt.Errorf("call the store with a short history: %w", err)
	}
	for i, f := range b.figures {
		f.add(&few[i], &many[i], &plain[i])
		if f.isMore {
			f.growth.Bound = append(f.growth.Bound, few[i].median()+plain[i].calls[0].median-calls[i].median)
		}
	}
	return nil
}

// add notes one round. What was void once stays void.
func (f *apiFigures) add(few, many *measured, plain *plainMeasured) {
	for _, m := range []*measured{few, many} {
		if m.void == "" {
			continue
		}
		f.growth.Void = m.void
		for i := range f.latencies {
			f.latencies[i].Void = m.void
		}
		return
	}
	for i := range f.latencies {
		row, ours, limit, calls := &f.latencies[i], many.timings[i], plain.http[i], plain.calls[i]
		row.Ours = append(row.Ours, max(0, ours.p99-apiAllowance))
		row.Limit = append(row.Limit, limit.p99)
		for name, value := range map[string]float64{
			"p50, ms": ours.median, "p99, ms": ours.p99, "requests/s": ours.perSecond, "p50 of plain HTTP, ms": limit.median,
			"p50 of the store calls, ms": calls.median, "p99 of the store calls, ms": calls.p99,
		} {
			f.beside[i][name] = append(f.beside[i][name], value)
			row.Beside[name] = report.Median(f.beside[i][name])
		}
	}
	f.growth.Ours = append(f.growth.Ours, many.median())
	f.growth.Limit = append(f.growth.Limit, few.median())
}

// curve shows how the median of each query grows with the history.
func (b *apiBench) curve() report.Curve {
	curve := report.Curve{
		Name: "One request at a time, " + string(b.on), XName: "task runs", YName: "ms",
		X: []float64{float64(b.small.tasks), float64(b.large.tasks)},
	}
	for _, f := range b.figures {
		if f.growth.Void == "" {
			curve.Series = append(curve.Series, report.Series{
				Name: f.name, Y: []float64{report.Median(f.growth.Limit), report.Median(f.growth.Ours)},
			})
		}
	}
	return curve
}
