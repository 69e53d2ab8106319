package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/dialect"
)

// copyMin is how many bytes of chunks are worth a COPY. It passes them on as they
// are, where an INSERT with parameters copies each of them several times on both
// sides; for a few bytes the server takes longer to begin it.
const copyMin = 32 << 10

// copyLogs stores parts of logs with one COPY, which is a transaction by itself.
// Unlike an INSERT it fails where a chunk is stored already.
func (s *Store) copyLogs(ctx context.Context, parts []dialect.LogPart) error {
	const text = `COPY task_logs (workflow_run_id, seq, attempt, start, size, data) FROM STDIN (FORMAT binary)`
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return mapError(fmt.Errorf("connect: %w", err))
	}
	defer conn.Release()
	rows := copyRows(parts)
	if _, err := conn.Conn().PgConn().CopyFrom(ctx, &rows, text); err != nil {
		drop(ctx, conn, err)
		return mapError(err)
	}
	return nil
}

// copyRows returns the chunks of parts as COPY reads them in its binary format.
func copyRows(parts []dialect.LogPart) net.Buffers {
	const header = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00" // the mark, no flags, no extension
	rows := net.Buffers{[]byte(header)}
	for _, p := range parts {
		for _, c := range p.Chunks {
			rows = append(rows, copyRow(p.Key, c), c.Data)
		}
	}
	return append(rows, []byte{0xff, 0xff}) // no columns: the end
}

// copyRow returns the row of a chunk but for its data: the number of columns, and
// each with its length before it.
func copyRow(key miniairflow.AttemptKey, c miniairflow.LogChunk) []byte {
	row := make([]byte, 0, 64)
	row = binary.BigEndian.AppendUint16(row, 6)
	row = append(binary.BigEndian.AppendUint32(row, uint32(len(key.RunID))), key.RunID[:]...)
	row = appendInt4(row, key.Seq)
	row = appendInt4(row, key.Attempt)
	row = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(row, 8), uint64(c.Offset))
	row = appendInt4(row, c.Size)
	return binary.BigEndian.AppendUint32(row, uint32(len(c.Data)))
}

func appendInt4(row []byte, value int) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(row, 4), uint32(int32(value)))
}
