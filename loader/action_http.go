package loader

import (
	"encoding/json"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var httpFields = fields[miniairflow.HTTP]{
	"url":     textField(func(h *miniairflow.HTTP) *string { return &h.URL }),
	"method":  textField(func(h *miniairflow.HTTP) *string { return &h.Method }),
	"query":   func(v value, h *miniairflow.HTTP) { h.Query = v.environment(nil) },
	"headers": func(v value, h *miniairflow.HTTP) { h.Headers = v.environment(nil) },
	"body":    func(v value, h *miniairflow.HTTP) { v.httpBody(h) },
	"expected_status": func(v value, h *miniairflow.HTTP) {
		h.ExpectedStatus = v.texts("a status or a list of them: write [200, 404]")
	},
}

// http reads a request.
func (v value) http() *miniairflow.HTTP {
	h := &miniairflow.HTTP{}
	entries, ok := v.entries("the request, such as `url: https://example.org`")
	if !ok {
		return h
	}
	httpFields.read(entries, "http", h)
	return h
}

// httpBody reads a text, or a map or a list that is sent as JSON.
func (v value) httpBody(h *miniairflow.HTTP) {
	if v.node.Kind == yaml.ScalarNode {
		h.Body, _ = v.text()
		return
	}
	document, err := json.Marshal(v.sendable())
	if err != nil {
		v.fail("body has no JSON form: %v", err)
		return
	}
	h.JSON = document
}

// jsonNumber is a number as JSON writes it. Others, such as 0755, are text.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// sendable returns a value as the body of a request has it in JSON: unquoted true, false and numbers as they
// are, an empty value as null, everything else as text.
func (v value) sendable() any {
	switch v.node.Kind {
	case yaml.MappingNode:
		entries, _ := v.entries("")
		object := make(map[string]any, len(entries))
		for _, e := range entries {
			if strings.Contains(e.name, "${{") {
				e.failAt(at(e.key), "${{ }} is not allowed in a key: only in a value")
			}
			object[e.name] = e.sendable()
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range v.items("") {
			list = append(list, item.sendable())
		}
		return list
	}
	if v.isNull() {
		return nil
	}
	text, _ := v.text()
	if v.isPlain() && (text == "true" || text == "false" || jsonNumber.MatchString(text)) {
		return json.RawMessage(text)
	}
	return text
}
