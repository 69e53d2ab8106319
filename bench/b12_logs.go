package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// logMax is what the product keeps of the output of an attempt.
const logMax = 256 << 20

// flood is tasks that print.
type flood struct {
	name    string
	tasks   int
	script  string
	text    []byte // what each task prints,
	times   int    // so often
	repeats int
}

func (f *flood) printed() int64     { return int64(len(f.text)) * int64(f.times) }
func (f *flood) megabytes() float64 { return float64(f.printed()) * float64(f.tasks) / 1e6 }

// measureLogs measures how much output of tasks is stored in a second, and what
// a flood of output does to the rest.
func measureLogs(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	text := logText(pick(l, 500_000, 10_000_000, 10_000_000))
	path := filepath.Join(l.dir, "log.txt")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return outcome, err
	}
	floods := l.floods(path, text)
	for _, on := range databases {
		for i := range floods {
			row, err := l.storeLogs(ctx, on, &floods[i])
			if err != nil {
				return outcome, fmt.Errorf("%s, %s: %w", floods[i].name, on, err)
			}
			if on == databases[0] && i == 0 {
				row.Note = "tasks print a text made from a fixed seed with `cat`. Of an attempt 256 MiB are kept, by the loop too; " +
					"what was printed counts, and what was kept is read back and compared with it."
			}
			l.keep(&outcome, row)
		}
		row, err := l.hopsUnderFlood(ctx, on, path)
		if err != nil {
			return outcome, fmt.Errorf("chain under a flood, %s: %w", on, err)
		}
		l.keep(&outcome, row)
	}
	return outcome, nil
}

// floods returns what is printed. Each case takes seconds, so the larger ones
// are not repeated as often.
func (l *lab) floods(path string, text []byte) []flood {
	lines := pick(l, 10_000, 1_000_000, 1_000_000)
	large := flood{tasks: 1, text: text, times: pick(l, 10, 100, 100), repeats: pick(l, 1, 3, 4)}
	large.script = catScript(path, large.times)
	many := flood{tasks: pick(l, 10, 100, 100), text: text, times: 1, script: catScript(path, 1), repeats: pick(l, 1, 2, 4)}
	short := flood{tasks: 1, text: numberLines(lines), times: 1, script: "seq " + strconv.Itoa(lines), repeats: pick(l, 1, 5, 9)}
	large.name = fmt.Sprintf("one task prints %s MB", report.Number(large.megabytes()))
	many.name = fmt.Sprintf("%d tasks print %s MB each", many.tasks, report.Number(many.megabytes()/float64(many.tasks)))
	short.name = fmt.Sprintf("one task prints %s short lines", report.Number(float64(lines)))
	return []flood{large, many, short}
}

// catScript returns a script that prints a file so often, with one process.
func catScript(path string, times int) string {
	return "cat" + strings.Repeat(" '"+path+"'", times)
}

// storeLogs lets the product and a bare loop store the same output, in turns.
func (l *lab) storeLogs(ctx context.Context, on database, f *flood) (row report.Row, err error) {
	row = report.Row{
		Name: f.name + ", " + string(on), Unit: "MB/s", LimitName: "bare Go loop, zstd, one file each", Target: 0.7, Beside: map[string]float64{},
	}
	graph := shape.Wide(f.tasks)
	s, err := l.newSystem(ctx, on, product.Config{Concurrency: slots}, workflows(shape.Task{Script: f.script}, graph))
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	for range f.repeats {
		run, took, err := s.playFlood(ctx, graph)
		if err != nil {
			row.Void = err.Error()
			return row, ctx.Err()
		}
		if err := s.checkLogs(ctx, run, f); err != nil {
			row.Void = err.Error()
			return row, ctx.Err()
		}
		bare, err := limit.Logs(ctx, l.dir, f.script, f.tasks, slots, logMax)
		if err != nil {
			return row, err
		}
		row.Ours = append(row.Ours, f.megabytes()/took)
		row.Limit = append(row.Limit, f.megabytes()/bare.Seconds())
	}
	usage, err := s.Usage()
	if err != nil {
		return row, err
	}
	row.Beside["peak memory, MB"] = float64(usage.PeakRSS) / 1e6
	return row, nil
}

// playFlood plays the graph and returns the id of the run and its seconds.
func (s *system) playFlood(ctx context.Context, graph *shape.Graph) (id string, seconds float64, err error) {
	if id, err = s.API.Trigger(ctx, graph.Name); err != nil {
		return "", 0, err
	}
	if err := s.API.Wait(ctx, id); err != nil {
		return "", 0, err
	}
	run, err := s.Checked(ctx, graph, id)
	if err != nil {
		return "", 0, err
	}
	return id, run.Took().Seconds(), nil
}

// checkLogs compares what is stored of each task with what it has printed.
func (s *system) checkLogs(ctx context.Context, run string, f *flood) (err error) {
	logs, err := s.OpenLogs()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	for seq := range f.tasks {
		expected := f.expected()
		if err := logs.Copy(ctx, expected, run, seq); err != nil {
			return fmt.Errorf("log of task %d: %w", seq, err)
		}
		if err := expected.close(); err != nil {
			return fmt.Errorf("log of task %d: %w", seq, err)
		}
	}
	return nil
}
