package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// FindImportErrors implements miniairflow.CatalogStore.
func (s *Store) FindImportErrors(ctx context.Context) ([]miniairflow.ImportError, error) {
	const statement = `
SELECT file, line, col, message, since FROM import_errors ORDER BY file, line, col, message COLLATE "C"`
	return query(ctx, s, scanImportError, statement)
}

// replaceImportErrors makes want, each once, the errors of a file. Equal ones keep their since.
func replaceImportErrors(ctx context.Context, t *tx, file string, want []miniairflow.ImportError, now time.Time) error {
	const drop = `
DELETE FROM import_errors e WHERE file = $1
	AND NOT EXISTS (SELECT 1 FROM unnest($2::int[], $3::int[], $4::text[]) AS u(line, col, message)
		WHERE (u.line, u.col, u.message) = (e.line, e.col, e.message))`
	const insert = `
INSERT INTO import_errors (file, line, col, message, since)
SELECT $1, u.line, u.col, u.message, $5 FROM unnest($2::int[], $3::int[], $4::text[]) AS u(line, col, message)
WHERE NOT EXISTS (SELECT 1 FROM import_errors e
	WHERE e.file = $1 AND (u.line, u.col, u.message) = (e.line, e.col, e.message))`
	lines, columns, messages := make([]int, len(want)), make([]int, len(want)), make([]string, len(want))
	for i, e := range want {
		lines[i], columns[i], messages[i] = e.Line, e.Column, e.Message
	}
	if _, err := t.Exec(ctx, drop, file, lines, columns, messages); err != nil {
		return fmt.Errorf("drop import errors: %w", err)
	}
	if _, err := t.Exec(ctx, insert, file, lines, columns, messages, now); err != nil {
		return fmt.Errorf("save import errors: %w", err)
	}
	return nil
}

func scanImportError(row pgx.CollectableRow) (e miniairflow.ImportError, err error) {
	err = row.Scan(&e.File, &e.Line, &e.Column, &e.Message, &e.Since)
	return e, err
}
