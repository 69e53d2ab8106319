package artifacts

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/sauravritesh63/miniairflow"
)

// codec returns the one encoder and decoder of the process. Both are safe for
// concurrent use, start no goroutine in this mode, and work on at most as many
// pieces at once as there are processors.
var codec = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	limit := runtime.GOMAXPROCS(0)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(limit), zstd.WithWindowSize(pieceSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("zstd encoder options: %v", err)) // constants: cannot happen
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(limit), zstd.WithDecoderMaxMemory(chunkMax))
	if err != nil {
		panic(fmt.Sprintf("zstd decoder options: %v", err))
	}
	return enc, dec
})

// chunkMax is the highest size of a chunk that is read back. Ours are far smaller;
// the bound keeps a damaged row from asking for all the memory.
const chunkMax = 4 << 20

// packedMore is by how much a piece may grow that cannot be compressed.
const packedMore = 64

// inStore keeps bytes in the database.
type inStore struct {
	store miniairflow.ArtifactStore
}

// InStore returns the Depot that keeps bytes in the database itself.
func InStore(store miniairflow.ArtifactStore) Depot { return inStore{store} }

// Save implements Depot.
func (d inStore) Save(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, pieces []Piece) error {
	enc, _ := codec()
	chunks := make([]miniairflow.ArtifactChunk, len(pieces))
	for i, p := range pieces {
		chunks[i] = miniairflow.ArtifactChunk{
			Number:   p.Number,
			LogChunk: miniairflow.LogChunk{Offset: p.Offset, Size: len(p.Data), Data: enc.EncodeAll(p.Data, make([]byte, 0, len(p.Data)+packedMore))},
		}
	}
	return d.store.AddArtifacts(ctx, key, placed(complete, miniairflow.ArtifactInStore), chunks)
}

// placed returns artifacts with their place.
func placed(all []miniairflow.Artifact, place miniairflow.ArtifactPlace) []miniairflow.Artifact {
	there := make([]miniairflow.Artifact, len(all))
	for i, a := range all {
		a.Place = place
		there[i] = a
	}
	return there
}

// Read implements Depot.
func (d inStore) Read(ctx context.Context, key miniairflow.AttemptKey, a *miniairflow.Artifact, offset int64) (data []byte, start int64, err error) {
	if a.Place != miniairflow.ArtifactInStore {
		return nil, 0, miniairflow.Errorf(miniairflow.CodeConflict, "artifact %q is kept in a folder that this process does not know: start it with --artifacts-dir", a.Name)
	}
	chunk, err := d.store.ReadArtifact(ctx, key, a.Number, offset)
	if err != nil {
		return nil, 0, fmt.Errorf("read artifact %q at %d: %w", a.Name, offset, err)
	}
	if chunk.Size < 1 || chunk.Size > chunkMax {
		return nil, 0, fmt.Errorf("artifact %q has an impossible chunk of %d bytes at %d", a.Name, chunk.Size, chunk.Offset)
	}
	_, dec := codec()
	data, err = dec.DecodeAll(chunk.Data, make([]byte, 0, chunk.Size))
	if err != nil {
		return nil, 0, fmt.Errorf("decompress artifact %q at %d: %w", a.Name, chunk.Offset, err)
	}
	if len(data) != chunk.Size {
		return nil, 0, fmt.Errorf("chunk of artifact %q at %d has %d bytes, not %d", a.Name, chunk.Offset, len(data), chunk.Size)
	}
	return data, chunk.Offset, nil
}

// Drop implements Depot.
func (d inStore) Drop(ctx context.Context, key miniairflow.AttemptKey) error {
	return d.store.DropArtifacts(ctx, key)
}
