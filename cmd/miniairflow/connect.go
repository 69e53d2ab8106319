package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/graph"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/server"
)

// serverFile is the note that a server leaves in its home while it runs, so
// that the commands find it.
type serverFile struct {
	URL      string `json:"url"`
	PID      int    `json:"pid"`
	Database string `json:"database"` // as it was given: which one the commands mean
}

func serverFilePath(home string) string { return filepath.Join(home, "server.json") }

// writeServerFile leaves the note and returns how to take it away again.
func writeServerFile(home, url, database string) (remove func(), err error) {
	data, err := json.Marshal(serverFile{URL: url, PID: os.Getpid(), Database: database})
	if err != nil {
		return nil, fmt.Errorf("encode server file: %w", err)
	}
	path := serverFilePath(home)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return nil, fmt.Errorf("write server file: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, fmt.Errorf("write server file: %w", err)
	}
	return func() {
		// On PostgreSQL another server may have this home too, and have left its own note.
		if note, ok := readServerFile(home); ok && note.PID == os.Getpid() {
			_ = os.Remove(path)
		}
	}, nil
}

func readServerFile(home string) (note serverFile, ok bool) {
	data, err := os.ReadFile(serverFilePath(home))
	return note, err == nil && json.Unmarshal(data, &note) == nil
}

// connect returns a client for the daily commands: to --server; else to the server
// that runs on this home, unless another database is asked for; else to the database
// itself.
func connect(ctx context.Context, c *config, io stdio) (*client, error) {
	if c.Server != "" {
		return remoteClient(c, strings.TrimRight(c.Server, "/"))
	}
	if c.usesPostgres() {
		return localClient(ctx, c, io)
	}
	if url, ok := runningServer(ctx, c); ok {
		return remoteClient(c, url)
	}
	if path, _ := strings.CutPrefix(c.storeURL(), "sqlite://"); !exists(path) {
		return nil, &exitError{code: exitUnreachable, cause: fmt.Errorf(
			"no server runs on the home %s, and there is no database %s: start `miniairflow serve`, or name another --home, a --server or a --database-url", c.Home, path)}
	}
	return localClient(ctx, c, io)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func remoteClient(c *config, url string) (*client, error) {
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		return nil, usageErrorf("--server %s: write it with http:// or https://", url)
	}
	token := c.Token
	if token == "" {
		data, err := os.ReadFile(server.TokenPath(c.Home))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read token: %w", err)
		}
		token = strings.TrimSpace(string(data))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &client{http: &http.Client{Transport: transport}, url: url, token: token, close: func() error {
		transport.CloseIdleConnections()
		return nil
	}}, nil
}

// runningServer returns the URL of the server on this home, if one answers and has the
// database that is meant.
func runningServer(ctx context.Context, c *config) (string, bool) {
	note, ok := readServerFile(c.Home)
	isOther := c.DatabaseURL != "" && note.Database != c.storeURL()
	if !ok || isOther || !isOurProcess(note.PID) {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, note.URL+"/healthz", nil)
	if err != nil {
		return "", false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", false
	}
	response.Body.Close()
	return note.URL, response.StatusCode == http.StatusOK
}

// isOurProcess reports whether a process of this user has the id. The note of a
// server that was killed may name a port where somebody else listens by now,
// who must not get the token.
func isOurProcess(pid int) bool {
	return pid > 0 && syscall.Kill(pid, 0) == nil
}

// localClient opens the database and serves GraphQL and artifacts to itself.
func localClient(ctx context.Context, c *config, io stdio) (*client, error) {
	store, err := persistence.Open(ctx, c.storeURL(), persistence.Options{Logger: c.logger(io)})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	api, err := newGraph(store, c, io, nil)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	listener := newMemoryListener()
	ended := make(chan struct{})
	routes := http.NewServeMux()
	routes.Handle("/", api)
	routes.Handle(artifacts.Prefix, artifacts.NewHandler(store, c.lateDepot(store), c.logger(io)))
	httpServer := &http.Server{Handler: routes, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(ended)
		_ = httpServer.Serve(listener) // ends with ErrServerClosed when the client is closed
	}()
	transport := &http.Transport{DialContext: listener.dial}
	return &client{http: &http.Client{Transport: transport}, url: "http://local", store: store, close: func() error {
		transport.CloseIdleConnections()
		err := httpServer.Close()
		<-ended
		api.Close()
		return errors.Join(err, store.Close())
	}}, nil
}

// newGraph returns the GraphQL handler over store. authenticate decides about
// WebSockets; without it there are none.
func newGraph(store miniairflow.Store, c *config, io stdio, authenticate func(ctx context.Context, token string) (context.Context, error)) (*graph.Handler, error) {
	api, err := graph.NewHandler(graph.Config{
		Store:          store,
		Control:        &miniairflow.Control{Store: store, Evaluator: expression.New(), Vault: c.vault()},
		Authenticate:   authenticate,
		AllowedOrigins: c.AllowedOrigins,
		Logger:         c.logger(io),
	})
	if err != nil {
		return nil, fmt.Errorf("make the API: %w", err)
	}
	return api, nil
}

// memoryListener is a net.Listener without a network.
type memoryListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }
