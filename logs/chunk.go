// Package logs writes and reads the logs of attempts: bytes by offset, kept by
// a miniairflow.LogStore as compressed chunks.
package logs

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/sauravritesh63/miniairflow"
)

// chunkMax is the highest Size of a chunk that is read back. Writers make far
// smaller ones; the bound keeps a damaged row from asking for all the memory.
const chunkMax = 16 << 20

// codec returns the one encoder and decoder of the process. Both are safe for
// concurrent use, start no goroutine in this mode, and work on at most as many
// chunks at once as there are processors, which bounds their memory.
var codec = sync.OnceValues(func() (*zstd.Encoder, *zstd.Decoder) {
	limit := runtime.GOMAXPROCS(0)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(limit), zstd.WithWindowSize(128<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("zstd encoder options: %v", err)) // constants: cannot happen
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(limit), zstd.WithDecoderMaxMemory(chunkMax))
	if err != nil {
		panic(fmt.Sprintf("zstd decoder options: %v", err))
	}
	return enc, dec
})

// packer makes chunks. It is for one goroutine at a time.
type packer struct {
	scratch []byte // what compressing writes to, so that a chunk needs no more than its own bytes
}

// pack returns data as a chunk whose offset is not known yet.
func (p *packer) pack(data []byte) miniairflow.LogChunk {
	enc, _ := codec()
	p.scratch = enc.EncodeAll(data, p.scratch[:0])
	return miniairflow.LogChunk{Size: len(data), Data: bytes.Clone(p.scratch)}
}

// decompress appends the bytes of a chunk to dst.
func decompress(dst []byte, chunk miniairflow.LogChunk) ([]byte, error) {
	if chunk.Size < 0 || chunk.Size > chunkMax {
		return dst, fmt.Errorf("log chunk at offset %d has an impossible size of %d bytes", chunk.Offset, chunk.Size)
	}
	_, dec := codec()
	before := len(dst)
	dst, err := dec.DecodeAll(chunk.Data, dst)
	if err != nil {
		return dst[:before], fmt.Errorf("decompress log chunk at offset %d: %w", chunk.Offset, err)
	}
	if got := len(dst) - before; got != chunk.Size {
		return dst[:before], fmt.Errorf("log chunk at offset %d has %d bytes, not %d", chunk.Offset, got, chunk.Size)
	}
	return dst, nil
}
