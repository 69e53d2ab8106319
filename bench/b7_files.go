package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sauravritesh63/miniairflow/bench/limit"
	"github.com/sauravritesh63/miniairflow/bench/product"
	"github.com/sauravritesh63/miniairflow/bench/report"
	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// fileTasks is how many tasks each file has.
const fileTasks = 10

// tenTasks returns n workflows of ten shell tasks.
func tenTasks(n int) *catalog {
	return &catalog{n: n, graph: shape.Random(fileTasks), task: shape.Task{Script: trueScript}}
}

// measureFiles measures how long it takes until a folder of files is in the
// database, one that the database does not know and one that it has already.
func measureFiles(ctx context.Context, l *lab) (outcome report.Outcome, err error) {
	files := tenTasks(pick(l, 50, 10_000, 10_000))
	for _, on := range databases {
		what := fmt.Sprintf("%s files of %d tasks, %s", report.Number(float64(files.n)), fileTasks, on)
		cold := report.Row{
			Name: what + ": first sync", Unit: "s", LimitName: "bare parse on all cores + the same rows in one transaction", Target: 2, AtMost: true,
			Note: "from the start of the process on; the tables are there, without a row",
		}
		if on == onPostgres {
			cold.LimitName = "bare parse on all cores + one COPY"
			cold.BoundName = "bare parse on all cores + one COPY into tables with the same keys and indexes"
		}
		warm := report.Row{
			Name: what + ": start without a change", Unit: "s", LimitName: "bare stat and read of each on all cores", Target: 2, AtMost: true,
			Note:      "the last file was changed before the start: when that is written, all before it have been looked at. Its row tells the time; the commit comes a millisecond or so later",
			BoundName: "the same start with one file in the folder + bare stat and read of each on all cores",
		}
		figures, err := l.syncTimes(ctx, on, files)
		if ctx.Err() != nil {
			return outcome, ctx.Err()
		}
		if err != nil {
			cold.Void, warm.Void = err.Error(), err.Error()
		} else {
			cold.Ours, cold.Limit = figures.cold, sums(figures.parse, figures.rows)
			cold.Beside = map[string]float64{"of the limit, parse, s": report.Median(figures.parse), "rows, s": report.Median(figures.rows)}
			cold.Bound = sums(figures.parse, figures.keyed)
			warm.Ours, warm.Limit, warm.Bound = figures.warm, figures.read, sums(figures.alone, figures.read)
		}
		l.keep(&outcome, cold, warm)
	}
	return outcome, nil
}

// syncFigures are the seconds that the repetitions took.
type syncFigures struct {
	cold, parse, rows []float64
	keyed             []float64 // of the rows into tables with keys; with PostgreSQL only
	warm, read        []float64
	alone             []float64 // of a start with one file
}

// sums adds what belongs together, as far as both have values.
func sums(a, b []float64) []float64 {
	all := make([]float64, min(len(a), len(b)))
	for i := range all {
		all[i] = a[i] + b[i]
	}
	return all
}

func (l *lab) syncTimes(ctx context.Context, on database, files *catalog) (*syncFigures, error) {
	f := &syncFigures{}
	for range pick(l, 1, 2, 4) {
		if err := l.syncOnce(ctx, on, files, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// syncOnce takes one sample of each figure.
func (l *lab) syncOnce(ctx context.Context, on database, files *catalog, f *syncFigures) (err error) {
	// A first process makes the tables, so that only the loader's work is timed.
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api"}}, files.write)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := s.Stop(); err != nil {
		return err
	}
	cold, err := s.timeSync(ctx, files, asWritten, files.n)
	if err != nil {
		return fmt.Errorf("first sync: %w", err)
	}
	paths := files.paths(s.Dags)
	parse, err := limit.Parse(ctx, paths)
	if err != nil {
		return err
	}
	rows, err := s.bareRows(ctx,
		"SELECT * FROM workflows", "SELECT * FROM workflow_versions", "SELECT * FROM tasks", "SELECT * FROM task_dependencies")
	if err != nil {
		return err
	}
	if on == onPostgres {
		keyed, err := limit.PostgresKeyedRows(ctx, s.config.Database, "workflows", "workflow_versions", "tasks", "task_dependencies")
		if err != nil {
			return err
		}
		f.keyed = append(f.keyed, keyed.Seconds())
	}
	warm, err := s.timeStart(ctx, files)
	if err != nil {
		return err
	}
	alone, err := l.startAlone(ctx, on)
	if err != nil {
		return err
	}
	read, err := limit.Read(ctx, paths)
	if err != nil {
		return err
	}
	f.cold, f.parse, f.rows = append(f.cold, cold.Seconds()), append(f.parse, parse.Seconds()), append(f.rows, rows.Seconds())
	f.warm, f.read = append(f.warm, warm.Seconds()), append(f.read, read.Seconds())
	f.alone = append(f.alone, alone.Seconds())
	return nil
}

// timeStart returns how long a start takes with files that the database has, all
// but the last one.
func (s *system) timeStart(ctx context.Context, files *catalog) (time.Duration, error) {
	const changed = "changed"
	if err := files.save(s.Dags, files.n-1, changed); err != nil {
		return 0, err
	}
	if err := files.backdate(s.Dags, files.n-1); err != nil {
		return 0, err
	}
	took, err := s.timeSync(ctx, files, changed, files.n+1)
	if err != nil {
		return 0, fmt.Errorf("start without a change: %w", err)
	}
	return took, nil
}

// startAlone returns how long a start takes with one file, which was changed.
func (l *lab) startAlone(ctx context.Context, on database) (took time.Duration, err error) {
	one := tenTasks(1)
	s, err := l.newSystem(ctx, on, product.Config{Roles: []string{"api"}}, one.write)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := s.Stop(); err != nil {
		return 0, err
	}
	if _, err := s.timeSync(ctx, one, asWritten, one.n); err != nil {
		return 0, fmt.Errorf("first sync of one file: %w", err)
	}
	return s.timeStart(ctx, one)
}

// timeSync starts a loader and returns how long it takes, from the start of its
// process, until the last file is in the database with that description. It ends
// the process, and checks that so many versions are there and no more.
func (s *system) timeSync(ctx context.Context, files *catalog, description string, versions int) (took time.Duration, err error) {
	began := time.Now()
	p, err := s.start(ctx, "", []string{"api", "loader"}, 1)
	if err != nil {
		return 0, err
	}
	s.Process = p
	db, err := s.OpenDatabase()
	if err != nil {
		return 0, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	if err := awaitDescription(ctx, db, files.name(files.n-1), description, wideGap); err != nil {
		return 0, err
	}
	took = time.Since(began)
	if description != asWritten {
		written, err := s.updated(ctx, db, files.name(files.n-1))
		if err != nil {
			return 0, err
		}
		took = written.Sub(began)
	}
	if err := checkCatalog(ctx, db, files, versions); err != nil {
		return 0, err
	}
	return took, p.Stop()
}

// updated returns when a workflow was written last: looks at it are some milliseconds
// apart, since they take the processors that the product needs.
func (s *system) updated(ctx context.Context, db *sql.DB, workflow string) (time.Time, error) {
	column := "updated_at"
	if s.config.Database != "" {
		column = "(extract(epoch FROM updated_at) * 1000000)::bigint"
	}
	var micros int64
	if err := db.QueryRowContext(ctx, "SELECT "+column+" FROM workflows WHERE name = $1", workflow).Scan(&micros); err != nil {
		return time.Time{}, fmt.Errorf("read when %s was written: %w", workflow, err)
	}
	return time.UnixMicro(micros), nil
}

// bareRows returns how long one transaction takes that writes rows which the
// product has written.
func (s *system) bareRows(ctx context.Context, selects ...string) (time.Duration, error) {
	if s.config.Database != "" {
		return limit.PostgresRows(ctx, s.config.Database, selects...)
	}
	db, err := s.OpenDatabase()
	if err != nil {
		return 0, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	return limit.SQLiteRows(ctx, db, s.dir, selects...)
}
