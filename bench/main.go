// Command bench measures Mini Airflow beside what the machine can do at most and
// beside other programs, checks that what was run was run as it should have
// been, and writes a report. It keeps each result, so that it can be interrupted
// and called again.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/report"
)

// benchmark is one question and how it is answered.
type benchmark struct {
	id      string
	title   string
	measure func(ctx context.Context, lab *lab) (report.Outcome, error)
}

// benchmarks are all of them, in the order of the report.
var benchmarks = []benchmark{
	{"B1", "no-op shell tasks, one run of independent tasks", measureShellTasks},
	{"B2", "tasks without processes, all queued before", measureNoopTasks},
	{"B3", "time per hop of a chain", measureChain},
	{"B4", "fan, ladder and grid", measureGraphs},
	{"B5", "growth with the size of a run", measureGrowth},
	{"B6", "workflows that are due in the same minute, and idle ones", measureSchedules},
	{"B7", "a folder of files into the database", measureFiles},
	{"B8", "from the save of a file to the database", measureSaves},
	{"B9", "the API on a long history", measureAPI},
	{"B10", "live updates for many subscribers", measureSubscribers},
	{"B11", "memory with a long queue", measureQueueMemory},
	{"B12", "output of tasks, stored", measureLogs},
	{"B13", "1 to 8 workers on one database", measureWorkers},
	{"B16", "workloads that others have published", measurePublished},
}

type options struct {
	program string
	dir     string
	results string
	docs    string
	only    string
	size    string
	dagu    string
	anew    bool
}

func main() {
	var o options
	flag.StringVar(&o.program, "program", "../bin/miniairflow", "the binary that is measured")
	flag.StringVar(&o.dir, "dir", "", "where databases and workflows are put while they are measured; default: the system's temporary directory")
	flag.StringVar(&o.results, "results", "results.jsonl", "file that keeps the results; what it has of this version and size is not measured again")
	flag.StringVar(&o.docs, "docs", "", "folder that gets performance.md and its charts; empty: none is written")
	flag.StringVar(&o.only, "only", "", "the benchmarks to run, such as B1,B3; empty: all")
	flag.StringVar(&o.size, "size", string(standard), "smoke (does it work at all), standard or full")
	flag.StringVar(&o.dagu, "dagu", "", "Dagu's program; empty: the one on PATH, if there is one")
	flag.BoolVar(&o.anew, "anew", false, "measure again what the results have")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	lab, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer lab.close()
	outcomes, err := report.Read(o.results)
	if err != nil {
		return err
	}
	known := func(id string) bool {
		return slices.ContainsFunc(outcomes, func(old report.Outcome) bool {
			return old.Benchmark == id && old.Commit == lab.commit && old.Size == o.size && old.Error == ""
		})
	}
	failed := 0
	if lab.size == smoke {
		lab.say("this only tries whether everything can be measured and is right: the sizes are too small for the figures and verdicts to say anything")
	}
	for _, b := range benchmarks {
		if !isWanted(o.only, b.id) || !o.anew && known(b.id) {
			continue
		}
		outcome := lab.measure(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if outcome.Error != "" {
			failed++
		}
		if err := report.Append(o.results, outcome); err != nil {
			return err
		}
	}
	if outcomes, err = report.Read(o.results); err != nil {
		return err
	}
	outcomes = slices.DeleteFunc(outcomes, func(old report.Outcome) bool { return old.Commit != lab.commit || old.Size != o.size })
	slices.SortFunc(outcomes, func(a, b report.Outcome) int { return place(a.Benchmark) - place(b.Benchmark) })
	lab.tellTimes(outcomes)
	if err := lab.write(ctx, o, outcomes); err != nil {
		return err
	}
	for _, outcome := range outcomes {
		failed += len(slices.DeleteFunc(slices.Clone(outcome.Rows), func(r report.Row) bool { return r.Void == "" }))
	}
	if failed > 0 {
		return fmt.Errorf("%d results are void or missing", failed)
	}
	return nil
}

func isWanted(only, id string) bool {
	return only == "" || slices.Contains(strings.Split(only, ","), id)
}

func place(id string) int {
	return slices.IndexFunc(benchmarks, func(b benchmark) bool { return b.id == id })
}

// measure runs one benchmark. What goes wrong is its outcome.
func (l *lab) measure(ctx context.Context, b benchmark) report.Outcome {
	l.say("%s: %s", b.id, b.title)
	began := time.Now()
	l.lap = began
	outcome, err := b.measure(ctx, l)
	if err != nil {
		outcome.Error = err.Error()
		l.say("%s: %v", b.id, err)
	}
	outcome.Benchmark, outcome.Title, outcome.Commit, outcome.Size = b.id, b.title, l.commit, string(l.size)
	outcome.At, outcome.Took = began.UTC(), time.Since(began)
	for i := range outcome.Rows {
		outcome.Rows[i].Benchmark = b.id
		l.say("  %s", describe(&outcome.Rows[i]))
	}
	l.say("  took %s", outcome.Took.Round(time.Second))
	return outcome
}

// keep adds rows that were measured since the last ones were kept.
func (l *lab) keep(outcome *report.Outcome, rows ...report.Row) {
	if len(rows) > 0 {
		rows[0].Took = time.Since(l.lap)
		l.lap = l.lap.Add(rows[0].Took)
	}
	outcome.Rows = append(outcome.Rows, rows...)
}

// longestShown is how many rows the summary of the time names.
const longestShown = 10

// tellTimes says how long all of it took, and what took the longest.
func (l *lab) tellTimes(outcomes []report.Outcome) {
	var all time.Duration
	var rows []report.Row
	for _, outcome := range outcomes {
		all += outcome.Took
		rows = append(rows, outcome.Rows...)
	}
	slices.SortStableFunc(rows, func(a, b report.Row) int { return cmp.Compare(b.Took, a.Took) })
	l.say("all benchmarks took %s; the longest of their rows, each with those that were measured with it:", all.Round(time.Second))
	for _, row := range rows[:min(len(rows), longestShown)] {
		l.say("  %s  %s: %s", row.Took.Round(time.Second), row.Benchmark, row.Name)
	}
}

func describe(r *report.Row) string {
	if r.Void != "" {
		return r.Name + ": void: " + r.Void
	}
	median, least, most := r.Value()
	text := fmt.Sprintf("%s: %s (%s–%s), target %s, %s; ours %s %s", r.Name, report.Number(median), report.Number(least), report.Number(most),
		report.Number(r.Target), r.Verdict(), report.Number(report.Median(r.Ours)), r.Unit)
	if len(r.Limit) > 0 {
		text += fmt.Sprintf(", %s %s", r.LimitName, report.Number(report.Median(r.Limit)))
	}
	if len(r.Bound) > 0 {
		bound, _, _ := r.BoundValue()
		text += fmt.Sprintf(", bound %s", report.Number(bound))
	}
	for name, figure := range r.Beside {
		text += fmt.Sprintf(", %s %s", name, report.Number(figure))
	}
	return text
}

// commitOf names the version of the checkout that the program lies in. A tree
// with changes is another version each time.
func commitOf(ctx context.Context, program string) string {
	git := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty")
	git.Dir = filepath.Dir(program)
	out, err := git.Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
