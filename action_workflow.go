package miniairflow

import (
	"encoding/json"
	"fmt"
	"strings"
)

// ChildWorkflow is the action of a task that runs another workflow: it starts a run
// of its latest version, a child run, and waits for its end without a slot. The
// task succeeds with it, and has its outputs.
type ChildWorkflow struct {
	Name   string          `json:"name"`
	Params json.RawMessage `json:"params,omitempty"` // a map; its texts are templates
}

// ChildDepthMax bounds how deep runs may be started by tasks of each other: the
// run that no task has started is the first level.
const ChildDepthMax = 16

// Kind implements Action.
func (w *ChildWorkflow) Kind() ActionKind { return ActionWorkflow }

func (w *ChildWorkflow) copyInto(t *Task) {
	copied := *w
	t.Workflow = &copied
}

func (w *ChildWorkflow) eachTemplate(visit visitTemplate) error {
	return eachTextOfJSON(&w.Params, visit, string(ActionWorkflow), "params")
}

// Given returns the values of Params, which must be rendered.
func (w *ChildWorkflow) Given() (map[string]any, error) {
	if len(w.Params) == 0 {
		return nil, nil
	}
	var given map[string]any
	if err := decodeOutput(string(w.Params), "{", &given); err != nil {
		return nil, fmt.Errorf("params of workflow %q: %w", w.Name, err)
	}
	return given, nil
}

// validate checks what a file can tell. Whether there is such a workflow, and what
// params it has, is not known here: its file may come later.
func (w *ChildWorkflow) validate(v *validator, at []string, t *Task) {
	switch {
	case strings.TrimSpace(w.Name) == "":
		v.add(at, "task %q does not say which workflow it runs: write {name: NAME}", t.Name)
	case strings.Contains(w.Name, "${{"): // the check of templates says so
	case !workflowName.MatchString(w.Name):
		v.add(sub(at, "name"), "workflow name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(w.Name))
	case w.Name == v.d.Name:
		v.add(sub(at, "name"), "task %q runs its own workflow, which would never end: %s → %s; name another workflow", t.Name, w.Name, w.Name)
	}
	if t.Stdin != "" {
		v.add(sub(taskPath(t), "stdin"), "stdin does nothing for a task that runs a workflow: hand values over in params")
	}
	for _, key := range sortedKeys(t.OutputFrom) {
		v.add(sub(taskPath(t), "outputs", key, "from"), "output %q: a task that runs a workflow has the outputs of that workflow by their names: leave from out", key)
	}
}
