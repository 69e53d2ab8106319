package limit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// bareTable names the table for the rows of one SELECT.
func bareTable(i int) string { return fmt.Sprintf("bare_%d", i) }

// PostgresRows returns how long one transaction takes that writes the rows of
// the SELECTs with one COPY each, into tables without keys. The database is left
// as it was.
func PostgresRows(ctx context.Context, address string, selects ...string) (took time.Duration, err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	copies := make([]bytes.Buffer, len(selects))
	for i, text := range selects {
		if _, err := conn.PgConn().CopyTo(ctx, &copies[i], "COPY ("+text+") TO STDOUT (FORMAT binary)"); err != nil {
			return 0, fmt.Errorf("read the rows: %w", err)
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS (%s) WITH NO DATA", bareTable(i), text)); err != nil {
			return 0, fmt.Errorf("make a bare table: %w", err)
		}
		defer func() {
			_, dropErr := conn.Exec(context.WithoutCancel(ctx), "DROP TABLE "+bareTable(i))
			err = errors.Join(err, dropErr)
		}()
	}
	began := time.Now()
	err = pgx.BeginFunc(ctx, conn, func(pgx.Tx) error {
		for i := range copies {
			if _, err := conn.PgConn().CopyFrom(ctx, &copies[i], "COPY "+bareTable(i)+" FROM STDIN (FORMAT binary)"); err != nil {
				return fmt.Errorf("copy the rows: %w", err)
			}
		}
		return nil
	})
	return time.Since(began), err
}

// SQLiteRows returns how long one durable transaction takes that inserts the rows
// of the SELECTs, one by one, into tables without keys. They are in a file of
// their own below dir, which is removed.
func SQLiteRows(ctx context.Context, source *sql.DB, dir string, selects ...string) (took time.Duration, err error) {
	tables := make([][][]any, len(selects))
	for i, text := range selects {
		if tables[i], err = readRows(ctx, source, text); err != nil {
			return 0, fmt.Errorf("read the rows: %w", err)
		}
	}
	path := filepath.Join(dir, fmt.Sprintf("rows-%d.db", time.Now().UnixNano()))
	db, err := sql.Open("sqlite", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close(), os.RemoveAll(path)) }()
	db.SetMaxOpenConns(1)
	for i, rows := range tables {
		if len(rows) == 0 {
			return 0, fmt.Errorf("%s: there are no rows", selects[i])
		}
		columns := make([]string, len(rows[0]))
		for c := range columns {
			columns[c] = fmt.Sprintf("c%d", c)
		}
		if _, err := db.ExecContext(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", bareTable(i), strings.Join(columns, ", "))); err != nil {
			return 0, fmt.Errorf("make a bare table: %w", err)
		}
	}
	began := time.Now()
	if err := insertRows(ctx, db, tables); err != nil {
		return 0, fmt.Errorf("insert the rows: %w", err)
	}
	return time.Since(began), nil
}

func insertRows(ctx context.Context, db *sql.DB, tables [][][]any) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after the commit there is nothing to roll back
	for i, rows := range tables {
		if err := insertBare(ctx, tx, bareTable(i), rows); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// readRows returns the rows of a SELECT as the driver gives them.
func readRows(ctx context.Context, db *sql.DB, text string) ([][]any, error) {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]any
	for rows.Next() {
		row, places := make([]any, len(columns)), make([]any, len(columns))
		for c := range row {
			places[c] = &row[c]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// insertBare inserts rows one by one with one prepared statement.
func insertBare(ctx context.Context, tx *sql.Tx, name string, rows [][]any) error {
	places := strings.Repeat(", ?", len(rows[0]))[2:]
	insert, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%s)", name, places))
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, row := range rows {
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}
