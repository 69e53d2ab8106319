// Package server is the HTTP side: routes, who may come in, health, graceful
// end. What it serves (GraphQL, the page) is passed in.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Bounds of connections and of the end.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second // of a whole request; streams read on to see their peer go
	idleTimeout       = 2 * time.Minute
	headerBytesMax    = 32 << 10
	shutdownTimeout   = 10 * time.Second
)

// Config is what a Server needs.
type Config struct {
	Addr   string       // host:port that it will listen on; says whether that is this machine only
	Graph  http.Handler // /graphql
	UI     http.Handler // /ui/
	Ready  func(ctx context.Context) error
	Logger *slog.Logger

	// Playground answers /playground; nil: there is none.
	Playground http.Handler
	// Artifacts answers what is below /artifacts/; nil: there is nothing.
	Artifacts http.Handler
	// Hooks starts runs for requests to /hooks/, and Secrets are what these are known
	// by; nil: there are none.
	Hooks   HookTarget
	Secrets miniairflow.SecretSource
	// Schema is the JSON Schema of workflow files, for anyone's editor; empty: there
	// is none.
	Schema []byte
	// Token is what clients must show. It may be empty only with NoAuth, and
	// NoAuth only with a loopback Addr.
	Token  string
	NoAuth bool
	// Tokens finds those that have names; nil: there are none.
	Tokens TokenFinder
	// AllowedOrigins are the origins of foreign pages, such as
	// https://example.org, that may use the API. Their hosts are also accepted as
	// the server's own name, for a proxy on the same machine.
	AllowedOrigins []string
}

// Server serves HTTP. Serve may be called once.
type Server struct {
	config  Config
	http    *http.Server
	streams *streams
}

// New checks the configuration and returns a Server.
func New(c Config) (*Server, error) {
	if c.Graph == nil || c.UI == nil || c.Ready == nil || c.Logger == nil {
		return nil, errors.New("server: Graph, UI, Ready and Logger are required")
	}
	if c.Token == "" && !c.NoAuth {
		return nil, errors.New("server: a token is required")
	}
	loopback := isLoopback(c.Addr)
	if c.NoAuth && !loopback {
		return nil, fmt.Errorf("--no-auth lets anyone run commands on this machine, so it works only on a loopback address such as 127.0.0.1:8080, not on %s", c.Addr)
	}
	origins, err := newOrigins(c.AllowedOrigins, loopback, c.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, streams: newStreams()}
	auth := newAuth(c.Token, c.Tokens, c.NoAuth)
	handler := logRequests(c.Logger, secureHeaders(origins.check(auth.check(s.streams.track(s.routes())))))
	s.http = &http.Server{
		Handler: handler, MaxHeaderBytes: headerBytesMax,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// isLoopback reports whether addr can be reached from this machine only.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// routes is the table of all addresses.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/graphql", s.config.Graph)
	mux.Handle("/ui/", s.config.UI)
	mux.Handle("GET /{$}", http.RedirectHandler("/ui/", http.StatusSeeOther))
	mux.Handle("GET "+healthPath, http.HandlerFunc(serveHealth))
	mux.Handle("GET "+readyPath, serveReady(s.config.Ready, s.config.Logger))
	if s.config.Playground != nil {
		mux.Handle("/playground", s.config.Playground)
	}
	if s.config.Artifacts != nil {
		mux.Handle("GET /artifacts/", s.config.Artifacts)
	}
	if s.config.Hooks != nil {
		mux.Handle(hooksPath, newHooks(s.config.Hooks, s.config.Secrets, s.config.Logger))
	}
	if len(s.config.Schema) > 0 {
		mux.Handle("GET "+schemaPath, serveSchema(s.config.Schema))
	}
	return mux
}

// Serve answers on the listener until ctx ends, then lets running requests
// finish for up to 10 seconds, ends streams and sockets, and closes the
// listener. A clean end is nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && s.config.NoAuth && !tcp.IP.IsLoopback() {
		return errors.Join(fmt.Errorf("--no-auth: %s is not a loopback address", tcp), listener.Close())
	}
	conns := newConns(listener, connsMax, writeTimeout)
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(conns) }()
	select {
	case err := <-served:
		s.streams.close()
		conns.closeAll()
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	s.streams.close()
	err := s.http.Shutdown(end)
	if !s.streams.wait(end) || err != nil {
		s.config.Logger.WarnContext(end, "Connections cut that did not end in time")
	}
	// Shutdown leaves sockets alone that were taken over, and those that hang.
	conns.closeAll()
	s.streams.wait(context.WithoutCancel(end))
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// streams are the requests that last: sockets and streams of events.
type streams struct {
	ctx    context.Context
	close  context.CancelFunc
	mu     sync.Mutex
	open   int
	nobody chan struct{} // closed while none is open
}

func newStreams() *streams {
	s := &streams{nobody: make(chan struct{})}
	s.ctx, s.close = context.WithCancel(context.Background())
	close(s.nobody)
	return s
}

// track ends the context of streams when the server ends, so that a graceful
// end does not wait for them for ever.
func (s *streams) track(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isStream(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		s.enter()
		defer s.leave()
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // where it cannot be lifted there is none
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (s *streams) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open++; s.open == 1 {
		s.nobody = make(chan struct{})
	}
}

func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open == 0 {
		close(s.nobody)
	}
}

// wait returns when no stream is open, or false when ctx has ended.
func (s *streams) wait(ctx context.Context) bool {
	s.mu.Lock()
	nobody := s.nobody
	s.mu.Unlock()
	select {
	case <-nobody:
		return true
	case <-ctx.Done():
		return false
	}
}
