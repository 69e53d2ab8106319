// Package persistence opens the database that an address names: a SQLite file,
// or PostgreSQL.
package persistence

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
	"github.com/sauravritesh63/miniairflow/persistence/postgres"
	"github.com/sauravritesh63/miniairflow/persistence/sqlite"
)

// Options holds what a store needs besides its database. The zero value is ready.
type Options struct {
	Logger   *slog.Logger     // nil: nothing is logged
	Bus      *miniairflow.Bus // nil: one of its own
	PollOnly bool             // hear of other processes' changes by polling alone: for a pooler in transaction mode
}

// MigrationStatus is one migration and whether a database has it.
type MigrationStatus = dialect.MigrationStatus

// Open opens and migrates the database at url:
// postgres://user:password@host/database (or postgresql://…),
// sqlite:///absolute/path or sqlite://relative/path, where the path is taken as
// it is written. Another url is a CodeInvalid. The caller must Close the store.
func Open(ctx context.Context, url string, options Options) (miniairflow.Store, error) {
	a, err := parse(url)
	if err != nil {
		return nil, err
	}
	// A nil *Store in a Store would not be nil, so failures return before the conversion.
	if a.isPostgres {
		s, err := postgres.Open(ctx, a.target, postgres.Config{Logger: options.Logger, Bus: options.Bus, PollOnly: options.PollOnly})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := sqlite.Open(ctx, a.target, sqlite.Config{Logger: options.Logger, Bus: options.Bus})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Migrate brings the schema of the database at url up to this program's. A
// newer schema is a CodeConflict.
func Migrate(ctx context.Context, url string) error {
	return withMigrator(ctx, url, func(m migrator) error { return m.Up(ctx) })
}

// MigrateDown takes back the last steps migrations, with all their data.
func MigrateDown(ctx context.Context, url string, steps int) error {
	return withMigrator(ctx, url, func(m migrator) error { return m.Down(ctx, steps) })
}

// Migrations returns every migration that this program knows, oldest first, and
// whether the database at url has it.
func Migrations(ctx context.Context, url string) ([]MigrationStatus, error) {
	var status []MigrationStatus
	err := withMigrator(ctx, url, func(m migrator) (err error) {
		status, err = m.Status(ctx)
		return err
	})
	return status, err
}

type migrator interface {
	Up(ctx context.Context) error
	Down(ctx context.Context, steps int) error
	Status(ctx context.Context) ([]dialect.MigrationStatus, error)
	Close() error
}

func withMigrator(ctx context.Context, url string, do func(m migrator) error) error {
	a, err := parse(url)
	if err != nil {
		return err
	}
	var m migrator
	if a.isPostgres {
		m, err = postgres.OpenMigrator(ctx, a.target)
	} else {
		m, err = sqlite.OpenMigrator(ctx, a.target)
	}
	if err != nil {
		return err
	}
	return errors.Join(do(m), m.Close())
}

// address is a parsed url.
type address struct {
	isPostgres bool
	target     string // what the dialect opens: a url or a path
}

func parse(url string) (address, error) {
	scheme, rest, found := strings.Cut(url, "://")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return address{isPostgres: true, target: url}, nil
	case found && scheme == "sqlite" && strings.HasPrefix(rest, "//") && !strings.HasSuffix(rest, "/"):
		path := strings.TrimLeft(rest, "/") // elsewhere four slashes are an absolute path, and three a relative one
		return address{}, miniairflow.Errorf(miniairflow.CodeInvalid,
			"database URL %s has more than three slashes: write sqlite:///%s for the absolute path /%[2]s, or sqlite://%[2]s for one below the current folder (or postgres://user:password@host/database)", url, path)
	case found && scheme == "sqlite" && rest != "" && !strings.HasSuffix(rest, "/"):
		return address{target: rest}, nil
	default:
		// The url may hold a password: it is not repeated.
		return address{}, miniairflow.Errorf(miniairflow.CodeInvalid,
			"unknown database URL: write postgres://user:password@host/database or sqlite:///absolute/path (sqlite://path is relative)")
	}
}
