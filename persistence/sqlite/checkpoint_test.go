package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/sqlite"
)

// Readers that never leave a moment free do not make the write-ahead log grow
// for ever.
func TestWriteAheadLogIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Config{})
	require.NoError(t, err)
	logs := filepath.Join(filepath.Dir(path), "home-logs.db")
	raw, err := sql.Open("sqlite", "file:"+logs+"?mode=ro")
	require.NoError(t, err)

	stop := make(chan struct{})
	var readers errgroup.Group
	readers.Go(func() error { return readWithoutGap(raw, stop) })
	const size = 16 << 10
	data := make([]byte, size)
	key := miniairflow.AttemptKey{RunID: uuid.New(), Attempt: 1}
	var largest int64
	for i := range 2000 {
		require.NoError(t, s.AppendLog(t.Context(), key, []miniairflow.LogChunk{{Offset: int64(i) * size, Size: size, Data: data}}))
		info, err := os.Stat(logs + "-wal")
		require.NoError(t, err)
		largest = max(largest, info.Size())
	}
	close(stop)
	require.NoError(t, readers.Wait())
	require.Less(t, largest, int64(28<<20), "32 MiB were written")
	require.NoError(t, raw.Close())
	require.NoError(t, s.Close())
}

// readWithoutGap begins each transaction before it ends the one before.
func readWithoutGap(raw *sql.DB, stop <-chan struct{}) error {
	var last *sql.Tx
	for {
		next, err := raw.Begin()
		if err != nil {
			return err
		}
		var version int
		if err := next.QueryRow(`SELECT version FROM schema_migrations`).Scan(&version); err != nil {
			return err
		}
		if last != nil {
			if err := last.Rollback(); err != nil {
				return err
			}
		}
		last = next
		select {
		case <-stop:
			return last.Rollback()
		case <-time.After(5 * time.Millisecond): // so that each falls behind the writer
		}
	}
}
