package runner

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// argumentMax is how many bytes one argument or environment variable of a
// process may have, its closing NUL included: Linux takes no more.
const argumentMax = 128 << 10

// environment returns the templates of a task's environment: the workflow's,
// and the task's over them.
func environment(d *miniairflow.Definition, t *miniairflow.Task) map[string]string {
	env := make(map[string]string, len(d.Env)+len(t.Env))
	maps.Copy(env, d.Env)
	maps.Copy(env, t.Env)
	return env
}

// templatesOf returns every template that render computes.
func templatesOf(d *miniairflow.Definition, t *miniairflow.Task) []string {
	templates := slices.Collect(maps.Values(environment(d, t)))
	if t.Command != nil {
		templates = append(templates, t.Command.Argv...)
	}
	return append(templates, t.Stdin)
}

// render fills in the arguments, the environment and the standard input of
// in.Task. An error names the key that is at fault.
func render(in *action.Input, eval miniairflow.Evaluator, d *miniairflow.Definition, scope miniairflow.Scope) error {
	t := in.Task
	var err error
	if in.Env, err = renderEnv(eval, d, t, &scope); err != nil {
		return err
	}
	if t.Command != nil && t.Command.Script != "" {
		if err := fits("command", t.Command.Script); err != nil {
			return err
		}
	}
	if t.Command != nil && t.Command.Argv != nil {
		in.Argv = make([]string, len(t.Command.Argv))
		for i, template := range t.Command.Argv {
			name := fmt.Sprintf("command[%d]", i)
			text, err := eval.Text(template, scope)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := fits(name, text); err != nil {
				return err
			}
			in.Argv[i] = text
		}
	}
	text, err := eval.Text(t.Stdin, scope)
	if err != nil {
		return fmt.Errorf("stdin: %w", err)
	}
	in.Stdin = text
	return nil
}

// fits checks that a process can receive text as one string.
func fits(name, text string) error {
	switch {
	case strings.ContainsRune(text, 0):
		return fmt.Errorf("%s: the value has a NUL byte, which no process can receive", name)
	case len(text)+1 > argumentMax:
		return fmt.Errorf("%s: the value has %d bytes, and a process takes at most %d in one string; pass it through stdin or a file", name, len(text), argumentMax-1)
	}
	return nil
}
