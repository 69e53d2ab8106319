package loader

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// template is the body of a task, with typed inputs, in a file of its own. It never
// changes.
type template struct {
	name    string
	shown   string // its file, as problems have it
	inputs  []miniairflow.Param
	places  map[string]string // by name, where an input is declared
	tree    *node
	lines   lines
	size    int    // values in it
	problem string // the first one; empty: none
}

// templateDraft is a template whose keys are being read.
type templateDraft struct {
	taskDraft
	inputs []miniairflow.Param
}

var templateFields = withFields(liftedTask(), fields[templateDraft]{
	"inputs": func(v value, t *templateDraft) { t.inputs = v.params() },
	"template": func(v value, _ *templateDraft) {
		v.fail("a template uses no other template: write its keys here")
	},
})

// liftedTask are the keys of a task.
func liftedTask() fields[templateDraft] {
	lifted := fields[templateDraft]{}
	for name, field := range taskFields {
		lifted[name] = func(v value, t *templateDraft) { field(v, &t.taskDraft) }
	}
	return lifted
}

// bytesPerValue is how many bytes of a template count as one value, wherever it is used.
const bytesPerValue = 64

// probeTimeout is longer than anything that a template may wait for.
const probeTimeout = miniairflow.Duration(100 * 365 * 24 * time.Hour)

// probePath is where a template is while it is looked at by itself.
var probePath = []string{"tasks", "task"}

// readTemplate adds a template to those that count, if need be as one that cannot be used.
func (a *around) readTemplate(shown string, data []byte, limits Limits) []miniairflow.ImportError {
	f := newFile(shown, limits)
	t := &template{name: baseName(shown), shown: shown}
	f.guard(func() {
		d, root := f.single(data, "a template", probePath)
		switch {
		case d != nil:
			t.read(d, root)
			t.size += len(data) / bytesPerValue
		case len(f.problems) == 0:
			f.fail(position{}, "the template is empty: write the keys of a task, such as `command: echo hello`")
		}
	})
	problems := f.sorted()
	if len(problems) > 0 {
		t.problem = problems[0].String()
	}
	a.templates = maps.Clone(a.templates)
	if a.templates == nil {
		a.templates = map[string]*template{}
	}
	a.templates[t.name] = t
	return problems
}

// read checks the template as the only task of a workflow.
func (t *template) read(d *document, root value) {
	t.tree, t.lines = root.node, d.lines
	draft := templateDraft{taskDraft: plainBase()}
	// What goes with its keys may be in the task or in defaults.
	draft.Retry, draft.Timeout = &miniairflow.RetryPolicy{Count: 1}, probeTimeout
	entries, _ := root.entries("the keys of a task, such as `command: echo hello`")
	templateFields.read(entries, "a template", &draft)
	t.inputs, t.size = draft.inputs, len(d.positions)
	t.places = make(map[string]string, len(t.inputs))
	samples := make(map[string]expression.Input, len(t.inputs))
	for _, input := range t.inputs {
		d.checkInput(&input)
		t.places[input.Name] = placed(t.shown, d.find(append(slices.Clip(probePath), "inputs", input.Name)))
		samples[input.Name] = expression.Input{}
	}
	probe := d.probe(draft.taskDraft)
	probe.Params = t.inputs
	problems := probe.Validate()
	task := draft.Task
	for _, problem := range expression.BindInputs(&task, samples) {
		problem.Path = slices.Concat(probePath, problem.Path)
		problems = append(problems, problem)
	}
	for _, problem := range problems {
		if problem.Path[0] == "params" {
			problem.Path = slices.Concat(probePath, []string{"inputs"}, problem.Path[1:])
			problem.Message = strings.Replace(problem.Message, "param ", "input ", 1)
		}
		if !problem.IsWarning && !d.follows(problem.Path) { // the tasks that use it are warned of
			d.fail(d.placeOf(problem), "%s", problem.Message)
		}
	}
}

// checkInput refuses what no text can stand for: inputs are written into texts.
func (d *document) checkInput(input *miniairflow.Param) {
	at := append(slices.Clip(probePath), "inputs", input.Name)
	required := append(slices.Clip(at), "required")
	_, saysRequired := d.positions[joined(required)]
	switch {
	case input.Type == miniairflow.ParamList, input.Type == miniairflow.ParamObject:
		d.fail(d.find(append(at, "type")), "input %q cannot be of type %s: give its parts as inputs of their own, or a text with JSON", input.Name, input.Type)
	case input.Optional:
		d.fail(d.find(required), "input %q is needed by the template: remove required: false, or give it a default", input.Name)
	case saysRequired:
		d.fail(d.find(required), "an input has no required: it is needed unless it has a default; it may have type, default, description, enum, pattern, minimum and maximum")
	}
}

// templateUse is a template that a task names, with the inputs that it gives.
type templateUse struct {
	*template
	task  entry
	name  entry // the key that names it
	given *entry
}

