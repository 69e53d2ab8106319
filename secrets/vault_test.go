package secrets_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/secrets"
)

// keyOf returns the text of a key that is n everywhere.
func keyOf(n byte) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(n)), 32)))
}

func TestVaultOpensWhatItSealed(t *testing.T) {
	t.Parallel()
	vault := secrets.NewVault(keyOf('a'), "", false)
	for _, value := range []string{"", "hunter2", strings.Repeat("long\n", 10_000), "żółw 🐢"} {
		first, err := vault.Seal("NAME", value)
		require.NoError(t, err)
		second, err := vault.Seal("NAME", value)
		require.NoError(t, err)
		require.NotEqual(t, first.Sealed, second.Sealed, "each has a nonce of its own")
		if value != "" {
			require.NotContains(t, string(first.Sealed), value)
		}
		opened, err := secrets.NewVault(keyOf('a')+"\n", "", false).Open(first)
		require.NoError(t, err)
		require.Equal(t, value, opened)
	}
}

func TestVaultRefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	vault := secrets.NewVault(keyOf('a'), "", false)
	sealed, err := vault.Seal("NAME", "hunter2")
	require.NoError(t, err)
	other := secrets.NewVault(keyOf('b'), "", false)
	theirs, err := other.Seal("NAME", "hunter2")
	require.NoError(t, err)
	refused := func(v *secrets.Vault, change func(*miniairflow.SealedSecret), want string) {
		changed := sealed
		changed.Sealed = append([]byte(nil), sealed.Sealed...)
		change(&changed)
		value, err := v.Open(changed)
		require.Empty(t, value)
		require.ErrorContains(t, err, want)
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
	}
	refused(other, func(*miniairflow.SealedSecret) {}, "sealed with the key "+sealed.KeyID+", and this process has the key "+theirs.KeyID)
	refused(vault, func(s *miniairflow.SealedSecret) { s.Name = "OTHER" }, "does not open")
	refused(vault, func(s *miniairflow.SealedSecret) { s.Sealed[len(s.Sealed)-1] ^= 1 }, "does not open")
	refused(vault, func(s *miniairflow.SealedSecret) { s.Sealed = nil }, "does not open")
	refused(other, func(s *miniairflow.SealedSecret) { s.KeyID = theirs.KeyID }, "does not open")
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets.key")
	_, err := secrets.NewVault("", path, false).Seal("NAME", "hunter2")
	require.ErrorContains(t, err, "there is no key for secrets: make one with")
	require.NoFileExists(t, path)
	sealed, err := secrets.NewVault("", path, true).Seal("NAME", "hunter2")
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	opened, err := secrets.NewVault("", path, false).Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "hunter2", opened)

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = secrets.NewVault("", path, true).Open(sealed)
	require.ErrorContains(t, err, "may be read by others (mode 0640): run `chmod 600 "+path)
	require.NoError(t, os.WriteFile(path, []byte("c2hvcnQ=\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	_, err = secrets.NewVault("", path, true).Seal("NAME", "hunter2")
	require.ErrorContains(t, err, "is not base64 of 32 bytes")
	require.NotContains(t, err.Error(), "c2hvcnQ=")
}

// Of several keys the first one seals and all open, in the variable and in the file.
func TestVaultWithSeveralKeys(t *testing.T) {
	t.Parallel()
	old, err := secrets.NewVault(keyOf('a'), "", false).Seal("NAME", "hunter2")
	require.NoError(t, err)
	anew, err := secrets.NewVault(keyOf('b'), "", false).Seal("NAME", "hunter2")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "secrets.key")
	require.NoError(t, os.WriteFile(path, []byte(keyOf('b')+"\n"+keyOf('a')+"\n"), 0o600))
	alone := filepath.Join(t.TempDir(), "new.key")
	require.NoError(t, os.WriteFile(alone, []byte(keyOf('b')+"\n"), 0o600))
	first, err := secrets.NewVault(keyOf('a'), "", false).WithFirst(alone)
	require.NoError(t, err)
	for _, vault := range []*secrets.Vault{secrets.NewVault(keyOf('b')+", "+keyOf('a'), "", false), secrets.NewVault("", path, false), first} {
		sealed, err := vault.Seal("NAME", "hunter2")
		require.NoError(t, err)
		require.Equal(t, anew.KeyID, sealed.KeyID)
		for _, secret := range []miniairflow.SealedSecret{old, anew, sealed} {
			value, err := vault.Open(secret)
			require.NoError(t, err)
			require.Equal(t, "hunter2", value)
		}
	}
	_, err = secrets.NewVault(keyOf('b')+","+keyOf('c'), "", false).Open(old)
	require.ErrorContains(t, err, "this process has the key "+anew.KeyID+", ")
	_, err = secrets.NewVault(keyOf('b')+",short", "", false).Open(old)
	require.ErrorContains(t, err, "is not base64 of 32 bytes")
	require.NoError(t, os.Chmod(alone, 0o644))
	_, err = secrets.NewVault(keyOf('a'), "", false).WithFirst(alone)
	require.ErrorContains(t, err, "may be read by others")
}

// Two processes that make the key at once end with the same one.
func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets.key")
	var ids [16]string
	var makers sync.WaitGroup
	for i := range ids {
		makers.Go(func() {
			if sealed, err := secrets.NewVault("", path, true).Seal("NAME", "hunter2"); err == nil {
				ids[i] = sealed.KeyID
			}
		})
	}
	makers.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
		require.NotEmpty(t, id)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestSourcesNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	given := secrets.Given{"A": "aaaa"}
	values, err := given.Reveal(t.Context(), []string{"A"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"A": "aaaa"}, values)
	_, err = given.Reveal(t.Context(), []string{"A", "C", "B"})
	require.ErrorIs(t, err, miniairflow.ErrNotFound)
	require.ErrorContains(t, err, "there is no secret B, C: write a line B=…")
}
