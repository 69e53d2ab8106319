package miniairflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// ParseOutput reads the text of an output as its declared type, after trimming
// white space: a string, an int64, a float64, a bool, or what a JSON array or
// object holds, with numbers as json.Number so that no digit is lost. The error
// says what was found and what the type wants. An unknown type is taken for a
// string.
func ParseOutput(t OutputType, text string) (any, error) {
	text = strings.TrimSpace(text)
	switch t {
	case OutputInteger:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, outputError(text, "an integer such as 42")
		}
		return n, nil
	case OutputNumber:
		n, ok := parseDecimal(text)
		if !ok {
			return nil, outputError(text, "a number such as 4.2")
		}
		return n, nil
	case OutputBoolean:
		switch text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, outputError(text, "a boolean: true or false")
	case OutputList:
		var list []any
		if err := decodeOutput(text, "[", &list); err != nil {
			return nil, outputError(text, fmt.Sprintf("a list as JSON such as [\"a\", \"b\"]: %v", err))
		}
		return list, nil
	case OutputObject:
		var object map[string]any
		if err := decodeOutput(text, "{", &object); err != nil {
			return nil, outputError(text, fmt.Sprintf("an object as JSON such as {\"a\": 1}: %v", err))
		}
		return object, nil
	default:
		return text, nil
	}
}

func outputError(found, want string) error {
	if found == "" {
		return fmt.Errorf("the value is empty, but it must be %s", want)
	}
	return fmt.Errorf("%s is not %s", show(found), want)
}

// decodeOutput decodes text, which must start with open, and be nothing but one JSON value.
func decodeOutput(text, open string, into any) error {
	if !strings.HasPrefix(text, open) {
		return fmt.Errorf("it must start with %s", open)
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more text follows after byte %d", decoder.InputOffset())
	}
	return nil
}

// decimal is what counts as a number: no hexadecimal, no inf, no underscores.
var decimal = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// parseDecimal parses a finite decimal number.
func parseDecimal(text string) (float64, bool) {
	if !decimal.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil // out of range is an error
}
