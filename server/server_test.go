package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sauravritesh63/miniairflow/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "ma_the-token-of-this-test"

// running is a server on a free port.
type running struct {
	url    string
	client *http.Client
	stop   func() error
}

// start serves until the test ends, or until stop is called.
func start(t *testing.T, change func(*server.Config)) *running {
	t.Helper()
	text := func(body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	}
	config := server.Config{
		Addr: "127.0.0.1:0", Token: testToken, Graph: text("graph"), UI: text("ui"), Playground: text("playground"), Artifacts: text("artifact"),
		Ready: func(context.Context) error { return nil }, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&config)
	}
	s, err := server.New(config)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	transport := &http.Transport{}
	r := &running{url: "http://" + listener.Addr().String(), client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	stopped := false
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		transport.CloseIdleConnections()
		return <-ended
	}
	t.Cleanup(func() { require.NoError(t, r.stop()) })
	return r
}

// ask sends a request and returns status, headers and body. Header values come
// in pairs; "Host" sets the name that the server is called by.
func (r *running) ask(t *testing.T, method, path string, header ...string) (int, http.Header, string) {
	t.Helper()
	status, got, body, err := r.try(t.Context(), method, path, header...)
	require.NoError(t, err)
	return status, got, body
}

// try is ask for other goroutines than that of the test.
func (r *running) try(ctx context.Context, method, path string, header ...string) (int, http.Header, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, nil)
	if err != nil {
		return 0, nil, "", err
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
			continue
		}
		request.Header.Add(header[i], header[i+1])
	}
	response, err := r.client.Do(request)
	if err != nil {
		return 0, nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(body), err
}

// TestWhoComesIn is the whole table of routes and credentials.
func TestWhoComesIn(t *testing.T) {
	r := start(t, nil)
	credentials := []struct {
		name   string
		header []string
	}{
		{"none", nil},
		{"wrong bearer", []string{"Authorization", "Bearer ma_wrong"}},
		{"empty bearer", []string{"Authorization", "Bearer "}},
		{"another scheme", []string{"Authorization", "Basic " + testToken}},
		{"wrong cookie", []string{"Cookie", server.CookieName + "=ma_wrong"}},
		{"another cookie", []string{"Cookie", "token=" + testToken}},
		{"wrong bearer, right cookie", []string{"Authorization", "Bearer ma_wrong", "Cookie", server.CookieName + "=" + testToken}},
		{"bearer", []string{"Authorization", "Bearer " + testToken}},
		{"cookie", []string{"Cookie", server.CookieName + "=" + testToken}},
	}
	const right = 7 // the first of credentials that is let in
	routes := []struct {
		method, path string
		in, out      int
	}{
		{"GET", "/", 303, 401},
		{"GET", "/ui/", 200, 401},
		{"GET", "/ui/runs/1", 200, 401},
		{"GET", "/ui/assets/app.js", 200, 401},
		{"GET", "/ui/healthz", 200, 401},
		{"GET", "/playground", 200, 401},
		{"GET", "/graphql?query={__typename}", 200, 401},
		{"GET", "/graphql?token=" + testToken, 200, 401},
		{"POST", "/graphql", 200, 401},
		{"POST", "/ui/?token=" + testToken, 200, 401},
		{"DELETE", "/graphql", 200, 401},
		{"GET", "/artifacts/0197/build/report.csv", 200, 401},
		{"HEAD", "/artifacts/0197/build/report.csv", 200, 401},
		{"POST", "/artifacts/0197/build/report.csv", 405, 401},
		{"GET", "/artifacts/0197/build/../healthz", 307, 401},
		{"GET", "/healthz", 200, 200},
		{"GET", "/readyz", 200, 200},
		{"POST", "/healthz", 405, 405},
		{"GET", "/healthz/", 404, 401},
		{"GET", "/HEALTHZ", 404, 401},
		{"GET", "/graphql/healthz", 404, 401},
		{"GET", "/graphql%2fhealthz", 404, 401},
		{"GET", "/graphql;/healthz", 404, 401},
		{"GET", "//healthz", 307, 401},
		{"GET", "/ui/../graphql", 307, 401},
		{"GET", "/nothing", 404, 401},
	}
	for _, route := range routes {
		for i, c := range credentials {
			want := route.out
			if i >= right {
				want = route.in
			}
			status, header, _ := r.ask(t, route.method, route.path, c.header...)
			require.Equal(t, want, status, "%s %s with %s", route.method, route.path, c.name)
			require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
			require.Equal(t, "DENY", header.Get("X-Frame-Options"))
			require.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
			require.NotEmpty(t, header.Get("Content-Security-Policy"))
		}
	}
}

