package loader

import (
	"encoding/json"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var childFields = fields[miniairflow.ChildWorkflow]{
	"name":   textField(func(w *miniairflow.ChildWorkflow) *string { return &w.Name }),
	"params": func(v value, w *miniairflow.ChildWorkflow) { v.childParams(w) },
}

// childWorkflow reads a block, or just the name of a workflow.
func (v value) childWorkflow() *miniairflow.ChildWorkflow {
	w := &miniairflow.ChildWorkflow{}
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "name"))] = v.at
		w.Name, _ = v.text()
		return w
	}
	entries, _ := v.entries("the name of a workflow, such as `workflow: load-orders` or {name: load-orders, params: {day: 2026-01-31}}")
	childFields.read(entries, "workflow", w)
	return w
}

// childParams reads values as the body of a request is read.
func (v value) childParams(w *miniairflow.ChildWorkflow) {
	entries, ok := v.entries("NAME: value, such as {region: eu}")
	if !ok || len(entries) == 0 {
		return
	}
	document, err := json.Marshal(v.sendable())
	if err != nil {
		v.fail("params have no JSON form: %v", err)
		return
	}
	w.Params = document
}

var runOutputFields = fields[miniairflow.WorkflowOutput]{
	"type":  textField(func(o *miniairflow.WorkflowOutput) *miniairflow.OutputType { return &o.Type }),
	"value": textField(func(o *miniairflow.WorkflowOutput) *string { return &o.Value }),
}

// workflowOutputs reads the outputs of the workflow in file order: each a block, or
// just its value.
func (v value) workflowOutputs() []miniairflow.WorkflowOutput {
	entries, _ := v.entries("NAME: value, such as {rows: \"${{ tasks.load.outputs.rows }}\"}")
	outputs := make([]miniairflow.WorkflowOutput, 0, len(entries))
	for _, e := range entries {
		o := miniairflow.WorkflowOutput{Name: e.name}
		if e.node.Kind == yaml.MappingNode {
			keys, _ := e.entries("")
			runOutputFields.read(keys, "output "+quoted(e.name), &o)
		} else {
			v.doc.positions[joined(append(e.path, "value"))] = e.at
			o.Value, _ = e.text()
		}
		outputs = append(outputs, o)
	}
	return outputs
}
