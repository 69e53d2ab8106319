package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// The paths that need no token.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// readyTimeout is how long the database may take to answer.
const readyTimeout = 2 * time.Second

// health is the answer of the two paths.
type health struct {
	Status string `json:"status"`           // "ok" or "unavailable"
	Reason string `json:"reason,omitempty"` // why it is not ok
}

// serveHealth says that the process answers.
func serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// serveReady says whether the database answers. Anyone may ask, so details go
// to the log only.
func serveReady(ready func(context.Context) error, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		err := ready(ctx)
		if err == nil {
			writeJSON(w, http.StatusOK, health{Status: "ok"})
			return
		}
		logger.DebugContext(r.Context(), "Not ready", "err", err)
		reason := "the database does not answer"
		if code := miniairflow.ErrorCode(err); code != miniairflow.CodeInternal {
			reason = miniairflow.ErrorMessage(err)
		}
		writeJSON(w, http.StatusServiceUnavailable, health{Status: "unavailable", Reason: reason})
	})
}

// writeError answers in the form of GraphQL, which clients of the API can read.
func writeError(w http.ResponseWriter, status int, code, message string) {
	type extensions struct {
		Code string `json:"code"`
	}
	type problem struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	writeJSON(w, status, map[string][]problem{"errors": {{Message: message, Extensions: extensions{Code: code}}}})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that went away needs no answer
}

// isSocket reports whether a request asks for a WebSocket.
func isSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// isStream reports whether the answer lasts until one side ends it.
func isStream(r *http.Request) bool {
	return isSocket(r) || strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// logRequests logs each request when it ends. It leaves the query out: it may
// hold the token.
func logRequests(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !logger.Enabled(r.Context(), slog.LevelDebug) {
			next.ServeHTTP(w, r)
			return
		}
		started := time.Now()
		recorder := &statusRecorder{ResponseWriter: w}
		next.ServeHTTP(recorder, r)
		logger.DebugContext(r.Context(), "Request", "method", r.Method, "path", r.URL.Path, "status", recorder.status,
			"duration_ms", time.Since(started).Milliseconds(), "remote", r.RemoteAddr)
	})
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int // 0: a socket, or no answer
}

// WriteHeader implements http.ResponseWriter.
func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *statusRecorder) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }
