package loader

import (
	"encoding/json"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// forEachOf returns the for_each of a task, which three keys make together.
func forEachOf(t *taskDraft) *miniairflow.ForEach {
	if t.ForEach == nil {
		t.ForEach = &miniairflow.ForEach{}
	}
	return t.ForEach
}

// forEach reads a list, an expression of one, or named lists.
func (v value) forEach(f *miniairflow.ForEach) {
	if v.node.Kind != yaml.MappingNode {
		f.List = v.itemList()
		return
	}
	entries, _ := v.entries("named lists, such as {os: [linux, darwin], go: [\"1.26\", \"1.27\"]}")
	f.Product = []miniairflow.NamedList{}
	for _, e := range entries {
		f.Product = append(f.Product, miniairflow.NamedList{Name: e.name, List: e.itemList()})
	}
}

// itemList reads a list, or one expression that makes it, as JSON.
func (v value) itemList() json.RawMessage {
	var document any
	switch {
	case v.node.Kind == yaml.SequenceNode:
		document = v.json()
	case v.node.Kind == yaml.ScalarNode && !v.isNull():
		text, ok := v.text()
		trimmed := strings.TrimSpace(text)
		if ok && (!strings.HasPrefix(trimmed, "${{") || !strings.HasSuffix(trimmed, "}}")) {
			v.fail("%s is %s, not a list: write [a, b], or \"${{ … }}\" of a list", v.label(), describe(v.node))
		}
		document = trimmed
	default:
		v.mismatch("a list: write [a, b], or \"${{ … }}\" of a list")
		return nil
	}
	text, err := json.Marshal(document)
	if err != nil {
		v.fail("%s has no JSON form: %v", v.label(), err)
		return nil
	}
	return text
}

// maxParallel refuses 0, which is how a task says that it has no limit of its own.
func (v value) maxParallel() int {
	before := v.doc.faults
	count := v.integer()
	if count == 0 && v.doc.faults == before {
		v.fail("max_parallel is 0: write at least 1, or leave it out")
	}
	return count
}
