package loader

import (
	"strconv"

	"gopkg.in/yaml.v3"
)

// json returns the value as JSON has it.
func (v value) json() any {
	switch v.node.Kind {
	case yaml.MappingNode:
		entries, _ := v.entries("")
		object := make(map[string]any, len(entries))
		for _, e := range entries {
			object[e.name] = e.json()
		}
		return object
	case yaml.SequenceNode:
		list := make([]any, len(v.node.Content))
		for i, content := range v.node.Content {
			// Problems are placed at the whole value, so items need no places.
			list[i] = value{doc: v.doc, node: resolve(content), path: v.path, at: at(content)}.json()
		}
		return list
	}
	if v.isNull() {
		return nil
	}
	text, _ := v.text()
	if !v.isPlain() {
		return text
	}
	return PlainScalar(text)
}

// PlainScalar returns what an unquoted text of YAML is without doubt: a boolean, an
// int64, a float64, or else the text. Numbers that would not keep their look, such
// as 3.10 and 007, are text.
func PlainScalar(text string) any {
	switch {
	case text == "true" || text == "false":
		return text == "true"
	case decimal.MatchString(text):
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		return text
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && f-f == 0 && strconv.FormatFloat(f, 'f', -1, 64) == text {
		return f
	}
	return text
}
