package graph

import (
	"net/http"
	"sync"
	"time"
)

// eventPing is how often an idle stream of events sends a comment, so that
// proxies keep it open and a dead peer is noticed.
const eventPing = 15 * time.Second

// eventWriter lets pings and events take turns. It writes pings itself, and not
// the transport, because the transport's may come after the request has ended.
type eventWriter struct {
	http.ResponseWriter
	mu      sync.Mutex
	started bool
}

// serveEvents runs next with pings between its events.
func serveEvents(next http.Handler, w http.ResponseWriter, r *http.Request) {
	events := &eventWriter{ResponseWriter: w}
	stop := make(chan struct{})
	var pings sync.WaitGroup
	pings.Go(func() {
		ticker := time.NewTicker(eventPing)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				events.ping()
			}
		}
	})
	defer pings.Wait()
	defer close(stop)
	next.ServeHTTP(events, r)
}

func (e *eventWriter) ping() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.started {
		return
	}
	if _, err := e.ResponseWriter.Write([]byte(": ping\n\n")); err == nil {
		_ = http.NewResponseController(e.ResponseWriter).Flush()
	}
}

// Write implements io.Writer. The transport writes each event at once.
func (e *eventWriter) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.started = e.started || e.Header().Get("Content-Type") == "text/event-stream"
	return e.ResponseWriter.Write(p)
}

// Flush implements http.Flusher. A failed flush ends the request's context.
func (e *eventWriter) Flush() {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = http.NewResponseController(e.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController find the connection.
func (e *eventWriter) Unwrap() http.ResponseWriter { return e.ResponseWriter }
