package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// Sizes of the burn-down: runs of so many tasks, and slots as in River's own benchmark.
const (
	noopRunTasks = 10_000
	noopSlots    = 2000
)

// measureNoopTasks measures how fast a worker burns down a queue of tasks that
// do nothing: each is claimed, finished and kept, and nothing else.
func measureNoopTasks(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	for _, on := range databases {
		row := report.Row{
			Name: fmt.Sprintf("%s noop tasks, %s", report.Number(float64(l.noopTasks())), on), Unit: "tasks/s",
			LimitName: "the same store calls in a bare loop", Target: 0.5,
		}
		river := row
		river.LimitName, river.Target = "River, no-op jobs", 1
		for range pick(l, 1, 3, 5) {
			ours, err := l.burnDown(ctx, on, func(ctx context.Context, s *system) error { return s.burnByWorker(ctx) })
			if err != nil {
				return outcome, err
			}
			bare, err := l.burnDown(ctx, on, func(ctx context.Context, s *system) error { return limit.BurnDown(ctx, s.storeURL(), noopSlots) })
			if err != nil {
				return outcome, err
			}
			row.Ours, row.Limit = append(row.Ours, ours), append(row.Limit, bare)
			if on == onPostgres {
				rate, err := l.riverRate(ctx)
				if err != nil {
					return outcome, err
				}
				river.Ours, river.Limit = append(river.Ours, ours), append(river.Limit, rate)
			}
		}
		outcome.Rows = append(outcome.Rows, row)
		if on == onPostgres {
			outcome.Rows = append(outcome.Rows, river)
		}
	}
	return outcome, nil
}

func (l *lab) noopTasks() int { return pick(l, 1, 10, 10) * l.noopRun() }
func (l *lab) noopRun() int   { return pick(l, 200, noopRunTasks, noopRunTasks) }

// burnDown queues all tasks without a worker, lets burn end them, and returns how
// many ended in a second, from the first claim to the last end.
func (l *lab) burnDown(ctx context.Context, on database, burn func(ctx context.Context, s *system) error) (rate float64, err error) {
	graph := shape.Wide(l.noopRun())
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader", "scheduler"}, Extra: roomy}, workflows(shape.Task{Noop: true}, graph))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	runs := make([]string, l.noopTasks()/graph.Len())
	for i := range runs {
		if runs[i], err = s.API.Trigger(ctx, graph.Name); err != nil {
			return 0, err
		}
	}
	if err := s.awaitQueued(ctx, l.noopTasks()); err != nil {
		return 0, err
	}
	if err := s.Stop(); err != nil {
		return 0, err
	}
	if err := burn(ctx, s); err != nil {
		return 0, err
	}
	var began, ended time.Time
	for _, id := range runs {
		run, err := s.Run(ctx, id)
		if err != nil {
			return 0, err
		}
		if err := graph.Check(run.Tasks); err != nil {
			return 0, fmt.Errorf("void: %w", err)
		}
		for _, task := range run.Tasks {
			if began.IsZero() || task.Started.Before(began) {
				began = task.Started
			}
			if task.Finished.After(ended) {
				ended = task.Finished
			}
		}
	}
	return float64(l.noopTasks()) / ended.Sub(began).Seconds(), nil
}

// awaitQueued waits until so many task runs are in the queue.
func (s *system) awaitQueued(ctx context.Context, n int) error {
	db, err := s.OpenDatabase()
	if err != nil {
		return err
	}
	defer db.Close()
	return await(ctx, func() (bool, error) {
		var queued int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM task_queue WHERE state = 'ready'").Scan(&queued)
		return queued == n, err
	})
}

// burnByWorker ends what is queued with a worker of its own.
func (s *system) burnByWorker(ctx context.Context) (err error) {
	roles := []string{"worker"}
	if s.config.Database == "" {
		roles = []string{"api", "worker"} // with SQLite no process is a worker alone
	}
	worker, err := s.start(ctx, "", roles, noopSlots)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.Stop()) }()
	db, err := s.OpenDatabase()
	if err != nil {
		return err
	}
	defer db.Close()
	return await(ctx, func() (bool, error) {
		var running int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM workflow_runs WHERE finished_at IS NULL").Scan(&running)
		return running == 0, err
	})
}

// storeURL returns the address of the database as the product understands it.
func (s *system) storeURL() string {
	if s.config.Database != "" {
		return s.config.Database
	}
	path, _ := s.Files()
	return "sqlite://" + path
}

// await asks again and again until done says so.
func await(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
