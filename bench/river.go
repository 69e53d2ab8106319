package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// noopArgs is a job of River that does nothing.
type noopArgs struct{}

// Kind implements river.JobArgs.
func (noopArgs) Kind() string { return "noop" }

type noopWorker struct{ river.WorkerDefaults[noopArgs] }

// Work implements river.Worker.
func (noopWorker) Work(context.Context, *river.Job[noopArgs]) error { return nil }

// riverRate returns how many no-op jobs River ends in a second, with as many
// slots as ours, on a database of its own on the same server. All are queued
// before it starts, and one counts when River says that its end is kept.
func (l *lab) riverRate(ctx context.Context) (rate float64, err error) {
	address, err := l.server.NewDatabase(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.server.DropDatabase(context.WithoutCancel(ctx), address)) }()
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return 0, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return 0, fmt.Errorf("migrate River: %w", err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, noopWorker{})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		FetchCooldown: 2 * time.Millisecond,
		Logger:        slog.New(slog.DiscardHandler),
		Queues:        map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: noopSlots}},
		Workers:       workers,
	})
	if err != nil {
		return 0, err
	}
	jobs := make([]river.InsertManyParams, l.noopRun())
	for i := range jobs {
		jobs[i].Args = noopArgs{}
	}
	total := l.noopTasks()
	for range total / len(jobs) {
		if _, err := client.InsertManyFast(ctx, jobs); err != nil {
			return 0, fmt.Errorf("insert jobs: %w", err)
		}
	}
	ends, unsubscribe := client.SubscribeConfig(&river.SubscribeConfig{ChanSize: total, Kinds: []river.EventKind{river.EventKindJobCompleted}})
	defer unsubscribe()
	began := time.Now()
	if err := client.Start(ctx); err != nil {
		return 0, fmt.Errorf("start River: %w", err)
	}
	for range total {
		select {
		case <-ends:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	took := time.Since(began)
	return float64(total) / took.Seconds(), client.Stop(ctx)
}
