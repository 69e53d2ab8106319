package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// reveal returns the secrets that a task names: those of its variables, and those
// that its templates read. They are read for each attempt, and for each look, so
// that a secret that was changed counts from then on.
func (w *Worker) reveal(ctx context.Context, task *miniairflow.Task, templates []string) (map[string]string, error) {
	names := append(task.SecretNames(), namesRead(w.cfg.Evaluator.Secrets, templates)...)
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return nil, nil
	}
	if w.cfg.Secrets == nil {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "this worker has no secrets, and the task needs %d", len(names))
	}
	return w.cfg.Secrets.Reveal(ctx, names)
}

// handOver puts the secrets of a task's variables into its environment.
func handOver(rendered *miniairflow.Task, secrets map[string]string) {
	if len(rendered.Secrets) == 0 {
		return
	}
	env := maps.Clone(rendered.Env)
	if env == nil {
		env = make(map[string]string, len(rendered.Secrets))
	}
	for variable, name := range rendered.Secrets {
		env[variable] = secrets[name]
	}
	rendered.Env = env
}

// hide returns a result that shows no secret: what an attempt says of itself goes
// into the database, where people read it.
func hide(r action.Result, mask []string) action.Result {
	if len(mask) == 0 {
		return r
	}
	hider := logs.NewHider(mask)
	r.Reason = hider.Hide(r.Reason)
	if r.Again != nil {
		again := *r.Again
		again.Memory = hider.Hide(again.Memory)
		r.Again = &again
	}
	if r.Outputs != nil {
		r.Outputs = hideIn(r.Outputs, hider).(map[string]any)
	}
	return r
}

// hideIn is hide for a value of an output, at any depth. A number that shows a
// secret becomes text.
func hideIn(value any, hider *logs.Hider) any {
	switch v := value.(type) {
	case string:
		return hider.Hide(v)
	case map[string]any:
		hidden := make(map[string]any, len(v))
		for key, item := range v {
			hidden[hider.Hide(key)] = hideIn(item, hider)
		}
		return hidden
	case []any:
		hidden := make([]any, len(v))
		for i, item := range v {
			hidden[i] = hideIn(item, hider)
		}
		return hidden
	case nil, bool:
		return v
	default:
		text := fmt.Sprint(v)
		if data, err := json.Marshal(v); err == nil {
			text = string(data) // as the database gets it
		}
		if hidden := hider.Hide(text); hidden != text {
			return hidden
		}
		return v
	}
}
