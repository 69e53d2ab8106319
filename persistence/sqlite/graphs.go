package sqlite

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// graph returns the DAG of a version, from memory if it was used lately.
func (s *Store) graph(ctx context.Context, t *tx, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return s.graphs.Get(ctx, versionID, func(ctx context.Context, id uuid.UUID) ([]byte, error) {
		var document []byte
		const text = `SELECT document FROM workflow_versions WHERE id = ?`
		err := t.QueryRowContext(ctx, text, id).Scan(&document)
		return document, err
	})
}
