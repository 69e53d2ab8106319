package miniairflow

import (
	"maps"
	"strconv"
	"strings"
)

// ActionKind names a kind of action. It is the key of the action in a task's file.
type ActionKind string

// The kinds of actions.
const (
	ActionCommand  ActionKind = "command"
	ActionHTTP     ActionKind = "http"
	ActionWait     ActionKind = "wait"
	ActionApproval ActionKind = "approval"
	ActionWorkflow ActionKind = "workflow"
	ActionNoop     ActionKind = "noop"
)

// Action is what a task does. Each kind has one file in this package (what it
// is, what is wrong with one, which of its texts are templates), one in loader
// (how it is read) and one in runner/action (how it is executed). A new kind is
// these three, a field of Task, and its line in Task.Actions.
type Action interface {
	// Kind says which one it is.
	Kind() ActionKind
	// validate adds what is wrong with it as the only action of t. Its key is at.
	validate(v *validator, at []string, t *Task)
	// copyInto gives t, which is a copy of a task, an action of its own, so that
	// eachTemplate may change it.
	copyInto(t *Task)
	// eachTemplate hands each of its templates to visit, in a fixed order, and
	// keeps what comes back. It writes only what has changed.
	eachTemplate(visit visitTemplate) error
}

// Actions returns the actions of t. A valid task has exactly one.
func (t *Task) Actions() []Action {
	var actions []Action
	if t.Command != nil {
		actions = append(actions, t.Command)
	}
	if t.HTTP != nil {
		actions = append(actions, t.HTTP)
	}
	if t.Wait != nil {
		actions = append(actions, t.Wait)
	}
	if t.Approval != nil {
		actions = append(actions, t.Approval)
	}
	if t.Workflow != nil {
		actions = append(actions, t.Workflow)
	}
	if t.Noop {
		actions = append(actions, noop{})
	}
	return actions
}

// Template is a text of a task in which ${{ }} may stand.
type Template struct {
	Path []string // the keys that lead to it from the task: env, REGION
	Text string
	JSON bool // it is a text in a JSON document, and what stands in its place must be JSON
}

// Name returns the place of a template as people write it: env.REGION, command[1].
func (t Template) Name() string {
	var name strings.Builder
	for i, key := range t.Path {
		switch _, err := strconv.Atoi(key); {
		case i > 0 && err == nil:
			name.WriteString("[" + key + "]")
		case i > 0:
			name.WriteString("." + key)
		default:
			name.WriteString(key)
		}
	}
	return name.String()
}

// visitTemplate is shown a template and returns what is to stand in its place.
type visitTemplate func(Template) (string, error)

// Templates returns every template of t but `when`, which decides about t before
// any of them is computed.
func (t *Task) Templates() []Template {
	var all []Template
	_ = t.eachTemplate(func(template Template) (string, error) {
		all = append(all, template)
		return template.Text, nil // unchanged, so nothing is written
	})
	return all
}

// Render returns a copy of t with each of its Templates as render makes it. The
// first error of render is returned.
func (t *Task) Render(render func(Template) (string, error)) (*Task, error) {
	rendered := *t
	for _, action := range t.Actions() {
		action.copyInto(&rendered)
	}
	rendered.Env = maps.Clone(t.Env)
	if t.SSH != nil {
		copied := *t.SSH
		rendered.SSH = &copied
	}
	if t.Container != nil {
		copied := *t.Container
		rendered.Container = &copied
	}
	if err := rendered.eachTemplate(render); err != nil {
		return nil, err
	}
	return &rendered, nil
}

func (t *Task) eachTemplate(visit visitTemplate) error {
	for _, action := range t.Actions() {
		if err := action.eachTemplate(visit); err != nil {
			return err
		}
	}
	if t.SSH != nil {
		if err := t.SSH.eachTemplate(visit); err != nil {
			return err
		}
	}
	if t.Container != nil {
		if err := t.Container.eachTemplate(visit); err != nil {
			return err
		}
	}
	if err := eachValue(t.Env, visit, "env"); err != nil {
		return err
	}
	if t.Stdin == "" {
		return nil
	}
	return eachText(&t.Stdin, visit, "stdin")
}

// under returns visit for the templates of an action that is part of another one,
// below the given key.
func under(key string, visit visitTemplate) visitTemplate {
	return func(t Template) (string, error) {
		t.Path = append([]string{key}, t.Path...)
		return visit(t)
	}
}

// eachText visits one text.
func eachText(text *string, visit visitTemplate, path ...string) error {
	rendered, err := visit(Template{Path: path, Text: *text})
	if err == nil && rendered != *text {
		*text = rendered
	}
	return err
}

// eachValue visits the values of a map by their keys, in order.
func eachValue(texts map[string]string, visit visitTemplate, path ...string) error {
	for _, key := range sortedKeys(texts) {
		rendered, err := visit(Template{Path: sub(path, key), Text: texts[key]})
		if err != nil {
			return err
		}
		if rendered != texts[key] {
			texts[key] = rendered
		}
	}
	return nil
}
