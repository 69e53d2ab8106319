package loader

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// taskDraft is a task whose keys are being read. That of defaults is where
// every task starts from, so a task's own keys win one by one.
type taskDraft struct {
	miniairflow.Task
	shell string
	own   *value // the shell that the task itself has
}

// defaultFields are the keys of a task that defaults may set for all.
var defaultFields = withFields(noticeFields(func(t *taskDraft) *miniairflow.Notices { return &t.Notify }), fields[taskDraft]{
	"env":           func(v value, t *taskDraft) { t.Env = v.environment(t.Env) },
	"retry":         func(v value, t *taskDraft) { t.Retry = v.retry(t.RetryPolicy()) },
	"shell":         func(v value, t *taskDraft) { t.setShell(v) },
	"timeout":       func(v value, t *taskDraft) { t.Timeout = v.duration() },
	"queue":         textField(func(t *taskDraft) *string { return &t.Queue }),
	"priority":      func(v value, t *taskDraft) { t.Priority = v.priority() },
	"trigger_rule":  textField(func(t *taskDraft) *miniairflow.TriggerRule { return &t.TriggerRule }),
	"working_dir":   textField(func(t *taskDraft) *string { return &t.WorkingDir }),
	"pool":          textField(func(t *taskDraft) *string { return &t.Pool }),
	"pool_slots":    func(v value, t *taskDraft) { t.PoolSlots = v.poolSlots() },
	"queue_timeout": func(v value, t *taskDraft) { t.QueueTimeout = v.duration() },
	"on_lost":       func(v value, t *taskDraft) { t.OnLost = v.onLost() },
})

var taskFields = withFields(defaultFields, fields[taskDraft]{
	"deadline":      func(v value, t *taskDraft) { t.Deadline = v.deadline() },
	"description":   textField(func(t *taskDraft) *string { return &t.Description }),
	"template":      func(value, *taskDraft) {}, // see fromTemplate, which comes first
	"artifacts":     func(v value, t *taskDraft) { t.Artifacts = v.artifacts() },
	"inputs":        func(v value, t *taskDraft) { t.Inputs = v.artifactInputs() },
	"group":         textField(func(t *taskDraft) *string { return &t.Group }),
	"depends_on":    func(v value, t *taskDraft) { t.DependsOn = v.texts("a task or a list of tasks: write [extract]") },
	"when":          func(v value, t *taskDraft) { t.When = v.condition() },
	"for_each":      func(v value, t *taskDraft) { v.forEach(forEachOf(t)) },
	"key":           func(v value, t *taskDraft) { forEachOf(t).Key, _ = v.text() },
	"max_parallel":  func(v value, t *taskDraft) { forEachOf(t).MaxParallel = v.maxParallel() },
	"command":       func(v value, t *taskDraft) { t.Command = v.command() },
	"ssh":           func(v value, t *taskDraft) { t.SSH = v.ssh() },
	"container":     func(v value, t *taskDraft) { t.Container = v.container() },
	"http":          func(v value, t *taskDraft) { t.HTTP = v.http() },
	"wait":          func(v value, t *taskDraft) { t.Wait = v.wait() },
	"approval":      func(v value, t *taskDraft) { t.Approval = v.approval() },
	"workflow":      func(v value, t *taskDraft) { t.Workflow = v.childWorkflow() },
	"noop":          func(v value, t *taskDraft) { t.Noop = v.boolean() },
	"secrets":       func(v value, t *taskDraft) { t.Secrets = v.secrets() },
	"stdin":         textField(func(t *taskDraft) *string { return &t.Stdin }),
	"outputs":       func(v value, t *taskDraft) { t.Outputs, t.OutputFrom = v.outputs() },
	"allow_failure": func(v value, t *taskDraft) { t.AllowFailure = v.boolean() },

	"depends_on_past":    func(v value, t *taskDraft) { t.DependsOnPast = v.boolean() },
	"skip_on_exit_codes": func(v value, t *taskDraft) { t.SkipOn = v.fewExitCodes() },
})

