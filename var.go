package miniairflow

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of variables and secrets. A value fits into one environment variable of
// a process, with room for its name.
const (
	NamedValueMax = 64 << 10
	VarsMax       = 10_000
	SecretsMax    = 1_000
	// SecretMin is what a secret has at least, in characters: a shorter one would
	// be found, and masked, in the middle of every other word of a log.
	SecretMin = 4
)

// Var is a value with a name that the expressions of all workflows may read, as
// vars.NAME. It is no secret: everybody who may read runs may read it.
type Var struct {
	Name        string
	Value       any // as JSON has it: text, bool, int64, float64, []any, map[string]any
	Description string
	UpdatedAt   time.Time
	UpdatedBy   string // the name of an Actor
}

// CheckVar reports what is wrong with the name or the value of a variable, as
// CodeInvalid with Field "name" or "value".
func CheckVar(name string, value any) error {
	if !identifier.MatchString(name) {
		return fieldError("name", "variable name %s is not valid: up to 128 letters, digits and _, not starting with a digit", show(name))
	}
	data, err := json.Marshal(value)
	switch {
	case err != nil:
		return fieldError("value", "the value of variable %s cannot be written as JSON", name)
	case value == nil:
		return fieldError("value", "variable %s has no value: delete it if there is none", name)
	case len(data) > NamedValueMax:
		return fieldError("value", "the value of variable %s has %d bytes, but may have at most %d: put it into a file", name, len(data), NamedValueMax)
	case hasNUL(value):
		return fieldError("value", "the value of variable %s has a NUL character, which no process can receive", name)
	}
	return nil
}

// hasNUL reports whether there is a NUL in a text of a value, at any depth.
func hasNUL(value any) bool {
	switch v := value.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		for _, item := range v {
			if hasNUL(item) {
				return true
			}
		}
	case map[string]any:
		for key, item := range v {
			if hasNUL(key) || hasNUL(item) {
				return true
			}
		}
	}
	return false
}

// CheckSecret reports what is wrong with the name or the value of a secret, as
// CodeInvalid with Field "name" or "value". It never repeats the value.
func CheckSecret(name, value string) error {
	switch {
	case !identifier.MatchString(name):
		return fieldError("name", "secret name %s is not valid: up to 128 letters, digits and _, not starting with a digit", show(name))
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return fieldError("value", "the value of secret %s is no text: give it as UTF-8 without NUL, such as base64 of it", name)
	case utf8.RuneCountInString(strings.TrimSpace(value)) < SecretMin:
		return fieldError("value", "the value of secret %s has fewer than %d characters beside white space: it could not be masked in logs without hiding other words", name, SecretMin)
	case len(value) > NamedValueMax:
		return fieldError("value", "the value of secret %s has %d bytes, but may have at most %d", name, len(value), NamedValueMax)
	}
	return nil
}

func fieldError(field, format string, args ...any) error {
	e := Errorf(CodeInvalid, format, args...)
	e.Field = field
	return e
}
