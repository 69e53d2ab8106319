package loader

import (
	"maps"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var approvalFields = fields[miniairflow.Approval]{
	"message": textField(func(a *miniairflow.Approval) *string { return &a.Message }),
	"fields":  func(v value, a *miniairflow.Approval) { a.Fields = v.params() },
	"approvers": func(v value, a *miniairflow.Approval) {
		a.Approvers = v.texts("a name or a list of names: write [ada@example.org]")
	},
	"on_reject":  func(v value, a *miniairflow.Approval) { a.OnReject = v.onTimeout() },
	"on_timeout": func(v value, a *miniairflow.Approval) { a.OnTimeout = v.onTimeout() },
}

// approval reads a block, or just the message.
func (v value) approval() *miniairflow.Approval {
	a := &miniairflow.Approval{}
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "message"))] = v.at
		a.Message, _ = v.text()
		return a
	}
	entries, _ := v.entries("what is asked, such as {message: \"Load the orders?\"}")
	approvalFields.read(entries, "approval", a)
	return a
}

// withOutputs gives an approval the outputs that every one has.
func withOutputs(t *miniairflow.Task) {
	if t.Approval != nil && t.Outputs == nil {
		t.Outputs = maps.Clone(miniairflow.ApprovalOutputs)
	}
}
