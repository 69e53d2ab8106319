package runner

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// argumentMax is how many bytes one argument or environment variable of a
// process may have, its closing NUL included: Linux takes no more.
const argumentMax = 128 << 10

// renderedMax bounds what the templates of one task make together: no action can
// use more, and each of many could be a mebibyte.
const renderedMax = 16 << 20

// withEnvironment returns a task with the variables of its workflow under its own.
func withEnvironment(d *miniairflow.Definition, t *miniairflow.Task) *miniairflow.Task {
	whole := *t
	whole.Env = make(map[string]string, len(d.Env)+len(t.Env))
	maps.Copy(whole.Env, d.Env)
	maps.Copy(whole.Env, t.Env)
	return &whole
}

// templatesOf returns every template that render computes.
func templatesOf(d *miniairflow.Definition, t *miniairflow.Task) []string {
	var texts []string
	for _, template := range withEnvironment(d, t).Templates() {
		texts = append(texts, template.Text)
	}
	return texts
}

// render returns a task with all its templates, and those of its workflow's
// environment, filled in. An error names the key that is at fault.
func render(eval miniairflow.Evaluator, d *miniairflow.Definition, t *miniairflow.Task, scope miniairflow.Scope) (*miniairflow.Task, error) {
	if command := t.Runs(); command != nil {
		if err := fits(command.Script, 0); err != nil {
			return nil, fmt.Errorf("command: %w", err)
		}
	}
	env, err := renderEnv(eval, d, t, &scope)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, text := range env {
		total += len(text)
	}
	bare := *t
	bare.Env = nil // it is computed, and the other templates may read it
	rendered, err := bare.Render(func(template miniairflow.Template) (string, error) {
		compute := eval.Text
		if template.JSON {
			compute = eval.JSON
		}
		text, err := compute(template.Text, scope)
		if err == nil {
			err = receivable(template, text)
		}
		if total += len(text); err == nil && total > renderedMax {
			err = fmt.Errorf("the values of the task have more than %d bytes together", renderedMax)
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", template.Name(), err)
		}
		return text, nil
	})
	if err != nil {
		return nil, err
	}
	rendered.Env = env
	return rendered, nil
}

// receivable checks what goes to a process as one string.
func receivable(template miniairflow.Template, text string) error {
	if len(template.Path) > 1 && template.Path[0] == string(miniairflow.ActionWait) {
		template.Path = template.Path[1:]
	}
	switch template.Path[0] {
	case string(miniairflow.ActionCommand), "ssh", "container":
		return fits(text, 0)
	default:
		return nil
	}
}

// fits checks that a process can receive text as one string, with so many bytes
// before it.
func fits(text string, before int) error {
	switch size := before + len(text); {
	case strings.ContainsRune(text, 0):
		return errors.New("the value has a NUL byte, which no process can receive")
	case size+1 > argumentMax:
		return fmt.Errorf("the value has %d bytes, and a process takes at most %d in one string; pass it through stdin or a file", size, argumentMax-1)
	}
	return nil
}
