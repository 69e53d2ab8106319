package limit_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/limit"
)

// Every file is read, whichever goroutine it falls to: one that is missing or no
// YAML is an error wherever it stands.
func TestParseAndReadTakeEachFile(t *testing.T) {
	dir := t.TempDir()
	paths := make([]string, 50)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
		require.NoError(t, os.WriteFile(paths[i], []byte("name: x\ntasks: {a: {noop: true}}\n"), 0o600))
	}
	took, err := limit.Parse(t.Context(), paths)
	require.NoError(t, err)
	require.Positive(t, took)
	took, err = limit.Read(t.Context(), paths)
	require.NoError(t, err)
	require.Positive(t, took)
	for _, i := range []int{0, 23, len(paths) - 1} {
		require.NoError(t, os.WriteFile(paths[i], []byte("a: [1"), 0o600))
		_, err = limit.Parse(t.Context(), paths)
		require.ErrorContains(t, err, paths[i])
		_, err = limit.Read(t.Context(), paths)
		require.NoError(t, err, "it is not parsed")
		require.NoError(t, os.Remove(paths[i]))
		_, err = limit.Read(t.Context(), paths)
		require.ErrorContains(t, err, paths[i])
		require.NoError(t, os.WriteFile(paths[i], []byte("a: 1"), 0o600))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = limit.Read(ended, paths)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSQLiteRowsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	source, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "source.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, source.Close()) })
	_, err = source.Exec(`CREATE TABLE t (id integer PRIMARY KEY, name text, size real); INSERT INTO t VALUES (1, 'a', 0.5), (2, NULL, 1)`)
	require.NoError(t, err)
	took, err := limit.SQLiteRows(t.Context(), source, dir, "SELECT * FROM t", "SELECT id FROM t LIMIT 1")
	require.NoError(t, err)
	require.Positive(t, took)
	_, err = limit.SQLiteRows(t.Context(), source, dir, "SELECT * FROM t WHERE id > 2")
	require.ErrorContains(t, err, "no rows")
	_, err = limit.SQLiteRows(t.Context(), source, dir, "SELECT * FROM nowhere")
	require.ErrorContains(t, err, "nowhere")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
