package miniairflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Evaluator computes templates: texts with ${{ … }} in them. It reads nothing but
// its scope, always terminates, and may be called from any goroutine.
type Evaluator interface {
	// Text renders a template to text. A value keeps its text, a list or object
	// becomes compact JSON, null is an error. $${{ stands for a literal ${{.
	Text(template string, scope Scope) (string, error)
	// JSON is Text for a text in a JSON document: a template that is exactly one
	// ${{ … }} becomes its value as JSON, also null, any other a JSON string.
	JSON(template string, scope Scope) (string, error)
	// Bool computes a template that is exactly one ${{ … }} of a boolean.
	Bool(template string, scope Scope) (bool, error)
	// Tasks returns the names of the tasks that a template reads, sorted.
	Tasks(template string) []string
	// Outputs returns the outputs of tasks that a template reads, in its order.
	Outputs(template string) []OutputOf
	// ReadsItem reports whether a template reads the item of a task with for_each,
	// or its number.
	ReadsItem(template string) bool
	// Vars returns the names of the variables that a template reads, sorted.
	Vars(template string) []string
	// Secrets returns the names of the secrets that a template reads, sorted.
	Secrets(template string) []string
}

// OutputOf is an output of a task.
type OutputOf struct{ Task, Key string }

// Scope is what a template can see.
type Scope struct {
	Params  map[string]any
	Run     RunScope
	Vars    map[string]any    // of those that are read
	Env     map[string]string // computed; what of it there is depends on the place
	Secrets map[string]string // of those that are read; on a worker alone
	Tasks   map[string]TaskScope
	Item    *ItemScope  // nil outside of items
	Event   *EventScope // nil outside of triggers
	Task    *ToldOfTask // of a notification; nil outside of those about tasks
}

// ItemScope is `item` and `index` in a template.
type ItemScope struct {
	Index int
	Value any // as JSON has it; numbers may be json.Number
}

// RunScope is `run` in a template.
type RunScope struct {
	ID                uuid.UUID
	Number            int64 // 0 while parameters are resolved
	Workflow          string
	Type              RunType
	LogicalDate       time.Time
	DataIntervalStart time.Time
	DataIntervalEnd   time.Time
	RunAfter          time.Time
	Status            RunStatus // WorkflowRun.Outcome; empty but for tasks of finally. Of a notification: how it is told
	Reason            string    // of a notification
}

// TaskScope is `tasks.<name>` in a template.
type TaskScope struct {
	Status   TaskStatus
	Outputs  map[string]any
	ExitCode *int
	Items    []map[string]any // of a task with for_each, in place of Outputs: those of its items, nil for one that was no success; else nil
}

// VarsOfDefaults returns the variables that the defaults of params read, sorted.
// Without an evaluator there are none, see ResolveParams.
func VarsOfDefaults(eval Evaluator, params []Param) []string {
	if eval == nil {
		return nil
	}
	var names []string
	for i := range params {
		if text, ok := params[i].Default.(string); ok {
			names = append(names, eval.Vars(text)...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// EvaluatorOfDefaults returns an evaluator for ResolveParams that sees the
// variables which the defaults of params read, as they are now.
func EvaluatorOfDefaults(ctx context.Context, eval Evaluator, store VarStore, params []Param) (Evaluator, error) {
	names := VarsOfDefaults(eval, params)
	if len(names) == 0 {
		return eval, nil
	}
	values, err := store.ReadVars(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("read %d variables: %w", len(names), err)
	}
	return WithVars(eval, values), nil
}

// WithVars returns an evaluator whose Text sees these variables in every scope.
func WithVars(eval Evaluator, values map[string]any) Evaluator {
	return &withVars{Evaluator: eval, values: values}
}

type withVars struct {
	Evaluator
	values map[string]any
}

// Text implements Evaluator.
func (w *withVars) Text(template string, scope Scope) (string, error) {
	scope.Vars = w.values
	return w.Evaluator.Text(template, scope)
}
