package runner

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// names returns what is in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	found := make([]string, len(entries))
	for i, entry := range entries {
		found[i] = entry.Name()
	}
	return found
}

// A worker removes the directories of those that died, whatever their names were,
// and none of those that live.
func TestSweepOfScratchDirectories(t *testing.T) {
	root := filepath.Join(t.TempDir(), "scratch")
	dead, err := takeScratch(root, "dead")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dead.dir, "attempt", "cache"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(dead.dir, "attempt"), 0o500))
	require.NoError(t, dead.lock.Close()) // as the end of a process does
	living, err := takeScratch(root, "w")
	require.NoError(t, err)
	ours, err := takeScratch(root, "w")
	require.NoError(t, err)
	other := filepath.Join(root, "notes")
	require.NoError(t, os.WriteFile(other, nil, 0o600))

	ours.sweep(t.Context(), slog.New(slog.DiscardHandler))
	require.NoDirExists(t, dead.dir)
	require.NoFileExists(t, dead.lock.Name())
	require.DirExists(t, living.dir)
	require.DirExists(t, ours.dir)
	require.FileExists(t, other)

	require.NoError(t, ours.release())
	require.NoError(t, living.release())
	require.Equal(t, []string{"notes"}, names(t, root))
}

// Workers that start and sweep at the same time take nothing from each other.
func TestSweepsAtTheSameTime(t *testing.T) {
	root := t.TempDir()
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 50 {
				own, err := takeScratch(root, "w")
				if err != nil {
					t.Error(err)
					return
				}
				own.sweep(t.Context(), slog.New(slog.DiscardHandler))
				if _, err := os.Stat(own.dir); err != nil {
					t.Error(err)
				}
				if err := own.release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	require.Empty(t, names(t, root))
}
