package server

import (
	"net"
	"sync"
	"time"
)

// Bounds of the connections of a server.
const (
	connsMax     = 4096
	writeTimeout = 30 * time.Second // for one piece of an answer that the peer does not take
)

// conns is a listener that bounds its connections in number, and each write in
// time: neither http.Server nor a WebSocket does that for an answer that lasts,
// and one peer that stops to read would hold its goroutines for ever.
type conns struct {
	net.Listener
	timeout time.Duration // of one write
	slots   chan struct{}
	mu      sync.Mutex
	open    map[*conn]struct{}
}

func newConns(l net.Listener, limit int, timeout time.Duration) *conns {
	return &conns{Listener: l, timeout: timeout, slots: make(chan struct{}, limit), open: map[*conn]struct{}{}}
}

// Accept implements net.Listener. Above the bound peers wait in the backlog.
func (c *conns) Accept() (net.Conn, error) {
	c.slots <- struct{}{}
	accepted, err := c.Listener.Accept()
	if err != nil {
		<-c.slots
		return nil, err
	}
	wrapped := &conn{Conn: accepted, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[wrapped] = struct{}{}
	return wrapped, nil
}

// closeAll closes every connection, those too that a WebSocket has taken over.
func (c *conns) closeAll() {
	c.mu.Lock()
	open := make([]*conn, 0, len(c.open))
	for wrapped := range c.open {
		open = append(open, wrapped)
	}
	c.mu.Unlock()
	for _, wrapped := range open {
		_ = wrapped.Close()
	}
}

type conn struct {
	net.Conn
	of     *conns
	closed sync.Once
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.of.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.closed.Do(func() {
		c.of.mu.Lock()
		delete(c.of.open, c)
		c.of.mu.Unlock()
		<-c.of.slots
	})
	return c.Conn.Close()
}
