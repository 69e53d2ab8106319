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

// idleStatements returns how many statements a second the processes send while
// there is nothing to do.
func (f *fleet) idleStatements(ctx context.Context) (perSecond float64, err error) {
	server, address := f.lab.server, f.config.Database
	stop, err := server.CountStatements(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	// The connections learn of the setting with their next statement, and what
	// has just started may still be about to settle.
	if err := product.Pause(ctx, pick(f.lab, 500*time.Millisecond, 2*time.Second, 2*time.Second)); err != nil {
		return 0, err
	}
	before, err := server.Statements(ctx, address)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := product.Pause(ctx, pick(f.lab, 2*time.Second, 10*time.Second, 30*time.Second)); err != nil {
		return 0, err
	}
	after, err := server.Statements(ctx, address)
	return float64(after-before) / time.Since(began).Seconds(), err
}

// commitsOf returns how many transactions that write are committed during the load.
func (f *fleet) commitsOf(ctx context.Context, load func() error) (commits float64, err error) {
	before, err := f.lab.server.Writes(ctx)
	if err != nil {
		return 0, err
	}
	if err := load(); err != nil {
		return 0, err
	}
	after, err := f.lab.server.Writes(ctx)
	return float64(after - before), err
}
