package persistencetest

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Line is how a Proxy treats what goes through it.
type Line int32

// The lines.
const (
	LineGood     Line = iota
	LineCut           // connections are reset, new ones are closed at once
	LineStalled       // connections stay open, and nothing arrives on either side
	LineHalfOpen      // what clients send arrives, the answers do not
	LineSlow          // a few bytes at a time
)

// slowBytes go through a slow line every slowPause.
const (
	slowBytes = 64
	slowPause = 2 * time.Millisecond
)

// Proxy is a line to a PostgreSQL server that a test can damage. Its methods may
// be called from any goroutine.
type Proxy struct {
	listener net.Listener
	target   string
	url      string
	line     atomic.Int32
	harmed   atomic.Int64
	closing  context.Context

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// NewProxy returns a good line to the server of a database URL. It ends with the test.
func NewProxy(t testing.TB, databaseURL string) *Proxy {
	t.Helper()
	parsed, err := url.Parse(databaseURL)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closing, stop := context.WithCancel(context.Background())
	p := &Proxy{listener: listener, target: parsed.Host, closing: closing, conns: map[net.Conn]bool{}}
	parsed.Host = listener.Addr().String()
	p.url = parsed.String()
	var running sync.WaitGroup
	running.Go(func() { p.accept(&running) })
	t.Cleanup(func() {
		stop()
		_ = listener.Close()
		p.reset()
		running.Wait()
	})
	return p
}

// URL returns the database's URL through the proxy.
func (p *Proxy) URL() string { return p.url }

// Set changes the line from now on.
func (p *Proxy) Set(line Line) {
	p.line.Store(int32(line))
	if line == LineCut {
		p.reset()
	}
}

// Harmed returns how often traffic has met a damaged line: connections that were
// reset or closed, and pieces that were held back or dropped.
func (p *Proxy) Harmed() int64 { return p.harmed.Load() }

func (p *Proxy) at() Line { return Line(p.line.Load()) }

func (p *Proxy) accept(running *sync.WaitGroup) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.at() == LineCut {
			p.harmed.Add(1)
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		running.Go(func() { p.carry(client, server, false) })
		running.Go(func() { p.carry(server, client, true) })
	}
}

// carry takes bytes from one side to the other until either ends.
func (p *Proxy) carry(from, to net.Conn, answers bool) {
	defer p.drop(from, to)
	buf := make([]byte, 32<<10)
	for {
		size := len(buf)
		if p.at() == LineSlow {
			size = slowBytes
		}
		n, err := from.Read(buf[:size])
		if n > 0 && p.pass(answers) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits as the line demands and reports whether the piece arrives.
func (p *Proxy) pass(answers bool) bool {
	ticker := time.NewTicker(slowPause)
	defer ticker.Stop()
	for first := true; ; first = false {
		switch line := p.at(); {
		case line == LineHalfOpen && answers:
			p.harmed.Add(1)
			return false
		case line == LineSlow && first:
		case line != LineStalled:
			return true
		}
		if first {
			p.harmed.Add(1)
		}
		select {
		case <-p.closing.Done():
			return false
		case <-ticker.C:
		}
	}
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// reset ends every connection the hard way.
func (p *Proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		p.harmed.Add(1)
		_ = c.Close()
	}
}
