package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

const (
	// workerSlots is how many tasks each worker runs at a time.
	workerSlots = 4
	// napScript is a task that takes a while and no processor.
	napScript = "sleep 0.2"
	napTime   = 200 * time.Millisecond
)

// measureWorkers measures what more workers bring on one database, and what they
// cost it.
func measureWorkers(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	counts := pick(l, []int{1, 2}, []int{1, 2, 4, 8}, []int{1, 2, 4, 8})
	naps := make([]*shape.Graph, len(counts)) // for each count of workers one run that is as long for all of them
	for i, n := range counts {
		naps[i] = shape.Wide(n * workerSlots * pick(l, 2, 20, 50))
	}
	noops := shape.Wide(pick(l, 200, 2000, noopRunTasks))
	f, err := l.newFleet(ctx, naps, noops)
	if err != nil {
		return outcome, err
	}
	defer func() { err = errors.Join(err, f.close(ctx)) }()
	idle, err := f.idleStatements(ctx)
	if err != nil {
		return outcome, err
	}
	last := len(counts) - 1
	idleCount := counts[min(2, last)]
	perWorker := report.Row{
		Name: fmt.Sprintf("idle statements, %d workers, PostgreSQL", idleCount), Unit: "statements/s and worker", Target: 5, AtMost: true,
		Beside: map[string]float64{"the server alone, statements/s": idle},
	}
	rates := make([][]float64, len(counts))
	for i, n := range counts {
		if err := f.grow(ctx, n); err != nil {
			return outcome, err
		}
		if n == idleCount {
			with, err := f.idleStatements(ctx)
			if err != nil {
				return outcome, err
			}
			perWorker.Ours = []float64{(with - idle) / float64(n)}
		}
		if i == last {
			break // it is measured together with its commits
		}
		if rates[i], err = f.rates(ctx, naps[i]); err != nil {
			l.keep(&outcome, report.Row{Name: scalingName(n), Void: err.Error()})
			return outcome, ctx.Err()
		}
	}
	var commits []report.Row
	if commits, rates[last], err = f.commitsPerTask(ctx, naps[last], noops); err != nil {
		l.keep(&outcome, report.Row{Name: scalingName(counts[last]), Void: err.Error()})
		return outcome, ctx.Err()
	}
	for i, n := range counts {
		l.keep(&outcome, scaling(n, rates[i], rates[0]))
	}
	l.keep(&outcome, append(commits, perWorker)...)
	return outcome, nil
}

func scalingName(n int) string {
	return fmt.Sprintf("%d × %d slots, `%s`, PostgreSQL", n, workerSlots, napScript)
}

// scaling is the row of one count of workers: its rates beside those of one
// worker, so many times.
func scaling(n int, rates, single []float64) report.Row {
	ideal := float64(n*workerSlots) / napTime.Seconds()
	row := report.Row{
		Name: scalingName(n), Unit: "tasks/s", Ours: rates, Target: 0.9,
		Beside: map[string]float64{"share of slots/0.2 s": report.Median(rates) / ideal},
	}
	if n == 1 {
		row.Info = true
		return row
	}
	row.LimitName = fmt.Sprintf("%d × one worker", n)
	for _, rate := range single {
		row.Limit = append(row.Limit, float64(n)*rate)
	}
	return row
}

// rates plays a run some times and returns how many tasks ended in a second.
func (f *fleet) rates(ctx context.Context, graph *shape.Graph) (rates []float64, err error) {
	for range pick(f.lab, 1, 3, 5) {
		run, err := f.Play(ctx, graph)
		if err != nil {
			return nil, err
		}
		rates = append(rates, float64(graph.Len())/run.Took().Seconds())
	}
	return rates, nil
}

// commitsPerTask returns how many transactions that write are committed for a task that sleeps
// and for one that does nothing, and the rates of those that sleep.
func (f *fleet) commitsPerTask(ctx context.Context, naps, noops *shape.Graph) (rows []report.Row, rates []float64, err error) {
	slept, err := f.commitsOf(ctx, func() (err error) {
		rates, err = f.rates(ctx, naps)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var noopRates []float64
	ended, err := f.commitsOf(ctx, func() (err error) {
		noopRates, err = f.rates(ctx, noops)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	row := func(what string, commits float64, tasks int, rates []float64) report.Row {
		return report.Row{
			Name: fmt.Sprintf("commits at load, %d workers, %s, PostgreSQL", len(f.workers), what), Unit: "commits/task",
			Ours: []float64{commits / float64(tasks*len(rates))}, Target: 1.2, AtMost: true, Beside: map[string]float64{"tasks/s": report.Median(rates)},
		}
	}
	return []report.Row{
		row("`"+napScript+"`", slept, naps.Len(), rates),
		row("noop tasks", ended, noops.Len(), noopRates),
	}, rates, nil
}
