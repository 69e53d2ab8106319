package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Whatever a version says, nothing is written beside the directory of an attempt.
func TestWriteFilesStaysInside(t *testing.T) {
	for _, hostile := range []string{"../x", "/x", "a/../../x", "", ".", "a/../..", "a\x00b"} {
		above := t.TempDir()
		dir := filepath.Join(above, "dir")
		require.NoError(t, os.Mkdir(dir, 0o700))
		err := writeFiles(dir, []miniairflow.WorkflowFile{{Path: hostile, Hash: "h"}}, map[string][]byte{"h": nil})
		require.Error(t, err, hostile)
		entries, err := os.ReadDir(above)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
}

// Modes do not depend on the umask of the worker: a container may have another user.
func TestWriteFilesForEverybody(t *testing.T) {
	before := syscall.Umask(0o077)
	defer syscall.Umask(before)
	dir := t.TempDir()
	files := []miniairflow.WorkflowFile{{Path: "lib/sub/run.sh", Hash: "h", IsExecutable: true}, {Path: "lib/x", Hash: "h"}}
	require.NoError(t, writeFiles(dir, files, map[string][]byte{"h": []byte("x")}))
	for name, want := range map[string]os.FileMode{".": 0o755, "lib": 0o755, "lib/sub": 0o755, "lib/sub/run.sh": 0o555, "lib/x": 0o444} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
}

// shop has contents of any hash: its number and as many bytes as it says.
type shop struct {
	miniairflow.FileStore
	asked int
}

func (s *shop) FindFiles(_ context.Context, hashes []string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, hash := range hashes {
		if hash == "gone" {
			return nil, miniairflow.ErrNotFound
		}
		s.asked++
		found[hash] = []byte(strings.Repeat(hash, 8<<20/len(hash)))
	}
	return found, nil
}

func TestContentsAreKeptWithinBounds(t *testing.T) {
	s := &shop{}
	c := newContents(s)
	for round := range 3 {
		for i := range 20 {
			files := []miniairflow.WorkflowFile{{Path: "a", Hash: "same"}, {Path: "b", Hash: fmt.Sprint(i)}, {Path: "c", Hash: "same"}}
			found, err := c.of(t.Context(), uuid.New(), files)
			require.NoError(t, err)
			require.Len(t, found, 2)
			require.True(t, strings.HasPrefix(string(found[fmt.Sprint(i)]), fmt.Sprint(i)))
			require.LessOrEqual(t, c.bytes, contentsMax)
		}
		require.Equal(t, 1+20*(round+1), s.asked, "what is used all the time is read once, what comes round is not kept so long")
	}
	for i := 16; i < 20; i++ {
		_, err := c.of(t.Context(), uuid.New(), []miniairflow.WorkflowFile{{Hash: fmt.Sprint(i)}})
		require.NoError(t, err)
	}
	require.Equal(t, 61, s.asked, "the latest ones are still there")
	_, err := c.of(t.Context(), uuid.New(), []miniairflow.WorkflowFile{{Hash: "gone"}})
	require.ErrorIs(t, err, miniairflow.ErrNotFound)
}
