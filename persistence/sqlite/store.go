package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the driver

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// Config holds what a Store needs besides its file. The zero value is ready.
type Config struct {
	Logger *slog.Logger     // nil: nothing is logged
	Bus    *miniairflow.Bus // nil: one of its own
}

// readersMax bounds the connections that only read. An open reader keeps the
// write-ahead log from shrinking, so they are few and their reads short.
const readersMax = 4

// busyTimeout is how long a connection waits for the lock of another process
// that looks into the file: no other connection of ours writes.
const busyTimeout = 10 * time.Second

// How much of a file a connection keeps in memory at most. The memory is twice as
// much: to each page SQLite adds a header, and the allocator that it uses in Go
// rounds both up to the next power of two.
const (
	writerCacheKiB = 8 << 10
	readerCacheKiB = 2 << 10
)

// Store is a miniairflow.Store on a SQLite file.
type Store struct {
	write   *pool // one connection; every transaction begins with the write lock
	read    *pool
	logs    *pool // the file of the logs, as write
	tail    *pool // the file of the logs, as read
	appends dialect.Gather[dialect.LogPart]
	bus     *miniairflow.Bus
	log     *slog.Logger
	graphs  *dialect.Graphs
	lock    *fileLock
	server  string // names this opening of the file: nobody else serves it meanwhile
}

// Open opens the database file at path, made with its folder if need be, and
// migrates it. The logs are in a second file beside it, "<name>-logs.db". A file
// that another process has open is a CodeConflict. Sessions that earlier
// processes left behind become inactive, and their leases are dropped: nobody
// else can have them. The caller must Close the store.
func Open(ctx context.Context, path string, config Config) (*Store, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Bus == nil {
		config.Bus = &miniairflow.Bus{}
	}
	lock, err := prepare(path)
	if err != nil {
		return nil, err
	}
	s := &Store{bus: config.Bus, log: config.Logger, graphs: dialect.NewGraphs(), lock: lock, server: uuid.NewString()}
	s.appends = dialect.Gather[dialect.LogPart]{Do: s.storeLogs, Size: dialect.LogPart.Size, Most: logPartsMax}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open opens the pools, migrates both files and ends the sessions of earlier processes.
func (s *Store) open(ctx context.Context, path string) error {
	files := []struct {
		path, migrations string
		write, read      **pool
	}{
		{path, "migrations", &s.write, &s.read},
		{logsPath(path), "migrations/logs", &s.logs, &s.tail},
	}
	for _, f := range files {
		db, err := openFile(f.path, writer)
		if err != nil {
			return err
		}
		*f.write = newPool(db, f.path, s.log)
		if err := up(ctx, db, f.migrations); err != nil {
			return err
		}
		if db, err = openFile(f.path, reader); err != nil {
			return err
		}
		*f.read = newPool(db, f.path, s.log)
	}
	// Until the first release version 1 has grown: a file of before lacks its last column.
	const text = `SELECT count(*) FROM pragma_table_info('seen_files') WHERE name = 'gone_at'`
	if found, err := queryOne(ctx, s.read, scanOne[int], text); err != nil || found == 0 {
		return errors.Join(err, dialect.OtherTables(path))
	}
	return s.endEarlierSessions(ctx)
}

// prepare makes the folder, locks the file for this process and makes it, for
// its owner's eyes only.
func prepare(path string) (*fileLock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make folder of database: %w", err)
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{path, logsPath(path)} {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make database file: %w", err), lock.release())
		}
		if err := file.Close(); err != nil {
			return nil, errors.Join(fmt.Errorf("make database file: %w", err), lock.release())
		}
	}
	return lock, nil
}

// logsPath returns the file of the logs: "home/db.sqlite" has "home/db-logs.db".
func logsPath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + "-logs.db"
}

// access says what a pool is for.
type access int

const (
	writer access = iota
	reader
)

// openFile returns a pool of connections to one file.
func openFile(path string, a access) (*sql.DB, error) {
	// Without a cache that holds what runs at a time, each statement reads its pages
	// from the file again.
	cache := writerCacheKiB
	if a == reader {
		cache = readerCacheKiB
	}
	q := url.Values{"_pragma": {fmt.Sprintf("cache_size(-%d)", cache)}, "_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)}, "_dqs": {"false"}}
	if a == reader {
		q.Set("mode", "ro")
		q.Set("_query_only", "true")
	} else {
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "FULL")
		q.Set("_foreign_keys", "true")
		q.Set("_txlock", "immediate")
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	if !filepath.IsAbs(path) {
		name = url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, mapError(err))
	}
	limit := 1
	if a == reader {
		limit = readersMax
	}
	db.SetMaxOpenConns(limit)
	db.SetMaxIdleConns(limit)
	return db, nil
}

// endEarlierSessions makes all sessions inactive that the file still calls alive,
// and drops the leases that earlier processes held.
func (s *Store) endEarlierSessions(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.ExecContext(ctx, `UPDATE workers SET status = 'inactive' WHERE status <> 'inactive'`); err != nil {
			return fmt.Errorf("end earlier sessions: %w", err)
		}
		if _, err := t.ExecContext(ctx, `DELETE FROM leases`); err != nil {
			return fmt.Errorf("drop earlier leases: %w", err)
		}
		return nil
	})
}

// Bus implements miniairflow.Store.
func (s *Store) Bus() *miniairflow.Bus { return s.bus }

// Now implements miniairflow.Store. The database runs in this process, and so does its clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return time.Time{}, mapError(err)
	}
	return timeOf(now()), nil
}

// Close implements miniairflow.Store.
func (s *Store) Close() error {
	s.appends.Wait()
	var errs []error
	for _, db := range []*pool{s.read, s.tail, s.logs, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// publish tells this process what a committed transaction may have changed.
func (s *Store) publish(events []miniairflow.Event) {
	if len(events) > 0 {
		s.bus.Publish(events...)
	}
}
