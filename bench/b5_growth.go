package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// measureGrowth measures how time, bytes and memory grow with the tasks of one
// run. A process of its own loads the file, so that the memory is that of the run.
func measureGrowth(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	sizes := pick(l, []int{50, 100}, []int{1000, 10_000, 100_000}, []int{1000, 3000, 10_000, 30_000, 100_000})
	for _, on := range databases {
		curve := report.Curve{Name: "One run of noop tasks, two parents each, " + string(on), XName: "tasks", YName: "cost", Series: []report.Series{
			{Name: "time, ms"}, {Name: "written, kB"}, {Name: "peak memory, MB"},
		}}
		memory := report.Row{Name: fmt.Sprintf("peak memory at %s tasks, %s", report.Number(float64(sizes[len(sizes)-1])), on), Unit: "MB", Target: 150, AtMost: true}
		for _, n := range sizes {
			g, err := l.growth(ctx, on, shape.Random(n))
			if err != nil {
				memory.Void = fmt.Sprintf("%d tasks: %v", n, err)
				break
			}
			curve.X = append(curve.X, float64(n))
			for i, value := range g {
				curve.Series[i].Y = append(curve.Series[i].Y, value)
			}
			memory.Ours = []float64{g[2]}
		}
		if ctx.Err() != nil {
			return outcome, ctx.Err()
		}
		if len(curve.X) > 1 {
			for _, series := range curve.Series {
				l.keep(&outcome, report.Row{
					Name: fmt.Sprintf("growth of %s with tasks, %s", series.Name, on), Unit: "log/log", Ours: []float64{report.Slope(curve.X, series.Y)},
					Target: 1.05, AtMost: true, Beside: map[string]float64{"at the most": series.Y[len(series.Y)-1]},
				})
			}
			outcome.Curves = append(outcome.Curves, curve)
		}
		l.keep(&outcome, memory)
	}
	return outcome, nil
}

// growth plays one run and returns its milliseconds, the kilobytes written, and
// the peak of the memory in megabytes.
func (l *lab) growth(ctx context.Context, on database, graph *shape.Graph) (costs [3]float64, err error) {
	roles := []string{"api", "scheduler", "worker"}
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader"}, Extra: roomy}, workflows(shape.Task{Noop: true}, graph))
	if err != nil {
		return costs, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := s.API.AwaitWorkflow(ctx, graph.Name); err != nil {
		return costs, err
	}
	if err := s.Stop(); err != nil {
		return costs, err
	}
	server, err := s.start(ctx, "", roles, noopSlots)
	if err != nil {
		return costs, err
	}
	s.Process = server
	run, err := server.Play(ctx, graph)
	if err != nil {
		return costs, err
	}
	usage, err := server.Usage()
	if err != nil {
		return costs, err
	}
	written := float64(usage.Written)
	if on == onPostgres {
		if written, err = l.server.WALBytes(ctx, s.config.Database); err != nil {
			return costs, err
		}
	}
	return [3]float64{1e3 * run.Took().Seconds(), written / 1e3, float64(usage.PeakRSS) / 1e6}, nil
}
