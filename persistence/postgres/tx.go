package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sauravritesh63/miniairflow"
)

// A transaction that lost against others is tried this often, with a pause that
// doubles from the first one on.
const (
	txTriesMax   = 8
	txPauseFirst = 2 * time.Millisecond
)

// tx is a transaction that remembers what to publish once it is committed.
type tx struct {
	pgx.Tx
	events []miniairflow.Event
	pools  []string // that may have more to give after the commit
}

// publish notes events for after the commit.
func (t *tx) publish(events ...miniairflow.Event) { t.events = append(t.events, events...) }

// moved notes that in these pools slots came back, or that the first in line did
// not stay: somebody else may be able to start now.
func (t *tx) moved(pools ...string) {
	for _, pool := range pools {
		if pool != "" && !slices.Contains(t.pools, pool) {
			t.pools = append(t.pools, pool)
		}
	}
}

// inTx runs do in a transaction and publishes its events after the commit. do
// is run again, from the start, if the transaction lost against another one: it
// must set all its results anew. It must not keep t.
func (s *Store) inTx(ctx context.Context, do func(t *tx) error) error {
	return s.inTxOn(ctx, s.pool, do)
}

// inTxOn is inTx on a connection of the given pool.
func (s *Store) inTxOn(ctx context.Context, pool *pgxpool.Pool, do func(t *tx) error) error {
	for try := 1; ; try++ {
		err := s.tryTx(ctx, pool, do)
		if err == nil || try == txTriesMax || !isRetryable(err) {
			return mapError(err)
		}
		pause := txPauseFirst << (try - 1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

func (s *Store) tryTx(ctx context.Context, pool *pgxpool.Pool, do func(t *tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	t := &tx{}
	// A statement must see what was committed while the one before waited for a lock,
	// whatever the database's own default is.
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(inner pgx.Tx) error {
		t.Tx = inner
		if s.settings != "" {
			if _, err := inner.Exec(ctx, s.settings, pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("set limits: %w", err)
			}
		}
		return do(t)
	})
	if err != nil {
		drop(ctx, conn, err)
		return err
	}
	if len(t.pools) > 0 && haveMore(ctx, conn, t.pools) {
		t.publish(miniairflow.Event{Topic: miniairflow.TopicQueue})
	}
	s.publish(t.events)
	return nil
}

// drop closes a connection whose server takes no more writes, so that the pool
// connects anew, perhaps to another server.
func drop(ctx context.Context, conn *pgxpool.Conn, err error) {
	if isLost(err) {
		_ = conn.Conn().Close(context.WithoutCancel(ctx)) // it is given up either way
	}
}

// query returns all rows of a query outside of transactions.
func query[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, mapError(err)
	}
	found, err := pgx.CollectRows(rows, scan)
	return found, mapError(err)
}

// queryOne returns the only row of a query outside of transactions, or ErrNotFound.
func queryOne[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, mapError(err)
	}
	found, err := pgx.CollectOneRow(rows, scan)
	return found, mapError(err)
}

// collect returns all rows of a query inside a transaction. The error keeps its
// code, so that inTx can tell whether to try again.
func collect[T any](ctx context.Context, t *tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := t.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

func isBrokenPipe(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED)
}
