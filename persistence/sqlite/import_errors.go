package sqlite

import (
	"context"
	"fmt"

	"github.com/sauravritesh63/miniairflow"
)

// FindImportErrors implements miniairflow.CatalogStore.
func (s *Store) FindImportErrors(ctx context.Context) ([]miniairflow.ImportError, error) {
	const text = `SELECT file, line, col, message, since FROM import_errors ORDER BY file, line, col, message`
	return query(ctx, s.read, scanImportError, text)
}

// replaceImportErrors makes want, each once, the errors of a file. Equal ones keep their since.
func replaceImportErrors(ctx context.Context, t *tx, file string, want []miniairflow.ImportError) error {
	const drop = `
		DELETE FROM import_errors WHERE file = ?1
			AND (line, col, message) NOT IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2))`
	const insert = `
		INSERT INTO import_errors (file, line, col, message, since)
		SELECT ?1, value ->> 0, value ->> 1, value ->> 2, ?3 FROM json_each(?2)
		WHERE (value ->> 0, value ->> 1, value ->> 2) NOT IN (SELECT line, col, message FROM import_errors WHERE file = ?1)`
	rows := table{}
	for _, e := range want {
		rows = append(rows, []any{e.Line, e.Column, e.Message})
	}
	if _, err := t.ExecContext(ctx, drop, file, rows); err != nil {
		return fmt.Errorf("drop import errors: %w", err)
	}
	if _, err := t.ExecContext(ctx, insert, file, rows, t.now); err != nil {
		return fmt.Errorf("save import errors: %w", err)
	}
	return nil
}

func scanImportError(row row) (e miniairflow.ImportError, err error) {
	err = row.Scan(&e.File, &e.Line, &e.Column, &e.Message, timeInto{&e.Since})
	return e, err
}
