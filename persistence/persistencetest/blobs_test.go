package persistencetest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// carrying returns a workflow that carries files of these contents.
func carrying(name string, contents ...[]byte) *miniairflow.Definition {
	d := definition(name, task("a"))
	for i, content := range contents {
		d.Files = append(d.Files, miniairflow.WorkflowFile{Path: fmt.Sprintf("%d.sh", i), Hash: hashOf(content), Size: int64(len(content))})
	}
	return d
}

// age makes everything that a version may need files for older by two hours.
func (db *database) age() {
	db.Helper()
	db.change(map[string]string{
		"sqlite":   `UPDATE file_blobs SET kept_at = kept_at - 7200000000; UPDATE workflow_versions SET created_at = created_at - 7200000000`,
		"postgres": `UPDATE file_blobs SET kept_at = kept_at - interval '2h'; UPDATE workflow_versions SET created_at = created_at - interval '2h'`,
	})
}

func (db *database) deleteFiles() int {
	db.Helper()
	deleted, err := db.DeleteFiles(db.Context())
	require.NoError(db, err)
	return deleted
}

func TestFiles(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		random := make([]byte, 3<<20)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
		contents := [][]byte{{}, []byte("echo hello\n"), []byte("\x00\xff"), random, bytes.Repeat([]byte("a"), miniairflow.WorkflowFileBytesMax)}
		for i := range 300 {
			contents = append(contents, fmt.Appendf(nil, "%d", i))
		}
		hashes := make([]string, len(contents))
		for i, content := range contents {
			hashes[i] = hashOf(content)
		}
		missing, err := db.KeepFiles(t.Context(), hashes)
		require.NoError(t, err)
		require.Equal(t, hashes, missing)
		_, err = db.FindFiles(t.Context(), hashes[:1])
		require.ErrorIs(t, err, miniairflow.ErrNotFound)

		require.NoError(t, db.AddFiles(t.Context(), contents))
		require.NoError(t, db.AddFiles(t.Context(), append(contents, contents[1], contents[1])))
		require.Equal(t, len(contents), db.number(`SELECT count(*) FROM file_blobs`))
		missing, err = db.KeepFiles(t.Context(), append(hashes, "other"))
		require.NoError(t, err)
		require.Equal(t, []string{"other"}, missing)

		found, err := db.FindFiles(t.Context(), hashes)
		require.NoError(t, err)
		require.Len(t, found, len(contents))
		for i, hash := range hashes {
			require.True(t, bytes.Equal(contents[i], found[hash]), i)
		}
	})
}

// A version whose contents are not all there is refused, and nothing of it is written.
func TestVersionsNeedTheirFiles(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		_, err := db.SyncFiles(t.Context(), []miniairflow.FileSync{file("a.yaml", carrying("a", []byte("x")))})
		require.Error(t, err)
		_, err = db.FindWorkflowByName(t.Context(), "a")
		require.ErrorIs(t, err, miniairflow.ErrNotFound)

		require.NoError(t, db.AddFiles(t.Context(), [][]byte{[]byte("x")}))
		d := carrying("a", []byte("x"), []byte("x"))
		d.Files[0].IsExecutable = true
		require.Equal(t, d.Files, db.sync(d).Definition.Files)
	})
}

func TestDeleteFiles(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		one, two, three, orphan := []byte("one"), []byte("two"), []byte("three"), []byte("orphan")
		require.NoError(t, db.AddFiles(t.Context(), [][]byte{one, two, three, orphan}))
		first := db.sync(carrying("w", one))
		run := db.trigger(first)
		db.sync(carrying("w", two))
		db.sync(carrying("w", three))
		require.Zero(t, db.deleteFiles(), "all of them are young")

		db.age()
		missing, err := db.KeepFiles(t.Context(), []string{hashOf(orphan)})
		require.NoError(t, err)
		require.Empty(t, missing)
		require.Equal(t, 1, db.deleteFiles(), "of an old version without runs")
		_, err = db.FindFiles(t.Context(), []string{hashOf(one), hashOf(three), hashOf(orphan)})
		require.NoError(t, err)
		_, err = db.FindFiles(t.Context(), []string{hashOf(two)})
		require.ErrorIs(t, err, miniairflow.ErrNotFound)

		db.age()
		require.Equal(t, 1, db.deleteFiles(), "nobody has named it after all")
		db.end(run)
		deleted, err := db.DeleteRuns(t.Context(), time.Now().Add(time.Hour), 10)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		require.Equal(t, 1, db.deleteFiles(), "the run was the last one of its version")
		_, err = db.FindFiles(t.Context(), []string{hashOf(three)})
		require.NoError(t, err, "the latest version needs it")

		_, err = db.SyncFiles(t.Context(), []miniairflow.FileSync{file("w.yaml", carrying("w", two, three))})
		require.Error(t, err, "what was deleted comes back only with its content")
	})
}

// A backfill makes runs of its version for as long as it goes on.
func TestBackfillKeepsFiles(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		one := []byte("one")
		require.NoError(t, db.AddFiles(t.Context(), [][]byte{one}))
		d := hourly("w", task("a"))
		d.Files = carrying("w", one).Files
		db.sync(d)
		b := db.backfill(dates("w", 3, 1))
		db.sync(hourly("w", task("a"), task("b")))
		db.age()
		require.Zero(t, db.deleteFiles())
		_, err := db.CancelBackfill(t.Context(), b.ID, false, by)
		require.NoError(t, err)
		require.Equal(t, 1, db.deleteFiles())
	})
}

// end ends a run that has not started.
func (db *database) end(run *miniairflow.WorkflowRun) {
	db.Helper()
	_, err := db.CancelRun(db.Context(), miniairflow.Cancel{RunID: run.ID, By: by})
	require.NoError(db, err)
}

func TestCommits(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, db *database) {
		commit := &miniairflow.Commit{Hash: "0123456789abcdef", Author: "Ada <ada@example.org>", AuthoredAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), IsDirty: true}
		f := file("a.yaml", definition("a", task("a")))
		f.Commit = commit
		db.syncFiles(f)
		w := db.workflow("a")
		v, err := db.FindVersion(t.Context(), w.VersionID)
		require.NoError(t, err)
		require.Equal(t, commit, v.Commit)

		f.Commit = &miniairflow.Commit{Hash: "other"} // of what is no new version
		db.syncFiles(f, file("b.yaml", definition("b", task("a"))))
		for name, want := range map[string]*miniairflow.Commit{"a": commit, "b": nil} {
			all, err := db.FindVersions(t.Context(), db.workflow(name).ID, 10)
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, want, all[0].Commit)
		}
	})
}
