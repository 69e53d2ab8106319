package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// Check compiles every template of d with the types of its params and outputs
// and returns what is wrong, in the order of the file: syntax, unknown names,
// types, tasks that are not upstream, and templates where none may be. Positions
// inside a text are part of the message, in characters from 1. d need not be
// valid otherwise; of one whose graph has errors the upstream rule is not checked.
// Some of what it returns are warnings.
func (e *Engine) Check(d *miniairflow.Definition) []miniairflow.Problem {
	return e.CheckKnowing(d, nil)
}

// CheckKnowing is Check where some of the workflows are known that tasks of d run: they
// have the outputs that these declare, and no others.
func (e *Engine) CheckKnowing(d *miniairflow.Definition, children map[string]*miniairflow.Definition) []miniairflow.Problem {
	c := &checker{
		engine: e, d: d, children: children, params: make(map[string]miniairflow.ParamType, len(d.Params)), tasks: make(map[string]int, len(d.Tasks)),
		expressions: map[string]*checked{}, literals: map[string]error{}, secretive: map[variable]bool{},
	}
	for _, p := range d.Params {
		c.params[p.Name] = p.Type
		c.paramNames = append(c.paramNames, p.Name)
	}
	for i := range d.Tasks {
		c.tasks[d.Tasks[i].Name] = i
		c.taskNames = append(c.taskNames, d.Tasks[i].Name)
	}
	if g, err := miniairflow.NewDAG(d); err == nil {
		c.upstream = &reach{dag: g}
	}
	c.workflow()
	c.workflowOutputs()
	c.notices(nil, -1, d.Notify)
	for i := range d.Tasks {
		c.task(i)
	}
	return c.problems
}

type checker struct {
	engine      *Engine
	d           *miniairflow.Definition
	children    map[string]*miniairflow.Definition // by name, of those that are known
	params      map[string]miniairflow.ParamType
	paramNames  []string
	tasks       map[string]int
	taskNames   []string
	upstream    *reach // nil if the graph has errors
	problems    []miniairflow.Problem
	suggested   int
	expressions map[string]*checked // by source: what one is does not depend on where it stands
	literals    map[string]error    // by function, parameter and text
	secretive   map[variable]bool   // whether a variable of a task holds a secret
	isOver      bool                // expressionsMax is passed, and told
	tried       int                 // see triesMax
}

// variable is one of a task's own env.
type variable struct {
	task int
	name string
}

// checked is an expression as parsed, and what its types say, once asked.
type checked struct {
	parsed
	err        error
	typeErrors map[bool]error // by whether a boolean is wanted
}

// expressionsMax bounds the different expressions of one definition: each one is compiled.
const expressionsMax = 20_000

// site is a place where a template may stand, and what it may read there.
type site struct {
	path   []string
	name   string // for messages
	params bool
	task   int    // whose upstream tasks it may read; -1: none
	isOver bool   // all tasks have ended: it may read any
	event  string // of a trigger's params: its name

	isNotice bool // of who is told; with a task, about that
}

