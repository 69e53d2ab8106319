package loader

import (
	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// outputDraft is a declared output whose keys are being read.
type outputDraft struct {
	kind miniairflow.OutputType
	from string
}

var outputFields = fields[outputDraft]{
	"type": textField(func(o *outputDraft) *miniairflow.OutputType { return &o.kind }),
	"from": textField(func(o *outputDraft) *string { return &o.from }),
}

// outputs reads the declared outputs: their types, and where those come from
// that say so.
func (v value) outputs() (types map[string]miniairflow.OutputType, from map[string]string) {
	entries, ok := v.entries("NAME: type, such as {rows: integer}")
	if !ok {
		return nil, nil
	}
	types = make(map[string]miniairflow.OutputType, len(entries))
	for _, e := range entries {
		draft := outputDraft{kind: miniairflow.OutputString}
		if e.node.Kind == yaml.MappingNode {
			keys, _ := e.entries("")
			outputFields.read(keys, "output "+quoted(e.name), &draft)
			types[e.name] = draft.kind
		} else if text, ok := e.text(); ok {
			types[e.name] = miniairflow.OutputType(text)
		}
		if draft.from != "" {
			if from == nil {
				from = map[string]string{}
			}
			from[e.name] = draft.from
		}
	}
	return types, from
}
