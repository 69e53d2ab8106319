package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the key of the advisory lock that lets one process at a time migrate.
const migrationLock = 0x6d696e69

// currentVersion asks for the version of the schema, and whether another tool left
// it in the middle of a migration.
const currentVersion = `SELECT coalesce(max(version), 0), coalesce(bool_or(dirty), false) FROM schema_migrations`

// Migrator moves the schema of a database up and down. The table it keeps is
// that of golang-migrate, whose command works on the same folder and database.
type Migrator struct {
	pool *pgxpool.Pool
}

// OpenMigrator connects to the database that url names, see Open, and leaves
// its schema as it is. The caller must Close the migrator.
func OpenMigrator(ctx context.Context, url string) (*Migrator, error) {
	config, _, err := parse(url)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", mapError(err))
	}
	return &Migrator{pool: pool}, nil
}

// Close releases the connections.
func (m *Migrator) Close() error {
	m.pool.Close()
	return nil
}

// Up applies every migration that the database lacks, each in one transaction
// with its version. Processes that start at once wait for each other. A
// database that is newer than this program is a CodeConflict.
func (m *Migrator) Up(ctx context.Context) error {
	migrations, err := dialect.ReadMigrations(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	done, err := m.isUp(ctx, migrations)
	if err != nil {
		return fmt.Errorf("migrate: %w", mapError(err))
	}
	for !done {
		err := m.step(ctx, func(tx pgx.Tx, version int64, dirty bool) error {
			pending, err := dialect.Pending(migrations, version, dirty)
			if err != nil || len(pending) == 0 {
				done = true
				return err
			}
			return apply(ctx, tx, pending[0].Up, pending[0].Version)
		})
		if err != nil {
			return fmt.Errorf("migrate: %w", mapError(err))
		}
	}
	return nil
}

// isUp reports whether the database has every migration, which most starts find:
// one round trip tells it, where a step takes several and a lock. What the server
// refuses, and that it only reads, a step will tell.
func (m *Migrator) isUp(ctx context.Context, migrations []dialect.Migration) (bool, error) {
	var version int64
	var dirty, mayWrite bool
	const text = `SELECT current.*, current_setting('transaction_read_only') = 'off' FROM (` + currentVersion + `) AS current`
	err := m.pool.QueryRow(ctx, text, pgx.QueryExecModeSimpleProtocol).Scan(&version, &dirty, &mayWrite)
	if _, isAnswer := errors.AsType[*pgconn.PgError](err); isAnswer {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	pending, err := dialect.Pending(migrations, version, dirty)
	return err == nil && len(pending) == 0 && mayWrite, nil
}

// Down takes back the last steps migrations, with all their data.
func (m *Migrator) Down(ctx context.Context, steps int) error {
	migrations, err := dialect.ReadMigrations(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	for range steps {
		err := m.step(ctx, func(tx pgx.Tx, version int64, dirty bool) error {
			migration, before, ok, err := dialect.Revert(migrations, version, dirty)
			if err != nil || !ok {
				return err
			}
			return apply(ctx, tx, migration.Down, before)
		})
		if err != nil {
			return fmt.Errorf("migrate down: %w", mapError(err))
		}
	}
	return nil
}

// Status returns every migration that this program knows, oldest first.
func (m *Migrator) Status(ctx context.Context) ([]dialect.MigrationStatus, error) {
	migrations, err := dialect.ReadMigrations(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	var status []dialect.MigrationStatus
	err = m.step(ctx, func(_ pgx.Tx, version int64, dirty bool) error {
		if _, err := dialect.Pending(migrations, version, dirty); err != nil {
			return err
		}
		status = dialect.Status(migrations, version)
		return nil
	})
	return status, mapError(err)
}

// step calls do with the version of the schema, in a transaction that only one
// process at a time can be in.
func (m *Migrator) step(ctx context.Context, do func(tx pgx.Tx, version int64, dirty bool) error) error {
	return pgx.BeginFunc(ctx, m.pool, func(tx pgx.Tx) error {
		// A migration may take longer than any statement of the daily work.
		const prepare = `SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0`
		if _, err := tx.Exec(ctx, prepare, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, 0)`, int32(migrationLock)); err != nil {
			return err
		}
		const table = `CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)`
		if _, err := tx.Exec(ctx, table); err != nil {
			return err
		}
		var version int64
		var dirty bool
		if err := tx.QueryRow(ctx, currentVersion).Scan(&version, &dirty); err != nil {
			return err
		}
		return do(tx, version, dirty)
	})
}

// apply runs the statements of one migration file and notes the version that
// the schema has with them; 0 is the empty schema.
func apply(ctx context.Context, tx pgx.Tx, statements string, version int64) error {
	if _, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("schema version %d: %w", version, err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM schema_migrations`); err != nil {
		return err
	}
	if version == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO schema_migrations (version, dirty) VALUES ($1, false)`, version)
	return err
}
