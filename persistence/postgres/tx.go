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
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sauravritesh63/miniairflow"
)

// A transaction that lost against others is tried this often, with a pause that
// doubles from the first one on.
const (
	txTriesMax   = 8
	txPauseFirst = 2 * time.Millisecond
)

// beginText opens a transaction. A statement must see what was committed while
// the one before waited for a lock, whatever the database's own default is.
const beginText = "begin isolation level read committed"

// tx is a transaction that remembers what to publish once it is committed. It
// begins with its first statements and may end with its last ones, without a
// round trip for either.
type tx struct {
	conn   *pgx.Conn
	first  []string // statements that open it; nil: it is open
	over   bool     // it is committed
	events []miniairflow.Event
	pools  []string // that may have more to give after the commit
}

// SendBatch sends statements. The results must be read by functions of the batch
// and with Close, not one by one.
func (t *tx) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if len(t.first) == 0 {
		return t.conn.SendBatch(ctx, batch)
	}
	whole := &pgx.Batch{}
	for _, text := range t.first {
		whole.Queue(text)
	}
	t.first = nil
	whole.QueuedQueries = append(whole.QueuedQueries, batch.QueuedQueries...)
	return t.conn.SendBatch(ctx, whole)
}

// end sends the last statements of the transaction and commits it with them.
func (t *tx) end(ctx context.Context, batch *pgx.Batch) error {
	batch.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() == "ROLLBACK" { // a statement had failed, and nobody has noticed
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	if err := t.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	t.over = true
	return nil
}

// open opens the transaction by itself.
func (t *tx) open(ctx context.Context) error {
	if len(t.first) == 0 {
		return nil
	}
	return t.SendBatch(ctx, &pgx.Batch{}).Close()
}

// Exec is that of pgx.Conn.
func (t *tx) Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error) {
	if err := t.open(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return t.conn.Exec(ctx, text, args...)
}

// Query is that of pgx.Conn.
func (t *tx) Query(ctx context.Context, text string, args ...any) (pgx.Rows, error) {
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	return t.conn.Query(ctx, text, args...)
}

// QueryRow is that of pgx.Conn.
func (t *tx) QueryRow(ctx context.Context, text string, args ...any) pgx.Row {
	if err := t.open(ctx); err != nil {
		return failedRow{err}
	}
	return t.conn.QueryRow(ctx, text, args...)
}

// failedRow is the row of a query that was never asked.
type failedRow struct{ err error }

// Scan implements pgx.Row.
func (f failedRow) Scan(...any) error { return f.err }

// finish commits what is open, or rolls it back after an error.
func (t *tx) finish(ctx context.Context, err error) error {
	switch {
	case err == nil && (t.over || t.first != nil): // nothing is open
		return nil
	case err == nil:
		if err = t.end(ctx, &pgx.Batch{}); err == nil {
			return nil
		}
	}
	if t.conn.PgConn().TxStatus() == 'I' {
		return err
	}
	if _, rollback := t.conn.Exec(ctx, "rollback"); rollback != nil {
		_ = t.conn.Close(ctx) // whoever gets it next would go on in this transaction
	}
	return err
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
	t := &tx{conn: conn.Conn(), first: append([]string{beginText}, s.settings...)}
	defer func() {
		if fault := recover(); fault != nil {
			_ = t.conn.Close(context.WithoutCancel(ctx)) // what is open on it must not be committed by the next one
			panic(fault)
		}
	}()
	if err := t.finish(ctx, do(t)); err != nil {
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

// nextTime asks for the first of some times, nil if there is none, and whether it is over.
func (s *Store) nextTime(ctx context.Context, sql string) (next *time.Time, isOver bool, err error) {
	_, err = queryOne(ctx, s, func(row pgx.CollectableRow) (struct{}, error) {
		return struct{}{}, row.Scan(&next, &isOver)
	}, sql)
	return next, isOver, err
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
