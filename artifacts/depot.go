// Package artifacts moves the files that attempts leave into a place where they are
// kept, and back out of it: to the tasks after them, and to people. The names are
// kept by a miniairflow.ArtifactStore, the bytes there too or in a folder.
package artifacts

import (
	"context"

	"github.com/sauravritesh63/miniairflow"
)

// pieceSize is how many bytes of a file go into one chunk, but for its last one.
const pieceSize = 256 << 10

// Piece is a part of the file of that number.
type Piece struct {
	Number int
	Offset int64
	Data   []byte
}

// Depot keeps the bytes of artifacts. Its methods may be called from any goroutine.
type Depot interface {
	// Save keeps pieces of files of an attempt, and makes those files its artifacts that
	// are complete with them. All is durable when it returns, and the same call again is
	// no other. It keeps nothing of the data after it has returned.
	Save(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, pieces []Piece) error
	// Read returns the bytes around the offset of a file that has some there, from start.
	Read(ctx context.Context, key miniairflow.AttemptKey, a *miniairflow.Artifact, offset int64) (data []byte, start int64, err error)
	// Drop deletes all artifacts of an attempt.
	Drop(ctx context.Context, key miniairflow.AttemptKey) error
}
