package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// The headers by which a webhook knows who calls, and what for; names are canonical.
const (
	tokenHeader     = "X-Miniairflow-Token"
	signatureHeader = "X-Miniairflow-Signature"
	timestampHeader = "X-Miniairflow-Timestamp"
	githubHeader    = "X-Hub-Signature-256"
	keyHeader       = "Idempotency-Key"
	deliveryHeader  = "X-Github-Delivery"
)

// hookWindow is how old, or how far ahead, a signed request may be.
const hookWindow = 5 * time.Minute

// checkForm checks what a request shows before its body is read: of a signed one all but
// whether the signature is right, for which the body is needed.
func checkForm(header http.Header, secret string, now time.Time) error {
	if secret == "" {
		return unauthenticated("the webhook's secret is empty")
	}
	if !isSigned(header) {
		return nil
	}
	signature := header.Get(githubHeader)
	if own := header.Get(signatureHeader); own != "" {
		seconds, err := strconv.ParseInt(header.Get(timestampHeader), 10, 64)
		if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > hookWindow {
			return unauthenticated("the time of the signature is missing or more than " + hookWindow.String() + " away from now: send " + timestampHeader + " in seconds since 1970")
		}
		signature = own
	}
	if _, ok := parseSignature(signature); !ok {
		return unauthenticated("the signature is not sha256= and 64 hexadecimal digits")
	}
	return nil
}

func unauthenticated(message string) error {
	return &hookError{status: http.StatusUnauthorized, code: "UNAUTHENTICATED", message: message}
}

// isSigned reports whether a request shows a signature, and not the secret itself.
func isSigned(header http.Header) bool {
	return header.Get(signatureHeader) != "" || header.Get(githubHeader) != ""
}

// identify checks that a request, whose form is checked, comes from somebody who knows
// the secret, and returns what its run is known by, so that the same request, sent again
// by whomever, starts no second one: what was signed, or the ID that who shows the secret
// gives it. GitHub signs no ID, and sends the same body for different events: there it
// counts with the signature.
func identify(address *url.URL, header http.Header, body []byte, secret string) (id string, err error) {
	key := header.Get(keyHeader)
	if signature := header.Get(signatureHeader); signature != "" {
		signed := header.Get(timestampHeader) + "."
		if key != "" {
			signed += key + "."
		}
		signed += address.RequestURI() + "."
		if !isSignature(signature, append([]byte(signed), body...), secret) {
			return "", unauthenticated("the signature is wrong")
		}
		if key != "" {
			return key, nil
		}
		return strings.ToLower(signature), nil // its digits may be written either way
	}
	if signature := header.Get(githubHeader); signature != "" {
		if !isSignature(signature, body, secret) {
			return "", unauthenticated("the signature is wrong")
		}
		if address.RawQuery != "" {
			return "", miniairflow.Errorf(miniairflow.CodeInvalid, "GitHub's signature does not hold for the query of the address: leave the query out")
		}
		return strings.ToLower(signature) + header.Get(deliveryHeader), nil
	}
	token := header.Get(tokenHeader)
	if scheme, value, _ := strings.Cut(header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(value)
	}
	if !hmac.Equal(miniairflow.TokenHash(token), miniairflow.TokenHash(secret)) {
		return "", unauthenticated("the secret or the signature is missing or wrong")
	}
	if key == "" {
		key = header.Get(deliveryHeader)
	}
	return key, nil
}

// parseSignature returns the HMAC of a text that is "sha256=" and its digits.
func parseSignature(text string) (sum []byte, ok bool) {
	digits, ok := strings.CutPrefix(strings.ToLower(text), "sha256=")
	sum, err := hex.DecodeString(digits)
	return sum, ok && err == nil && len(sum) == sha256.Size
}

// isSignature reports whether a text is "sha256=" and the HMAC of a message.
func isSignature(text string, message []byte, secret string) bool {
	given, ok := parseSignature(text)
	if !ok {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(message)
	return hmac.Equal(given, mac.Sum(nil))
}

// shownHeaders returns the headers that params may read: those that say what was sent,
// and not who may send it. Anybody could change them in a request that is signed: of one
// that GitHub signs only its own are read, which say what the body is.
func shownHeaders(header http.Header) map[string]any {
	isOwn, isGitHub := header.Get(signatureHeader) != "", header.Get(githubHeader) != ""
	shown := map[string]any{}
	for name, list := range header {
		switch {
		case isOwn, name == tokenHeader, name == githubHeader:
		case strings.HasPrefix(name, "X-Github-"), !isGitHub && (name == "Content-Type" || name == "User-Agent" || strings.HasPrefix(name, "X-")):
			shown[strings.ToLower(name)] = list[0]
		}
	}
	return shown
}
