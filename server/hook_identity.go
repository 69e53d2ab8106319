package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
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

// identify checks that a request comes from somebody who knows the secret, and returns
// what its run is known by, so that the same request, sent again by whomever, starts
// no second one: what was signed, or the ID that who shows the secret gives it.
func identify(header http.Header, body []byte, secret string, now time.Time) (id string, err error) {
	refused := func(message string) error {
		return &hookError{status: http.StatusUnauthorized, code: "UNAUTHENTICATED", message: message}
	}
	if secret == "" {
		return "", refused("the webhook's secret is empty")
	}
	key := header.Get(keyHeader)
	if signature := header.Get(signatureHeader); signature != "" {
		timestamp := header.Get(timestampHeader)
		seconds, err := strconv.ParseInt(timestamp, 10, 64)
		if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > hookWindow {
			return "", refused("the time of the signature is missing or more than " + hookWindow.String() + " away from now: send " + timestampHeader + " in seconds since 1970")
		}
		signed := timestamp + "."
		if key != "" {
			signed += key + "."
		}
		if !isSignature(signature, append([]byte(signed), body...), secret) {
			return "", refused("the signature is wrong")
		}
		if key != "" {
			return key, nil
		}
		return strings.ToLower(signature), nil // its digits may be written either way
	}
	if signature := header.Get(githubHeader); signature != "" {
		if !isSignature(signature, body, secret) {
			return "", refused("the signature is wrong")
		}
		return strings.ToLower(signature), nil // the ID of the delivery is not signed
	}
	token := header.Get(tokenHeader)
	if scheme, value, _ := strings.Cut(header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(value)
	}
	if !hmac.Equal(miniairflow.TokenHash(token), miniairflow.TokenHash(secret)) {
		return "", refused("the secret or the signature is missing or wrong")
	}
	if key == "" {
		key = header.Get(deliveryHeader)
	}
	return key, nil
}

// isSignature reports whether a text is "sha256=" and the HMAC of a message.
func isSignature(text string, message []byte, secret string) bool {
	digits, ok := strings.CutPrefix(strings.ToLower(text), "sha256=")
	given, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(message)
	return hmac.Equal(given, mac.Sum(nil))
}
