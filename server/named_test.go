package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// named returns a store with the token of ann.
func named(t *testing.T) (store miniairflow.Store, token string, revoke func()) {
	t.Helper()
	store = persistencetest.SQLite(t)
	control := &miniairflow.Control{Store: store}
	token, _, err := control.CreateToken(t.Context(), "ann", miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
	return store, token, func() {
		require.NoError(t, control.RevokeToken(t.Context(), "ann", miniairflow.Actor{Name: "test"}))
	}
}

// Who comes with a token is called as that is, until it is revoked.
func TestNamedTokens(t *testing.T) {
	store, token, revoke := named(t)
	a := newAuth("ma_own", store, false)
	handler := a.check(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, miniairflow.Caller(r.Context()))
	}))
	ask := func(header, value string) (int, string) {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
		request.Header.Set(header, value)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer.Code, answer.Body.String()
	}
	for header, prefix := range map[string]string{"Authorization": "Bearer ", "Cookie": CookieName + "="} {
		code, who := ask(header, prefix+token)
		require.Equal(t, http.StatusOK, code, header)
		require.Equal(t, "ann", who, header)
		_, who = ask(header, prefix+"ma_own")
		require.Equal(t, miniairflow.ServerActor, who, header)
		code, _ = ask(header, prefix+token[:len(token)-1]+"!")
		require.Equal(t, http.StatusUnauthorized, code, header)
	}
	ctx, err := Authenticate("ma_own", store)(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, "ann", miniairflow.Caller(ctx))
	revoke()
	code, _ := ask("Authorization", "Bearer "+token)
	require.Equal(t, http.StatusUnauthorized, code)
	_, err = Authenticate("ma_own", store)(t.Context(), token)
	require.ErrorContains(t, err, "missing or wrong")
}

// counting counts the look-ups.
type counting struct{ looked int }

func (c *counting) TokenByHash(context.Context, []byte) (*miniairflow.APIToken, error) {
	c.looked++
	return nil, miniairflow.ErrNotFound
}

// A stranger's request makes no more than a few look-ups, and one for what is public none.
func TestStrangersCostLittle(t *testing.T) {
	_, token, _ := named(t)
	tokens := &counting{}
	handler := newAuth("ma_own", tokens, false).check(http.NotFoundHandler())
	for path, most := range map[string]int{healthPath: 0, "/graphql": cookiesMax} {
		tokens.looked = 0
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
		for range 300 {
			request.AddCookie(&http.Cookie{Name: CookieName, Value: token})
		}
		handler.ServeHTTP(httptest.NewRecorder(), request)
		require.Equal(t, most, tokens.looked, path)
	}
}

// unreachable is a database that does not answer.
type unreachable struct{}

func (unreachable) TokenByHash(context.Context, []byte) (*miniairflow.APIToken, error) {
	return nil, errors.New("no route")
}

func TestTokenThatNobodyCanLookUp(t *testing.T) {
	handler := newAuth("ma_own", unreachable{}, false).check(http.NotFoundHandler())
	_, token, _ := named(t)
	for value, want := range map[string]int{token: http.StatusServiceUnavailable, "ma_own": http.StatusNotFound, "other": http.StatusUnauthorized} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
		request.Header.Set("Authorization", "Bearer "+value)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		require.Equal(t, want, answer.Code)
	}
	_, err := Authenticate("ma_own", unreachable{})(t.Context(), token)
	require.Equal(t, miniairflow.CodeUnavailable, miniairflow.ErrorCode(err), "of a socket")
}

// A stream ends soon after its token was revoked, whether its request had the token
// or the socket showed it later; one with the server's own token goes on.
func TestStreamsEndWithTheirTokens(t *testing.T) {
	for _, late := range []bool{false, true} {
		store, token, revoke := named(t)
		a := newAuth("ma_own", store, false)
		a.every = time.Millisecond
		started, over := make(chan context.Context), make(chan struct{})
		handler := a.check(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			if late {
				var err error
				if ctx, err = Authenticate("ma_own", store)(ctx, token); err != nil {
					ctx = nil
				}
			}
			started <- ctx
			<-ctx.Done()
		}))
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/graphql", nil)
		request.Header.Set("Upgrade", "websocket")
		if !late {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		go func() {
			defer close(over)
			handler.ServeHTTP(httptest.NewRecorder(), request)
		}()
		ctx := <-started
		require.NotNil(t, ctx)
		require.Equal(t, "ann", miniairflow.Caller(ctx))
		require.NoError(t, ctx.Err())
		revoke()
		<-over
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	}
}
