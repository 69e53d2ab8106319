package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// measureGraphs measures graphs whose edges are the work: one that fans out and
// in, diamonds in a row, and layers that wait for whole layers.
func measureGraphs(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	graphs := pick(l,
		[]*shape.Graph{shape.Fan(12), shape.Ladder(16), shape.Grid(25)},
		[]*shape.Graph{shape.Fan(1002), shape.Ladder(1501), shape.Grid(10_000)},
		[]*shape.Graph{shape.Fan(1002), shape.Ladder(1501), shape.Grid(10_000), shape.Tree(1023)})
	for _, graph := range graphs {
		makefile := filepath.Join(l.dir, graph.Name+".mk")
		if err := writeFile(makefile, func(f *os.File) error { return graph.WriteMakefile(f, trueScript) }); err != nil {
			return outcome, err
		}
		withMake, err := limit.Make(ctx, makefile, slots)
		if err != nil {
			return outcome, err
		}
		peers, err := l.playPeers(ctx, graph, slots)
		if err != nil {
			return outcome, err
		}
		for _, on := range databases {
			row := report.Row{
				Name: fmt.Sprintf("%s, %s edges, %s", graph.Name, report.Number(float64(graph.Edges())), on), Unit: "tasks/s",
				LimitName: "bare Go loop", Target: 0.9, Beside: map[string]float64{"make": float64(graph.Len()) / withMake.Seconds()},
			}
			peers.beside(on, &row, func(took float64) float64 { return float64(graph.Len()) / took })
			repeats := pick(l, 1, 3, 5)
			if graph.Len() >= 10_000 { // each of its turns takes half a minute
				repeats = pick(l, 1, 2, 3)
			}
			if err := l.compare(ctx, on, work{graph: graph, script: trueScript, slots: slots, repeats: repeats}, &row); err != nil {
				return outcome, err
			}
			l.keep(&outcome, row)
		}
	}
	for _, on := range databases {
		row, err := l.measureLag(ctx, on)
		if err != nil {
			return outcome, err
		}
		l.keep(&outcome, row)
	}
	return outcome, nil
}
