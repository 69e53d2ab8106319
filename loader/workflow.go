package loader

import (
	"maps"

	"github.com/sauravritesh63/miniairflow"
)

// workflowDraft is a workflow whose keys are being read. Its tasks come last,
// when the defaults that they take are known.
type workflowDraft struct {
	miniairflow.Definition
	defaults, tasks, finals *value
	envFile                 *value
	scheduleParams          []*value // by schedule; nil: it gives none
	triggers                triggersDraft
}

var workflowFields = withFields(noticeFields(func(w *workflowDraft) *miniairflow.Notices { return &w.Notify }), fields[workflowDraft]{
	"name":             textField(func(w *workflowDraft) *string { return &w.Name }),
	"description":      textField(func(w *workflowDraft) *string { return &w.Description }),
	"owner":            textField(func(w *workflowDraft) *string { return &w.Owner }),
	"docs":             textField(func(w *workflowDraft) *string { return &w.Docs }),
	"tags":             func(v value, w *workflowDraft) { w.Tags = v.texts("a list of texts: write [etl, orders]") },
	"is_active":        func(v value, w *workflowDraft) { w.IsActive = v.boolean() },
	"schedule":         func(v value, w *workflowDraft) { v.schedules(w) },
	"triggers":         func(v value, w *workflowDraft) { v.triggers(w) },
	"max_active_runs":  func(v value, w *workflowDraft) { w.MaxActiveRuns = v.integer() },
	"max_active_tasks": func(v value, w *workflowDraft) { w.MaxActiveTasks = v.integer() },
	"timeout":          func(v value, w *workflowDraft) { w.Timeout = v.duration() },
	"deadline":         func(v value, w *workflowDraft) { w.Deadline = v.deadline() },
	"fail_fast":        func(v value, w *workflowDraft) { w.FailFast = v.boolean() },
	"params":           func(v value, w *workflowDraft) { w.Params = v.params() },
	"env":              func(v value, w *workflowDraft) { w.Env = v.environment(nil) },
	"env_file":         func(v value, w *workflowDraft) { w.envFile = &v },
	"files":            func(v value, w *workflowDraft) { w.Files = v.files() },
	"defaults":         func(v value, w *workflowDraft) { w.defaults = &v },
	"groups":           func(v value, w *workflowDraft) { w.Groups = v.groups() },
	"outputs":          func(v value, w *workflowDraft) { w.Outputs = v.workflowOutputs() },
	"tasks":            func(v value, w *workflowDraft) { w.tasks = &v },
	"finally":          func(v value, w *workflowDraft) { w.finals = &v },
})

// workflow reads the root of a document. The result has what could be read,
// whatever problems there are, so that its other parts can still be checked; it
// is nil if the root is no map.
func (d *document) workflow(root value, first bool) *miniairflow.Definition {
	draft := workflowDraft{Definition: miniairflow.Definition{
		Owner:          d.around.owner,
		Notify:         d.around.notify,
		IsActive:       true,
		MaxActiveRuns:  miniairflow.MaxActiveRunsDefault,
		MaxActiveTasks: miniairflow.MaxActiveTasksDefault,
	}}
	entries, ok := root.entries("`tasks:` with a task below it")
	if !ok {
		return nil
	}
	workflowFields.read(entries, "the workflow", &draft)
	switch _, named := d.positions["name"]; {
	case named:
	case first:
		draft.Name = baseName(d.name)
	default:
		d.fault([]string{"name"})
		d.fail(d.start, "a further workflow of a file needs a name: write name: …")
	}
	if draft.envFile != nil {
		draft.Env = draft.envFile.envFiles(draft.Env)
	}
	draft.giveScheduleParams()
	draft.giveTriggerParams()
	base := d.defaults(draft.defaults)
	if draft.tasks != nil {
		draft.Tasks = d.tasks(*draft.tasks, base)
	}
	if draft.finals != nil {
		base.Finally = true
		draft.Tasks = append(draft.Tasks, d.tasks(*draft.finals, base)...)
	}
	return &draft.Definition
}

// tasks reads the tasks in file order, each on top of what defaults say.
func (d *document) tasks(v value, base taskDraft) []miniairflow.Task {
	entries, _ := v.entries("a name and below it the task, such as `hello: {command: echo hello}`")
	if len(entries) > d.limits.Tasks {
		d.halt(v.at, "the workflow has %d tasks, more than the limit of %d", len(entries), d.limits.Tasks)
	}
	tasks := make([]miniairflow.Task, 0, len(entries))
	for i, e := range entries {
		if i%256 == 0 && d.late() || !d.expand(e.at, len(base.Env)) {
			return nil
		}
		tasks = append(tasks, e.task(base))
	}
	return tasks
}

// environment reads variables, each with its text as the file has it, on top of
// the given ones, which stay as they are.
func (v value) environment(base map[string]string) map[string]string {
	entries, ok := v.entries("NAME: value")
	if !ok {
		return base
	}
	env := maps.Clone(base)
	if env == nil {
		env = make(map[string]string, len(entries))
	}
	for _, e := range entries {
		if e.isNull() {
			e.fail(`%s has no value: write %s: "" for an empty one`, e.name, e.name)
			continue
		}
		if text, ok := e.text(); ok {
			env[e.name] = text
		}
	}
	return env
}

// textField is a field that takes text.
func textField[T any, S ~string](target func(*T) *S) func(value, *T) {
	return func(v value, t *T) {
		text, _ := v.text()
		*target(t) = S(text)
	}
}

// exitCodes reads a number or a list of numbers.
func (v value) exitCodes() []int {
	var codes []int
	for _, item := range v.items("a list of exit codes: write [75]") {
		codes = append(codes, item.integer())
	}
	return codes
}

// fewExitCodes is exitCodes for a key that few tasks have.
func (v value) fewExitCodes() *miniairflow.ExitCodes {
	codes := miniairflow.ExitCodes(v.exitCodes())
	if len(codes) == 0 {
		return nil
	}
	return &codes
}
