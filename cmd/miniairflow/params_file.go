package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow/loader"
)

// readValues adds the values of a YAML or JSON file, which a flag names. Values keep their text,
// as in a workflow file: 3.10, 007 and 2026-01-31 are what they look like, and
// the type of a param says what they are. Lists and maps are for params of
// type list and object.
func readValues(flag, path string, params map[string]any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return usageErrorf("--%s: %v", flag, err)
	}
	var values map[string]yaml.Node
	if err := yaml.Unmarshal(data, &values); err != nil {
		return usageErrorf("--%s %s: %v", flag, path, err)
	}
	for name, value := range values {
		node := &value
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		switch {
		case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
			params[name] = nil
		case node.Kind == yaml.ScalarNode:
			params[name] = node.Value
		default:
			if params[name], err = jsonOf(node); err != nil {
				return usageErrorf("--%s %s:%d:%d: %s %q: %v", flag, path, value.Line, value.Column, strings.TrimSuffix(flag, "s-file"), name, err)
			}
		}
	}
	return nil
}

// jsonOf returns a list or map as JSON has it.
func jsonOf(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, item := range node.Content {
			value, err := jsonOf(item)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	case yaml.MappingNode:
		object := make(map[string]any, len(node.Content)/2)
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
				return nil, fmt.Errorf("the key at line %d must be plain text", key.Line)
			}
			value, err := jsonOf(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[key.Value] = value
		}
		return object, nil
	case yaml.AliasNode:
		return nil, errors.New("an alias inside a list or map is not read here: write the value out")
	}
	if node.Tag == "!!null" && node.Style == 0 {
		return nil, nil
	}
	if node.Style != 0 {
		return node.Value, nil
	}
	return loader.PlainScalar(node.Value), nil
}
