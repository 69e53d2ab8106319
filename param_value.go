package miniairflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of the value of one param.
const (
	paramBytesMax = 1 << 20
	paramDepthMax = 64 // lists and objects inside each other
)

// parse returns value in the one form that the type of p has for it.
func (p *Param) parse(value any) (any, error) {
	text, isText := value.(string)
	if isText {
		if err := checkParamText(text); err != nil {
			return nil, err
		}
	}
	if n, ok := value.(json.Number); ok && p.Type != ParamList && p.Type != ParamObject {
		value = n.String()
	}
	switch p.Type {
	case ParamInteger:
		return parseInteger(value)
	case ParamNumber:
		return parseNumber(value)
	case ParamBoolean:
		return parseBoolean(value)
	case ParamDate:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, fmt.Errorf("%s is not a date: write it like 2026-01-31", show(value))
		}
		return text, nil
	case ParamDatetime:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, fmt.Errorf("%s is not a datetime: write it like 2026-01-31T06:00:00Z", show(value))
		}
		return t.Format(time.RFC3339Nano), nil
	case ParamDuration:
		if !isText {
			return nil, fmt.Errorf("%s is not a duration: write one with units such as 90s, 10m, 1h30m or 2d", show(value))
		}
		d, err := ParseDuration(text)
		if err != nil {
			return nil, err
		}
		return d.shortest(), nil
	case ParamList:
		return parseList(value)
	case ParamObject:
		return parseObject(value)
	default:
		if !isText {
			return nil, fmt.Errorf("%s is not a string: put it in quotes", show(value))
		}
		return text, nil
	}
}

// checkParamText refuses what a process or a database cannot hold as it is.
func checkParamText(text string) error {
	switch {
	case len(text) > paramBytesMax:
		return fmt.Errorf("the value has %d bytes, and may have %d: hand it over in a file", len(text), paramBytesMax)
	case strings.ContainsRune(text, 0):
		return errors.New("the value has a NUL byte, which no process can receive")
	case !utf8.ValidString(text):
		return errors.New("the value is not valid UTF-8: hand other bytes over in a file, or encoded")
	}
	return nil
}

func parseInteger(value any) (any, error) {
	switch v := value.(type) {
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s is not an integer", show(value))
}

func parseNumber(value any) (any, error) {
	switch v := value.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case string:
		if n, ok := parseDecimal(v); ok {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s is not a number", show(value))
}

func parseBoolean(value any) (any, error) {
	switch value {
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return nil, fmt.Errorf("%s is not a boolean: write true or false", show(value))
}

func parseList(value any) (any, error) {
	list, ok := value.([]any)
	if text, isText := value.(string); isText {
		if err := decodeOutput(strings.TrimSpace(text), "[", &list); err != nil {
			return nil, fmt.Errorf("%s is not a list as JSON such as [\"a\", \"b\"]: %w", show(value), err)
		}
	} else if !ok {
		return nil, fmt.Errorf("%s is not a list such as [\"a\", \"b\"]", show(value))
	}
	return plainValue(list)
}

func parseObject(value any) (any, error) {
	object, ok := value.(map[string]any)
	if text, isText := value.(string); isText {
		if err := decodeOutput(strings.TrimSpace(text), "{", &object); err != nil {
			return nil, fmt.Errorf("%s is not an object as JSON such as {\"a\": 1}: %w", show(value), err)
		}
	} else if !ok {
		return nil, fmt.Errorf("%s is not an object such as {\"a\": 1}", show(value))
	}
	return plainValue(object)
}

// plainValue returns a copy of a list or object whose numbers are int64 where
// they are whole, else float64, or says what of it cannot be kept.
func plainValue(value any) (any, error) {
	c := plainCopy{left: paramBytesMax}
	return c.of(value, 1)
}

// plainCopy copies a value within a budget of bytes.
type plainCopy struct{ left int }

func (c *plainCopy) of(value any, depth int) (any, error) {
	const scalar = 8 // what a value without length counts for, about
	if c.left -= scalar; c.left < 0 {
		return nil, fmt.Errorf("the value has more than %d bytes: hand it over in a file", paramBytesMax)
	}
	if depth > paramDepthMax {
		return nil, fmt.Errorf("lists and objects are more than %d levels inside each other", paramDepthMax)
	}
	switch v := value.(type) {
	case nil, bool, int64:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		return plainFloat(v)
	case json.Number:
		return plainNumber(v.String())
	case string:
		c.left -= len(v)
		return v, checkParamText(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			item, err := c.of(v[i], depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case map[string]any:
		return c.object(v, depth)
	}
	return nil, fmt.Errorf("%s is nothing that JSON has", show(value))
}

func (c *plainCopy) object(fields map[string]any, depth int) (any, error) {
	object := make(map[string]any, len(fields))
	for key, field := range fields {
		c.left -= len(key)
		if err := checkParamText(key); err != nil {
			return nil, err
		}
		value, err := c.of(field, depth+1)
		if err != nil {
			return nil, err
		}
		object[key] = value
	}
	return object, nil
}

func plainFloat(f float64) (any, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return nil, fmt.Errorf("%v is no number that JSON has", f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return int64(f), nil
	}
	return f, nil
}

// plainNumber reads a number of JSON. One whose digits would be lost is refused.
func plainNumber(text string) (any, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !strings.ContainsAny(text, ".eE") && strconv.FormatFloat(f, 'f', -1, 64) != text {
		return nil, fmt.Errorf("the number %s is too large: put it in quotes", show(json.Number(text)))
	}
	return plainFloat(f)
}

// shownMax is how many bytes of a value a message repeats.
const shownMax = 80

// show returns value as people would write it, shortened.
func show(value any) string {
	text := fmt.Sprintf("%v", value)
	switch v := value.(type) {
	case nil:
		text = "null"
	case string:
		text = strconv.Quote(v)
	case []any, map[string]any:
		if encoded, err := json.Marshal(v); err == nil {
			text = string(encoded)
		}
	}
	return shorten(text)
}

func shorten(text string) string {
	if len(text) > shownMax {
		text = strings.ToValidUTF8(text[:shownMax], "") + "…"
	}
	return text
}
