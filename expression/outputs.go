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
func (c *checker) mayHaveOutput(t *miniairflow.Task, name string) bool {
	if child := c.handsOn(t); child != nil {
		_, declared := child.OutputTypes()[name]
		return declared
	}
	_, declared := t.Outputs[name]
	return declared || t.Runs() != nil || t.Workflow != nil && t.Outputs == nil
}

// handsOn returns the workflow whose outputs are those of a task; nil if there is none,
// or it is not known.
func (c *checker) handsOn(t *miniairflow.Task) *miniairflow.Definition {
	if t.Workflow == nil || t.Outputs != nil {
		return nil
	}
	return c.children[t.Workflow.Name]
}

func (c *checker) unknownOutput(r reference, task int) error {
	t := &c.d.Tasks[task]
	owner, declared := "it", t.Outputs
	if child := c.handsOn(t); child != nil {
		owner, declared = fmt.Sprintf("its workflow %q", child.Name), child.OutputTypes()
	}
	hint := ""
	if c.maySuggest() {
		hint = miniairflow.DidYouMean(r.key, keysOf(declared))
	}
	message := fmt.Sprintf("unknown output %q of task %q: it has those that %s declares in outputs%s", r.key, r.name, owner, hint)
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