func (c *checker) add(path []string, format string, args ...any) {
	c.problems = append(c.problems, miniairflow.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) warn(path []string, format string, args ...any) {
	c.problems = append(c.problems, miniairflow.Problem{Path: path, IsWarning: true, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) workflow() {
	c.forbid([]string{"name"}, "a name", c.d.Name)
	c.forbid([]string{"owner"}, "owner", c.d.Owner)
	for i, tag := range c.d.Tags {
		c.forbid([]string{"tags", strconv.Itoa(i)}, "tags", tag)
	}
	for i, s := range c.d.Schedules {
		c.forbid([]string{"schedule", strconv.Itoa(i), "cron"}, "a schedule", s.Cron)
		c.forbid([]string{"schedule", strconv.Itoa(i), "timezone"}, "a schedule", s.Timezone)
	}
	for i := range c.d.Params {
		p := &c.d.Params[i]
		c.paramValue([]string{"params", p.Name, "default"}, p, p.Default)
	}
	c.scheduleParams()
	c.triggerParams()
	for _, name := range keysOf(c.d.Env) {
		c.template(site{path: []string{"env", name}, name: "the workflow's env", params: true, task: -1}, c.d.Env[name])
	}
}

// forbid refuses a template in a text that is taken as it is.
func (c *checker) forbid(path []string, what, text string) {
	if strings.Contains(text, opening) {
		c.add(path, "%s … %s is not allowed in %s: it must be known when the file is read", opening, closing, what)
	}
}

// script refuses a template in shell text and shows what to write instead.
func (c *checker) script(path []string, text string) {
	if strings.Contains(text, opening) {
		c.add(path, "%s", scriptHint(text))
	}
}

// noTemplate refuses templates inside a list or object, whose texts are taken as
// they are.
func (c *checker) noTemplate(path []string, value any) {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, opening) {
			c.add(path, "%s … %s is not allowed inside a list or object: write all of it as one expression, such as \"${{ [run.id, 'x'] }}\"", opening, closing)
		}
	case []any:
		for _, item := range v {
			c.noTemplate(path, item)
		}
	case map[string]any:
		for _, key := range keysOf(v) {
			c.noTemplate(path, v[key])
		}
	}
}

func (c *checker) template(at site, text string) {
	if !strings.Contains(text, opening) {
		return
	}
	segments, err := split(text)
	if err != nil {
		c.add(at.path, "%v", err)
		return
	}
	for _, s := range segments {
		if s.isExpression {
			c.expression(at, s, false)
		}
	}
}

// condition checks a text that must be exactly one expression of a boolean.
func (c *checker) condition(at site, text string) {
	s, err := only(text)
	if err != nil {
		c.add(at.path, "%s: %v", at.name, err)
		return
	}
	c.expression(at, s, true)
}

func (c *checker) expression(where site, s segment, wantBool bool) {
	e := c.parsed(where, s.source)
	switch {
	case e == nil:
		return
	case e.err != nil:
		c.add(where.path, "%v", at(s, e.err))
		return
	}
	known := true
	for _, r := range e.references {
		err := c.reference(where, r)
		if err == nil && (r.root == rootSecrets || r.root == rootEnv && where.key() != "env" && c.holdsSecret(where.task, r.name)) {
			err = c.secretReference(where, s.source, r)
		}
		if err != nil {
			known = false
			c.add(where.path, "%v", at(s, err))
		}
	}
	if !known {
		return
	}
	if err := c.typeError(e, wantBool); err != nil {
		c.add(where.path, "%v", at(s, err))
		return
	}
	for _, l := range e.literals {
		if err := c.literal(l); err != nil {
			c.add(where.path, "%v", at(s, err))
		}
	}
	for _, r := range e.references {
		if err := c.nearOutput(r); err != nil {
			c.warn(where.path, "%v", at(s, err))
		}
	}
}

// literalsMax bounds the different texts of one definition that are tried where
// a function takes only some: a time zone is looked for in the file system.
const literalsMax = 500

// literal checks a text that a function is given. What is too much to check is
// found when the expression is computed.
func (c *checker) literal(l literal) error {
	key := l.function + "\x00" + l.param.name + "\x00" + l.text
	err, known := c.literals[key]
	if !known {
		if len(c.literals) >= literalsMax {
			return nil
		}
		err = l.param.literal(l.text)
		c.literals[key] = err
	}
	if err != nil {
		return &compileError{message: l.function + ": " + err.Error(), at: l.at}
	}
	return nil
}

// parsed returns the expression of a source; nil if there are too many of them,
// which is told at the first one.
func (c *checker) parsed(where site, source string) *checked {
	if e, ok := c.expressions[source]; ok {
		return e
	}
	if len(c.expressions) >= expressionsMax {
		if !c.isOver {
			c.isOver = true
			c.add(where.path, "the workflow has more than %d different expressions", expressionsMax)
		}
		return nil
	}
	e := &checked{typeErrors: map[bool]error{}}
	e.parsed, e.err = parseSafely(source)
	c.expressions[source] = e
	return e
}

func (c *checker) typeError(e *checked, wantBool bool) error {
	err, known := e.typeErrors[wantBool]
	if !known {
		err = c.checkTypes(e.masked, e.references, wantBool)
		e.typeErrors[wantBool] = err
	}
	return err
}

// reference checks that a name exists and may be read at this place.
func (c *checker) reference(where site, r reference) error {
	refuse := func(format string, args ...any) error {
		return &compileError{message: fmt.Sprintf(format, args...), at: r.at}
	}
	from, ok := rootNamed(r.root)
	switch {
	case !ok:
		return refuse("%s", unknownName(r.root))
	case from.event != where.event && (where.event == "" || r.root != rootVars):
		return refuse("%s", wrongEvent(where, r.root, from))
	case from.event != "" && from.alone != nil:
		return nil
	case where.isOver && !slices.Contains(rootsOfOver, r.root):
		return refuse("%s may read %s only, not %s", where.name, enumerated(rootsOfOver, "and"), r.root)
	case where.isNotice && !slices.Contains(where.rootsOfNotice(), r.root):
		return refuse("%s may read %s only, not %s", where.name, enumerated(where.rootsOfNotice(), "and"), r.root)
	case from.since > where.phase():
		return refuse("%s may read %s only, not %s", where.name, formsUntil(where.phase()), r.root)
	case r.root == rootSecrets && !from.isKnown(c, where, r.name):
		return from.unknown(c, where, r)
	case r.root == rootSecrets:
		return nil // see secretReference
	case r.root == rootTask && !where.isNotice:
		return refuse("task is the one that a notification is about, and is known there only: the result of a task is tasks.<name>")
	case from.keys != nil && !where.isNotice && !slices.Contains(from.keys, where.key()):
		return refuse("%s may not read %s: only %s of a task may", where.name, r.root, enumerated(from.keys, "and"))
	case r.root == rootTasks:
		return c.taskReference(where, r)
	case from.alone != nil && (c.d.Tasks[where.task].ForEach == nil || where.key() == "for_each"):
		return refuse("%s", noItem(r.root))
	case from.alone != nil:
		return nil
	}
	if isOfRun := where.isNotice && where.task < 0; from.isTold(r.name) && !isOfRun {
		return refuse("%s.%s is known in notifications about the run only", r.root, r.name)
	}
	if from.isFinal(r.name) && where.isNotice && where.task >= 0 {
		return refuse("%s.%s is known in notifications about the run only: a task has its task.status", r.root, r.name)
	}
	if from.isFinal(r.name) && !where.isNotice && !c.isFinal(where.task) {
		return refuse("%s.%s is known in tasks of finally only: before them the run is not over", r.root, r.name)
	}
	if !from.isKnown(c, where, r.name) {
		return from.unknown(c, where, r)
	}
	return nil
}

// taskReference checks that a task exists and that its result is there at this place.
func (c *checker) taskReference(where site, r reference) error {
	refuse := func(format string, args ...any) error {
		return &compileError{message: fmt.Sprintf(format, args...), at: r.at}
	}
	up, ok := c.tasks[r.name]
	if !ok {
		return c.unknownTask(r)
	}
	if !slices.Contains(taskFields, r.field) {
		return unknownTaskField(r)
	}
	if r.field == fieldOutputs && !c.mayHaveOutput(&c.d.Tasks[up], r.key) {
		return c.unknownOutput(r, up)
	}
	switch {
	case where.isOver:
		return nil
	case up == where.task:
		return refuse("task %q cannot read its own result", r.name)
	case c.isFinal(where.task) && !c.isFinal(up):
		return nil // all of them have ended
	case !c.isFinal(where.task) && c.isFinal(up):
		return refuse("task %q is of finally: it runs after all others", r.name)
	case c.upstream == nil || c.upstream.isUpstream(up, where.task):
		return nil
	case c.upstream.isUpstream(where.task, up):
		return refuse("task %q is downstream: it has no result yet", r.name)
	default:
		return refuse("task %q is not upstream: add it to depends_on", r.name)
	}
}

// isFinal reports whether a task is of finally; -1 is none.
func (c *checker) isFinal(task int) bool { return task >= 0 && c.d.Tasks[task].Finally }

// suggestionsMax bounds the "did you mean" of declared names in one definition:
// each one compares a word with every name.
const suggestionsMax = 50

func (c *checker) maySuggest() bool {
	c.suggested++
	return c.suggested <= suggestionsMax
}

func (c *checker) unknownTask(r reference) error {
	if !c.maySuggest() {
		return &compileError{message: fmt.Sprintf("unknown task %q", r.name), at: r.at}
	}
	return unknown(r, "task", r.name, c.taskNames)
}

// parseSafely is parse for input that may make the library panic.
func parseSafely(source string) (e parsed, err error) {
	defer recovered(&err)
	return parse(source)
}
