package expression

import (
	"fmt"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// mayHaveOutput reports whether a task may come to have an output. A command may
// write any; other tasks have those that they declare and nothing else.
func mayHaveOutput(t *miniairflow.Task, name string) bool {
	_, declared := t.Outputs[name]
	return declared || t.Runs() != nil
}

func (c *checker) unknownOutput(r reference, task int) error {
	hint := ""
	if c.suggested++; c.suggested <= suggestionsMax {
		hint = miniairflow.DidYouMean(r.key, keysOf(c.d.Tasks[task].Outputs))
	}
	message := fmt.Sprintf("unknown output %q of task %q: it has those that it declares in outputs%s", r.key, r.name, hint)
	return &compileError{message: message, at: r.at}
}
