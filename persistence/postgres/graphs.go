package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
)

// graph returns the DAG of a version, from memory if it was used lately.
func (s *Store) graph(ctx context.Context, t *tx, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return s.graphs.Get(ctx, versionID, func(ctx context.Context, id uuid.UUID) ([]byte, error) {
		var document []byte
		const text = `SELECT document FROM workflow_versions WHERE id = $1`
		rows, err := t.Query(ctx, text, id)
		if err != nil {
			return nil, err
		}
		document, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]byte])
		return document, err
	})
}
