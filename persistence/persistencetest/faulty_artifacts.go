package persistencetest

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
)

// AddArtifacts implements miniairflow.ArtifactStore.
func (f *Faulty) AddArtifacts(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, chunks []miniairflow.ArtifactChunk) error {
	return tryOnly(f, "AddArtifacts", func() error { return f.inner.AddArtifacts(ctx, key, complete, chunks) })
}

// FindArtifacts implements miniairflow.ArtifactStore.
func (f *Faulty) FindArtifacts(ctx context.Context, key miniairflow.AttemptKey, afterName string, limit int) ([]*miniairflow.Artifact, error) {
	return try(f, "FindArtifacts", func() ([]*miniairflow.Artifact, error) { return f.inner.FindArtifacts(ctx, key, afterName, limit) })
}

// FindArtifact implements miniairflow.ArtifactStore.
func (f *Faulty) FindArtifact(ctx context.Context, key miniairflow.AttemptKey, name string) (*miniairflow.Artifact, error) {
	return try(f, "FindArtifact", func() (*miniairflow.Artifact, error) { return f.inner.FindArtifact(ctx, key, name) })
}

// CountArtifacts implements miniairflow.ArtifactStore.
func (f *Faulty) CountArtifacts(ctx context.Context, key miniairflow.AttemptKey) (int, error) {
	return try(f, "CountArtifacts", func() (int, error) { return f.inner.CountArtifacts(ctx, key) })
}

// ReadArtifact implements miniairflow.ArtifactStore.
func (f *Faulty) ReadArtifact(ctx context.Context, key miniairflow.AttemptKey, number int, offset int64) (miniairflow.LogChunk, error) {
	return try(f, "ReadArtifact", func() (miniairflow.LogChunk, error) { return f.inner.ReadArtifact(ctx, key, number, offset) })
}

// DropArtifacts implements miniairflow.ArtifactStore.
func (f *Faulty) DropArtifacts(ctx context.Context, key miniairflow.AttemptKey) error {
	return tryOnly(f, "DropArtifacts", func() error { return f.inner.DropArtifacts(ctx, key) })
}