// fromTemplate lays the template that a task names under its own keys; nil if it names
// none, or none that can be used.
func (e entry) fromTemplate(entries []entry, draft *taskDraft) *templateUse {
	var name, given *entry
	for i := range entries {
		switch entries[i].name {
		case "template":
			name = &entries[i]
		case "inputs":
			if !entries[i].takesArtifacts() {
				given = &entries[i]
			}
		}
	}
	if name == nil {
		if given != nil {
			given.failAt(at(given.key), "a map of inputs is for a template: add template: NAME, or write a list of the tasks whose artifacts it takes")
		}
		return nil
	}
	text, ok := name.text()
	found := e.doc.around.templates[text]
	switch {
	case !ok:
	case found == nil:
		name.fail("there is no template %s: %s", quoted(text), e.doc.templateHint(text))
	case found.problem != "":
		name.fail("template %q has a problem: %s", text, found.problem)
	case e.doc.expand(name.at, found.size):
		use := &templateUse{template: found, task: e, name: *name, given: given}
		use.lay(draft)
		return use
	}
	e.doc.fault(e.path) // what follows from it is no news
	return nil
}

// templateHint says which template was meant, or where to put it.
func (d *document) templateHint(name string) string {
	known := slices.Sorted(maps.Keys(d.around.templates))
	if near, ok := miniairflow.Nearest(name, known); ok {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Sprintf("write %s/%s.yaml beside the workflow's file, or in a folder above it", templatesFolder, name)
}

// lay reads the keys of the template into the draft and notes where they come from.
func (u *templateUse) lay(draft *taskDraft) {
	f := newFile(u.shown, u.task.doc.limits)
	f.lines = u.lines
	d := f.document(u.tree)
	d.positions, d.keys = map[string]position{}, map[string]position{}
	root := value{doc: d, node: u.tree, at: d.start, path: u.task.path}
	entries, _ := root.entries("")
	read := templateDraft{taskDraft: *draft}
	templateFields.read(entries, "a template", &read)
	*draft = read.taskDraft
	draft.own = nil
	for key, place := range d.positions {
		u.task.doc.sources[key] = placed(u.shown, place)
	}
}

// bind writes the inputs into the task, after its own keys were read.
func (u *templateUse) bind(draft *taskDraft) {
	doc := u.task.doc
	u.checkRetry(draft)
	values, ok := u.values()
	if !ok {
		doc.fault(u.task.path)
		return
	}
	for _, problem := range expression.BindInputs(&draft.Task, values) {
		problem.Path = slices.Concat(u.task.path, problem.Path)
		doc.fail(doc.find(problem.Path), "%s%s", problem.Message, doc.source(problem))
		doc.fault(problem.Path)
	}
}

// checkRetry tells of a retry in the template for which nobody has said how often: a
// template may leave that to the tasks, but then nothing would be tried again.
func (u *templateUse) checkRetry(draft *taskDraft) {
	doc, retry := u.task.doc, append(slices.Clip(u.task.path), "retry")
	count := joined(append(slices.Clip(retry), "count"))
	_, isGiven := doc.sources[joined(retry)]
	_, isCounted := doc.sources[count]
	_, isOwn := doc.positions[count]
	if isGiven && !isCounted && !isOwn && draft.RetryPolicy().Count == 0 && !doc.follows(retry) {
		u.name.fail("template %q has a retry without a count, so nothing would be tried again: add retry: {count: 3} here, or a count there", u.template.name)
	}
}

// values returns the values of all inputs; ok is false if one is wrong or missing.
func (u *templateUse) values() (values map[string]expression.Input, ok bool) {
	before := u.task.doc.faults
	values = make(map[string]expression.Input, len(u.inputs))
	if u.given != nil {
		entries, _ := u.given.entries("the inputs of the template, such as {table: orders}")
		for _, e := range entries {
			place := slices.IndexFunc(u.inputs, func(p miniairflow.Param) bool { return p.Name == e.name })
			if place < 0 {
				e.failAt(at(e.key), "unknown input %q%s", e.name, u.inputHint(e.name))
				continue
			}
			values[e.name] = u.value(e, &u.inputs[place])
		}
	}
	for i := range u.inputs {
		input := &u.inputs[i]
		if _, given := values[input.Name]; given {
			continue
		}
		if input.Default == nil {
			u.name.fail("template %q needs the input %q (%s): add inputs: {%s: …} (declared at %s)", u.template.name, input.Name, input.Type, input.Name, u.places[input.Name])
			continue
		}
		values[input.Name] = expression.Input{Text: inputText(input.Default), Value: input.Default}
	}
	return values, u.task.doc.faults == before
}

// value reads and checks one input. One that a run computes has no value yet.
func (u *templateUse) value(e entry, input *miniairflow.Param) expression.Input {
	text, ok := e.text()
	if !ok || strings.Contains(text, "${{") {
		return expression.Input{Text: text}
	}
	checked, err := input.Check(e.paramValue(input.Type))
	if err != nil {
		e.fail("input %q (%s) of template %q: %v (declared at %s)", input.Name, input.Type, u.template.name, err, u.places[input.Name])
	}
	return expression.Input{Text: text, Value: checked}
}

func (u *templateUse) inputHint(name string) string {
	if len(u.inputs) == 0 {
		return fmt.Sprintf(": template %q has none (%s)", u.template.name, u.shown)
	}
	names := make([]string, len(u.inputs))
	for i := range u.inputs {
		names[i] = u.inputs[i].Name
	}
	if hint := miniairflow.DidYouMean(name, names); hint != "" {
		return hint
	}
	return fmt.Sprintf(": template %q has %s (%s)", u.template.name, strings.Join(names, ", "), u.shown)
}

// inputText returns the default of an input as a file would have it.
func inputText(fallback any) string {
	switch value := fallback.(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return fmt.Sprint(value)
	}
}
