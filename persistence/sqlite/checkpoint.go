package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const (
	// walMax is how large a write-ahead log may get before its writer waits for
	// the readers. SQLite's own checkpoints wait for nobody, and so begin the file
	// anew only in a moment without readers, which may never come.
	walMax = 16 << 20
	// walCheckEvery is how many commits there are between two looks at its size.
	walCheckEvery = 64
	// walPatience bounds the wait, in milliseconds. In vain, it is tried again later.
	walPatience = 250
)

// committed is called after each commit of a writer, outside the transaction. It
// keeps the write-ahead log from growing for ever.
func (p *pool) committed(ctx context.Context) {
	if p.commits.Add(1)%walCheckEvery != 0 {
		return
	}
	if info, err := os.Stat(p.wal); err != nil || info.Size() < walMax {
		return
	}
	if err := p.restartWAL(ctx); err != nil {
		p.log.DebugContext(ctx, "Write-ahead log not begun anew", "file", p.wal, "error", err)
	}
}

// restartWAL moves all of the log into the database and lets the next commit
// write at its beginning. New readers meanwhile read the database alone.
func (p *pool) restartWAL(ctx context.Context) error {
	conn, err := p.Conn(ctx)
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d; PRAGMA wal_checkpoint(TRUNCATE)`, walPatience))
	_, restore := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyTimeout.Milliseconds()))
	return errors.Join(err, restore, conn.Close())
}
