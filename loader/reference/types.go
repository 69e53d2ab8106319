package reference

import (
	"fmt"
	"maps"

	"github.com/sauravritesh63/miniairflow"
)

// Type is the type of a value: in words for people, as JSON Schema for editors.
// The schema takes everything that the loader takes. It may take more: what it
// cannot say, such as that a name exists, the loader finds.
type Type struct {
	Name   string
	schema map[string]any
}

// The loader takes numbers and booleans for text too, as the file has them.
var scalarTypes = []string{"string", "number", "boolean"}

func text() Type { return Type{Name: "text", schema: map[string]any{"type": scalarTypes}} }

// anything is a value of any kind.
func anything(name string) Type { return Type{Name: name, schema: map[string]any{}} }

// quoted is text that no YAML reader takes for something else.
func quoted(name string) Type { return Type{Name: name, schema: map[string]any{"type": "string"}} }

// template is text that is exactly one expression.
func template(name string) Type {
	return Type{Name: name, schema: map[string]any{"type": "string", "pattern": `^$|\$\{\{`}}
}

// named is text that a pattern bounds.
func named(name, pattern string) Type {
	return Type{Name: name, schema: map[string]any{"type": scalarTypes, "pattern": pattern}}
}

// word is one of some words.
func word[T ~string](words []T) Type {
	list := make([]any, len(words))
	name := ""
	for i, w := range words {
		list[i] = string(w)
		if i > 0 {
			name += ", "
		}
		name += "`" + string(w) + "`"
	}
	return Type{Name: "one of " + name, schema: map[string]any{"enum": list}}
}

func boolean() Type { return Type{Name: "boolean", schema: map[string]any{"type": "boolean"}} }

// orEmpty is such a value, or "" for what holds without the key: a task takes back
// with it what defaults say.
func orEmpty(t Type) Type {
	return either(t.Name, t, Type{schema: map[string]any{"const": ""}})
}

// integer is a whole number; a max of 0 means that there is none.
func integer(least, most int) Type {
	schema := map[string]any{"type": "integer", "minimum": least}
	name := fmt.Sprintf("integer, at least %d", least)
	if most > 0 {
		schema["maximum"] = most
		name = fmt.Sprintf("integer, %d to %d", least, most)
	}
	return Type{Name: name, schema: schema}
}

// durationPattern is what the loader takes for a duration: a sign, days, then what
// Go takes.
const (
	durationUnits   = `(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+`
	durationPattern = `^[-+]?([0-9]{1,5}d(0|` + durationUnits + `)?|0|` + durationUnits + `)$`
)

// duration is text, or the one number that needs no unit.
func duration() Type {
	return Type{Name: "duration", schema: map[string]any{
		"type": []string{"string", "integer"}, "pattern": durationPattern, "minLength": 1, "minimum": 0, "maximum": 0,
	}}
}

// deadline is a time of day, or a time after the start, or the usual one.
func deadline() Type {
	return Type{Name: "time of day, or a duration after +, or `usual`", schema: map[string]any{
		"type":    "string",
		"pattern": `^(usual|([01][0-9]|2[0-3]):[0-5][0-9]|\+([0-9]{1,5}d(0|` + durationUnits + `)?|` + durationUnits + `))$`,
	}}
}

func listOf(item Type, least int) Type {
	schema := map[string]any{"type": "array", "items": item.schema}
	if least > 0 {
		schema["minItems"] = least
	}
	return Type{Name: "list of " + item.Name, schema: schema}
}

// nothing is a key without a value.
func nothing() Type { return Type{schema: map[string]any{"type": "null"}} }

// oneOrList is a value, or a list of such.
func oneOrList(name string, item Type) Type {
	return either(name, item, listOf(item, 0))
}

// either is a value of one of some types.
func either(name string, types ...Type) Type {
	schemas := make([]any, len(types))
	for i, t := range types {
		schemas[i] = t.schema
	}
	return Type{Name: name, schema: map[string]any{"anyOf": schemas}}
}

// mapOf is a map from names that a pattern bounds to values.
func mapOf(name, pattern string, item Type) Type {
	return Type{Name: name, schema: map[string]any{
		"type": "object", "propertyNames": map[string]any{"pattern": pattern}, "additionalProperties": item.schema,
	}}
}

// textMap is a map of any names to text.
func textMap(name string) Type {
	return Type{Name: name, schema: map[string]any{"type": "object", "additionalProperties": text().schema}}
}

// notEmpty is a map type with at least one entry.
func notEmpty(t Type) Type {
	t.schema = maps.Clone(t.schema)
	t.schema["minProperties"] = 1
	return t
}

// block is a map of this description.
func block(m string) Type {
	return Type{Name: fmt.Sprintf("[map](#%s)", m), schema: map[string]any{"$ref": "#/$defs/" + m}}
}

// environment is a map of variables, but for those that every task receives.
func environment() Type {
	t := mapOf("map of variables to text", miniairflow.IdentifierPattern(), text())
	t.schema["propertyNames"] = map[string]any{
		"pattern": miniairflow.IdentifierPattern(), "not": map[string]any{"enum": miniairflow.TaskEnv},
	}
	return t
}
