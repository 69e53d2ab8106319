package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

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

// What was committed survives a loss of power, in both files.
func TestCommitsAreDurable(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "home.db"), sqlite.Config{})
	require.NoError(t, err)
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
		values, err := s.Settings(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, []string{want, want}, values, name)
	}
	require.NoError(t, s.Close())
}

// The one connection that writes comes free after a panic, which is not swallowed.
func TestPanicLeavesNoTransaction(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "home.db"), sqlite.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.PanicsWithValue(t, "in a transaction", func() { s.PanicInTransaction(ctx) })
	_, err = s.SetPool(ctx, miniairflow.Pool{Name: "p", Slots: 1}, miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
}
