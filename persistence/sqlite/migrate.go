package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"

	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

//go:embed migrations/*.sql migrations/logs/*.sql
var migrationFiles embed.FS

// Migrator moves the schema of a database file up and down. The table it keeps
// is that of golang-migrate, whose command works on the same folder and file.
// The file of the logs follows by itself when a Store opens it.
type Migrator struct {
	db   *sql.DB
	lock *fileLock
}

// OpenMigrator opens the database file at path, see Open, and leaves its schema
// as it is. The caller must Close the migrator.
func OpenMigrator(_ context.Context, path string) (*Migrator, error) {
	lock, err := prepare(path)
	if err != nil {
		return nil, err
	}
	db, err := openFile(path, writer)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return &Migrator{db: db, lock: lock}, nil
}

// Close releases the file.
func (m *Migrator) Close() error { return errors.Join(m.db.Close(), m.lock.release()) }

// Up applies every migration that the database lacks, each in one transaction
// with its version. A database that is newer than this program is a CodeConflict.
func (m *Migrator) Up(ctx context.Context) error { return up(ctx, m.db, "migrations") }

func up(ctx context.Context, db *sql.DB, dir string) error {
	migrations, err := dialect.ReadMigrations(migrationFiles, dir)
	if err != nil {
		return err
	}
	for done := false; !done; {
		err := step(ctx, db, func(t *sql.Tx, version int64, dirty bool) error {
			pending, err := dialect.Pending(migrations, version, dirty)
			if err != nil || len(pending) == 0 {
				done = true
				return err
			}
			return apply(ctx, t, pending[0].Up, pending[0].Version)
		})
		if err != nil {
			return fmt.Errorf("migrate: %w", mapError(err))
		}
	}
	return nil
}

// Down takes back the last steps migrations, with all their data.
func (m *Migrator) Down(ctx context.Context, steps int) error {
	migrations, err := dialect.ReadMigrations(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	for range steps {
		err := step(ctx, m.db, func(t *sql.Tx, version int64, dirty bool) error {
			migration, before, ok, err := dialect.Revert(migrations, version, dirty)
			if err != nil || !ok {
				return err
			}
			return apply(ctx, t, migration.Down, before)
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
	err = step(ctx, m.db, func(_ *sql.Tx, version int64, dirty bool) error {
		if _, err := dialect.Pending(migrations, version, dirty); err != nil {
			return err
		}
		status = dialect.Status(migrations, version)
		return nil
	})
	return status, mapError(err)
}

// step calls do with the version of the schema, in a transaction that has the write lock.
func step(ctx context.Context, db *sql.DB, do func(t *sql.Tx, version int64, dirty bool) error) error {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := stepIn(ctx, t, do); err != nil {
		return errors.Join(err, t.Rollback())
	}
	return t.Commit()
}

func stepIn(ctx context.Context, t *sql.Tx, do func(t *sql.Tx, version int64, dirty bool) error) error {
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations (version uint64, dirty bool);
		CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version)`
	if _, err := t.ExecContext(ctx, table); err != nil {
		return err
	}
	var version int64
	var dirty bool
	const current = `SELECT coalesce(max(version), 0), coalesce(max(dirty), 0) FROM schema_migrations`
	if err := t.QueryRowContext(ctx, current).Scan(&version, &dirty); err != nil {
		return err
	}
	return do(t, version, dirty)
}

// apply runs the statements of one migration file and notes the version that
// the schema has with them; 0 is the empty schema.
func apply(ctx context.Context, t *sql.Tx, statements string, version int64) error {
	if _, err := t.ExecContext(ctx, statements); err != nil {
		return fmt.Errorf("schema version %d: %w", version, err)
	}
	if _, err := t.ExecContext(ctx, `DELETE FROM schema_migrations`); err != nil {
		return err
	}
	if version == 0 {
		return nil
	}
	_, err := t.ExecContext(ctx, `INSERT INTO schema_migrations (version, dirty) VALUES (?, false)`, version)
	return err
}
