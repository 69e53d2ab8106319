// Package persistencetest holds both stores to the contract of
// miniairflow.Store, and gives the tests of other packages real databases: a
// SQLite file in a temporary directory, and databases on a private PostgreSQL
// that the test process starts when the first test asks for it.
//
// A package whose tests use PostgreSQL calls Main from its TestMain, which stops
// the server. A machine without PostgreSQL fails those tests; it never skips them.
package persistencetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
)

const templateDatabase = "miniairflow_template"

// shared is the one PostgreSQL of this test process: each test gets a database
// of its own on it.
var shared struct {
	mu        sync.Mutex
	server    *server
	err       error
	databases atomic.Int64
}

// Main runs the tests of a package, stops the PostgreSQL that they started, and
// fails if a goroutine is left. It does not return.
func Main(m *testing.M, options ...goleak.Option) {
	goleak.VerifyTestMain(m, append(options, goleak.Cleanup(func(code int) {
		if err := stopShared(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the private PostgreSQL:", err)
			code = max(code, 1)
		}
		os.Exit(code)
	}))...)
}

// Each runs a test on a new store of each dialect.
func Each(t *testing.T, test func(t *testing.T, store miniairflow.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns a new, migrated store in a directory of its own. It is closed
// when the test ends.
func SQLite(t testing.TB) miniairflow.Store {
	t.Helper()
	return Open(t, SQLiteURL(t))
}

// SQLiteURL returns the address of a SQLite database that does not exist yet.
func SQLiteURL(t testing.TB) string {
	t.Helper()
	return "sqlite://" + filepath.Join(newDir(t), "miniairflow.db")
}

// Postgres returns a store on a new, migrated PostgreSQL database. It is closed
// when the test ends.
func Postgres(t testing.TB) miniairflow.Store {
	t.Helper()
	return Open(t, PostgresURL(t))
}

// PostgresURL returns the address of a new, migrated PostgreSQL database, which
// is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	s, err := sharedServer()
	require.NoError(t, err)
	return newDatabase(t, s, templateDatabase)
}

// EmptyPostgresURL returns the address of a new PostgreSQL database without any
// table, which is dropped when the test ends.
func EmptyPostgresURL(t testing.TB) string {
	t.Helper()
	s, err := sharedServer()
	require.NoError(t, err)
	return newDatabase(t, s, "template0")
}

// Open opens the store at url, for as long as the test runs.
func Open(t testing.TB, url string) miniairflow.Store {
	t.Helper()
	store, err := persistence.Open(context.Background(), url, persistence.Options{Logger: Logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// Logger returns a logger that writes to the test's output.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// Server is a PostgreSQL of one test, for tests in which it goes away.
type Server struct {
	t      testing.TB
	server *server
	url    string
}

// PostgresServer starts a PostgreSQL that the test may stop and start again. It
// is removed when the test ends.
func PostgresServer(t testing.TB) *Server {
	t.Helper()
	s, err := newServer()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	return &Server{t: t, server: s, url: s.url("postgres")}
}

// URL returns the address of the server's one database, which has no tables at first.
func (s *Server) URL() string { return s.url }

// Stop ends the server at once, without asking its clients.
func (s *Server) Stop() {
	s.t.Helper()
	require.NoError(s.t, s.server.stop(true))
}

// Start starts a stopped server again, at the same address.
func (s *Server) Start() {
	s.t.Helper()
	require.NoError(s.t, s.server.start())
}

// sharedServer returns the process's server with its template, and starts it first
// if need be. A failure is final: it would only come again.
func sharedServer() (*server, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server != nil || shared.err != nil {
		return shared.server, shared.err
	}
	ctx := context.Background()
	s, err := newServer()
	if err != nil {
		shared.err = err
		return nil, err
	}
	if err = s.exec(ctx, "CREATE DATABASE "+templateDatabase+" TEMPLATE template0"); err == nil {
		err = errors.Join(persistence.Migrate(ctx, s.url(templateDatabase)), s.findStrategy(ctx))
	}
	if err != nil {
		shared.err = errors.Join(fmt.Errorf("make the template database: %w", err), s.close())
		return nil, shared.err
	}
	shared.server = s
	return s, nil
}

// stopShared stops the process's server, if there is one.
func stopShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil {
		return nil
	}
	err := shared.server.close()
	shared.server = nil
	return err
}

// newDatabase makes a database for one test.
func newDatabase(t testing.TB, s *server, template string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", shared.databases.Add(1))
	require.NoError(t, s.exec(context.Background(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s%s", name, template, s.strategy)))
	t.Cleanup(func() {
		require.NoError(t, s.exec(context.Background(), fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)))
	})
	return s.url(name)
}
