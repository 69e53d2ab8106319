package miniairflow

import (
	"encoding/json"
	"fmt"
	"strings"
)

// WorkflowOutput is a value that a workflow hands to whoever runs it, computed from
// the results of its tasks when the run has succeeded.
type WorkflowOutput struct {
	Name  string     `json:"name"`
	Type  OutputType `json:"type,omitempty"` // empty: that of the value
	Value string     `json:"value"`          // a template over params, run and tasks
}

// Limits of the outputs of a workflow.
const (
	WorkflowOutputsMax     = 100
	workflowOutputBytesMax = 1 << 20 // together, as text
)

// WorkflowOutputs computes the outputs of a run that has succeeded. It is nil for a
// workflow that declares none; the error names the output that is at fault.
func WorkflowOutputs(d *Definition, scope Scope, eval Evaluator) (map[string]any, error) {
	if len(d.Outputs) == 0 {
		return nil, nil
	}
	outputs, total := make(map[string]any, len(d.Outputs)), 0
	for i := range d.Outputs {
		output := &d.Outputs[i]
		value, size, err := output.compute(scope, eval)
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", output.Name, err)
		}
		if total += size; total > workflowOutputBytesMax {
			return nil, fmt.Errorf("the outputs of workflow %q are larger than 1 MiB together", d.Name)
		}
		outputs[output.Name] = value
	}
	return outputs, nil
}

func (o *WorkflowOutput) compute(scope Scope, eval Evaluator) (value any, size int, err error) {
	if o.Type != "" {
		text, err := eval.Text(o.Value, scope)
		if err != nil {
			return nil, 0, err
		}
		value, err = ParseOutput(o.Type, text)
		return value, len(text), err
	}
	text, err := eval.JSON(o.Value, scope)
	if err != nil {
		return nil, 0, err
	}
	if text == "null" {
		return nil, 0, fmt.Errorf("the value is null: write default(…, …), or let the task give it")
	}
	value, err = decodeValue(text)
	return value, len(text), err
}

// decodeValue reads a JSON value as the outputs of tasks are, so that a list or an
// object is the same with and without its type, large numbers in it included.
func decodeValue(text string) (any, error) {
	switch {
	case strings.HasPrefix(text, "["):
		return ParseOutput(OutputList, text)
	case strings.HasPrefix(text, "{"):
		return ParseOutput(OutputObject, text)
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		return nil, err
	}
	if number, ok := value.(float64); ok {
		if whole, err := ParseOutput(OutputInteger, text); err == nil {
			return whole, nil
		}
		return number, nil
	}
	return value, nil
}

// ChildOutputs returns what a task that runs a workflow makes of the outputs of its
// child run: those that it declares, each as its type, or all of them.
func ChildOutputs(t *Task, outputs map[string]any) (map[string]any, error) {
	if t.Outputs == nil {
		return outputs, nil
	}
	taken := make(map[string]any, len(t.Outputs))
	for _, name := range sortedKeys(t.Outputs) {
		value, found := outputs[name]
		if !found {
			return nil, fmt.Errorf("output %q: the child run has none of that name%s", name, DidYouMean(name, sortedKeys(outputs)))
		}
		text, isText := value.(string)
		if !isText {
			data, err := encodeJSON(value)
			if err != nil {
				return nil, fmt.Errorf("output %q: %w", name, err)
			}
			text = string(data)
		}
		var err error
		if taken[name], err = ParseOutput(t.Outputs[name], text); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
	}
	return taken, nil
}

// workflowOutputs checks the outputs of the workflow. What their templates may read
// is checked with all others.
func (v *validator) workflowOutputs() {
	if len(v.d.Outputs) > WorkflowOutputsMax {
		v.add([]string{"outputs"}, "the workflow has %d outputs, but may have at most %d: put some into one object", len(v.d.Outputs), WorkflowOutputsMax)
	}
	types := make(map[string]OutputType, len(v.d.Outputs))
	for i := range v.d.Outputs {
		o := &v.d.Outputs[i]
		at := []string{"outputs", o.Name}
		if o.Type != "" {
			types[o.Name] = o.Type
		} else {
			types[o.Name] = OutputString
		}
		if o.Value == "" {
			v.add(at, "output %q has no value: write \"${{ tasks.NAME.outputs.%s }}\"", o.Name, o.Name)
		}
	}
	v.outputs([]string{"outputs"}, types)
}
