package expression

import (
	"fmt"
	"slices"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// mayHaveOutput reports whether a task may come to have an output. A command may
// write any, and a task that runs a workflow and declares none has those of the
// workflow; other tasks have those that they declare and nothing else.
func mayHaveOutput(t *miniairflow.Task, name string) bool {
	_, declared := t.Outputs[name]
	return declared || t.Runs() != nil || t.Workflow != nil && t.Outputs == nil
}

func (c *checker) unknownOutput(r reference, task int) error {
	hint := ""
	if c.suggested++; c.suggested <= suggestionsMax {
		hint = miniairflow.DidYouMean(r.key, keysOf(c.d.Tasks[task].Outputs))
	}
	message := fmt.Sprintf("unknown output %q of task %q: it has those that it declares in outputs%s", r.key, r.name, hint)
	return &compileError{message: message, at: r.at}
}

// nearOutput returns a doubt about an output that a command may write, but that is
// nearly called as one that its task declares. What the command's text itself writes is
// beyond doubt.
func (c *checker) nearOutput(r reference) error {
	if r.root != rootTasks || r.field != fieldOutputs {
		return nil
	}
	t := &c.d.Tasks[c.tasks[r.name]]
	_, declared := t.Outputs[r.key]
	if declared || len(t.Outputs) == 0 || t.Runs() == nil || writes(t.Runs(), r.key) || !c.maySuggest() {
		return nil
	}
	hint := miniairflow.DidYouMean(r.key, keysOf(t.Outputs))
	if hint == "" {
		return nil
	}
	return &compileError{message: fmt.Sprintf("task %q declares no output %q%s", r.name, r.key, hint), at: r.at}
}

// writes reports whether the text of a command seems to write an output.
func writes(command *miniairflow.Command, key string) bool {
	return slices.ContainsFunc(append([]string{command.Script}, command.Argv...), func(text string) bool {
		return strings.Contains(text, key+"=") || strings.Contains(text, key+"<<")
	})
}

// rootsOfOver are what the outputs of a workflow may read: what a run keeps.
var rootsOfOver = []string{rootParams, rootRun, rootTasks}

// workflowOutputs checks what the workflow hands on when its run is over.
func (c *checker) workflowOutputs() {
	for _, o := range c.d.Outputs {
		path := []string{"outputs", o.Name, "value"}
		c.template(site{path: path, name: "outputs of the workflow", params: true, task: -1, isOver: true}, o.Value)
	}
}
