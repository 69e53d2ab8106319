package model

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// MarshalUUID writes an id.
func MarshalUUID(id uuid.UUID) graphql.Marshaler { return graphql.MarshalString(id.String()) }

// UnmarshalUUID reads an id.
func UnmarshalUUID(v any) (uuid.UUID, error) {
	text, _ := v.(string)
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, invalid("%q is not an id: ids are UUIDs%s", v, runHint(text))
	}
	return id, nil
}

// runHint says how a run is found that the commands name by its workflow.
func runHint(text string) string {
	name, number, isNumbered := strings.Cut(text, "#")
	if _, err := strconv.ParseUint(number, 10, 63); isNumbered && err == nil {
		return fmt.Sprintf("; a run by its number is workflow(name: %q) { run(number: %s) { id } }", name, number)
	}
	if name, isLatest := strings.CutSuffix(text, "@latest"); isLatest {
		return fmt.Sprintf("; the newest run is workflow(name: %q) { latestRun { id } }", name)
	}
	return ""
}

// MarshalDateTime writes a time in UTC, with as many digits as it needs.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads a time.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, _ := v.(string)
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, invalid("%q is not a time: write it like 2026-11-22T06:00:00Z", v)
	}
	return t.UTC(), nil
}

// MarshalInt64 writes a whole number.
func MarshalInt64(n int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.FormatInt(n, 10)) })
}

// UnmarshalInt64 reads a whole number, or a string of its digits.
func UnmarshalInt64(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, invalid("%v is not a whole number of 64 bits", v)
}

// MarshalObject writes a JSON object; a nil one as {}.
func MarshalObject(object map[string]any) graphql.Marshaler {
	if object == nil {
		object = map[string]any{}
	}
	return graphql.MarshalAny(object)
}

// UnmarshalObject reads a JSON object.
func UnmarshalObject(v any) (map[string]any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, invalid("%v is not an object: write {\"name\": value}", v)
	}
	return object, nil
}

func invalid(format string, args ...any) error {
	return miniairflow.Errorf(miniairflow.CodeInvalid, format, args...)
}
