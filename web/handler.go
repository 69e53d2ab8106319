package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// prefix is where the page lives; vite.config.ts builds for the same base.
const prefix = "/ui/"

// assetsDir holds the files whose names carry a hash of their content.
const assetsDir = "assets/"

// The Content-Security-Policy of the two pages. The first needs no inline style
// or script at all; GraphiQL's editor writes style elements, carries its fonts
// as data and starts workers.
const (
	PagePolicy       = "default-src 'self'; connect-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	PlaygroundPolicy = "default-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// contentTypes is a table of our own because the operating system's may lack
// an entry or have a wrong one, and browsers refuse scripts of a wrong type.
var contentTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".json":  "application/json",
	".ttf":   "font/ttf",
	".woff":  "font/woff",
	".woff2": "font/woff2",
	".png":   "image/png",
}

// notBuilt is what /ui/ shows when the binary was built without the page.
const notBuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Mini Airflow: page not built</title></head>
<body>
<h1>The page is not part of this binary</h1>
<p>The server works: the API is at <a href="/graphql">/graphql</a>, and every command works.</p>
<p>To have the page, install Node.js 20.19 or newer, then run <code>make build</code> in the source folder and start the new binary.</p>
</body>
</html>
`

// Handler serves the page under /ui/, or says how to build it. Addresses that
// belong to no file lead a browser to index.html, where the page's own router
// takes them. Only GET and HEAD are answered. It is safe for concurrent use.
func Handler() http.Handler {
	assets, ok := Assets()
	if !ok {
		return readOnly(http.HandlerFunc(serveNotBuilt))
	}
	return readOnly(newFileHandler(assets))
}

// PlaygroundHandler serves GraphiQL on any path, or says how to build it.
func PlaygroundHandler() http.Handler {
	assets, ok := Assets()
	if !ok {
		return readOnly(http.HandlerFunc(serveNotBuilt))
	}
	h := newFileHandler(assets)
	return readOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.serveFile(w, r, "playground.html")
	}))
}

func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page answers GET and HEAD only; the API is at /graphql", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func serveNotBuilt(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", contentTypes[".html"])
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, notBuilt) // A reader that went away is not our error.
	}
}

// fileHandler serves the files of a built page.
type fileHandler struct {
	files fs.FS
	etags map[string]string // of the files whose names stay the same over builds
}

func newFileHandler(files fs.FS) *fileHandler {
	h := &fileHandler{files: files, etags: map[string]string{}}
	names, err := fs.Glob(files, "*.*")
	if err != nil {
		return h
	}
	for _, name := range names {
		if content, err := fs.ReadFile(files, name); err == nil {
			sum := sha256.Sum256(content)
			h.etags[name] = `"` + hex.EncodeToString(sum[:8]) + `"`
		}
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *fileHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), strings.TrimSuffix(prefix, "/"))
	name = strings.TrimPrefix(name, "/")
	switch {
	case name == "":
		name = "index.html"
	case h.isFile(name):
	// A workflow may be called "etl.js", so a dot in the path says nothing;
	// what asks for HTML is a navigation, what a page loads does not.
	case strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(name, assetsDir):
		name = "index.html"
	default:
		http.NotFound(w, r)
		return
	}
	h.serveFile(w, r, name)
}

func (h *fileHandler) isFile(name string) bool {
	_, known := contentTypes[path.Ext(name)]
	info, err := fs.Stat(h.files, name)
	return known && err == nil && info.Mode().IsRegular()
}

// serveFile answers with the file called name, packed if the client takes it.
func (h *fileHandler) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	header := w.Header()
	header.Set("Content-Type", contentTypes[path.Ext(name)])
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Vary", "Accept-Encoding")
	switch {
	case strings.HasPrefix(name, assetsDir):
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", h.etags[name])
	}
	// Workers live under the policy of their own file, so every file has one.
	header.Set("Content-Security-Policy", PagePolicy)
	if name == "playground.html" {
		header.Set("Content-Security-Policy", PlaygroundPolicy)
	}
	stored := name
	if _, err := fs.Stat(h.files, name+".gz"); err == nil && acceptsGzip(r) {
		stored += ".gz"
		header.Set("Content-Encoding", "gzip")
		if tag, ok := h.etags[stored]; ok {
			header.Set("ETag", tag)
		}
	}
	content, err := h.open(stored)
	if err != nil {
		header.Del("Content-Encoding")
		header.Del("Cache-Control")
		http.NotFound(w, r)
		return
	}
	defer content.Close()
	http.ServeContent(w, r, name, time.Time{}, content)
}

func (h *fileHandler) open(name string) (io.ReadSeekCloser, error) {
	f, err := h.files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open asset %q: %w", name, err)
	}
	seeker, ok := f.(io.ReadSeekCloser)
	if !ok {
		_ = f.Close()
		return nil, fmt.Errorf("open asset %q: %w", name, fs.ErrInvalid)
	}
	return seeker, nil
}

// acceptsGzip reports whether the client takes gzip. "gzip;q=0" refuses it.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding != "gzip" {
			continue
		}
		q, found := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		return !found || strings.Trim(q, "0.") != ""
	}
	return false
}
