package persistencetest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func artifactOf(name string, number int) miniairflow.Artifact {
	return miniairflow.Artifact{Name: name, Number: number, Size: int64(len(name)), SHA256: strings.Repeat("0", 64), Place: miniairflow.ArtifactInStore}
}

func artifactChunk(number int, offset int64, data string) miniairflow.ArtifactChunk {
	return miniairflow.ArtifactChunk{Number: number, LogChunk: miniairflow.LogChunk{Offset: offset, Size: len(data), Data: []byte(data)}}
}

// What is stored is found by name and by offset, for its attempt only, and a call
// that is made again, as after a lost reply, changes nothing.
func TestArtifacts(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		id, err := miniairflow.NewParentID()
		require.NoError(t, err)
		key, other := miniairflow.AttemptKey{RunID: id, Seq: 3, Attempt: 1}, miniairflow.AttemptKey{RunID: id, Seq: 3, Attempt: 2}
		names := []string{"Z", "a", "a/b", "out/ünï 名", "z"} // in the order of their bytes
		for range 2 {
			require.NoError(t, db.AddArtifacts(t.Context(), key, nil, []miniairflow.ArtifactChunk{artifactChunk(1, 0, "first "), artifactChunk(1, 6, "second")}))
			for i, name := range names {
				require.NoError(t, db.AddArtifacts(t.Context(), key, []miniairflow.Artifact{artifactOf(name, i)}, nil))
			}
		}
		require.NoError(t, db.AddArtifacts(t.Context(), key, []miniairflow.Artifact{artifactOf("a", 99)}, []miniairflow.ArtifactChunk{artifactChunk(1, 6, "others")}))
		require.NoError(t, db.AddArtifacts(t.Context(), other, []miniairflow.Artifact{artifactOf("mine", 1)}, []miniairflow.ArtifactChunk{artifactChunk(1, 0, "x")}))
		require.NoError(t, db.AddArtifacts(t.Context(), other, nil, nil))

		var found []string
		for after := ""; ; after = found[len(found)-1] {
			page, err := db.FindArtifacts(t.Context(), key, after, 2)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				want := artifactOf(a.Name, len(found))
				require.WithinDuration(t, time.Now(), a.CreatedAt, time.Hour)
				want.CreatedAt = a.CreatedAt
				require.Equal(t, want, *a)
				found = append(found, a.Name)
			}
		}
		require.Equal(t, names, found)
		count, err := db.CountArtifacts(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, len(names), count)

		for offset, want := range map[int64]string{0: "first ", 5: "first ", 6: "second", 11: "second"} {
			chunk, err := db.ReadArtifact(t.Context(), key, 1, offset)
			require.NoError(t, err)
			require.Equal(t, want, string(chunk.Data))
		}
		_, err = db.ReadArtifact(t.Context(), key, 1, 12)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		_, err = db.ReadArtifact(t.Context(), key, 2, 0)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		_, err = db.FindArtifact(t.Context(), key, "A")
		require.ErrorIs(t, err, miniairflow.ErrNotFound, "case matters")

		require.NoError(t, db.DropArtifacts(t.Context(), key))
		_, err = db.ReadArtifact(t.Context(), key, 1, 0)
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		_, err = db.FindArtifact(t.Context(), key, "a")
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		_, err = db.FindArtifact(t.Context(), other, "mine")
		require.NoError(t, err)
		_, err = db.ReadArtifact(t.Context(), other, 1, 0)
		require.NoError(t, err)
	})
}

// Retention takes the artifacts of a run with it, more than one batch of them, and
// those of no other.
func TestArtifactsAreDeletedWithTheirRun(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		w := db.worker("w")
		gone, kept := db.played(w, definition("etl", wide(1)...), nil), db.played(w, definition("other", wide(1)...), nil)
		const files = 150
		for _, r := range []*miniairflow.WorkflowRun{gone, kept} {
			key := miniairflow.AttemptKey{RunID: r.ID, Attempt: 1}
			var all []miniairflow.Artifact
			var chunks []miniairflow.ArtifactChunk
			for i := range files {
				all = append(all, artifactOf(fmt.Sprintf("file %03d", i), i))
				chunks = append(chunks, miniairflow.ArtifactChunk{Number: i, LogChunk: miniairflow.LogChunk{Size: 10, Data: bytes.Repeat([]byte("x"), 10)}})
			}
			require.NoError(t, db.AddArtifacts(t.Context(), key, all, chunks))
		}
		later := *kept.FinishedAt
		deleted, err := db.DeleteRuns(t.Context(), later, 10)
		require.NoError(t, err)
		require.Equal(t, 1, deleted)
		for _, c := range []struct {
			run  *miniairflow.WorkflowRun
			want int
		}{{gone, 0}, {kept, files}} {
			key, left := miniairflow.AttemptKey{RunID: c.run.ID, Attempt: 1}, 0
			count, err := db.CountArtifacts(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, c.want, count)
			for i := range files {
				if _, err := db.ReadArtifact(t.Context(), key, i, 0); err == nil {
					left++
				}
			}
			require.Equal(t, c.want, left)
		}
	})
}
