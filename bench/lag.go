package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// stampScript notes when it ran. What the database says of the start of a task
// is when it was claimed, which is before its process is there.
const stampScript = `date "+${MINIAIRFLOW_TASK:-t$BENCH_TASK} %s%N" >>`

// measureLag measures how long after the last of its parents a task runs, from
// process to process, in a ladder: two tasks at most at a time, so that a slot is
// always free.
func (l *lab) measureLag(ctx context.Context, on database) (row report.Row, err error) {
	graph := shape.Ladder(pick(l, 16, 601, 1501))
	row = report.Row{
		Name: fmt.Sprintf("start after the last parent, p99, %s, %s", graph.Name, on), Unit: "ms", Target: 10, AtMost: true,
		Beside: map[string]float64{},
	}
	file := filepath.Join(l.dir, "stamps-"+string(on))
	script := stampScript + " " + file
	s, err := l.newSystem(ctx, on, product.Config{Concurrency: slots}, workflows(shape.Task{Script: script}, graph))
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	var ours, bare []float64
	for range pick(l, 1, 3, 5) {
		if _, err := s.Play(ctx, graph); err != nil {
			return row, err
		}
		lags, err := takeLags(file, graph)
		if err != nil {
			row.Void = err.Error()
			return row, nil
		}
		row.Ours, ours = append(row.Ours, report.Quantile(lags, 0.99)), append(ours, lags...)
		if _, _, err := limit.Loop(ctx, graph, script, slots); err != nil {
			return row, err
		}
		if lags, err = takeLags(file, graph); err != nil {
			return row, err
		}
		bare = append(bare, lags...)
	}
	row.Beside["p50, ms"] = report.Median(ours)
	row.Beside["bare Go loop p50, ms"] = report.Median(bare)
	row.Beside["bare Go loop p99, ms"] = report.Quantile(bare, 0.99)
	return row, nil
}

// takeLags reads the stamps of one run and removes them. It returns the lag of
// each task that has a parent, in milliseconds.
func takeLags(path string, graph *shape.Graph) ([]float64, error) {
	stamps, err := readStamps(path, graph.Len())
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	done := make([]shape.Done, graph.Len())
	for i, at := range stamps {
		if at.IsZero() {
			return nil, fmt.Errorf("task %d left no stamp", i)
		}
		done[i] = shape.Done{Started: at, Finished: at, Attempts: 1, Success: true}
	}
	if err := graph.Check(done); err != nil {
		return nil, err
	}
	var lags []float64
	for i, lag := range graph.Lags(done, stamps[0]) {
		if len(graph.Parents[i]) > 0 {
			lags = append(lags, 1e3*lag.Seconds())
		}
	}
	return lags, nil
}

func readStamps(path string, n int) ([]time.Time, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read stamps: %w", err)
	}
	defer file.Close()
	stamps := make([]time.Time, n)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, at, _ := strings.Cut(lines.Text(), " ")
		task, err := strconv.Atoi(strings.TrimPrefix(name, "t"))
		if err != nil || task < 0 || task >= n {
			return nil, fmt.Errorf("stamp %q is of no task", lines.Text())
		}
		nanoseconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("stamp %q has no time", lines.Text())
		}
		if !stamps[task].IsZero() {
			return nil, fmt.Errorf("task %d ran twice", task)
		}
		stamps[task] = time.Unix(0, nanoseconds)
	}
	return stamps, lines.Err()
}
