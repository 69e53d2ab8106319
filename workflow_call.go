package miniairflow

import (
	"encoding/json"
	"fmt"
	"strings"
)

// CallProblems returns what is wrong with the tasks of d that run one of the given
// workflows: params that it does not take, lacks, or refuses, and outputs that it does
// not declare. A value with a template is known only when the task runs.
func (d *Definition) CallProblems(children map[string]*Definition) []Problem {
	v := &validator{d: d}
	for i := range d.Tasks {
		t := &d.Tasks[i]
		if t.Workflow == nil {
			continue
		}
		if child := children[t.Workflow.Name]; child != nil {
			v.callParams(t, child)
			v.callOutputs(t, child)
		}
	}
	return v.problems
}

func (v *validator) callParams(t *Task, child *Definition) {
	given := map[string]json.RawMessage{}
	if len(t.Workflow.Params) > 0 && json.Unmarshal(t.Workflow.Params, &given) != nil {
		return // told where it stands
	}
	at := sub(taskPath(t), string(ActionWorkflow), "params")
	known := make([]string, 0, len(child.Params))
	for i := range child.Params {
		p := &child.Params[i]
		known = append(known, p.Name)
		raw, ok := given[p.Name]
		switch {
		case !ok && p.IsRequired():
			v.add(at, "workflow %q: %s", child.Name, p.notGiven())
		case !ok, strings.Contains(string(raw), "${{"):
		default:
			if err := p.checkJSON(raw); err != nil {
				v.add(sub(at, p.Name), "workflow %q: param %q: %v", child.Name, p.Name, err)
			}
		}
		delete(given, p.Name)
	}
	for _, name := range sortedKeys(given) {
		v.addOfKey(sub(at, name), "workflow %q: unknown param %s; the workflow has %s%s", child.Name, show(name), listOr(known, "none"), v.suggest(name, known))
	}
}

// checkJSON is Check for a value in a document, read as that of a child run is.
func (p *Param) checkJSON(raw json.RawMessage) error {
	w := ChildWorkflow{Params: fmt.Appendf(nil, `{"value":%s}`, raw)}
	given, err := w.Given()
	if err != nil {
		return err
	}
	_, err = p.Check(given["value"])
	return err
}

func (v *validator) callOutputs(t *Task, child *Definition) {
	declared := child.OutputTypes()
	for _, name := range sortedKeys(t.Outputs) {
		at := sub(taskPath(t), "outputs", name)
		if _, ok := declared[name]; !ok {
			v.addOfKey(at, "output %s: workflow %q declares none of that name%s", show(name), child.Name, v.suggest(name, sortedKeys(declared)))
		}
	}
}

// OutputTypes returns the outputs that d hands on as a workflow, with their types; the
// type is empty where the value says it.
func (d *Definition) OutputTypes() map[string]OutputType {
	declared := make(map[string]OutputType, len(d.Outputs))
	for _, o := range d.Outputs {
		declared[o.Name] = o.Type
	}
	return declared
}
