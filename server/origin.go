package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// origins decides from which pages requests may come, and under which names the
// server may be called.
type origins struct {
	allowed  map[string]bool // foreign origins, lower case
	hosts    map[string]bool // names besides the loopback ones; nil: any name
	crossing *http.CrossOriginProtection
}

// newOrigins checks the origins. A server that only this machine can reach is
// called by its own names, so another name in the Host header comes from a page
// whose name was made to point here.
func newOrigins(allowed []string, loopback bool, addr string) (*origins, error) {
	o := &origins{allowed: map[string]bool{}, crossing: http.NewCrossOriginProtection()}
	if loopback {
		o.hosts = map[string]bool{hostName(addr): true}
	}
	for _, text := range allowed {
		origin := strings.ToLower(strings.TrimSuffix(text, "/"))
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			return nil, fmt.Errorf("--allowed-origins: %q is not an origin: write it like https://example.org", text)
		}
		if err := o.crossing.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("--allowed-origins: %q: %w", text, err)
		}
		o.allowed[origin] = true
		if loopback {
			o.hosts[hostName(u.Host)] = true
		}
	}
	return o, nil
}

// hostName returns the host of host:port in lower case.
func hostName(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// knows reports whether the server may be called by that Host header.
func (o *origins) knows(hostPort string) bool {
	if o.hosts == nil {
		return true
	}
	host := hostName(hostPort)
	ip, err := netip.ParseAddr(host)
	return o.hosts[host] || host == "localhost" || err == nil && ip.IsLoopback()
}

// check refuses foreign names and pages, and answers the questions that browsers
// ask before they let an allowed page in.
func (o *origins) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !o.knows(r.Host) {
			writeError(w, http.StatusMisdirectedRequest, "FORBIDDEN", "this server is not called "+r.Host+": use 127.0.0.1 or localhost, or start it with --allowed-origins")
			return
		}
		origin := strings.ToLower(r.Header.Get("Origin"))
		allowed := o.allowed[origin]
		if origin != "" && !allowed && !isOwn(origin, r.Host) {
			writeError(w, http.StatusForbidden, "FORBIDDEN", "pages of "+origin+" may not use this server: start it with --allowed-origins")
			return
		}
		w.Header().Add("Vary", "Origin")
		if allowed {
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
				w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
				w.Header().Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		if err := o.crossing.Check(r); err != nil {
			writeError(w, http.StatusForbidden, "FORBIDDEN", "the request comes from another site")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isOwn reports whether an origin is the server itself, under the name that the
// browser knows. The scheme may differ: a proxy may speak https for the server.
func isOwn(origin, host string) bool {
	_, originHost, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(originHost, host)
}

// secureHeaders sets what holds for every answer; handlers of pages put their own
// policy in place of the strict one.
func secureHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
