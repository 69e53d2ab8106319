package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// graph returns the DAG of a version, from memory if it was used lately.
func (s *Store) graph(ctx context.Context, t *tx, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return s.graphs.Get(ctx, versionID, func(ctx context.Context, id uuid.UUID) (*miniairflow.Definition, error) {
		rows, err := t.Query(ctx, documentText, id)
		if err != nil {
			return nil, err
		}
		return pgx.CollectExactlyOneRow(rows, scanDefinition)
	})
}

// selected returns what a run's selection leaves of the DAG of its version.
func (s *Store) selected(ctx context.Context, t *tx, versionID uuid.UUID, selection string) (*miniairflow.DAG, error) {
	graph, err := s.graph(ctx, t, versionID)
	if err != nil {
		return nil, err
	}
	return s.graphs.Select(versionID, selection, graph)
}

// FindDAG implements miniairflow.CatalogStore.
func (s *Store) FindDAG(ctx context.Context, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return s.graphs.Get(ctx, versionID, func(ctx context.Context, id uuid.UUID) (*miniairflow.Definition, error) {
		return queryOne(ctx, s, scanDefinition, documentText, id)
	})
}

// FindSelectedDAG implements miniairflow.CatalogStore.
func (s *Store) FindSelectedDAG(ctx context.Context, versionID uuid.UUID, selection *miniairflow.Selection) (*miniairflow.DAG, error) {
	graph, err := s.FindDAG(ctx, versionID)
	if err != nil {
		return nil, err
	}
	stored, err := dialect.EncodeSelection(selection)
	if err != nil {
		return nil, err
	}
	return s.graphs.Select(versionID, stored, graph)
}

// scanDefinition reads a document where the driver has received it: a copy of a
// large one would be the largest thing in memory.
func scanDefinition(row pgx.CollectableRow) (*miniairflow.Definition, error) {
	return dialect.DecodeDefinition(row.RawValues()[0])
}

const documentText = `SELECT document::text FROM workflow_versions WHERE id = $1`
