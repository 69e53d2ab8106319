package product

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/klauspost/compress/zstd"
)

// Logs reads what is stored of the output of tasks from the database itself.
type Logs struct {
	db      *sql.DB
	decoder *zstd.Decoder
}

// OpenLogs opens the logs of the process for reading. The caller must Close them.
func (p *Process) OpenLogs() (*Logs, error) {
	driver, address := "pgx", p.config.Database
	if address == "" {
		_, path := p.Files()
		name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=ro&_busy_timeout=10000"}
		driver, address = "sqlite", name.String()
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		return nil, fmt.Errorf("open the logs: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the logs: %w", err), db.Close())
	}
	return &Logs{db: db, decoder: decoder}, nil
}

// Close releases the database.
func (l *Logs) Close() error {
	l.decoder.Close()
	return l.db.Close()
}

// Size returns how many bytes of output, uncompressed, a run has by now.
func (l *Logs) Size(ctx context.Context, run string) (size int64, err error) {
	const text = `SELECT coalesce(sum(size), 0) FROM task_logs WHERE workflow_run_id = $1`
	if err := l.db.QueryRowContext(ctx, text, rawID(run)).Scan(&size); err != nil {
		return 0, fmt.Errorf("read the size of logs: %w", err)
	}
	return size, nil
}

// Copy writes the log of the first attempt of a task to w. A log with a hole is
// an error.
func (l *Logs) Copy(ctx context.Context, w io.Writer, run string, seq int) error {
	const text = `SELECT start, size, data FROM task_logs WHERE workflow_run_id = $1 AND seq = $2 AND attempt = 1 ORDER BY start`
	rows, err := l.db.QueryContext(ctx, text, rawID(run), seq)
	if err != nil {
		return fmt.Errorf("read a log: %w", err)
	}
	defer rows.Close()
	var at int64
	var plain []byte
	for rows.Next() {
		var start int64
		var size int
		var data []byte
		if err := rows.Scan(&start, &size, &data); err != nil {
			return fmt.Errorf("read a log: %w", err)
		}
		if plain, err = l.decoder.DecodeAll(data, plain[:0]); err != nil {
			return fmt.Errorf("decompress a log at byte %d: %w", start, err)
		}
		if start != at || size != len(plain) {
			return fmt.Errorf("after byte %d a log goes on with %d bytes at %d, said to be %d", at, len(plain), start, size)
		}
		if _, err := w.Write(plain); err != nil {
			return err
		}
		at += int64(size)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read a log: %w", err)
	}
	return nil
}
