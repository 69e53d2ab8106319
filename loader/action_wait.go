package loader

import (
	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var waitFields = fields[miniairflow.Wait]{
	"duration":   func(v value, w *miniairflow.Wait) { w.Duration = v.duration() },
	"until":      textField(func(w *miniairflow.Wait) *string { return &w.Until }),
	"file":       textField(func(w *miniairflow.Wait) *string { return &w.File }),
	"stable_for": func(v value, w *miniairflow.Wait) { w.StableFor = v.duration() },
	"run":        func(v value, w *miniairflow.Wait) { w.Run = v.waitRun() },
	"http":       func(v value, w *miniairflow.Wait) { w.HTTP = v.http() },
	"command":    func(v value, w *miniairflow.Wait) { w.Command = v.command() },
	"interval":   func(v value, w *miniairflow.Wait) { w.Interval = v.duration() },
	"on_timeout": func(v value, w *miniairflow.Wait) { w.OnTimeout = v.onTimeout() },
}

// wait reads a block, or just a duration.
func (v value) wait() *miniairflow.Wait {
	w := &miniairflow.Wait{}
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "duration"))] = v.at
		w.Duration = v.duration()
		return w
	}
	entries, _ := v.entries("what it waits for, such as {duration: 10m} or {file: ready.csv}")
	waitFields.read(entries, "wait", w)
	return w
}

var waitRunFields = fields[miniairflow.WaitRun]{
	"workflow": textField(func(r *miniairflow.WaitRun) *string { return &r.Workflow }),
	"task":     textField(func(r *miniairflow.WaitRun) *string { return &r.Task }),
	"match":    textField(func(r *miniairflow.WaitRun) *miniairflow.WaitMatch { return &r.Match }),
}

// waitRun reads a block, or just the name of a workflow.
func (v value) waitRun() *miniairflow.WaitRun {
	r := &miniairflow.WaitRun{Match: miniairflow.WaitExact}
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "workflow"))] = v.at
		r.Workflow, _ = v.text()
		return r
	}
	entries, _ := v.entries("the run of another workflow, such as {workflow: ingest, match: same_day}")
	waitRunFields.read(entries, "run", r)
	return r
}

// onTimeout reads what a timeout does. The usual way is no word in the canonical form.
func (v value) onTimeout() miniairflow.WaitOnTimeout {
	text, _ := v.text()
	if miniairflow.WaitOnTimeout(text) == miniairflow.WaitFail {
		return ""
	}
	return miniairflow.WaitOnTimeout(text)
}
