package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// queued is a system that is stopped after it has started runs without a worker.
// It is prepared once, and each turn gets a copy.
type queued struct {
	*system
	graph *shape.Graph
	runs  []string // their ids
}

// queue starts n runs of the graph on a system without a worker and stops it.
func (s *system) queue(ctx context.Context, graph *shape.Graph, n int) (*queued, error) {
	q := &queued{system: s, graph: graph, runs: make([]string, n)}
	var err error
	for i := range q.runs {
		if q.runs[i], err = s.API.Trigger(ctx, graph.Name); err != nil {
			return nil, err
		}
	}
	if err := s.checkQueued(ctx, n, n*graph.Roots()); err != nil {
		return nil, err
	}
	return q, s.Stop()
}

// copy returns a system, not started, with a copy of what s has left, which must
// be stopped. The caller must close it.
func (s *system) copy(ctx context.Context) (*system, error) {
	c := &system{lab: s.lab, dir: s.lab.newDir(), config: s.config}
	c.config.Dir, c.config.Dags = c.dir, s.Dags
	c.Process = product.Stopped(c.config)
	if err := os.MkdirAll(c.Home, 0o700); err != nil {
		return nil, err
	}
	if s.config.Database != "" {
		var err error
		if c.config.Database, err = s.lab.server.CopyDatabase(ctx, s.config.Database); err != nil {
			return nil, errors.Join(err, os.RemoveAll(c.dir))
		}
		c.Process = product.Stopped(c.config)
		return c, nil
	}
	if err := copyFiles(s.Home, c.Home); err != nil {
		return nil, errors.Join(fmt.Errorf("copy a home: %w", err), os.RemoveAll(c.dir))
	}
	return c, nil
}

// copyFiles copies the files of one folder into another, durably, so that
// nothing of it is written while something is measured.
func copyFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		err := writeFile(filepath.Join(to, entry.Name()), func(f *os.File) error {
			source, err := os.Open(filepath.Join(from, entry.Name()))
			if err != nil {
				return err
			}
			defer source.Close()
			if _, err := io.Copy(f, source); err != nil {
				return err
			}
			return f.Sync()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// openToWrite opens the database of a stopped system, and returns the path of
// its file if it has one.
func (s *system) openToWrite() (db *sql.DB, path string, err error) {
	if s.config.Database != "" {
		db, err = sql.Open("pgx", s.config.Database)
		return db, "", err
	}
	path, _ = s.Files()
	name := url.URL{Scheme: "file", OmitHost: true, Path: path}
	db, err = sql.Open("sqlite", name.String())
	return db, path, err
}

// boundName says what nobody gets beyond who starts these processes and keeps
// what becomes of them.
const boundName = "the same processes and the same store calls in a bare loop"

// bound measures what a worker with nothing but its processes and its store calls
// would reach, in turns with the product.
type bound struct {
	*queued
	work work
}

// loadAndBind waits until a system without a scheduler has loaded the graph of
// the work and the others, prepares the bound of the work, and starts the system
// anew with all that it takes to run them. The caller must close the bound.
func (s *system) loadAndBind(ctx context.Context, w work, others ...*shape.Graph) (*bound, error) {
	for _, graph := range append(others, w.graph) {
		if err := s.API.AwaitWorkflow(ctx, graph.Name); err != nil {
			return nil, err
		}
	}
	if err := s.Stop(); err != nil {
		return nil, err
	}
	b, err := s.newBound(ctx, w)
	if err != nil {
		return nil, err
	}
	s.config.Roles, s.config.Concurrency = nil, w.slots
	p, err := product.Start(ctx, s.config)
	if err != nil {
		return nil, errors.Join(err, b.close(ctx))
	}
	s.Process = p
	return b, nil
}

// newBound prepares the bound of work on a copy of s, which has loaded the graph
// and is stopped. The caller must close it.
func (s *system) newBound(ctx context.Context, w work) (*bound, error) {
	c, err := s.copy(ctx)
	if err != nil {
		return nil, err
	}
	p, err := c.start(ctx, "", []string{"api", "scheduler"}, 1)
	if err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	c.Process = p
	q, err := c.queue(ctx, w.graph, 1)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare a bound: %w", err), c.close(ctx))
	}
	return &bound{queued: q, work: w}, nil
}

// play runs what is queued in a bare loop, checks it, and returns how long it took.
func (b *bound) play(ctx context.Context) (took time.Duration, err error) {
	s, err := b.copy(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	took, err = limit.Tasks(ctx, s.storeURL(), b.work.script, b.work.slots)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", boundName, err)
	}
	_, err = s.Checked(ctx, b.graph, b.runs[0])
	return took, err
}
