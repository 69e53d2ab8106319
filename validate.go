package miniairflow

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Patterns of names. Workflow names are also used for queues.
var (
	workflowName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)
	taskName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)
	identifier   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
)

// TaskEnv lists the variables that every task receives. A workflow cannot set
// them, and they are never read as configuration.
var TaskEnv = []string{
	"MINIAIRFLOW_WORKFLOW", "MINIAIRFLOW_RUN_ID", "MINIAIRFLOW_RUN_NUMBER", "MINIAIRFLOW_TASK", "MINIAIRFLOW_ATTEMPT", "MINIAIRFLOW_ATTEMPT_ID",
	"MINIAIRFLOW_RUN_STATUS", "MINIAIRFLOW_LOGICAL_DATE", "MINIAIRFLOW_DATA_INTERVAL_START", "MINIAIRFLOW_DATA_INTERVAL_END",
	"MINIAIRFLOW_OUTPUT", "MINIAIRFLOW_RUN_DIR", "MINIAIRFLOW_SCRATCH", "MINIAIRFLOW_INPUTS", "MINIAIRFLOW_PROCESS",
	"MINIAIRFLOW_ITEM", "MINIAIRFLOW_ITEM_INDEX",
}

const (
	// suggestionsMax bounds the "did you mean" of one definition: each one
	// compares a word with every name.
	suggestionsMax = 50
	// cyclesMax bounds how many cycles are reported at once.
	cyclesMax = 10
)

// Problem is something wrong in a definition. Path leads to it from the root of
// the workflow: ["tasks", "extract", "depends_on", "0"]. OfKey says that it is
// the last key of the path that is wrong, not what stands under it. IsWarning says
// that the definition may become a version all the same: it does something, but
// hardly what was meant.
type Problem struct {
	Path      []string
	OfKey     bool
	IsWarning bool
	Message   string
}

// Validate returns everything that is wrong with d and can be said without its
// templates (those are checked where expressions are compiled), in the order of
// the file; none if d may become a version. Its cost is linear in the size of d.
//
// A Problem's Path uses the keys of the file: ["name"], ["schedule", "0",
// "cron"] (with the place even where the file has a single schedule), ["params",
// "region", "default"], ["env", "KEY"], ["tasks", "load", "retry", "count"],
// ["tasks", "load", "depends_on", "0"]. The last elements may name what the file
// leaves out; then the longest part that is there is the place.
func (d *Definition) Validate() []Problem {
	v := &validator{d: d}
	v.workflow()
	v.params()
	v.schedules()
	v.triggers()
	v.env([]string{"env"}, d.Env)
	v.workflowOutputs()
	v.groups()
	v.notices(nil, v.d.Notify)
	v.tasks()
	return v.problems
}

type validator struct {
	d           *Definition
	problems    []Problem
	suggestions int
	patternWork int // see patternWorkMax
	fans        int // tasks with for_each

	checks map[string]func(value any) (any, error) // of params; nil: the param itself is wrong
}

func (v *validator) add(path []string, format string, args ...any) {
	v.problems = append(v.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// warn is add for what hinders nothing.
func (v *validator) warn(path []string, format string, args ...any) {
	v.add(path, format, args...)
	v.problems[len(v.problems)-1].IsWarning = true
}

// addOfKey is add for a problem of the path's last key itself.
func (v *validator) addOfKey(path []string, format string, args ...any) {
	v.add(path, format, args...)
	v.problems[len(v.problems)-1].OfKey = true
}

func (v *validator) workflow() {
	if !workflowName.MatchString(v.d.Name) {
		v.add([]string{"name"}, "workflow name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(v.d.Name))
	}
	if v.d.MaxActiveRuns < 1 {
		v.add([]string{"max_active_runs"}, "max_active_runs is %d, but must be at least 1", v.d.MaxActiveRuns)
	}
	if v.d.MaxActiveTasks < 1 {
		v.add([]string{"max_active_tasks"}, "max_active_tasks is %d, but must be at least 1", v.d.MaxActiveTasks)
	}
	v.duration([]string{"timeout"}, v.d.Timeout)
	v.deadline([]string{"deadline"}, v.d.Deadline)
}

// deadline tells of one that no run of the workflow has.
func (v *validator) deadline(at []string, d *Deadline) {
	if d != nil && d.Clock != "" && len(v.d.Schedules) == 0 {
		v.warn(at, "a time of day is the deadline of runs by schedule, and the workflow has no schedule: nothing will be late; write a time after the start such as \"+2h\"")
	}
}

func (v *validator) env(at []string, env map[string]string) {
	for _, name := range sortedKeys(env) {
		switch {
		case !identifier.MatchString(name):
			v.addOfKey(sub(at, name), "variable name %s is not valid: letters, digits and _, not starting with a digit", show(name))
		case slices.Contains(TaskEnv, name):
			v.addOfKey(sub(at, name), "variable %s is reserved: every task receives its own", name)
		}
		v.noNUL(sub(at, name), env[name])
	}
}

// noNUL refuses what no process can receive.
func (v *validator) noNUL(at []string, text string) {
	if i := strings.IndexByte(text, 0); i >= 0 {
		v.add(at, "the text has a NUL byte at byte %d, which no process can receive", i)
	}
}

func (v *validator) duration(at []string, d Duration) {
	if d < 0 {
		v.add(at, "%s is %s, but must not be negative", at[len(at)-1], d)
	}
}

// suggest is DidYouMean within the bound of the definition.
func (v *validator) suggest(word string, known []string) string {
	if v.suggestions >= suggestionsMax {
		return ""
	}
	v.suggestions++
	return DidYouMean(word, known)
}

// oneOf reports whether value is one of known, and adds a problem if not. The
// last element of at is the key.
func oneOf[T ~string](v *validator, at []string, value T, known []T) bool {
	if slices.Contains(known, value) {
		return true
	}
	v.add(at, "%s %s is unknown: use %s%s", at[len(at)-1], show(string(value)), joinNames(known), v.suggest(string(value), asText(known)))
	return false
}

// sub returns the path that leads from at further down, in memory of its own.
func sub(at []string, keys ...string) []string {
	return append(slices.Clip(at), keys...)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func asText[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

func joinNames[T ~string](values []T) string { return strings.Join(asText(values), ", ") }
