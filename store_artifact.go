package miniairflow

import "context"

// ArtifactStore keeps the artifacts of attempts and, as compressed chunks, the bytes
// of those that are not in a folder. Whose artifacts count is ArtifactAttempt: what an
// attempt has stored that did not succeed is seen by nobody.
type ArtifactStore interface {
	// AddArtifacts stores chunks of artifacts of one attempt, and those artifacts that
	// are complete with them; durable when it returns. What is stored already is left as
	// it is. CreatedAt is ignored. One call has at most ArtifactRowsMax of both together.
	// A store that has no room for them says ErrFull.
	AddArtifacts(ctx context.Context, key AttemptKey, complete []Artifact, chunks []ArtifactChunk) error
	// FindArtifacts returns up to limit artifacts of an attempt, by name, after that one.
	FindArtifacts(ctx context.Context, key AttemptKey, afterName string, limit int) ([]*Artifact, error)
	FindArtifact(ctx context.Context, key AttemptKey, name string) (*Artifact, error)
	CountArtifacts(ctx context.Context, key AttemptKey) (int, error)
	// ReadArtifact returns the chunk that holds the byte at offset of the artifact of
	// that number.
	ReadArtifact(ctx context.Context, key AttemptKey, number int, offset int64) (LogChunk, error)
	// DropArtifacts deletes all artifacts and chunks of an attempt, some at a time.
	DropArtifacts(ctx context.Context, key AttemptKey) error
}

// ArtifactChunk is a piece of the artifact of that number.
type ArtifactChunk struct {
	Number int
	LogChunk
}

// ArtifactRowsMax bounds one call of AddArtifacts.
const ArtifactRowsMax = 500
