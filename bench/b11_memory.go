package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// measureQueueMemory measures how the memory of a server grows with the task runs
// that wait for a worker. The queue is in the database, so it should not.
func measureQueueMemory(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	for _, on := range databases {
		row, curve, err := l.queueMemory(ctx, on)
		if err != nil {
			return outcome, err
		}
		l.keep(&outcome, row)
		if len(curve.X) > 1 {
			outcome.Curves = append(outcome.Curves, curve)
		}
	}
	return outcome, nil
}

// queueSizes are how many task runs wait when the memory is looked at.
func (l *lab) queueSizes(on database) []int {
	if on == onSQLite {
		return pick(l, []int{200, 1000}, []int{10_000, 100_000, 300_000}, []int{10_000, 100_000, 1_000_000})
	}
	return pick(l, []int{200, 1000}, []int{10_000, 100_000, 1_000_000}, []int{10_000, 100_000, 1_000_000})
}

// queueMemory lets one process queue more and more, and looks at its memory when
// it has come to rest.
func (l *lab) queueMemory(ctx context.Context, on database) (row report.Row, curve report.Curve, err error) {
	sizes, graph := l.queueSizes(on), shape.Wide(l.noopRun())
	smallest, largest := report.Number(float64(sizes[0])), report.Number(float64(sizes[len(sizes)-1]))
	row = report.Row{
		Name: fmt.Sprintf("growth of memory from %s to %s queued noop tasks, %s", smallest, largest, on), Unit: "MB", Target: 20, AtMost: true,
	}
	curve = report.Curve{
		Name: "A server without a worker and its queue, " + string(on), XName: "queued tasks", YName: "MB",
		Series: []report.Series{{Name: "at rest"}, {Name: "peak on the way"}},
	}
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader", "scheduler"}, Extra: roomy}, workflows(shape.Task{Noop: true}, graph))
	if err != nil {
		return row, curve, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	runs := 0
	for i, n := range sizes {
		added := n/graph.Len() - runs
		runs += added
		rest := pick(l, time.Second, 10*time.Second, 10*time.Second)
		if i > 0 && i < len(sizes)-1 { // the ends are compared, and what is between them is shown
			rest = time.Second
		}
		usage, err := s.queueMore(ctx, graph, added, runs, rest)
		if err != nil {
			row.Void = fmt.Sprintf("%d tasks: %v", n, err)
			return row, curve, ctx.Err()
		}
		curve.X = append(curve.X, float64(n))
		curve.Series[0].Y = append(curve.Series[0].Y, float64(usage.RSS)/1e6)
		curve.Series[1].Y = append(curve.Series[1].Y, float64(usage.PeakRSS)/1e6)
	}
	resting, last := curve.Series[0].Y, len(sizes)-1
	row.Ours = []float64{resting[last] - resting[0]}
	row.Beside = map[string]float64{
		"with " + smallest + ", MB": resting[0], "with " + largest + ", MB": resting[last], "peak on the way, MB": curve.Series[1].Y[last],
	}
	return row, curve, nil
}

// queueMore triggers more runs, waits until all of them are queued and the server
// has come to rest, and returns what it uses.
func (s *system) queueMore(ctx context.Context, graph *shape.Graph, added, runs int, rest time.Duration) (usage product.Usage, err error) {
	if err := s.ResetPeak(); err != nil {
		return usage, fmt.Errorf("reset the peak of the memory: %w", err)
	}
	for range added {
		if _, err := s.API.Trigger(ctx, graph.Name); err != nil {
			return usage, err
		}
	}
	if err := s.checkQueued(ctx, runs, runs*graph.Len()); err != nil {
		return usage, err
	}
	if err := product.Pause(ctx, rest); err != nil {
		return usage, err
	}
	return s.Usage()
}

// checkQueued waits until so many runs have begun, which is cheaper to ask than
// the length of the queue, and then counts that once.
func (s *system) checkQueued(ctx context.Context, runs, tasks int) (err error) {
	db, err := s.OpenDatabase()
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = await(ctx, func() (bool, error) {
		running, err := countOf(ctx, db, "SELECT count(*) FROM workflow_runs WHERE status = 'running'")
		return running == runs, err
	})
	if err != nil {
		return fmt.Errorf("wait for the start of %d runs: %w", runs, err)
	}
	queued, err := countOf(ctx, db, "SELECT count(*) FROM task_queue WHERE state = 'ready'")
	if err == nil && queued != tasks {
		err = fmt.Errorf("%d of %d task runs are queued", queued, tasks)
	}
	return err
}

func countOf(ctx context.Context, db *sql.DB, text string) (n int, err error) {
	err = db.QueryRowContext(ctx, text).Scan(&n)
	return n, err
}
