package runner

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// renderEnv computes the environment of a task: the workflow's variables, and
// then the task's own over them, which may read those. scope sees all of them in
// the end. A variable of the workflow that the task hides need not be computable.
func renderEnv(eval miniairflow.Evaluator, d *miniairflow.Definition, t *miniairflow.Task, scope *miniairflow.Scope) (map[string]string, error) {
	outer := make(map[string]string, len(d.Env))
	for _, name := range slices.Sorted(maps.Keys(d.Env)) {
		text, err := eval.Text(d.Env[name], *scope)
		_, isHidden := t.Env[name]
		if err != nil && !isHidden {
			return nil, fmt.Errorf("env.%s: %w", name, err)
		}
		if err == nil {
			outer[name] = text
		}
	}
	env := maps.Clone(outer)
	scope.Env = outer
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		text, err := eval.Text(t.Env[name], *scope)
		if err != nil {
			return nil, fmt.Errorf("env.%s: %w", name, err)
		}
		env[name] = text
	}
	scope.Env = env
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if err := fits(env[name], len(name)+len("=")); err != nil {
			return nil, fmt.Errorf("env.%s: %w", name, err)
		}
	}
	return env, nil
}
