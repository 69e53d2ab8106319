package limit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// keyedPrefix begins the names of the copies of tables.
const keyedPrefix = "keyed_"

// PostgresKeyedRows is PostgresRows for the rows of whole tables, into tables that
// have all keys, indexes and checks of theirs. Each table comes after those that it
// refers to.
func PostgresKeyedRows(ctx context.Context, address string, tables ...string) (took time.Duration, err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	rows := make([]bytes.Buffer, len(tables))
	for i, table := range tables {
		if _, err := conn.PgConn().CopyTo(ctx, &rows[i], "COPY "+table+" TO STDOUT (FORMAT binary)"); err != nil {
			return 0, fmt.Errorf("read the rows of %s: %w", table, err)
		}
		defer func() {
			_, dropErr := conn.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+keyedPrefix+table+" CASCADE")
			err = errors.Join(err, dropErr)
		}()
		if err := copyTable(ctx, conn, table, tables); err != nil {
			return 0, fmt.Errorf("copy the table %s: %w", table, err)
		}
	}
	began := time.Now()
	err = pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
		for i, table := range tables {
			if _, err := conn.PgConn().CopyFrom(ctx, &rows[i], "COPY "+keyedPrefix+table+" FROM STDIN (FORMAT binary)"); err != nil {
				return fmt.Errorf("copy the rows of %s: %w", table, err)
			}
		}
		return nil
	})
	return time.Since(began), err
}

// copyTable makes an empty table like another one. Its references lead to the
// copies, where there are any.
func copyTable(ctx context.Context, conn *pgx.Conn, table string, copied []string) error {
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %[1]s%[2]s (LIKE %[2]s INCLUDING ALL)", keyedPrefix, table)); err != nil {
		return err
	}
	found, err := conn.Query(ctx, `
		SELECT pg_get_constraintdef(oid), confrelid::regclass::text FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f'`, table)
	if err != nil {
		return err
	}
	type reference struct{ text, to string }
	references, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (r reference, err error) {
		err = row.Scan(&r.text, &r.to)
		return r, err
	})
	if err != nil {
		return err
	}
	for _, r := range references {
		if slices.Contains(copied, r.to) {
			r.text = strings.Replace(r.text, " REFERENCES "+r.to+"(", " REFERENCES "+keyedPrefix+r.to+"(", 1)
		}
		if _, err := conn.Exec(ctx, "ALTER TABLE "+keyedPrefix+table+" ADD "+r.text); err != nil {
			return err
		}
	}
	return nil
}
