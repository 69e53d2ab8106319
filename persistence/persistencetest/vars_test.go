package persistencetest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestVarsKeepTheirValues(t *testing.T) {
	values := map[string]any{
		"text": "żółw 🐢 'no'; --\n\"今日は\"", "empty": "", "number": int64(9007199254740993), "ratio": 2.5, "flag": false, "zeros": "007",
		"list": []any{"a", int64(1), nil}, "object": map[string]any{"b": int64(1), "a": []any{true}}, "long": strings.Repeat("x", 60_000),
	}
	onEach(t, func(t *testing.T, db *database) {
		ctx, names := t.Context(), []string{"absent"}
		for name, value := range values {
			v, err := db.SetVar(ctx, miniairflow.Var{Name: name, Value: value}, nil, carol)
			require.NoError(t, err)
			require.Equal(t, value, v.Value)
			require.Equal(t, carol.Name, v.UpdatedBy)
			names = append(names, name)
		}
		read, err := db.ReadVars(ctx, names)
		require.NoError(t, err)
		require.Equal(t, values, read, "what is not there is left out")
		known, err := db.KnownVars(ctx, []string{"zeros", "absent", "empty", "zeros"})
		require.NoError(t, err)
		require.Equal(t, []string{"empty", "zeros"}, known)
		require.ErrorIs(t, db.DeleteVar(ctx, "absent", carol), miniairflow.ErrNotFound)
		require.NoError(t, db.DeleteVar(ctx, "list", carol))
		read, err = db.ReadVars(ctx, []string{"list"})
		require.NoError(t, err)
		require.Empty(t, read)
	})
}

func TestVarKeepsItsDescription(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		about := "where orders come from"
		set := func(value any, description *string) *miniairflow.Var {
			v, err := db.SetVar(t.Context(), miniairflow.Var{Name: "url", Value: value}, description, carol)
			require.NoError(t, err)
			return v
		}
		first := set("a", &about)
		second := set("b", nil)
		require.Equal(t, about, second.Description)
		require.False(t, second.UpdatedAt.Before(first.UpdatedAt))
		require.Equal(t, second, set("b", &about), "the same again changes nothing, not even the time")
		none := ""
		require.Empty(t, set("b", &none).Description)
		require.Len(t, db.audited(miniairflow.AuditFilter{Subject: "url"}), 3, "what changes nothing has no entry")
	})
}

func TestVarsArePaged(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for _, name := range []string{"b", "B", "a", "c", "_"} {
			_, err := db.SetVar(t.Context(), miniairflow.Var{Name: name, Value: name}, nil, carol)
			require.NoError(t, err)
		}
		names := func(filter miniairflow.VarFilter) (names []string) {
			found, err := db.FindVars(t.Context(), filter)
			require.NoError(t, err)
			for _, v := range found {
				names = append(names, v.Name)
			}
			return names
		}
		require.Equal(t, []string{"B", "_"}, names(miniairflow.VarFilter{Limit: 2}))
		require.Equal(t, []string{"a", "b", "c"}, names(miniairflow.VarFilter{AfterName: "_"}))
		require.Equal(t, []string{"b"}, names(miniairflow.VarFilter{Name: "b"}))
		count, err := db.CountVars(t.Context(), miniairflow.VarFilter{}, 1000)
		require.NoError(t, err)
		require.Equal(t, 5, count)
		count, err = db.CountVars(t.Context(), miniairflow.VarFilter{}, 2)
		require.NoError(t, err)
		require.Equal(t, 2, count)
	})
}

func TestSecretsAreKeptSealed(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx := t.Context()
		set := func(name, key, sealed string) *miniairflow.Secret {
			s, err := db.SetSecret(ctx, miniairflow.SealedSecret{Name: name, KeyID: key, Sealed: []byte(sealed)}, carol)
			require.NoError(t, err)
			return s
		}
		first := set("token", "k1", "\x00\xff sealed")
		require.Equal(t, first, set("token", "k1", "\x00\xff sealed"), "a call whose reply was lost, again")
		set("other", "k1", "else")
		second := set("token", "k2", "anew")
		require.Equal(t, "k2", second.KeyID)
		require.Equal(t, carol.Name, second.UpdatedBy)
		found, err := db.FindSecrets(ctx)
		require.NoError(t, err)
		require.Len(t, found, 2)
		require.Equal(t, second, found[1])
		sealed, err := db.SealedSecrets(ctx, []string{"token", "absent"})
		require.NoError(t, err)
		require.Equal(t, []miniairflow.SealedSecret{{Name: "token", KeyID: "k2", Sealed: []byte("anew")}}, sealed)
		require.Len(t, db.audited(miniairflow.AuditFilter{Subject: "token"}), 2)
		require.NoError(t, db.DeleteSecret(ctx, "token", carol))
		require.ErrorIs(t, db.DeleteSecret(ctx, "token", carol), miniairflow.ErrNotFound)
	})
}

