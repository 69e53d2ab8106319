package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// slots is how many tasks run at a time where a benchmark does not say otherwise.
const slots = 8

// trueScript is the shortest task that is a process.
const trueScript = "true"

// measureShellTasks measures how many tasks that do nothing but start a shell
// end in a second, in one run of independent ones.
func measureShellTasks(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	graph := shape.Wide(pick(l, 50, 10_000, 10_000))
	makefile := filepath.Join(l.dir, "wide.mk")
	if err := writeFile(makefile, func(f *os.File) error { return graph.WriteMakefile(f, trueScript) }); err != nil {
		return outcome, err
	}
	xargs, err := limit.Xargs(ctx, graph.Len(), slots, trueScript)
	if err != nil {
		return outcome, err
	}
	withMake, err := limit.Make(ctx, makefile, slots)
	if err != nil {
		return outcome, err
	}
	rate := func(took float64) float64 { return float64(graph.Len()) / took }
	peers, err := l.playPeers(ctx, graph, slots)
	if err != nil {
		return outcome, err
	}
	for _, on := range databases {
		row := report.Row{
			Name: report.Number(float64(graph.Len())) + " tasks, 8 at a time, " + string(on), Unit: "tasks/s", LimitName: "bare Go loop",
			Target: 0.9, Beside: map[string]float64{"xargs": rate(xargs.Seconds()), "make": rate(withMake.Seconds())},
		}
		if on == onPostgres {
			row.Target = 0.8
		}
		peers.beside(on, &row, rate)
		if err := l.compare(ctx, on, work{graph: graph, script: trueScript, slots: slots, repeats: pick(l, 1, 3, 5)}, &row); err != nil {
			return outcome, err
		}
		l.keep(&outcome, row)
	}
	return outcome, nil
}

// work is what the product and a bare loop do in turns.
type work struct {
	graph   *shape.Graph
	script  string // of each task
	slots   int
	repeats int
}

// compare plays the graph in the product and in a bare loop, in turns, and notes
// for both how many tasks ended in a second; and the same of the bound.
func (l *lab) compare(ctx context.Context, on database, w work, row *report.Row) (err error) {
	warmup := shape.Wide(min(w.graph.Len(), pick(l, 10, 500, 500)))
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader"}, Extra: roomy}, workflows(shape.Task{Script: w.script}, w.graph, warmup))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	bound, err := s.loadAndBind(ctx, w, warmup)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bound.close(ctx)) }()
	if _, err := s.Play(ctx, warmup); err != nil {
		return err
	}
	row.BoundName = boundName
	rate := func(took time.Duration) float64 { return float64(w.graph.Len()) / took.Seconds() }
	for range w.repeats {
		run, err := s.Play(ctx, w.graph)
		if err != nil {
			row.Void = err.Error()
			return ctx.Err()
		}
		done, took, err := limit.Loop(ctx, w.graph, w.script, w.slots)
		if err == nil {
			err = w.graph.Check(done)
		}
		if err != nil {
			return err
		}
		row.Ours, row.Limit = append(row.Ours, rate(run.Took())), append(row.Limit, rate(took))
		if len(row.Bound) == l.boundTurns(w.graph) {
			continue
		}
		most, err := bound.play(ctx)
		if err != nil {
			return err
		}
		row.Bound = append(row.Bound, rate(most))
	}
	return nil
}

// boundTurns is in how many of the turns the bound is measured as well. One of a
// large graph is long enough to be like the next.
func (l *lab) boundTurns(graph *shape.Graph) int {
	if graph.Len() >= 10_000 {
		return 1
	}
	return pick(l, 1, 2, 3)
}

// roomy are the flags that let the largest files in.
var roomy = []string{"--max-file-bytes", "67108864", "--max-file-tasks", "100000", "--max-file-time", "2m"}
