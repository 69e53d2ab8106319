package expression

import (
	"fmt"

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

// rootsOfOver are what the outputs of a workflow may read: what a run keeps.
var rootsOfOver = []string{rootParams, rootRun, rootTasks}

// workflowOutputs checks what the workflow hands on when its run is over.
func (c *checker) workflowOutputs() {
	for _, o := range c.d.Outputs {
		path := []string{"outputs", o.Name, "value"}
		c.template(site{path: path, name: "outputs of the workflow", params: true, task: -1, isOver: true}, o.Value)
	}
}