func TestTokenInAddressBecomesCookie(t *testing.T) {
	r := start(t, nil)
	status, header, _ := r.ask(t, "GET", "/ui/runs/1?token="+testToken+"&tab=logs")
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, "/ui/runs/1?tab=logs", header.Get("Location"))
	cookie := header.Get("Set-Cookie")
	require.Contains(t, cookie, server.CookieName+"="+testToken)
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Lax")

	status, header, body := r.ask(t, "GET", "/ui/?token=ma_wrong")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Empty(t, header.Get("Set-Cookie"))
	require.Contains(t, body, "This page needs the token")
	require.Contains(t, body, "The token is wrong")
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	require.Contains(t, header.Get("Content-Security-Policy"), base64.StdEncoding.EncodeToString(sum[:]), "or the page stays plain")
	_, _, body = r.ask(t, "GET", "/ui/")
	require.NotContains(t, body, "The token is wrong", "nobody has shown one")
	_, _, body = r.ask(t, "GET", "/ui/", "Cookie", server.CookieName+"=ma_of_an_older_home")
	require.Contains(t, body, "The token is wrong")

	status, header, _ = r.ask(t, "GET", "/ui//elsewhere.example?token="+testToken)
	require.Equal(t, http.StatusSeeOther, status)
	require.Equal(t, "/ui/elsewhere.example", header.Get("Location"), "it stays on this server")
}

