package sqlite

import (
	"context"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// graph returns the DAG of a version, from memory if it was used lately. q is the
// transaction inside of one.
func (s *Store) graph(ctx context.Context, q querier, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return s.graphs.Get(ctx, versionID, func(ctx context.Context, id uuid.UUID) (*miniairflow.Definition, error) {
		document, err := queryOne(ctx, q, scanOne[string], `SELECT document FROM workflow_versions WHERE id = ?`, id)
		if err != nil {
			return nil, err
		}
		return dialect.DecodeDefinition(document)
	})
}

// selected returns what a run's selection leaves of the DAG of its version.
func (s *Store) selected(ctx context.Context, q querier, versionID uuid.UUID, selection string) (*miniairflow.DAG, error) {
	graph, err := s.graph(ctx, q, versionID)
	if err != nil {
		return nil, err
	}
	return s.graphs.Select(versionID, selection, graph)
}

// FindDAG implements miniairflow.CatalogStore.
func (s *Store) FindDAG(ctx context.Context, versionID uuid.UUID) (*miniairflow.DAG, error) {
	return s.graph(ctx, s.read, versionID)
}

// FindSelectedDAG implements miniairflow.CatalogStore.
func (s *Store) FindSelectedDAG(ctx context.Context, versionID uuid.UUID, selection *miniairflow.Selection) (*miniairflow.DAG, error) {
	stored, err := dialect.EncodeSelection(selection)
	if err != nil {
		return nil, err
	}
	return s.selected(ctx, s.read, versionID, stored)
}
