package miniairflow

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// APIToken lets its holder use the API under a name: the Actor of what it changes.
// The text of a token is shown once, when it is made; the store has its hash.
type APIToken struct {
	Name      string
	CreatedAt time.Time
	CreatedBy string // the name of an Actor
}

// TokensMax bounds how many tokens there are.
const TokensMax = 1_000

// tokenPrefix lets people and secret scanners see what a token is for.
const (
	tokenPrefix = "ma_"
	tokenBytes  = 32
)

// tokenName allows the addresses of people, too.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$`)

// ServerActor is the name of who comes with the server's own token, without any
// where none is asked for, or past the server to the database itself.
const ServerActor = "api"

// programActors are the names under which the program itself acts.
var programActors = []string{ServerActor, "cli", "run", "test", SchedulerName, "loader", "worker", webhookActor}

// CheckTokenName reports what is wrong with the name of a token, as CodeInvalid
// with Field "name".
func CheckTokenName(name string) error {
	switch {
	case !tokenName.MatchString(name):
		return fieldError("name", "token name %s is not valid: up to 128 letters, digits, _, -, ., + and @, starting with a letter, a digit or _", show(name))
	case slices.Contains(programActors, name):
		return fieldError("name", "token name %s is one under which the program itself acts: choose another one", show(name))
	}
	return nil
}

// NewTokenText returns a new token: 32 random bytes, written as URL-safe base64.
func NewTokenText() (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(secret), nil
}

// IsTokenText reports whether a text has the form of a token.
func IsTokenText(text string) bool {
	return len(text) >= len(tokenPrefix)+base64.RawURLEncoding.EncodedLen(tokenBytes) && text[:len(tokenPrefix)] == tokenPrefix
}

// TokenHash returns what the store has of a token. A token is random and long, so
// nobody finds it by trying, and a fast hash does.
func TokenHash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

type callerKey struct{}

// WithCaller returns the context of a request that somebody with a token of this
// name has made.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, callerKey{}, name)
}

// Caller returns the name of who makes a request; without one that is ServerActor.
func Caller(ctx context.Context) string {
	if name, ok := ctx.Value(callerKey{}).(string); ok {
		return name
	}
	return ServerActor
}
