package logs

import (
	"context"
	"fmt"
	"io"

	"github.com/sauravritesh63/miniairflow"
)

// chunksPerQuery and copyBytes bound what one step of reading holds in memory.
const (
	chunksPerQuery = 32
	copyBytes      = 256 << 10
)

// Read returns up to limit stored bytes of the log from offset on, and the
// offset after them. Fewer come only at the present end of the log; none, with
// next equal to offset, when nothing is stored there (yet). It holds limit
// bytes and a few chunks in memory.
func Read(ctx context.Context, store miniairflow.LogStore, key miniairflow.AttemptKey, offset int64, limit int) (data []byte, next int64, err error) {
	if offset < 0 {
		return nil, 0, miniairflow.Errorf(miniairflow.CodeInvalid, "log offset %d is negative", offset)
	}
	next = offset
	var plain []byte
	for len(data) < limit {
		chunks, err := store.ReadLog(ctx, key, next, chunksPerQuery)
		if err != nil {
			return nil, offset, fmt.Errorf("read log at offset %d: %w", next, err)
		}
		for _, chunk := range chunks {
			if len(data) == limit {
				break
			}
			if plain, err = decompress(plain[:0], chunk); err != nil {
				return nil, offset, err
			}
			skip := next - chunk.Offset
			if skip < 0 {
				return nil, offset, fmt.Errorf("log has a hole from offset %d to %d", next, chunk.Offset)
			}
			piece := plain[min(skip, int64(len(plain))):]
			piece = piece[:min(len(piece), limit-len(data))]
			data = append(data, piece...)
			next += int64(len(piece))
		}
		if len(chunks) < chunksPerQuery {
			break
		}
	}
	return data, next, nil
}

// Copy writes the log from offset to its present end to w, and returns how many
// bytes that were. Its memory does not depend on the length of the log.
func Copy(ctx context.Context, w io.Writer, store miniairflow.LogStore, key miniairflow.AttemptKey, offset int64) (int64, error) {
	var written int64
	for {
		data, next, err := Read(ctx, store, key, offset, copyBytes)
		if err != nil {
			return written, err
		}
		n, err := w.Write(data)
		written += int64(n)
		if err != nil {
			return written, fmt.Errorf("copy log: %w", err)
		}
		if len(data) < copyBytes {
			return written, nil
		}
		offset = next
	}
}
