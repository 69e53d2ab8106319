package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// JSONSchema returns the schema of workflow files, in draft 2020-12, for editors
// that complete and check YAML. A file that the loader takes is valid under it.
func JSONSchema() ([]byte, error) {
	var root map[string]any
	definitions := map[string]any{}
	for _, m := range Maps() {
		if m.IsFile {
			continue
		}
		schema, err := m.schema()
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", m.Name, err)
		}
		if root == nil {
			root = schema
			continue
		}
		definitions[m.Name] = schema
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Mini Airflow workflow"
	root["$defs"] = definitions
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return text.Bytes(), nil
}

// schema returns the schema of the map, which has no key that is not described.
func (m Map) schema() (map[string]any, error) {
	properties := map[string]any{}
	for _, key := range m.Keys {
		schema, err := key.schema()
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", key.Name, err)
		}
		properties[key.Name] = schema
	}
	schema := map[string]any{
		"type": "object", "description": plain(m.Intro), "properties": properties, "additionalProperties": false,
	}
	if len(m.Needs) > 0 {
		schema["required"] = m.Needs
	}
	if len(m.NeedsA) > 0 {
		var choices []any
		for _, name := range m.NeedsA {
			choices = append(choices, map[string]any{"required": []string{name}})
		}
		schema["anyOf"] = choices
	}
	return schema, nil
}

// schema returns the schema of the key's value, with all that an editor shows of it.
func (k Key) schema() (map[string]any, error) {
	schema := maps.Clone(k.Type.schema)
	schema["description"] = plain(k.describe())
	sample, err := decode(k.Sample)
	if err != nil {
		return nil, fmt.Errorf("sample: %w", err)
	}
	schema["examples"] = []any{sample}
	if k.Default == "" {
		return schema, nil
	}
	if schema["default"], err = decode(k.Default); err != nil {
		return nil, fmt.Errorf("default: %w", err)
	}
	return schema, nil
}

// describe returns what the key does, what holds without it, and what its
// templates read.
func (k Key) describe() string {
	text := k.Text
	if without := k.without(); without != "" {
		text += " Default: " + without + "."
	}
	if k.Reads != "" {
		text += " ${{ }} may read " + k.Reads + "."
	}
	return text
}

// without says what holds without the key; nothing if it is needed.
func (k Key) without() string {
	if k.Default != "" {
		return "`" + k.Default + "`"
	}
	return k.Absent
}

func decode(text string) (any, error) {
	var value any
	err := yaml.Unmarshal([]byte(text), &value)
	return value, err
}

var link = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// plain returns Markdown as editors show it where they take it for text.
func plain(markdown string) string {
	return strings.NewReplacer("`", "", "**", "").Replace(link.ReplaceAllString(markdown, "$1"))
}
