package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/persistence/sqlite"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }

func TestLogsHaveAFileOfTheirOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "home.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Config{})
	require.NoError(t, err)
	key := miniairflow.AttemptKey{RunID: uuid.New(), Attempt: 1}
	require.NoError(t, s.AppendLog(t.Context(), key, []miniairflow.LogChunk{{Size: 3, Data: []byte("abc")}}))
	require.NoError(t, s.Close())
	require.FileExists(t, filepath.Join(filepath.Dir(path), "home-logs.db"))

	s, err = sqlite.Open(t.Context(), path, sqlite.Config{})
	require.NoError(t, err)
	size, err := s.LogSize(t.Context(), key)
	require.NoError(t, err)
	require.EqualValues(t, 3, size)
	require.NoError(t, s.Close())
}
