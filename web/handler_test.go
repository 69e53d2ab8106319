package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":             {Data: []byte("<html>index</html>")},
		"playground.html":        {Data: []byte("<html>playground</html>")},
		"favicon.svg":            {Data: []byte("<svg/>")},
		".gitkeep":               {},
		"assets/main-a1b2.js":    {Data: []byte("plain")},
		"assets/main-a1b2.js.gz": {Data: []byte("packed")},
	}
}

func get(t *testing.T, h http.Handler, method, target string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for key, value := range header {
		r.Header.Set(key, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFileHandler_Paths(t *testing.T) {
	t.Parallel()
	browser := map[string]string{"Accept": "text/html,application/xhtml+xml"}
	script := map[string]string{"Accept": "*/*"}
	tests := map[string]struct {
		target string
		header map[string]string
		status int
		body   string
		cache  string
	}{
		"root":                       {"/ui/", browser, 200, "<html>index</html>", "no-cache"},
		"page of the router":         {"/ui/workflows/daily-etl", browser, 200, "<html>index</html>", "no-cache"},
		"workflow with a dot":        {"/ui/workflows/etl.v2.js", browser, 200, "<html>index</html>", "no-cache"},
		"missing script":             {"/ui/workflows/etl.v2.js", script, 404, "", ""},
		"hashed asset":               {"/ui/assets/main-a1b2.js", script, 200, "plain", "public, max-age=31536000, immutable"},
		"missing asset, old page":    {"/ui/assets/main-0000.js", browser, 404, "", ""},
		"file beside the index":      {"/ui/favicon.svg", script, 200, "<svg/>", "no-cache"},
		"placeholder is no file":     {"/ui/.gitkeep", script, 404, "", ""},
		"packed copy is no file":     {"/ui/assets/main-a1b2.js.gz", script, 404, "", ""},
		"folder is no file":          {"/ui/assets/", script, 404, "", ""},
		"nothing above the page":     {"/ui/../../etc/passwd", script, 404, "", ""},
		"unknown path asked by curl": {"/ui/nothing", script, 404, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := get(t, readOnly(newFileHandler(built())), http.MethodGet, test.target, test.header)
			require.Equal(t, test.status, res.Code)
			require.Equal(t, test.cache, res.Header().Get("Cache-Control"))
			if test.body != "" {
				require.Equal(t, test.body, res.Body.String())
			}
		})
	}
}

func TestFileHandler_Encoding(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ accept, body, encoding string }{
		"taken":      {"br, gzip", "packed", "gzip"},
		"with q":     {"gzip;q=0.5", "packed", "gzip"},
		"refused":    {"gzip;q=0", "plain", ""},
		"not named":  {"br", "plain", ""},
		"no header":  {"", "plain", ""},
		"other name": {"x-gzip", "plain", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := get(t, newFileHandler(built()), http.MethodGet, "/ui/assets/main-a1b2.js", map[string]string{"Accept-Encoding": test.accept})
			require.Equal(t, test.encoding, res.Header().Get("Content-Encoding"))
			require.Equal(t, "Accept-Encoding", res.Header().Get("Vary"))
			require.Equal(t, "text/javascript; charset=utf-8", res.Header().Get("Content-Type"))
			require.Equal(t, test.body, res.Body.String())
		})
	}
}

func TestFileHandler_Revalidates(t *testing.T) {
	t.Parallel()
	h := newFileHandler(built())
	first := get(t, h, http.MethodGet, "/ui/", nil)
	tag := first.Header().Get("ETag")
	require.NotEmpty(t, tag)
	again := get(t, h, http.MethodGet, "/ui/", map[string]string{"If-None-Match": tag})
	require.Equal(t, http.StatusNotModified, again.Code)

	changed := built()
	changed["index.html"] = &fstest.MapFile{Data: []byte("<html>new</html>")}
	rebuilt := get(t, newFileHandler(changed), http.MethodGet, "/ui/", map[string]string{"If-None-Match": tag})
	require.Equal(t, http.StatusOK, rebuilt.Code)
}

func TestFileHandler_Policy(t *testing.T) {
	t.Parallel()
	for target, policy := range map[string]string{
		"/ui/":                    PagePolicy,
		"/ui/assets/main-a1b2.js": PagePolicy,
		"/ui/playground.html":     PlaygroundPolicy,
	} {
		res := get(t, newFileHandler(built()), http.MethodGet, target, nil)
		require.Equal(t, policy, res.Header().Get("Content-Security-Policy"), target)
	}
	require.NotContains(t, PagePolicy, "unsafe")
}

func TestHandler_Methods(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		res := get(t, Handler(), method, "/ui/", nil)
		require.Equal(t, http.StatusMethodNotAllowed, res.Code)
		require.Equal(t, "GET, HEAD", res.Header().Get("Allow"))
	}
	res := get(t, readOnly(newFileHandler(built())), http.MethodHead, "/ui/", nil)
	require.Equal(t, http.StatusOK, res.Code)
	require.Empty(t, res.Body.String())
}

func TestServeNotBuilt(t *testing.T) {
	t.Parallel()
	res := get(t, http.HandlerFunc(serveNotBuilt), http.MethodGet, "/ui/workflows", nil)
	require.Equal(t, http.StatusNotFound, res.Code)
	text := res.Body.String()
	require.Contains(t, text, "make build")
	require.Contains(t, text, "Node.js 20")
}

func TestAssets_Built(t *testing.T) {
	t.Parallel()
	assets, ok := Assets()
	if !ok {
		t.Skip("the page is not built: run `npm ci && npm run build` in web/")
	}
	for _, h := range []http.Handler{Handler(), PlaygroundHandler()} {
		res := get(t, h, http.MethodGet, "/ui/", map[string]string{"Accept": "text/html"})
		require.Equal(t, http.StatusOK, res.Code)
		require.Contains(t, res.Body.String(), `src="/ui/assets/`)
	}
	for _, name := range []string{"index.html", "playground.html"} {
		_, err := assets.Open(name)
		require.NoError(t, err)
	}
}
