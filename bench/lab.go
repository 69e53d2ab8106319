package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/postgres"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// size says how much is measured.
type size string

const (
	smoke    size = "smoke"    // everything once, as small as it can be: does it work
	standard size = "standard" // all within half an hour
	full     size = "full"
)

// lab is what the benchmarks work with.
type lab struct {
	size    size
	program string
	dagu    string
	dir     string
	commit  string
	syncs   []float64 // µs
	server  *postgres.Server
	systems int
	lap     time.Time // since when the next rows are measured
}

func newLab(ctx context.Context, o options) (*lab, error) {
	l := &lab{size: size(o.size), dagu: o.dagu}
	switch l.size {
	case smoke, standard, full:
	default:
		return nil, fmt.Errorf("size %q: must be smoke, standard or full", o.size)
	}
	var err error
	if l.program, err = filepath.Abs(o.program); err != nil {
		return nil, err
	}
	if _, err := os.Stat(l.program); err != nil {
		return nil, fmt.Errorf("the program that is measured: %w: build it with `make build`", err)
	}
	if l.dagu == "" {
		l.dagu, _ = exec.LookPath("dagu") // empty if there is none
	}
	if l.dir, err = os.MkdirTemp(o.dir, "miniairflow-bench-"); err != nil {
		return nil, err
	}
	// PostgreSQL runs as another user where we are root.
	if err := os.Chmod(l.dir, 0o755); err != nil {
		return nil, err
	}
	l.commit = commitOf(ctx, l.program)
	for range 5 {
		took, err := limit.Syncs(l.dir, 100)
		if err != nil {
			return nil, fmt.Errorf("measure the disk: %w", err)
		}
		l.syncs = append(l.syncs, float64(took.Nanoseconds())/1000)
	}
	if l.server, err = postgres.Start(ctx, l.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(l.dir))
	}
	return l, nil
}

func (l *lab) close() {
	if err := errors.Join(l.server.Stop(), os.RemoveAll(l.dir)); err != nil {
		l.say("clear up: %v", err)
	}
}

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// pick returns the value for the size that is measured.
func pick[T any](l *lab, small, medium, large T) T {
	switch l.size {
	case smoke:
		return small
	case full:
		return large
	default:
		return medium
	}
}

// database is one of the two that the product works with.
type database string

const (
	onSQLite   database = "SQLite"
	onPostgres database = "PostgreSQL"
)

var databases = []database{onSQLite, onPostgres}

// system is a running product with a database of its own.
type system struct {
	*product.Process
	lab    *lab
	config product.Config
	dir    string
}

// newSystem starts the product on an empty database, with the workflows that
// write puts into its folder. The caller must close it.
func (l *lab) newSystem(ctx context.Context, on database, c product.Config, write func(dags string) error) (*system, error) {
	s := &system{lab: l, dir: l.newDir()}
	dags := filepath.Join(s.dir, "dags")
	if err := os.MkdirAll(dags, 0o755); err != nil {
		return nil, err
	}
	if err := write(dags); err != nil {
		return nil, fmt.Errorf("write workflows: %w", err)
	}
	c.Program, c.Dir = l.program, s.dir
	if on == onPostgres {
		var err error
		if c.Database, err = l.server.NewDatabase(ctx); err != nil {
			return nil, err
		}
	}
	var err error
	if s.Process, err = product.Start(ctx, c); err != nil {
		return nil, err
	}
	s.config = c
	return s, nil
}

// newDir returns the path of a folder for one more system.
func (l *lab) newDir() string {
	l.systems++
	return filepath.Join(l.dir, fmt.Sprintf("system-%d", l.systems))
}

// start starts one more process on the database of the system.
func (s *system) start(ctx context.Context, id string, roles []string, concurrency int) (*product.Process, error) {
	c := s.config
	c.ID, c.Roles, c.Concurrency, c.Dags = id, roles, concurrency, s.Dags
	return product.Start(ctx, c)
}

// close stops the product and removes what it has left.
func (s *system) close(ctx context.Context) error {
	err := s.Stop()
	if s.config.Database != "" {
		err = errors.Join(err, s.lab.server.DropDatabase(context.WithoutCancel(ctx), s.config.Database))
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// workflows returns what writes the graphs into the folder of a system.
func workflows(task shape.Task, graphs ...*shape.Graph) func(dags string) error {
	return func(dags string) error {
		for _, graph := range graphs {
			if err := writeFile(filepath.Join(dags, graph.Name+".yaml"), func(f *os.File) error { return graph.WriteWorkflow(f, task) }); err != nil {
				return err
			}
		}
		return nil
	}
}

func writeFile(path string, write func(f *os.File) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// commitTime returns the time of one durable transaction of a database, as short as it can be.
func (l *lab) commitTime(ctx context.Context, on database, n int) (time.Duration, error) {
	if on == onSQLite {
		return limit.SQLiteCommits(ctx, l.dir, n)
	}
	perSecond, err := limit.PostgresCommits(ctx, l.server.URL("postgres"), 1, n)
	return time.Duration(float64(time.Second) / perSecond), err
}

// write writes the report.
func (l *lab) write(ctx context.Context, o options, outcomes []report.Outcome) error {
	if o.docs == "" {
		return nil
	}
	machine := report.ThisMachine(ctx, l.commit, l.version(ctx))
	machine.SyncMicros = report.Median(l.syncs)
	return writeReport(o.docs, machine, outcomes)
}

func (l *lab) version(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, l.server.Program("postgres"), "--version").Output()
	if err != nil {
		return "PostgreSQL"
	}
	var name, version string
	_, _ = fmt.Sscanf(string(out), "postgres (%s %s", &name, &version)
	return "PostgreSQL " + version
}
