package server_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/server"
)

func TestTokenIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	tokens := make([]string, 16)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			token, err := server.LoadOrCreateToken(dir)
			if err == nil {
				tokens[i] = token
			}
		})
	}
	wg.Wait()
	for _, token := range tokens {
		require.Equal(t, tokens[0], token)
	}
	require.Regexp(t, `^ma_[A-Za-z0-9_-]{43}$`, tokens[0])
	info, err := os.Stat(server.TokenPath(dir))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
}

func TestTokenFileThatOthersReadIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := server.LoadOrCreateToken(dir)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(server.TokenPath(dir), 0o644))
	_, err = server.LoadOrCreateToken(dir)
	require.ErrorContains(t, err, "chmod 600")
}

func TestTokenFileWithoutTokenIsRefused(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"", "\n", "ma_short", "password"} {
		require.NoError(t, os.WriteFile(server.TokenPath(dir), []byte(content), 0o600))
		_, err := server.LoadOrCreateToken(dir)
		require.ErrorContains(t, err, "holds no token", "%q", content)
	}
	_, err := server.LoadOrCreateToken(filepath.Join(dir, "nowhere"))
	require.Error(t, err)
}
