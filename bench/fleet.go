package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

const (
	// registerMax bounds the wait for workers to appear in the database.
	registerMax = time.Minute
)

// fleet is a server that runs no tasks itself, and workers beside it that share
// its database.
type fleet struct {
	*system
	workers []*product.Process
}

// newFleet starts the server. The caller must close it.
func (l *lab) newFleet(ctx context.Context, naps []*shape.Graph, noops *shape.Graph) (*fleet, error) {
	c := product.Config{ID: "server", Roles: []string{"api", "loader", "scheduler"}, Extra: roomy}
	s, err := l.newSystem(ctx, onPostgres, c, func(dags string) error {
		return errors.Join(
			workflows(shape.Task{Script: napScript}, naps...)(dags),
			workflows(shape.Task{Noop: true}, noops)(dags))
	})
	if err != nil {
		return nil, err
	}
	return &fleet{system: s}, nil
}

// close stops all processes, the workers first.
func (f *fleet) close(ctx context.Context) error {
	var errs []error
	for _, worker := range f.workers {
		errs = append(errs, worker.Stop())
	}
	return errors.Join(append(errs, f.system.close(ctx))...)
}

// grow starts workers until there are n.
func (f *fleet) grow(ctx context.Context, n int) error {
	for len(f.workers) < n {
		worker, err := f.start(ctx, fmt.Sprintf("w%d", len(f.workers)+1), []string{"worker"}, workerSlots)
		if err != nil {
			return fmt.Errorf("start worker %d: %w", len(f.workers)+1, err)
		}
		f.workers = append(f.workers, worker)
	}
	db, err := f.OpenDatabase()
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, registerMax)
	defer cancel()
	var active int
	err = await(ctx, func() (bool, error) {
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM workers WHERE status = 'active'").Scan(&active)
		return active == n, err
	})
	if err != nil {
		return fmt.Errorf("%d of %d workers are active: %w", active, n, err)
	}
	return nil
}

// countStatements lets the server count statements until stop is called. The
// caller must call it.
func (f *fleet) countStatements(ctx context.Context) (stop func(ctx context.Context) error, err error) {
	stop, err = f.lab.server.CountStatements(ctx)
	if err != nil {
		return stop, err
	}
	// The connections learn of the setting with their next statement, and what
	// has just started may still be about to settle.
	if err := product.Pause(ctx, pick(f.lab, 300*time.Millisecond, 2*time.Second, 2*time.Second)); err != nil {
		return nil, errors.Join(err, stop(context.WithoutCancel(ctx)))
	}
	return stop, nil
}

// idleStatements returns how many statements a second the processes send while
// there is nothing to do.
func (f *fleet) idleStatements(ctx context.Context) (perSecond float64, err error) {
	server, address := f.lab.server, f.config.Database
	stop, err := f.countStatements(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	before, err := server.Statements(ctx, address)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := product.Pause(ctx, pick(f.lab, time.Second, 10*time.Second, 30*time.Second)); err != nil {
		return 0, err
	}
	after, err := server.Statements(ctx, address)
	return float64(after-before) / time.Since(began).Seconds(), err
}

// commitsOf returns how many transactions that write are committed during the load.
func (f *fleet) commitsOf(ctx context.Context, load func() error) (commits float64, err error) {
	stop, err := f.countStatements(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	before, err := f.durable(ctx)
	if err != nil {
		return 0, err
	}
	if err := load(); err != nil {
		return 0, err
	}
	after, err := f.durable(ctx)
	return float64(after - before), err
}

// durable counts the transactions that have written, without those that only notify.
func (f *fleet) durable(ctx context.Context) (int64, error) {
	writes, err := f.lab.server.Writes(ctx)
	if err != nil {
		return 0, err
	}
	notifications, err := f.lab.server.Notifications(ctx, f.config.Database)
	return writes - notifications, err
}
