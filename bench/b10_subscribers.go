package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// The pace of the runs that are watched. The tasks of a run change one by one:
// each waits in the queue, without a worker, until its queue_timeout ends it. So
// the load is the same however fast the machine is, and no process of a task takes
// part in it. With 100 runs and 10 subscribers each, these are 5,000 deliveries a
// second.
const tickGap = 200 * time.Millisecond

// stalledShare is which part of the subscribers never reads: one in so many.
const stalledShare = 20

// crowd is who watches what.
type crowd struct {
	workflow    string
	subscribers int
	runs        int
	ticks       int           // tasks of a run
	start       time.Duration // from the start of a run to its first tick: in this time everybody subscribes
}

// measureSubscribers measures how long it takes until a change of a task is with
// everybody who watches its run, and whether those who do not read delay the others.
func measureSubscribers(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	c := pick(l,
		crowd{subscribers: 20, runs: 4, ticks: 5, start: time.Second},
		crowd{subscribers: 1000, runs: 100, ticks: 30, start: 6 * time.Second},
		crowd{subscribers: 1000, runs: 100, ticks: 100, start: 6 * time.Second})
	c.workflow = "ticking"
	if err := raiseFiles(3 * c.subscribers); err != nil {
		return outcome, err
	}
	for _, on := range databases {
		rows, err := l.subscribers(ctx, on, &c)
		if err != nil {
			return outcome, err
		}
		l.keep(&outcome, rows...)
	}
	return outcome, nil
}

// subscribers watches with and without clients that do not read, in turns.
func (l *lab) subscribers(ctx context.Context, on database, c *crowd) (rows []report.Row, err error) {
	who := fmt.Sprintf("%d subscribers of %d runs, %s", c.subscribers, c.runs, on)
	latency := report.Row{Name: "from a change to its arrival, p99, " + who, Unit: "ms", Target: 200, AtMost: true}
	delay := report.Row{
		Name: fmt.Sprintf("p99 with %d who do not read, %s", c.subscribers/stalledShare, who), Unit: "ms",
		LimitName: "with none of them", Target: 1.2, AtMost: true,
	}
	warmup := crowd{workflow: "warmup", subscribers: c.subscribers / 10, runs: max(1, c.runs/10), ticks: 5, start: min(c.start, 3*time.Second)}
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader", "scheduler"}}, func(dags string) error {
		return errors.Join(c.write(dags), warmup.write(dags))
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if _, err := s.watch(ctx, &warmup, 0); err != nil {
		latency.Void, delay.Void = err.Error(), err.Error()
		return []report.Row{latency, delay}, ctx.Err()
	}
	var crowded *watched
	for range pick(l, 1, 2, 2) {
		alone, err := s.watch(ctx, c, 0)
		if err == nil {
			crowded, err = s.watch(ctx, c, c.subscribers/stalledShare)
		}
		if err != nil {
			latency.Void, delay.Void = err.Error(), err.Error()
			return []report.Row{latency, delay}, ctx.Err()
		}
		p99 := report.Quantile(crowded.latencies, 0.99)
		latency.Ours, delay.Ours = append(latency.Ours, p99), append(delay.Ours, p99)
		delay.Limit = append(delay.Limit, report.Quantile(alone.latencies, 0.99))
	}
	bare, err := limit.Broadcast(ctx, crowded.sample, c.subscribers, pick(l, 20, 200, 500))
	if err != nil {
		return nil, err
	}
	latency.Beside = map[string]float64{
		"p50, ms": report.Median(crowded.latencies), "deliveries/s": crowded.perSecond, "cores used by the server": crowded.cores,
		"bytes of an update": float64(len(crowded.sample)), "deliveries/s of a bare broadcast at most": bare,
	}
	latency.Note = fmt.Sprintf("one in %d subscribers never reads; all others saw the end of every task", stalledShare)
	return []report.Row{latency, delay}, nil
}

// write writes the workflow whose tasks end one by one.
func (c *crowd) write(dags string) error {
	return writeFile(filepath.Join(dags, c.workflow+".yaml"), func(f *os.File) error {
		out := bufio.NewWriter(f)
		fmt.Fprintf(out, "name: %s\nmax_active_runs: 1000\nmax_active_tasks: %d\ntasks:\n", c.workflow, shape.MaxActiveTasks)
		for i := range c.ticks {
			fmt.Fprintf(out, "  %s: {noop: true, queue_timeout: %s, allow_failure: true}\n", shape.TaskName(i), c.tick(i))
		}
		return out.Flush()
	})
}

// tick is when a task of a run ends, from the start of the run on.
func (c *crowd) tick(task int) time.Duration { return c.start + time.Duration(task)*tickGap }

// raiseFiles lets this process, and those that it starts, open so many files.
func raiseFiles(n int) error {
	const others = 500 // databases, programs and what else there is
	want := uint64(n + others)
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if files.Max < want {
		return fmt.Errorf("%d files may be open, and %d are needed: raise it with `ulimit -Hn`", files.Max, want)
	}
	// Set even if it is high enough: what Go itself raises it does not pass on.
	files.Cur = max(files.Cur, want)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}
