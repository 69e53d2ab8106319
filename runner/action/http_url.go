package action

import (
	"crypto/x509"
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// shownMax bounds a URL in a log or a reason.
const shownMax = 500

// secretName finds the query parameters whose values are nobody's business.
var secretName = regexp.MustCompile(`(?i)auth|token|secret|passw|pwd|passphrase|credential|session|signature|api[-_]?key|access[-_]?key|^(key|sig|code)$`)

// addQuery adds parameters to the query of a URL, which otherwise stays as it is.
func addQuery(where *url.URL, parameters map[string]string) {
	if len(parameters) == 0 {
		return
	}
	values := make(url.Values, len(parameters))
	for name, value := range parameters {
		values.Set(name, value)
	}
	if where.RawQuery != "" {
		where.RawQuery += "&"
	}
	where.RawQuery += values.Encode()
}

// shownURL returns a URL for a log or a reason: without user and password, with
// *** for the values of query parameters that look like secrets.
func shownURL(where *url.URL) string {
	shown := url.URL{Scheme: where.Scheme, Host: where.Host, Path: where.Path, RawPath: where.RawPath, Opaque: where.Opaque}
	parameters := strings.Split(where.RawQuery, "&")
	for i, parameter := range parameters {
		name, _, hasValue := strings.Cut(parameter, "=")
		if plain, err := url.QueryUnescape(name); hasValue && (err != nil || secretName.MatchString(plain)) {
			parameters[i] = name + "=***"
		}
	}
	shown.RawQuery = strings.Join(parameters, "&")
	text := shown.String()
	if len(text) > shownMax {
		text = strings.ToValidUTF8(text[:shownMax], "") + "…"
	}
	return text
}

// explainRequest says why a request got no answer, without its URL, which the
// library's errors repeat as it is.
func explainRequest(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return err.Error() + "; make its certificate authority known to this worker's system, or name its file in SSL_CERT_FILE of the worker"
	}
	return err.Error()
}