func withFields[T any](base, more fields[T]) fields[T] {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

// defaults returns the draft that every task starts from.
func (d *document) defaults(v *value) taskDraft {
	base := d.around.base
	if v != nil {
		entries, _ := v.entries("the keys that all tasks share, such as `timeout: 30m`")
		defaultFields.read(entries, "defaults", &base)
	}
	base.own = nil
	return base
}

// task reads one task on top of base.
func (e entry) task(base taskDraft) miniairflow.Task {
	draft := base
	draft.Name = e.name
	entries, _ := e.entries("its keys below it, such as `command: echo hello`")
	use := e.fromTemplate(entries, &draft)
	taskFields.read(entries, "a task", &draft)
	if use != nil {
		use.bind(&draft)
	}
	draft.settleShell()
	withOutputs(&draft.Task)
	if draft.Pool != "" && draft.PoolSlots == 0 {
		draft.PoolSlots = 1
	}
	return draft.Task
}

// poolSlots refuses 0, which is how a task says that it has no number of its own.
func (v value) poolSlots() int {
	before := v.doc.faults
	slots := v.integer()
	if slots == 0 && v.doc.faults == before {
		v.fail("pool_slots is 0: write at least 1, or remove pool to run without one")
	}
	return slots
}

// onLost reads what happens after a loss. The usual way is no word in the
// canonical form.
func (v value) onLost() miniairflow.OnLost {
	text, _ := v.text()
	if miniairflow.OnLost(text) == miniairflow.LostRetry {
		return ""
	}
	return miniairflow.OnLost(text)
}

var retryFields = fields[miniairflow.RetryPolicy]{
	"count":         func(v value, r *miniairflow.RetryPolicy) { r.Count = v.integer() },
	"delay":         func(v value, r *miniairflow.RetryPolicy) { r.Delay = v.retryDelay() },
	"backoff":       textField(func(r *miniairflow.RetryPolicy) *miniairflow.Backoff { return &r.Backoff }),
	"max_delay":     func(v value, r *miniairflow.RetryPolicy) { r.MaxDelay = v.duration() },
	"jitter":        func(v value, r *miniairflow.RetryPolicy) { r.Jitter = v.boolean() },
	"on_exit_codes": func(v value, r *miniairflow.RetryPolicy) { r.OnExitCodes = v.exitCodes() },
	"on_timeout":    func(v value, r *miniairflow.RetryPolicy) { r.NotTimeout = !v.boolean() },

	"never_on_exit_codes": func(v value, r *miniairflow.RetryPolicy) { r.NeverOn = v.fewExitCodes() },
}

// retryDelay refuses 0, which is how a policy says that it has no delay of its own.
func (v value) retryDelay() miniairflow.Duration {
	before := v.doc.faults
	delay := v.duration()
	if delay == 0 && v.doc.faults == before {
		v.fail("delay is 0: write at least 1ms, or leave it out for 1s, 2s, 4s … up to 30s")
	}
	return delay
}

// retry reads a block, or just a count, over a policy. Nil is one that says nothing.
func (v value) retry(policy miniairflow.RetryPolicy) *miniairflow.RetryPolicy {
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "count"))] = v.at
		policy.Count = v.integer()
	} else {
		v.retryBlock(&policy)
	}
	if reflect.ValueOf(policy).IsZero() {
		return nil
	}
	return &policy
}

func (v value) retryBlock(policy *miniairflow.RetryPolicy) {
	entries, ok := v.entries("how often and when, such as {count: 3, delay: 10s}")
	before := v.doc.faults
	retryFields.read(entries, "retry", policy)
	hasCount := slices.ContainsFunc(entries, func(e entry) bool { return e.name == "count" })
	if ok && policy.Count == 0 && !hasCount && v.path[0] != "defaults" && v.doc.faults == before {
		v.fail("retry has no count, so nothing would be tried again: add count, as in {count: 3, delay: 10s}")
	}
}

// condition refuses one that reads nothing: it is most often a name in quotes. An input
// counts as read here, whatever its value is where the template is used.
func (v value) condition() string {
	text, _ := v.text()
	if always, isConstant := expression.Constant(text); isConstant {
		v.fail("when is always %t, since it reads nothing of a run: write names without quotes, as in ${{ params.full == 'yes' }}, or remove it", always)
	}
	return text
}

// priority reads the name of a priority; unlike other words it has no form in
// which an unknown one could be checked later.
func (v value) priority() miniairflow.Priority {
	name, ok := v.text()
	if !ok {
		return miniairflow.PriorityNormal
	}
	place := slices.Index(miniairflow.Priorities, name)
	if place < 0 {
		hint := ": use " + strings.Join(miniairflow.Priorities, ", ")
		if near, ok := miniairflow.Nearest(name, miniairflow.Priorities); ok {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		v.fail("priority %s is unknown%s", quoted(name), hint)
		return miniairflow.PriorityNormal
	}
	return miniairflow.Priority(place)
}
