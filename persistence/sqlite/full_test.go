package sqlite_test

import (
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/sqlite"
)

// Where there is no room, artifacts are refused as a whole, with an error that says
// why, and what is deleted then makes room for others.
func TestFullDatabaseTakesNoArtifacts(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "home.db"), sqlite.Config{})
	require.NoError(t, err)
	require.NoError(t, s.LimitLogs(t.Context(), 300)) // 1.2 MB
	key := miniairflow.AttemptKey{RunID: uuid.New(), Attempt: 1}
	keep := func(number int) error {
		data := make([]byte, 256<<10)
		_, _ = rand.Read(data) // never fails
		name := string(rune('a' + number))
		return s.AddArtifacts(t.Context(), key, []miniairflow.Artifact{{Name: name, Number: number, Size: int64(len(data)), Place: miniairflow.ArtifactInStore}},
			[]miniairflow.ArtifactChunk{{Number: number, LogChunk: miniairflow.LogChunk{Size: len(data), Data: data}}})
	}
	kept := 0
	for err = keep(0); err == nil; err = keep(kept) {
		kept++
	}
	require.ErrorIs(t, err, miniairflow.ErrFull)
	require.Equal(t, miniairflow.CodeUnavailable, miniairflow.ErrorCode(err), "others try again")
	count, err := s.CountArtifacts(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, kept, count)
	_, err = s.ReadArtifact(t.Context(), key, kept, 0)
	require.ErrorIs(t, err, miniairflow.ErrNotFound)

	require.NoError(t, s.DropArtifacts(t.Context(), key))
	require.NoError(t, keep(0))
	require.NoError(t, s.Close())
}
