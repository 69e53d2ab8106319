package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// WALBytes returns how much the server has written to its log since the
// database was made: the database must be the only one that anybody writes to.
func (s *Server) WALBytes(ctx context.Context, address string) (float64, error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return 0, fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	var bytes float64
	if err := conn.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1::pg_lsn)", s.positions[address]).Scan(&bytes); err != nil {
		return 0, fmt.Errorf("read the position in the log: %w", err)
	}
	return bytes, nil
}

// Writes returns how many transactions of the whole server have written
// anything so far, or sent a notification: the server hands each of them a number,
// and no other. That is known at once, unlike the server's statistics, and has a
// few of the server's own, of autovacuum, among it.
func (s *Server) Writes(ctx context.Context) (n int64, err error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return 0, fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Scan(&n); err != nil {
		return 0, fmt.Errorf("read the number of the last transaction: %w", err)
	}
	return n, nil
}

// Notifications returns how many statements have sent one while statements were
// counted. The product's are transactions of their own, and not durable: their
// commits wait for no disk.
func (s *Server) Notifications(ctx context.Context, address string) (int64, error) {
	const text = `
		SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1) AND query LIKE 'SELECT pg_notify(%'`
	n, err := s.count(ctx, address, text)
	if err != nil {
		return 0, fmt.Errorf("count notifications: %w", err)
	}
	return n, nil
}

// CountStatements lets the server count the statements of all databases from
// about now on, until stop is called. The caller must call it.
func (s *Server) CountStatements(ctx context.Context) (stop func(ctx context.Context) error, err error) {
	stop = func(ctx context.Context) error {
		return s.Exec(ctx, "ALTER SYSTEM RESET pg_stat_statements.track", "SELECT pg_reload_conf()")
	}
	err = s.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements", "ALTER SYSTEM SET pg_stat_statements.track = 'top'", "SELECT pg_reload_conf()")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("count statements: %w", err), stop(context.WithoutCancel(ctx)))
	}
	return stop, nil
}

// Statements returns how many statements clients have sent to a database while
// they were counted, BEGIN and COMMIT among them.
func (s *Server) Statements(ctx context.Context, address string) (int64, error) {
	const text = `
		SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)`
	n, err := s.count(ctx, address, text)
	if err != nil {
		return 0, fmt.Errorf("count statements: %w", err)
	}
	return n, nil
}

// count asks from the maintenance database, so that the question itself counts
// for no other.
func (s *Server) count(ctx context.Context, address, text string) (n int64, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return 0, fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, text, strings.TrimPrefix(u.Path, "/")).Scan(&n)
	return n, err
}