// What is sealed anew keeps who set it, and is all of it or nothing.
func TestSecretsAreSealedAnew(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		ctx := t.Context()
		reseal := func(s miniairflow.SealedSecret) (miniairflow.SealedSecret, error) {
			if s.Name == "torn" {
				return s, errors.New("it does not open")
			}
			return miniairflow.SealedSecret{Name: s.Name, KeyID: "k2", Sealed: append([]byte("anew "), s.Sealed...)}, nil
		}
		count, err := db.ResealSecrets(ctx, reseal, carol)
		require.NoError(t, err)
		require.Zero(t, count)
		for name, key := range map[string]string{"a": "k1", "b": "k2", "c": "k0", "torn": "k1"} {
			_, err := db.SetSecret(ctx, miniairflow.SealedSecret{Name: name, KeyID: key, Sealed: []byte(name)}, carol)
			require.NoError(t, err)
		}
		before, err := db.FindSecrets(ctx)
		require.NoError(t, err)
		_, err = db.ResealSecrets(ctx, reseal, miniairflow.Actor{Name: "dave"})
		require.ErrorContains(t, err, "it does not open")
		after, err := db.FindSecrets(ctx)
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.Empty(t, db.audited(miniairflow.AuditFilter{Subject: "k2"}))

		require.NoError(t, db.DeleteSecret(ctx, "torn", carol))
		for _, want := range []int{2, 0} {
			count, err = db.ResealSecrets(ctx, reseal, miniairflow.Actor{Name: "dave"})
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
		sealed, err := db.SealedSecrets(ctx, []string{"a", "b", "c"})
		require.NoError(t, err)
		require.Equal(t, []miniairflow.SealedSecret{
			{Name: "a", KeyID: "k2", Sealed: []byte("anew a")}, {Name: "b", KeyID: "k2", Sealed: []byte("b")}, {Name: "c", KeyID: "k2", Sealed: []byte("anew c")},
		}, sealed)
		after, err = db.FindSecrets(ctx)
		require.NoError(t, err)
		require.Equal(t, before[0].UpdatedAt, after[0].UpdatedAt)
		require.Equal(t, carol.Name, after[0].UpdatedBy)
		require.Len(t, db.audited(miniairflow.AuditFilter{Subject: "k2"}), 1)
	})
}

// Nobody sets a secret between its reading and its writing, which would undo that.
func TestNoSecretIsSetWhileAllAreSealedAnew(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		set := func(ctx context.Context, sealed string) error {
			_, err := db.SetSecret(ctx, miniairflow.SealedSecret{Name: "token", KeyID: "k1", Sealed: []byte(sealed)}, carol)
			return err
		}
		require.NoError(t, set(t.Context(), "first"))
		_, err := db.ResealSecrets(t.Context(), func(s miniairflow.SealedSecret) (miniairflow.SealedSecret, error) {
			hurried, done := context.WithTimeout(t.Context(), 500*time.Millisecond) // enough for one that may
			defer done()
			require.Error(t, set(hurried, "second"))
			return miniairflow.SealedSecret{Name: s.Name, KeyID: "k2", Sealed: []byte("anew")}, nil
		}, carol)
		require.NoError(t, err)
		sealed, err := db.SealedSecrets(t.Context(), []string{"token"})
		require.NoError(t, err)
		require.Equal(t, "anew", string(sealed[0].Sealed))
		require.NoError(t, set(t.Context(), "third"))
	})
}

func TestSecretsAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		set := func(name string) error {
			_, err := db.SetSecret(t.Context(), miniairflow.SealedSecret{Name: name, KeyID: "k", Sealed: []byte(name)}, miniairflow.Actor{})
			return err
		}
		for i := range miniairflow.SecretsMax {
			require.NoError(t, set(fmt.Sprintf("s%d", i)))
		}
		err := set("more")
		require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, "there are 1000 secrets already")
		require.NoError(t, set("s0"), "one that is there can be changed")
	})
}

// A name that no database can hold is one that is not there.
func TestNamesThatAreNone(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		_, err := db.SetVar(t.Context(), miniairflow.Var{Name: "there", Value: "x"}, nil, carol)
		require.NoError(t, err)
		values, err := db.ReadVars(t.Context(), []string{"a\x00b", "\xff", "there"})
		require.NoError(t, err)
		require.Equal(t, map[string]any{"there": "x"}, values)
		sealed, err := db.SealedSecrets(t.Context(), []string{"a\x00b", "\xff"})
		require.NoError(t, err)
		require.Empty(t, sealed)
	})
}
