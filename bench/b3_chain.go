package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// measureChain measures the time from the start of one task to the start of the
// next in a chain: a process and a durable commit each, one after the other.
func measureChain(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	lengths := pick(l, []int{20}, []int{100, 1000}, []int{100, 1000})
	peers, err := l.playPeers(ctx, shape.Chain(lengths[0]), 1)
	if err != nil {
		return outcome, err
	}
	for _, on := range databases {
		for i, n := range lengths {
			rows, err := l.chain(ctx, on, shape.Chain(n))
			if err != nil {
				return outcome, err
			}
			if i == 0 {
				peers.beside(on, &rows[0], func(took float64) float64 { return 1e3 * took / float64(n) })
			}
			l.keep(&outcome, rows...)
		}
	}
	return outcome, nil
}

func (l *lab) chain(ctx context.Context, on database, graph *shape.Graph) (rows []report.Row, err error) {
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader"}}, workflows(shape.Task{Script: trueScript}, graph))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	bound, err := s.loadAndBind(ctx, work{graph: graph, script: trueScript, slots: slots})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bound.close(ctx)) }()
	if _, err := s.Play(ctx, graph); err != nil { // the first one only warms up
		return nil, err
	}
	hop := report.Row{
		Name: fmt.Sprintf("chain of %d, %s", graph.Len(), on), Unit: "ms/hop", LimitName: "bare spawn + one commit", Target: 1.25, AtMost: true,
		BoundName: boundName,
	}
	flat := report.Row{
		Name: fmt.Sprintf("chain of %d, %s: last quarter", graph.Len(), on), Unit: "ms/hop", LimitName: "first quarter", Target: 1.1, AtMost: true,
	}
	turns := pick(l, 1, 5, 9)
	if graph.Len() >= 1000 { // each turn is a sample of many hops
		turns = pick(l, 1, 3, 5)
	}
	for range turns {
		run, err := s.Play(ctx, graph)
		if err != nil {
			hop.Void = err.Error()
			return []report.Row{hop}, ctx.Err()
		}
		_, took, err := limit.Loop(ctx, graph, trueScript, 1)
		if err != nil {
			return nil, err
		}
		commit, err := l.commitTime(ctx, on, 200)
		if err != nil {
			return nil, err
		}
		n := graph.Len()
		first := run.Tasks[n/4].Started.Sub(run.Tasks[0].Started)
		last := run.Tasks[n-1].Started.Sub(run.Tasks[n-1-n/4].Started)
		hop.Ours = append(hop.Ours, hopMillis(run))
		hop.Limit = append(hop.Limit, 1e3*(took.Seconds()/float64(n)+commit.Seconds()))
		flat.Ours = append(flat.Ours, 1e3*last.Seconds()/float64(n/4))
		flat.Limit = append(flat.Limit, 1e3*first.Seconds()/float64(n/4))
		if len(hop.Bound) == l.boundTurns(graph) {
			continue
		}
		most, err := bound.play(ctx)
		if err != nil {
			return nil, err
		}
		hop.Bound = append(hop.Bound, 1e3*most.Seconds()/float64(n))
	}
	return []report.Row{hop, flat}, nil
}
