package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// tx is a transaction. It has the write lock from its start, so it is alone.
type tx struct {
	*transaction
	now      int64 // the time of all its changes
	events   []miniairflow.Event
	pools    []string // that may have more to give now
	revision int64
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

// changed returns the revision of the rows that the transaction writes: a new
// number, taken once.
func (t *tx) changed(ctx context.Context) (int64, error) {
	if t.revision == 0 {
		err := t.QueryRowContext(ctx, `UPDATE revision SET value = value + 1 RETURNING value`).Scan(&t.revision)
		if err != nil {
			return 0, fmt.Errorf("take a revision: %w", err)
		}
	}
	return t.revision, nil
}

// inTx runs do in a transaction and publishes its events after the commit.
func (s *Store) inTx(ctx context.Context, do func(t *tx) error) error {
	inner, err := s.write.beginWrite(ctx)
	if err != nil {
		return mapError(fmt.Errorf("begin: %w", err))
	}
	defer func() {
		// Only after a panic of do it is still open; the one connection that writes
		// must come free all the same.
		_ = inner.Rollback()
		inner.release()
		s.write.learn(ctx, inner.unknown)
	}()
	t := &tx{transaction: inner, now: now()}
	err = do(t)
	if err == nil {
		err = wakeForPools(ctx, t)
	}
	if err != nil {
		if rollback := inner.Rollback(); rollback != nil && !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
		return mapError(err)
	}
	if err := inner.Commit(); err != nil {
		return mapError(fmt.Errorf("commit: %w", err))
	}
	inner.release() // what follows may write by itself
	s.publish(t.events)
	s.write.committed(ctx)
	return nil
}

// row is one row of a result: *sql.Row or *sql.Rows.
type row interface{ Scan(dest ...any) error }

// querier is what reads: a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query returns all rows of a query. Inside a transaction q is the tx.
func query[T any](ctx context.Context, q querier, scan func(row) (T, error), text string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, mapError(err)
	}
	defer rows.Close()
	var found []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, mapError(err)
		}
		found = append(found, item)
	}
	return found, mapError(rows.Err())
}

// queryOne returns the first row of a query, or ErrNotFound.
func queryOne[T any](ctx context.Context, q querier, scan func(row) (T, error), text string, args ...any) (T, error) {
	found, err := query(ctx, q, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = miniairflow.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}
