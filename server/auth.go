package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// CookieName is the cookie that carries a browser's token.
const CookieName = "miniairflow_token"

const (
	tokenParam     = "token"
	cookieLifetime = 30 * 24 * time.Hour
	cookiesMax     = 3 // of which the tokens are looked up: a browser sends one, or another of a parent domain
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

// TokenFinder finds the tokens that have a name; miniairflow.TokenStore is one.
type TokenFinder interface {
	TokenByHash(ctx context.Context, hash []byte) (*miniairflow.APIToken, error)
}

// auth lets in who has a token.
type auth struct {
	digest []byte // of the server's own
	tokens TokenFinder
	off    bool
	every  time.Duration // how often the tokens of streams are looked for again
}

func newAuth(token string, tokens TokenFinder, off bool) *auth {
	return &auth{digest: miniairflow.TokenHash(token), tokens: tokens, off: off, every: watchEvery}
}

// worth is what credentials are worth; who shows several has the best of them.
type worth int

const (
	anonymous worth = iota // no credentials
	refused                // wrong ones
	untold                 // nobody could be asked
	admitted
)

// verdict is what is known of a request's credentials. The zero value is that of
// one without any.
type verdict struct {
	worth worth
	name  string // of whom it is
	hash  []byte // of a token with a name
}

type verdictKey struct{}

var (
	errRefused = errors.New(`the token is missing or wrong: send it in connection_init as {"token": "…"}`)
	errUntold  = miniairflow.Errorf(miniairflow.CodeUnavailable, "the database, which knows the tokens, cannot be reached now: try again")
)

// Authenticate returns what decides about a WebSocket connection: whether its
// request was let in, or the token that it sent later is right. The context that it
// returns tells who it is. The error is for who is not let in; where nobody could be
// asked, it is CodeUnavailable. Only requests that came through a Server are ever let
// in. An empty token matches nothing; without tokens only the server's own counts.
func Authenticate(token string, tokens TokenFinder) func(ctx context.Context, candidate string) (context.Context, error) {
	a := newAuth(token, tokens, false)
	return func(ctx context.Context, candidate string) (context.Context, error) {
		if v, _ := ctx.Value(verdictKey{}).(verdict); v.worth == admitted {
			return ctx, nil
		}
		if token == "" {
			return ctx, errRefused
		}
		v := a.judge(ctx, candidate)
		switch v.worth {
		case admitted:
		case untold:
			return ctx, errUntold
		default:
			return ctx, errRefused
		}
		if w, ok := ctx.Value(watchKey{}).(*watch); ok {
			w.begin(v.hash)
		}
		return miniairflow.WithCaller(ctx, v.name), nil
	}
}

// judge compares with the server's own token in constant time: the hashes have one
// length and say nothing about it. Other tokens are found by their hashes.
func (a *auth) judge(ctx context.Context, candidate string) verdict {
	if candidate == "" {
		return verdict{}
	}
	hash := miniairflow.TokenHash(candidate)
	if subtle.ConstantTimeCompare(hash, a.digest) == 1 {
		return verdict{worth: admitted, name: miniairflow.ServerActor}
	}
	if a.tokens == nil || !miniairflow.IsTokenText(candidate) {
		return verdict{worth: refused}
	}
	token, err := a.tokens.TokenByHash(ctx, hash)
	switch {
	case errors.Is(err, miniairflow.ErrNotFound):
		return verdict{worth: refused}
	case err != nil:
		return verdict{worth: untold}
	}
	return verdict{worth: admitted, name: token.Name, hash: hash}
}

// credentials judges the Authorization header, else the cookie.
func (a *auth) credentials(r *http.Request) verdict {
	if a.off {
		return verdict{worth: admitted, name: miniairflow.ServerActor}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		v := a.judge(r.Context(), strings.TrimSpace(token))
		v.worth = max(v.worth, refused)
		return v
	}
	best, cookies := verdict{}, r.CookiesNamed(CookieName)
	for _, cookie := range cookies[:min(len(cookies), cookiesMax)] {
		if v := a.judge(r.Context(), cookie.Value); v.worth > best.worth {
			best = v
		}
	}
	return best
}

// isPublic reports whether anyone may ask without a token. Paths count as they are: no suffix,
// no cleaning.
func isPublic(path string) bool {
	return path == healthPath || path == readyPath || path == schemaPath || strings.HasPrefix(path, hooksPath)
}

// isPage reports whether a browser shows the answer, so that a token in the
// address makes sense.
func isPage(path string) bool {
	return path == "/" || path == "/playground" || strings.HasPrefix(path, "/ui/") && !strings.HasPrefix(path, "/ui/assets/")
}

// check lets a request through that is public or has a token, and tells who it is. A
// socket without any credentials goes through too: it shows its token in
// connection_init, and the context says that nobody has let it in.
func (a *auth) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		get := r.Method == http.MethodGet || r.Method == http.MethodHead
		if get && isPage(r.URL.Path) && r.URL.Query().Has(tokenParam) {
			a.logIn(w, r)
			return
		}
		if isPublic(r.URL.Path) { // nobody is asked who comes, so that the database is not either
			next.ServeHTTP(w, r)
			return
		}
		v := a.credentials(r)
		switch {
		case v.worth == admitted, v.worth == anonymous && r.URL.Path == "/graphql" && isSocket(r):
			a.admit(w, r, v, next)
		case v.worth == untold:
			writeError(w, http.StatusServiceUnavailable, miniairflow.CodeUnavailable, errUntold.Error())
		case get && isPage(r.URL.Path):
			serveLogin(w, v.worth)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="Mini Airflow"`)
			writeError(w, http.StatusUnauthorized, "UNAUTHENTICATED", "the token is missing or wrong: send it as Authorization: Bearer TOKEN")
		}
	})
}

// admit answers a request. What lasts ends when its token is revoked.
func (a *auth) admit(w http.ResponseWriter, r *http.Request, v verdict, next http.Handler) {
	ctx := context.WithValue(r.Context(), verdictKey{}, v)
	if v.worth == admitted {
		ctx = miniairflow.WithCaller(ctx, v.name)
	}
	if a.tokens != nil && isStream(r) {
		watch := newWatch(ctx, a.tokens, a.every)
		defer watch.end()
		watch.begin(v.hash)
		ctx = watch.ctx
	}
	next.ServeHTTP(w, r.WithContext(ctx))
}

// logIn turns the token of an address into a cookie and leads to the address
// without it, so that it stays in no history and no copied link.
func (a *auth) logIn(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	token := query.Get(tokenParam)
	if !a.off {
		if v := a.judge(r.Context(), token); v.worth != admitted {
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

func serveLogin(w http.ResponseWriter, v worth) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", loginPolicy)
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusUnauthorized)
	_ = login.Execute(w, v == refused) // a client that went away needs no page
}
