package sqlite

import "context"

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

// PanicInTransaction panics in the middle of a transaction that has not used its
// statements before.
func (s *Store) PanicInTransaction(ctx context.Context) {
	_ = s.inTx(ctx, func(t *tx) error {
		_ = t.QueryRowContext(ctx, `SELECT 'never asked before'`).Err()
		panic("in a transaction")
	})
}
