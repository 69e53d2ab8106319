package artifacts_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

func newKey(t *testing.T) miniairflow.AttemptKey {
	t.Helper()
	id, err := miniairflow.NewParentID()
	require.NoError(t, err)
	return miniairflow.AttemptKey{RunID: id, Seq: 2, Attempt: 3}
}

func randomBytes(size int) []byte {
	random, data := rand.New(rand.NewPCG(uint64(size), 1)), make([]byte, size)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

// upload keeps one file.
func upload(t *testing.T, depot artifacts.Depot, key miniairflow.AttemptKey, name string, data []byte) {
	t.Helper()
	u := artifacts.NewUpload(depot, key)
	require.NoError(t, u.Add(t.Context(), name, bytes.NewReader(data), int64(len(data))))
	require.NoError(t, u.Flush(t.Context()))
}

// onDepots runs a test on every kind of depot.
func onDepots(t *testing.T, test func(t *testing.T, store miniairflow.Store, depot artifacts.Depot)) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		t.Run("store", func(t *testing.T) { test(t, store, artifacts.InStore(store)) })
		t.Run("folder", func(t *testing.T) {
			depot, err := artifacts.InFolder(t.Context(), t.TempDir(), store)
			require.NoError(t, err)
			test(t, store, depot)
		})
	})
}

// Content reads what was kept, from any place, whatever the sizes of the reads.
func TestContent(t *testing.T) {
	onDepots(t, func(t *testing.T, store miniairflow.Store, depot artifacts.Depot) {
		key, data := newKey(t), randomBytes(1_000_003)
		upload(t, depot, key, "a/b", data)
		a, err := store.FindArtifact(t.Context(), key, "a/b")
		require.NoError(t, err)
		require.EqualValues(t, len(data), a.Size)
		require.NoError(t, iotest.TestReader(artifacts.Open(t.Context(), depot, key, a), data))
		var whole bytes.Buffer
		require.NoError(t, artifacts.Copy(t.Context(), &whole, depot, key, a))
		require.True(t, bytes.Equal(data, whole.Bytes()))

		require.NoError(t, depot.Drop(t.Context(), key))
		_, err = io.ReadAll(artifacts.Open(t.Context(), depot, key, a))
		require.Error(t, err)
	})
}

// A file that gets longer or shorter while it is read is not kept.
func TestUploadOfAFileThatChanges(t *testing.T) {
	onDepots(t, func(t *testing.T, store miniairflow.Store, depot artifacts.Depot) {
		for name, c := range map[string]struct {
			data string
			size int64
		}{"longer": {"12345", 4}, "shorter": {"12345", 6}, "no longer empty": {"1", 0}, "emptied": {"", 1}} {
			u := artifacts.NewUpload(depot, newKey(t))
			require.ErrorIs(t, u.Add(t.Context(), "x", strings.NewReader(c.data), c.size), artifacts.ErrChanged, name)
		}
	})
}

// twice is a depot that does everything twice, as after lost replies.
type twice struct{ artifacts.Depot }

func (d twice) Save(ctx context.Context, key miniairflow.AttemptKey, complete []miniairflow.Artifact, pieces []artifacts.Piece) error {
	if err := d.Depot.Save(ctx, key, complete, pieces); err != nil {
		return err
	}
	return d.Depot.Save(ctx, key, complete, pieces)
}

func TestUploadAgainIsTheSame(t *testing.T) {
	onDepots(t, func(t *testing.T, store miniairflow.Store, depot artifacts.Depot) {
		key, data := newKey(t), randomBytes(3_000_000)
		upload(t, twice{depot}, key, "x", data)
		a, err := store.FindArtifact(t.Context(), key, "x")
		require.NoError(t, err)
		var whole bytes.Buffer
		require.NoError(t, artifacts.Copy(t.Context(), &whole, depot, key, a))
		require.True(t, bytes.Equal(data, whole.Bytes()))
	})
}

// holder counts what an Upload holds.
type holder struct {
	artifacts.Depot
	most, files, calls int
}

func (h *holder) Save(_ context.Context, _ miniairflow.AttemptKey, complete []miniairflow.Artifact, pieces []artifacts.Piece) error {
	size := 0
	for _, p := range pieces {
		size += len(p.Data)
	}
	h.most, h.files, h.calls = max(h.most, size), h.files+len(complete), h.calls+1
	if len(complete)+len(pieces) > miniairflow.ArtifactRowsMax {
		return io.ErrShortBuffer
	}
	return nil
}

// However large or many files are, an Upload holds a mebibyte.
func TestUploadHoldsLittle(t *testing.T) {
	h := &holder{}
	u := artifacts.NewUpload(h, newKey(t))
	zeros := iotest.DataErrReader(io.LimitReader(zero{}, 1<<30))
	require.NoError(t, u.Add(t.Context(), "large", zeros, 1<<30))
	for range 9_999 {
		require.NoError(t, u.Add(t.Context(), "small", strings.NewReader("x"), 1))
	}
	require.NoError(t, u.Flush(t.Context()))
	require.Equal(t, 10_000, h.files)
	require.LessOrEqual(t, h.most, 1<<20)
	require.LessOrEqual(t, h.calls, 1100, "small files share calls")
}

type zero struct{}

func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// What belongs to no run goes, and nothing else.
func TestSweep(t *testing.T) {
	store, dir := persistencetest.SQLite(t), t.TempDir()
	gone := newKey(t)
	depot, err := artifacts.InFolder(t.Context(), dir, store)
	require.NoError(t, err)
	upload(t, depot, gone, "x", []byte("x"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "somebody else's"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, uuid.NewString()), nil, 0o600))
	require.NoError(t, artifacts.Sweep(t.Context(), dir, store))
	require.NoDirExists(t, filepath.Join(dir, gone.RunID.String()))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3, "with the file that says whose it is")
}

// Two databases with one folder would delete each other's files.
func TestFolderBelongsToOneDatabase(t *testing.T) {
	dir, store := t.TempDir(), persistencetest.SQLite(t)
	opened := make(chan error)
	for range 8 {
		go func() {
			_, err := artifacts.InFolder(t.Context(), dir, store)
			opened <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-opened)
	}
	_, err := artifacts.InFolder(t.Context(), dir, persistencetest.SQLite(t))
	require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
	require.ErrorContains(t, err, "belongs to another database")
}

// A file of the folder that has become shorter is damaged, and not filled up.
func TestContentOfAFileThatWasCut(t *testing.T) {
	store, dir := persistencetest.SQLite(t), t.TempDir()
	depot, err := artifacts.InFolder(t.Context(), dir, store)
	require.NoError(t, err)
	key := newKey(t)
	upload(t, depot, key, "a", randomBytes(100_000))
	a, err := store.FindArtifact(t.Context(), key, "a")
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(dir, key.RunID.String(), "*", "0"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.Truncate(files[0], 10))
	read, err := io.ReadAll(artifacts.Open(t.Context(), depot, key, a))
	require.ErrorContains(t, err, "damaged")
	require.Len(t, read, 10)
}
