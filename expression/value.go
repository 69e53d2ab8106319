package expression

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// environment builds what a program sees: the values that it reads and nothing
// else. The sum of their sizes is bounded, and with it every value that the
// program's operators can make of them.
func environment(references []reference, scope miniairflow.Scope) (map[string]any, error) {
	values, tasks := map[string]any{}, map[string]any{}
	budget := resultMax
	for _, r := range references {
		value, err := lookUp(r, &scope)
		if err != nil {
			return nil, err
		}
		if budget -= sizeOf(value); budget < 0 {
			return nil, &compileError{message: fmt.Sprintf("the expression reads more than %d bytes", resultMax), at: r.at}
		}
		value = normal(value)
		if from, ok := rootNamed(r.root); ok && from.alone != nil {
			values[r.root] = value
			continue
		}
		if r.root == rootTasks {
			values[rootTasks] = tasks
			addTaskValue(tasks, r, value)
			continue
		}
		fields, ok := values[r.root].(map[string]any)
		if !ok {
			fields = map[string]any{}
			values[r.root] = fields
		}
		fields[r.name] = value
	}
	return values, nil
}

// addTaskValue puts a value under the task's name as it is and as it is masked
// while parsing: both ways to write it may be in one expression.
func addTaskValue(tasks map[string]any, r reference, value any) {
	task, ok := tasks[r.name].(map[string]any)
	if !ok {
		task = map[string]any{fieldOutputs: map[string]any{}}
		tasks[r.name] = task
		tasks[strings.ReplaceAll(r.name, "-", hyphen)] = task
	}
	if r.field != fieldOutputs {
		task[r.field] = value
		return
	}
	if outputs, ok := task[fieldOutputs].(map[string]any); ok {
		outputs[r.key] = value
	}
}

// lookUp finds the value of a reference. A task that has not set an output or
// left no exit code has null there.
func lookUp(r reference, scope *miniairflow.Scope) (any, error) {
	if r.root == rootTasks {
		return taskValue(r, scope)
	}
	from, ok := rootNamed(r.root)
	if !ok {
		return nil, &compileError{message: unknownName(r.root), at: r.at}
	}
	value, ok := from.value(scope, r.name)
	switch {
	case !ok && from.alone != nil:
		return nil, &compileError{message: noItem(r.root), at: r.at}
	case !ok && from.absent != "":
		return nil, &compileError{message: fmt.Sprintf(from.absent, r.name), at: r.at}
	case !ok:
		return nil, unknown(r, from.what, r.name, from.present(scope))
	}
	return value, nil
}

func taskValue(r reference, scope *miniairflow.Scope) (any, error) {
	task, ok := scope.Tasks[r.name]
	if !ok {
		return nil, &compileError{message: fmt.Sprintf("task %q has no result here", r.name), at: r.at}
	}
	switch r.field {
	case fieldStatus:
		return string(task.Status), nil
	case fieldExitCode:
		if task.ExitCode == nil {
			return nil, nil
		}
		return *task.ExitCode, nil
	case fieldOutputs:
		if task.Items != nil {
			return fannedIn(task.Items, r.key), nil
		}
		return task.Outputs[r.key], nil
	}
	return nil, unknownTaskField(r)
}

// fannedIn returns an output of all items as a list.
func fannedIn(items []map[string]any, key string) []any {
	list := make([]any, len(items))
	for i, outputs := range items {
		list[i] = outputs[key]
	}
	return list
}

func runValue(s *miniairflow.Scope, name string) (value any, ok bool) {
	run := &s.Run
	switch name {
	case "id":
		return run.ID.String(), true
	case "number":
		return int(run.Number), true
	case "workflow":
		return run.Workflow, true
	case "type":
		return string(run.Type), true
	case "logical_date":
		return dateText(run.LogicalDate), true
	case "data_interval_start":
		return dateText(run.DataIntervalStart), true
	case "data_interval_end":
		return dateText(run.DataIntervalEnd), true
	case "run_after":
		return dateText(run.RunAfter), true
	case fieldStatus:
		return string(run.Status), true
	case fieldReason:
		return run.Reason, true
	}
	return nil, false
}

func dateText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// normal returns a value in the types that expressions work with: numbers that
// went through JSON become int where they are whole, else float64.
func normal(value any) any {
	switch v := value.(type) {
	case int64:
		return int(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return int(n)
		}
		if f, err := v.Float64(); err == nil {
			return normal(f)
		}
		return v.String()
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = normal(item)
		}
		return items
	case map[string]any:
		fields := make(map[string]any, len(v))
		for key, field := range v {
			fields[key] = normal(field)
		}
		return fields
	}
	return value
}

// scalarSize is what a value without length counts for.
const scalarSize = 16

func sizeOf(value any) int {
	size := scalarSize
	switch v := value.(type) {
	case string:
		size += len(v)
	case []any:
		for _, item := range v {
			size += sizeOf(item)
		}
	case map[string]any:
		for key, field := range v {
			size += len(key) + sizeOf(field)
		}
	}
	return size
}

var errNull = errors.New("the value is null; write ?? and a value for that case")

// render writes a value as text: a string as it is, a number in its shortest
// form, a list or object as compact JSON.
func render(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", errNull
	case string:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("the result %v is no number", v)
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("the result has no text: %w", err)
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}
