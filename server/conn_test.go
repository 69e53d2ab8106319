package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func listen(t *testing.T, limit int, timeout time.Duration) *conns {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := newConns(l, limit, timeout)
	t.Cleanup(func() {
		c.closeAll()
		_ = c.Close()
	})
	return c
}

func dial(t *testing.T, c *conns) net.Conn {
	t.Helper()
	peer, err := net.Dial("tcp", c.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	return peer
}

func TestPeerThatDoesNotReadIsCut(t *testing.T) {
	c := listen(t, 1, 50*time.Millisecond)
	dial(t, c)
	accepted, err := c.Accept()
	require.NoError(t, err)
	piece := make([]byte, 1<<20)
	for err == nil {
		_, err = accepted.Write(piece)
	}
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestConnectionsAreBounded(t *testing.T) {
	c := listen(t, 1, time.Minute)
	dial(t, c)
	dial(t, c)
	first, err := c.Accept()
	require.NoError(t, err)
	second := make(chan error, 1)
	go func() {
		_, err := c.Accept()
		second <- err
	}()
	select {
	case err := <-second:
		require.Fail(t, "a second connection was accepted", "%v", err)
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, first.Close())
	_ = first.Close() // the second time gives no second place
	require.NoError(t, <-second)
	require.Len(t, c.slots, 1)
}

func TestCloseAllEndsReads(t *testing.T) {
	c := listen(t, 2, time.Minute)
	dial(t, c)
	accepted, err := c.Accept()
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		_, err := accepted.Read(make([]byte, 1))
		ended <- err
	}()
	c.closeAll()
	require.ErrorIs(t, <-ended, net.ErrClosed)
}

// TestBodyThatNeverComesHoldsNoConnection: a stranger announces a body and sends
// none; a stream whose request was read lasts longer than that may take.
func TestBodyThatNeverComesHoldsNoConnection(t *testing.T) {
	const timeout = 100 * time.Millisecond
	lasted := make(chan bool, 1)
	s, err := New(Config{
		Addr: "127.0.0.1:0", Token: "ma_token", UI: http.NotFoundHandler(), Logger: slog.New(slog.DiscardHandler),
		Ready: func(context.Context) error { return nil },
		Graph: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				lasted <- false
			case <-time.After(3 * timeout):
				lasted <- true
			}
		}),
	})
	require.NoError(t, err)
	require.Equal(t, readTimeout, s.http.ReadTimeout)
	s.http.ReadTimeout = timeout
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	ask := func(request string) net.Conn {
		peer, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = peer.Close() })
		_, err = io.WriteString(peer, request)
		require.NoError(t, err)
		return peer
	}
	stream := ask("POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ma_token\r\nAccept: text/event-stream\r\nContent-Length: 0\r\n\r\n")
	stranger := ask("POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
	answer, err := io.ReadAll(stranger)
	require.NoError(t, err, "the connection is closed")
	require.Contains(t, string(answer), "401 Unauthorized")
	require.True(t, <-lasted)
	require.NoError(t, stream.Close())
	cancel()
	require.NoError(t, <-ended)
}
