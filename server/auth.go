package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// CookieName is the cookie that carries a browser's token.
const CookieName = "miniairflow_token"

const (
	tokenParam     = "token"
	cookieLifetime = 30 * 24 * time.Hour
)

// login is the page that those see who come without a token, or with a wrong
// one, which it is told.
var login = template.Must(template.New("login").Parse(loginText))

//go:embed login.html
var loginText string

// loginPolicy allows the page its one style, which is named by its hash.
var loginPolicy = func() string {
	_, rest, _ := strings.Cut(loginText, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// auth lets in who has the token.
type auth struct {
	digest [sha256.Size]byte
	off    bool
}

func newAuth(token string, off bool) *auth {
	return &auth{digest: sha256.Sum256([]byte(token)), off: off}
}

// verdict is what a request's credentials are worth. The zero value is none.
type verdict int

const (
	anonymous verdict = iota // no credentials
	refused                  // wrong ones
	admitted
)

type verdictKey struct{}

// Authenticate returns what decides about a WebSocket connection: whether its
// request was let in, or the token that it sent later is right. Only requests
// that came through a Server are ever let in. An empty token matches nothing.
func Authenticate(token string) func(ctx context.Context, candidate string) bool {
	a := newAuth(token, false)
	return func(ctx context.Context, candidate string) bool {
		v, _ := ctx.Value(verdictKey{}).(verdict)
		return v == admitted || token != "" && a.judge(candidate) == admitted
	}
}

// judge compares in constant time: the digests have one length and say nothing
// about the token.
func (a *auth) judge(candidate string) verdict {
	if candidate == "" {
		return anonymous
	}
	digest := sha256.Sum256([]byte(candidate))
	if subtle.ConstantTimeCompare(digest[:], a.digest[:]) == 1 {
		return admitted
	}
	return refused
}

// credentials judges the Authorization header, else the cookie.
func (a *auth) credentials(r *http.Request) verdict {
	if a.off {
		return admitted
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return max(a.judge(strings.TrimSpace(token)), refused)
	}
	best := anonymous
	for _, cookie := range r.CookiesNamed(CookieName) {
		best = max(best, a.judge(cookie.Value))
	}
	return best
}

// isPublic reports whether anyone may ask. Paths count as they are: no suffix,
// no cleaning.
func isPublic(path string) bool {
	return path == healthPath || path == readyPath || path == schemaPath
}

// isPage reports whether a browser shows the answer, so that a token in the
// address makes sense.
func isPage(path string) bool {
	return path == "/" || path == "/playground" || strings.HasPrefix(path, "/ui/") && !strings.HasPrefix(path, "/ui/assets/")
}

// check lets a request through that is public or has the token. A socket without
// any credentials goes through too: it shows its token in connection_init, and
// the context says that nobody has let it in.
func (a *auth) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		get := r.Method == http.MethodGet || r.Method == http.MethodHead
		v := a.credentials(r)
		switch {
		case get && isPage(r.URL.Path) && r.URL.Query().Has(tokenParam):
			a.logIn(w, r)
		case v == admitted, isPublic(r.URL.Path), v == anonymous && r.URL.Path == "/graphql" && isSocket(r):
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), verdictKey{}, v)))
		case get && isPage(r.URL.Path):
			serveLogin(w, v)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="Mini Airflow"`)
			writeError(w, http.StatusUnauthorized, "UNAUTHENTICATED", "the token is missing or wrong: send it as Authorization: Bearer TOKEN")
		}
	})
}

// logIn turns the token of an address into a cookie and leads to the address
// without it, so that it stays in no history and no copied link.
func (a *auth) logIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	token := query.Get(tokenParam)
	if !a.off {
		if a.judge(token) != admitted {
			serveLogin(w, refused)
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: CookieName, Value: token, Path: "/", MaxAge: int(cookieLifetime.Seconds()),
			HttpOnly: true, Secure: r.TLS != nil,
			SameSite: http.SameSiteLaxMode, // strict would lose it on the redirect when the link stands on another page
		})
	}
	query.Del(tokenParam)
	clean := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: query.Encode()}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, clean.String(), http.StatusSeeOther)
}

func serveLogin(w http.ResponseWriter, v verdict) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", loginPolicy)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusUnauthorized)
	_ = login.Execute(w, v == refused) // a client that went away needs no page
}
