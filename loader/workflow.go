package loader

import (
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// workflowDraft is a workflow whose keys are being read. Its tasks come last,
// when the defaults that they take are known.
type workflowDraft struct {
	miniairflow.Definition
	defaults, tasks, finals *value
	envFile                 *value
}

var workflowFields = fields[workflowDraft]{
	"name":             textField(func(w *workflowDraft) *string { return &w.Name }),
	"description":      textField(func(w *workflowDraft) *string { return &w.Description }),
	"owner":            textField(func(w *workflowDraft) *string { return &w.Owner }),
	"docs":             textField(func(w *workflowDraft) *string { return &w.Docs }),
	"tags":             func(v value, w *workflowDraft) { w.Tags = v.texts("a list of texts: write [etl, orders]") },
	"is_active":        func(v value, w *workflowDraft) { w.IsActive = v.boolean() },
	"schedule":         func(v value, w *workflowDraft) { w.Schedules = v.schedules() },
	"max_active_runs":  func(v value, w *workflowDraft) { w.MaxActiveRuns = v.integer() },
	"max_active_tasks": func(v value, w *workflowDraft) { w.MaxActiveTasks = v.integer() },
	"timeout":          func(v value, w *workflowDraft) { w.Timeout = v.duration() },
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
}

// workflow reads the root of a document. The result has what could be read,
// whatever problems there are, so that its other parts can still be checked; it
// is nil if the root is no map.
func (d *document) workflow(root value, first bool) *miniairflow.Definition {
	draft := workflowDraft{Definition: miniairflow.Definition{
		Owner:          d.around.owner,
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

// schedules reads a cron expression, a block, or a list of both.
func (v value) schedules() []miniairflow.Schedule {
	if v.node.Kind != yaml.SequenceNode {
		// The one entry gets the path that it would have in a list.
		only := v
		only.path = slices.Concat(v.path, []string{"0"})
		v.doc.positions[joined(only.path)] = v.at
		return []miniairflow.Schedule{only.schedule()}
	}
	var list []miniairflow.Schedule
	for _, item := range v.items("") {
		list = append(list, item.schedule())
	}
	return list
}

var scheduleFields = fields[miniairflow.Schedule]{
	"cron":           textField(func(s *miniairflow.Schedule) *string { return &s.Cron }),
	"timezone":       textField(func(s *miniairflow.Schedule) *string { return &s.Timezone }),
	"catchup":        func(v value, s *miniairflow.Schedule) { s.Catchup = v.catchup() },
	"catchup_window": func(v value, s *miniairflow.Schedule) { s.CatchupWindow = v.duration() },
	"overlap":        textField(func(s *miniairflow.Schedule) *miniairflow.Overlap { return &s.Overlap }),
}

func (v value) schedule() miniairflow.Schedule {
	s := miniairflow.Schedule{Timezone: v.doc.around.timezone, Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue}
	if v.node.Kind != yaml.MappingNode {
		if v.node.Kind != yaml.ScalarNode || v.isNull() {
			v.mismatch(`a cron expression such as "0 2 * * *", or a map with cron:`)
			return s
		}
		s.Cron, _ = v.text()
		return s
	}
	entries, _ := v.entries("")
	before := v.doc.faults
	scheduleFields.read(entries, "schedule", &s)
	if _, ok := v.doc.positions[joined(append(v.path, "cron"))]; ok {
		return s
	}
	if v.doc.faults == before {
		v.fail(`the schedule has no cron: write cron: "0 2 * * *"`)
	}
	v.doc.fault(v.path)
	return s
}

// catchup explains Airflow's booleans, which most people try first.
func (v value) catchup() miniairflow.Catchup {
	if v.isPlain() && v.node.Tag == "!!bool" {
		v.fail("catchup is not a boolean here: write none, latest (the newest missed slot) or all")
		return ""
	}
	text, _ := v.text()
	return miniairflow.Catchup(text)
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