func TestNamesAndOrigins(t *testing.T) {
	r := start(t, func(c *server.Config) { c.AllowedOrigins = []string{"https://flow.example.org"} })
	host := strings.TrimPrefix(r.url, "http://")
	for _, c := range []struct {
		name   string
		header []string
		want   int
	}{
		{"own name", nil, 200},
		{"localhost", []string{"Host", "localhost:9000"}, 200},
		{"loopback of version 6", []string{"Host", "[::1]:9000"}, 200},
		{"a name that was made to point here", []string{"Host", "evil.example"}, 421},
		{"a name that begins like ours", []string{"Host", "localhost.evil.example"}, 421},
		{"an allowed proxy's name", []string{"Host", "flow.example.org"}, 200},
		{"own origin", []string{"Origin", "http://" + host}, 200},
		{"own origin behind https", []string{"Origin", "https://" + host}, 200},
		{"allowed origin", []string{"Origin", "https://flow.example.org"}, 200},
		{"another port of this machine", []string{"Origin", "http://127.0.0.1:1"}, 403},
		{"allowed host, other scheme", []string{"Origin", "http://flow.example.org"}, 403},
		{"no origin to speak of", []string{"Origin", "null"}, 403},
		{"foreign origin", []string{"Origin", "https://evil.example"}, 403},
		{"cross-site request without origin", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		status, _, _ := r.ask(t, "POST", "/graphql", append(c.header, "Authorization", "Bearer "+testToken)...)
		require.Equal(t, c.want, status, c.name)
	}
	status, header, _ := r.ask(t, "OPTIONS", "/graphql", "Origin", "https://flow.example.org", "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, "https://flow.example.org", header.Get("Access-Control-Allow-Origin"))
	status, header, _ = r.ask(t, "OPTIONS", "/graphql", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusForbidden, status)
	require.Empty(t, header.Get("Access-Control-Allow-Origin"))
}

func TestReadyFollowsDatabase(t *testing.T) {
	var failure error
	r := start(t, func(c *server.Config) {
		c.Ready = func(context.Context) error { return failure }
	})
	status, _, body := r.ask(t, "GET", "/readyz")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"status": "ok"}`, body)

	failure = errors.New("dial postgres://user:secret@db")
	status, _, body = r.ask(t, "GET", "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.JSONEq(t, `{"status": "unavailable", "reason": "the database does not answer"}`, body)
	status, _, _ = r.ask(t, "GET", "/healthz")
	require.Equal(t, 200, status)
}

func TestReadyGivesUpOnSilentDatabase(t *testing.T) {
	r := start(t, func(c *server.Config) {
		c.Ready = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	})
	status, _, _ := r.ask(t, "GET", "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
}

func TestConfigurationIsRefused(t *testing.T) {
	handler := http.NotFoundHandler()
	good := server.Config{
		Addr: "127.0.0.1:0", Token: testToken, Graph: handler, UI: handler,
		Ready: func(context.Context) error { return nil }, Logger: slog.New(slog.DiscardHandler),
	}
	for name, change := range map[string]func(*server.Config){
		"no token":                      func(c *server.Config) { c.Token = "" },
		"no-auth on every address":      func(c *server.Config) { c.NoAuth, c.Addr = true, "0.0.0.0:8080" },
		"no-auth on an empty host":      func(c *server.Config) { c.NoAuth, c.Addr = true, ":8080" },
		"no-auth on a name":             func(c *server.Config) { c.NoAuth, c.Addr = true, "flow.example.org:8080" },
		"origin without scheme":         func(c *server.Config) { c.AllowedOrigins = []string{"flow.example.org"} },
		"origin with a path":            func(c *server.Config) { c.AllowedOrigins = []string{"https://flow.example.org/x"} },
		"origin that stands for all":    func(c *server.Config) { c.AllowedOrigins = []string{"*"} },
		"no handler for the API at all": func(c *server.Config) { c.Graph = nil },
	} {
		config := good
		change(&config)
		_, err := server.New(config)
		require.Error(t, err, name)
	}
	good.NoAuth, good.Token, good.Addr = true, "", "[::1]:0"
	_, err := server.New(good)
	require.NoError(t, err)
}

func TestNoAuthRefusesListenerOfTheWorld(t *testing.T) {
	s, err := server.New(server.Config{
		Addr: "localhost:0", NoAuth: true, Graph: http.NotFoundHandler(), UI: http.NotFoundHandler(),
		Ready: func(context.Context) error { return nil }, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	require.ErrorContains(t, s.Serve(t.Context(), listener), "loopback")
}

// TestEndLetsRequestsFinish ends a server in the middle of a request and of a
// stream: the request gets its answer, the stream ends.
func TestEndLetsRequestsFinish(t *testing.T) {
	inside, finish, streaming := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r := start(t, func(c *server.Config) {
		c.Graph = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept") == "text/event-stream" {
				close(streaming)
				<-r.Context().Done()
				return
			}
			close(inside)
			<-finish
			_, _ = io.WriteString(w, "done")
		})
	})
	answers := make(chan string, 1)
	go func() {
		_, _, body, err := r.try(t.Context(), "POST", "/graphql", "Authorization", "Bearer "+testToken)
		answers <- fmt.Sprint(body, err)
	}()
	streamEnded := make(chan struct{})
	go func() {
		defer close(streamEnded)
		_, _, _, _ = r.try(t.Context(), "POST", "/graphql", "Authorization", "Bearer "+testToken, "Accept", "text/event-stream")
	}()
	<-inside
	<-streaming
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	<-streamEnded
	close(finish)
	require.Equal(t, "done<nil>", <-answers)
	require.NoError(t, <-stopped)
}

func TestLogHasNoToken(t *testing.T) {
	var log strings.Builder
	r := start(t, func(c *server.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	r.ask(t, "GET", "/ui/?token="+testToken)
	r.ask(t, "POST", "/graphql", "Authorization", "Bearer "+testToken)
	require.NoError(t, r.stop())
	require.NotContains(t, log.String(), testToken)
	var line struct {
		Path   string `json:"path"`
		Status int    `json:"status"`
	}
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(log.String(), "\n", 2)[0]), &line))
	require.Equal(t, "/ui/", line.Path)
	require.Equal(t, http.StatusSeeOther, line.Status)
}

func TestAuthenticateSockets(t *testing.T) {
	judge := func(ctx context.Context, candidate string) bool {
		_, err := server.Authenticate(testToken, nil)(ctx, candidate)
		return err == nil
	}
	require.True(t, judge(t.Context(), testToken))
	require.False(t, judge(t.Context(), "ma_wrong"))
	require.False(t, judge(t.Context(), ""))
	_, err := server.Authenticate("", nil)(t.Context(), "")
	require.ErrorContains(t, err, "missing or wrong")

	// The request's own credentials count, and a socket without any is let through
	// to show its token later.
	for _, c := range []struct {
		token string
		want  int
	}{{"Bearer " + testToken, http.StatusOK}, {"Bearer ma_wrong", http.StatusUnauthorized}, {"Bearer ", http.StatusUnauthorized}, {"", http.StatusForbidden}} {
		r := start(t, func(config *server.Config) {
			config.Graph = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !judge(r.Context(), "") {
					w.WriteHeader(http.StatusForbidden)
				}
			})
		})
		header := []string{"Upgrade", "websocket", "Connection", "Upgrade"}
		if c.token != "" {
			header = append(header, "Authorization", c.token)
		}
		status, _, _ := r.ask(t, "GET", "/graphql", header...)
		require.Equal(t, c.want, status, c.token)
		if c.want == http.StatusForbidden {
			status, _, _ = r.ask(t, "POST", "/graphql", header...)
			require.Equal(t, http.StatusUnauthorized, status, "no socket is opened like that")
		}
	}
}
