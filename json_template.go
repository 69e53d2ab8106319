package miniairflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// eachTextOfJSON visits the texts with ${{ }} in a JSON document. What visit
// makes of one is JSON itself, see Template.JSON.
func eachTextOfJSON(document *json.RawMessage, visit visitTemplate, path ...string) error {
	if !bytes.Contains(*document, []byte("${{")) {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(*document))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return fmt.Errorf("read JSON of a task: %w", err)
	}
	w := jsonWalk{visit: visit}
	tree, err := w.value(tree, path)
	if err != nil || !w.changed {
		return err
	}
	text, err := encodeJSON(tree)
	*document = text
	return err
}

// jsonWalk replaces the templates of a JSON document.
type jsonWalk struct {
	visit   visitTemplate
	changed bool
}

func (w *jsonWalk) value(value any, path []string) (_ any, err error) {
	switch v := value.(type) {
	case string:
		if !strings.Contains(v, "${{") {
			return v, nil
		}
		text, err := w.visit(Template{Path: slices.Clone(path), Text: v, JSON: true})
		if err != nil || text == v {
			return v, err
		}
		w.changed = true
		return json.RawMessage(text), nil
	case []any:
		for i := range v {
			if v[i], err = w.value(v[i], sub(path, strconv.Itoa(i))); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if v[key], err = w.value(v[key], sub(path, key)); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// encodeJSON returns a value as compact JSON, with < and > as they are.
func encodeJSON(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
