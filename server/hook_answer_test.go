package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/secrets"
)

// logged is a server of webhooks whose log can be read once it has ended.
type logged struct {
	*httptest.Server
	log bytes.Buffer
}

func newLogged(t *testing.T, target HookTarget, source miniairflow.SecretSource) *logged {
	s := new(logged)
	logger := slog.New(slog.NewTextHandler(&s.log, nil))
	s.Server = httptest.NewServer(newHooks(target, source, logger))
	t.Cleanup(s.Close)
	return s
}

// begin sends the beginning of a request.
func (s *logged) begin(t *testing.T, text string) *net.TCPConn {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = io.WriteString(connection, text)
	require.NoError(t, err)
	return connection.(*net.TCPConn)
}

// What a sender breaks off, or breaks, is its own fault: strangers fill no log.
func TestHookOfBrokenSender(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"signed": "X-Hub-Signature-256: " + sign("other", "") + "\r\nContent-Length: 10\r\n\r\n{",
		"secret": "X-Miniairflow-Token: " + hookSecret + "\r\nContent-Length: 10\r\n\r\n{",
		"chunk":  "X-Hub-Signature-256: " + sign("other", "") + "\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		s := newLogged(t, oneHook{}, secrets.Given{"HOOK": hookSecret})
		connection := s.begin(t, "POST /hooks/deploy HTTP/1.1\r\nHost: x\r\n"+text)
		require.NoError(t, connection.CloseWrite())
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		require.NoError(t, err, name)
		said, err := io.ReadAll(response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()), name)
		require.Equal(t, http.StatusBadRequest, response.StatusCode, name)
		require.Contains(t, string(said), "the body cannot be read: it ended too early, or was not sent as its headers say", name)
		s.Close()
		require.Empty(t, s.log.String(), name)
	}
}

// leavingHook is asked by somebody who goes before there is an answer.
type leavingHook struct {
	HookTarget
	asked chan struct{}
}

func (l leavingHook) FindWebhook(ctx context.Context, _ string) (*miniairflow.WebhookTrigger, error) {
	close(l.asked)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestHookOfSenderWhoLeaves(t *testing.T) {
	t.Parallel()
	target := leavingHook{asked: make(chan struct{})}
	s := newLogged(t, target, nil)
	connection := s.begin(t, "POST /hooks/deploy HTTP/1.1\r\nHost: x\r\n\r\n")
	<-target.asked
	require.NoError(t, connection.Close())
	s.Close()
	require.Empty(t, s.log.String())
}

// Who calls is told whether to try again, and the operator why there is no secret.
func TestHookWithoutItsSecret(t *testing.T) {
	t.Parallel()
	key := func(letter string) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32)))
	}
	store := persistencetest.SQLite(t)
	sealed, err := secrets.NewVault(key("a"), "", false).Seal("HOOK", hookSecret)
	require.NoError(t, err)
	_, err = store.SetSecret(t.Context(), sealed, miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
	away := persistencetest.NewFaulty(store, func(string) persistencetest.Fault { return persistencetest.FaultTimeout })
	vault, other := secrets.NewVault(key("a"), "", false), secrets.NewVault(key("b"), "", false)
	for name, c := range map[string]struct {
		source             miniairflow.SecretSource
		said, again, cause string
	}{
		"not set":       {secrets.Given{}, "the webhook cannot tell who calls: its secret is not there", "", "there is no secret HOOK"},
		"another key":   {secrets.Stored{Store: store, Vault: other}, "the webhook cannot tell who calls: its secret cannot be read, the server's log says why", "", "sealed with the key " + sealed.KeyID},
		"no key":        {secrets.Stored{Store: store, Vault: secrets.NewVault("", t.TempDir()+"/none", false)}, "its secret cannot be read, the server's log says why", "", "there is no key for secrets"},
		"database away": {secrets.Stored{Store: away, Vault: vault}, "the database does not answer: try again", "1", "timeout"},
	} {
		s := newLogged(t, oneHook{}, c.source)
		response, err := http.Post(s.URL+"/hooks/deploy", "application/json", strings.NewReader("{}"))
		require.NoError(t, err, name)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, errors.Join(err, response.Body.Close()), name)
		s.Close()
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, name)
		require.Contains(t, string(text), c.said, name)
		require.Equal(t, c.again, response.Header.Get("Retry-After"), name)
		require.Contains(t, s.log.String(), "level=ERROR", name)
		require.Contains(t, s.log.String(), c.cause, name)
		for _, secret := range []string{hookSecret, key("a"), key("b")} {
			require.NotContains(t, s.log.String()+string(text), secret, name)
		}
	}
}

// Anybody may make the server tell an error, and nobody fills its log.
func TestHookErrorsInLogAreFew(t *testing.T) {
	t.Parallel()
	s := newLogged(t, oneHook{}, secrets.Given{})
	for range 10 * faultsAtOnce {
		response, err := http.Post(s.URL+"/hooks/deploy", "application/json", nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	s.Close()
	told := strings.Count(s.log.String(), "level=ERROR")
	require.GreaterOrEqual(t, told, faultsAtOnce)
	require.Less(t, told, 5*faultsAtOnce)
}
