package persistencetest_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
)

func TestTokens(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx, control := t.Context(), &miniairflow.Control{Store: db.Store}
		text, token, err := control.CreateToken(ctx, "ann@example.org", carol)
		require.NoError(t, err)
		require.True(t, miniairflow.IsTokenText(text))
		require.Equal(t, [2]string{"ann@example.org", carol.Name}, [2]string{token.Name, token.CreatedBy})
		other, _, err := control.CreateToken(ctx, "ops", carol)
		require.NoError(t, err)
		require.NotEqual(t, text, other)
		found, err := db.TokenByHash(ctx, miniairflow.TokenHash(text))
		require.NoError(t, err)
		require.Equal(t, token, found)
		all, err := db.FindTokens(ctx)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, token, all[0])
		_, _, err = control.CreateToken(ctx, "ops", carol)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, "there is a token called ops already: revoke it first")
		for _, name := range []string{"", "api", "scheduler", "a b", "-a", "ann\x00", strings.Repeat("a", 129)} {
			_, _, err = control.CreateToken(ctx, name, carol)
			require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err), name)
		}
		require.NoError(t, control.RevokeToken(ctx, "ann@example.org", carol))
		require.ErrorIs(t, control.RevokeToken(ctx, "ann@example.org", carol), miniairflow.ErrNotFound)
		_, err = db.TokenByHash(ctx, miniairflow.TokenHash(text))
		require.ErrorIs(t, err, miniairflow.ErrNotFound)
		again, _, err := control.CreateToken(ctx, "ann@example.org", carol)
		require.NoError(t, err)
		require.NotEqual(t, text, again, "the name is free, and the old token is worth nothing")
		db.check()
	})
}

// A database of an earlier development version is refused as a whole, and not by each call.
func TestDatabaseWithOtherTables(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		url, raw := db.url, db.raw
		if strings.HasPrefix(url, "sqlite://") { // which one process opens at a time
			path := filepath.Join(t.TempDir(), "miniairflow.db")
			url, raw = "sqlite://"+path, openRaw(t, "sqlite", "file:"+path)
			first, err := persistence.Open(t.Context(), url, persistence.Options{})
			require.NoError(t, err)
			require.NoError(t, first.Close())
		}
		_, err := raw.ExecContext(t.Context(), `ALTER TABLE seen_files DROP COLUMN gone_at`)
		require.NoError(t, err)
		_, err = persistence.Open(t.Context(), url, persistence.Options{})
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, "was made by an earlier development version and has other tables: move it away")
	})
}
