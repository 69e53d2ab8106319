package server

import (
	"net"
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
	case <-second:
		require.Fail(t, "a second connection was accepted")
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
