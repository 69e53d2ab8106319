package loader

import (
	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// ends are the states in which a run or a task run that nobody cancels can end.
var (
	runEnds  = []miniairflow.RunStatus{miniairflow.RunSuccess, miniairflow.RunFailed}
	taskEnds = []miniairflow.TaskStatus{
		miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskSkipped, miniairflow.TaskUpstreamFailed,
	}
)

var expectFields = fields[Expectation]{
	"status": func(v value, e *Expectation) { e.Status = wordOf(v, runEnds) },
	"tasks":  func(v value, e *Expectation) { e.Tasks = v.expectedTasks() },
	"order":  func(v value, e *Expectation) { e.Order = v.texts("a list of tasks: write [extract, load]") },
}

func (v value) expectation() (expected Expectation) {
	entries, ok := v.entries("status, tasks or order, such as {status: success}")
	expectFields.read(entries, "expect", &expected)
	if ok && len(entries) == 0 {
		v.fail("expect is empty, so the case cannot fail: write {status: success}")
	}
	return expected
}

var expectedTaskFields = fields[ExpectedTask]{
	"status":   func(v value, e *ExpectedTask) { e.Status = wordOf(v, taskEnds) },
	"attempts": func(v value, e *ExpectedTask) { n := v.integer(); e.Attempts = &n },
	"env":      func(v value, e *ExpectedTask) { e.Env = v.environment(nil) },
	"command":  func(v value, e *ExpectedTask) { e.Command = v.texts("a list, as the command is") },
	"stdin":    func(v value, e *ExpectedTask) { text, _ := v.text(); e.Stdin = &text },
	"reason":   textField(func(e *ExpectedTask) *string { return &e.Reason }),
}

// expectedTasks reads what is expected of tasks: a state, or a map.
func (v value) expectedTasks() (tasks []ExpectedTask) {
	entries, _ := v.entries("a task and its state, such as `load: skipped`")
	for _, e := range entries {
		task := ExpectedTask{Name: e.name, Line: e.key.Line}
		if e.node.Kind == yaml.ScalarNode && !e.isNull() {
			task.Status = wordOf(e.value, taskEnds)
		} else {
			keys, _ := e.entries("its state or a map, such as {status: success, env: {ROWS: 3}}")
			expectedTaskFields.read(keys, "an expected task", &task)
		}
		tasks = append(tasks, task)
	}
	return tasks
}
