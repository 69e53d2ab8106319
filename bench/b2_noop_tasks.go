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
		river.BoundName = row.LimitName
		if err := l.burnInTurns(ctx, on, &row, &river); err != nil {
			return outcome, err
		}
		l.keep(&outcome, row)
		if on == onPostgres {
			l.keep(&outcome, river)
		}
	}
	return outcome, nil
}

// burnInTurns burns the same queue down by a worker and by a bare loop, and as
// many jobs by River on PostgreSQL.
func (l *lab) burnInTurns(ctx context.Context, on database, row, river *report.Row) (err error) {
	q, err := l.queueNoops(ctx, on)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.close(ctx)) }()
	for range pick(l, 1, 3, 5) {
		ours, err := q.burnDown(ctx, func(ctx context.Context, s *system) error { return s.burnByWorker(ctx) })
		if err != nil {
			return err
		}
		bare, err := q.burnDown(ctx, func(ctx context.Context, s *system) error { return limit.BurnDown(ctx, s.storeURL(), noopSlots) })
		if err != nil {
			return err
		}
		row.Ours, row.Limit = append(row.Ours, ours), append(row.Limit, bare)
		if on == onSQLite {
			continue
		}
		rate, err := l.riverRate(ctx)
		if err != nil {
			return err
		}
		river.Ours, river.Limit, river.Bound = append(river.Ours, ours), append(river.Limit, rate), append(river.Bound, bare)
	}
	return nil
}

func (l *lab) noopTasks() int { return pick(l, 1, 10, 10) * l.noopRun() }
func (l *lab) noopRun() int   { return pick(l, 200, noopRunTasks, noopRunTasks) }

// queueNoops returns a database in which all tasks are queued.
func (l *lab) queueNoops(ctx context.Context, on database) (*queued, error) {
	graph := shape.Wide(l.noopRun())
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api", "loader", "scheduler"}, Extra: roomy}, workflows(shape.Task{Noop: true}, graph))
	if err != nil {
		return nil, err
	}
	q, err := s.queue(ctx, graph, l.noopTasks()/graph.Len())
	if err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return q, nil
}

// burnDown lets burn end all tasks of a copy, and returns how many ended in a
// second, from the first claim to the last end.
func (q *queued) burnDown(ctx context.Context, burn func(ctx context.Context, s *system) error) (rate float64, err error) {
	s, err := q.copy(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := burn(ctx, s); err != nil {
		return 0, err
	}
	var began, ended time.Time
	tasks := 0
	for _, id := range q.runs {
		run, err := s.Checked(ctx, q.graph, id)
		if err != nil {
			return 0, err
		}
		tasks += len(run.Tasks)
		for _, task := range run.Tasks {
			if began.IsZero() || task.Started.Before(began) {
				began = task.Started
			}
			if task.Finished.After(ended) {
				ended = task.Finished
			}
		}
	}
	return float64(tasks) / ended.Sub(began).Seconds(), nil
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
