package server_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/server"
)

// TestSocketsAndEventsPassThroughEveryLayer: the wrappers around an answer must
// let a connection be taken over and flushed, and the end of the server must
// reach both.
func TestSocketsAndEventsPassThroughEveryLayer(t *testing.T) {
	r := start(t, func(c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Graph = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept") == "text/event-stream" {
				_, _ = io.WriteString(w, "data: hello\n")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
				return
			}
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			_ = conn.Write(r.Context(), websocket.MessageText, []byte("hello"))
			<-r.Context().Done() // a handler that forgets to close its socket
		})
	})
	bearer := http.Header{"Authorization": {"Bearer " + testToken}}
	conn, _, err := websocket.Dial( //nolint:bodyclose // the package says that it needs no closing
		t.Context(), r.url+"/graphql", &websocket.DialOptions{HTTPHeader: bearer, HTTPClient: r.client})
	require.NoError(t, err)
	defer func() { _ = conn.CloseNow() }()
	_, text, err := conn.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hello", string(text))

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/graphql", nil)
	require.NoError(t, err)
	request.Header = bearer.Clone()
	request.Header.Set("Accept", "text/event-stream")
	response, err := r.client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: hello\n", line)

	require.NoError(t, r.stop())
	_, _, err = conn.Read(context.WithoutCancel(t.Context()))
	require.Error(t, err, "the socket is closed")
	_, err = response.Body.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// TestForeignPageOpensNoSocket also holds with the browser's cookie.
func TestForeignPageOpensNoSocket(t *testing.T) {
	r := start(t, func(c *server.Config) {
		c.Graph = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}); err == nil {
				_ = conn.CloseNow()
			}
		})
	})
	own := "http://" + strings.TrimPrefix(r.url, "http://")
	for origin, want := range map[string]int{own: http.StatusSwitchingProtocols, "http://localhost:1": 403, "null": 403, "https://evil.example": 403} {
		conn, response, err := websocket.Dial(t.Context(), r.url+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // as above
			HTTPClient: r.client, HTTPHeader: http.Header{"Origin": {origin}, "Cookie": {server.CookieName + "=" + testToken}},
		})
		require.Equal(t, want, response.StatusCode, origin)
		if err == nil {
			_ = conn.CloseNow()
		}
	}
}
