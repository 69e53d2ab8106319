package sqlite

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Settings returns a setting of the connections that write: that of the database
// and that of the logs.
func (s *Store) Settings(ctx context.Context, name string) ([]string, error) {
	var values []string
	for _, p := range []*pool{s.write, s.logs} {
		value, err := queryOne(ctx, p.DB, scanText, `PRAGMA `+name)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// LimitLogs makes the file of the logs full at that many pages.
func (s *Store) LimitLogs(ctx context.Context, pages int) error {
	_, err := queryOne(ctx, s.logs.DB, scanOne[int], fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
	return err
}

// PanicInTransaction panics in the middle of a transaction that has not used its
// statements before.
func (s *Store) PanicInTransaction(ctx context.Context) {
	_ = s.inTx(ctx, func(t *tx) error {
		_ = t.QueryRowContext(ctx, `SELECT 'never asked before'`).Err()
		panic("in a transaction")
	})
}

// parametersMax is more than any statement has.
const parametersMax = 2000

// Plans returns how SQLite reads each statement that the store has used so far, by
// its text: a line for each step.
func (s *Store) Plans(ctx context.Context) (map[string][]string, error) {
	plans := map[string][]string{}
	for _, p := range []*pool{s.write, s.read} {
		p.mu.Lock()
		texts := slices.Collect(maps.Keys(p.known))
		p.mu.Unlock()
		for _, text := range texts {
			steps, err := query(ctx, s.read.DB, func(row row) (step string, err error) {
				var id, parent, unused int
				err = row.Scan(&id, &parent, &unused, &step)
				return step, err
			}, "EXPLAIN QUERY PLAN "+text, make([]any, parametersMax)...)
			if err != nil {
				return nil, err
			}
			plans[text] = steps
		}
	}
	return plans, nil
}
