package expression

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/types"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// The roots of all names.
const (
	rootParams  = "params"
	rootRun     = "run"
	rootEnv     = "env"
	rootTasks   = "tasks"
	rootVars    = "vars"
	rootSecrets = "secrets"
	rootItem    = "item"
	rootIndex   = "index"
	rootTask    = "task"
	rootBody    = "body"
	rootHeaders = "headers"
	rootQuery   = "query"
	rootFile    = "file"
)

// The triggers whose params see a request, or a file.
const (
	eventWebhook = "webhook"
	eventFile    = "file"
)

// phase says when a template is computed: what a later one sees includes what
// an earlier one does.
type phase int

const (
	phaseParams phase = iota // the defaults of params: the run is about to be made
	phaseRun                 // env of the workflow: the run has its params
	phaseTask                // what stands in a task: the tasks upstream are done
)

// root is a name that expressions start with. The table of roots is the one place
// that says which names there are and where: checks, messages, evaluation and the
// table of the documentation follow from it.
type root struct {
	name   string
	alone  types.Type // of one that is a value itself, which nothing follows; else nil
	what   string     // what an unknown one is called in messages; of one that stands alone, what it is
	form   string     // how a value of it is written
	since  phase      // from when on it is there
	keys   []string   // of a task, in which alone it is there; nil: in all
	event  string     // the trigger in whose params alone it is there; empty: it is of runs
	fields []field
	// has reports whether the file declares a name, and declared lists what it
	// declares, for suggestions; nil: there are the fields.
	has      func(c *checker, where site, name string) bool
	declared func(c *checker, where site) []string
	// kind returns the type of a declared name; nil: text.
	kind func(c *checker, name string) types.Type
	// value returns what a name stands for; ok is false if there is none.
	value func(s *miniairflow.Scope, name string) (value any, ok bool)
	// names lists what there is in a scope; nil: the fields.
	names  func(s *miniairflow.Scope) []string
	absent string // what is said of a name that is not in a scope; empty: what it may have meant
}

// field is what can follow a root. One in angle brackets is declared in the file.
type field struct {
	name    string
	about   string     // one line for the documentation
	kind    types.Type // nil: as declared
	isFinal bool       // in tasks of finally and in notifications only
	isTold  bool       // in notifications only
}

// roots lists them in the order of the documentation. tasks has its own rules,
// see checker.taskReference and taskValue.
var roots = []root{
	{
		name: rootRun, what: "field of run", form: "run.<field>", since: phaseParams, value: runValue,
		fields: []field{
			{name: "id", about: "its id, a UUID", kind: types.String},
			{name: "number", about: "its number within the workflow, an integer; 0 in defaults of `params`", kind: types.Int},
			{name: "workflow", about: "the workflow's name", kind: types.String},
			{name: "type", about: "what started it: `scheduled`, `manual`, `backfill`, or `child` for a task of another run", kind: types.String},
			{name: "logical_date", about: "the time of its slot", kind: types.String},
			{name: "data_interval_start", about: "the time of the slot before", kind: types.String},
			{name: "data_interval_end", about: "the same as `logical_date`", kind: types.String},
			{name: "run_after", about: "the earliest time at which it may start", kind: types.String},
			{name: fieldStatus, about: "how the tasks before `finally` ended: `success`, `failed` or `cancelled`; in a notification about the run, how it stands", kind: types.String, isFinal: true},
			{name: fieldReason, about: "in a notification about the run, why it failed or was cancelled; else empty", kind: types.String, isTold: true},
		},
	},
	varsRoot,
	{
		name: rootParams, what: "param", form: "params.<name>", since: phaseRun,
		fields: []field{{name: "<name>", about: "the value of a parameter, with the type that it is declared with"}},
		has: func(c *checker, _ site, name string) bool {
			_, ok := c.params[name]
			return ok
		},
		declared: func(c *checker, _ site) []string { return c.paramNames },
		kind:     func(c *checker, name string) types.Type { return typeOr(paramTypes[c.params[name]], types.Any) },
		value: func(s *miniairflow.Scope, name string) (any, bool) {
			value, ok := s.Params[name]
			return value, ok
		},
		names: func(s *miniairflow.Scope) []string { return keysOf(s.Params) },
	},
	{
		name: rootEnv, what: "variable of env", form: "env.<NAME>", since: phaseTask, keys: []string{"command", "env", "stdin", "http", "wait", "approval", "workflow", "ssh", "container"},
		fields:   []field{{name: "<NAME>", about: "a variable of the workflow's `env`; but for `env` itself also of the task's own"}},
		has:      hasVariable,
		declared: variables,
		value: func(s *miniairflow.Scope, name string) (any, bool) {
			value, ok := s.Env[name]
			return value, ok
		},
		names: func(s *miniairflow.Scope) []string { return keysOf(s.Env) },
	},
	secretsRoot,
	{
		name: rootTasks, form: "tasks.<name>.…", since: phaseTask,
		fields: []field{
			{name: "<name>." + fieldStatus, about: "how a task ended: `success`, `failed`, `skipped`, `upstream_failed` or `cancelled`", kind: types.String},
			{name: "<name>." + fieldExitCode, about: "the exit code of its last attempt; null if there is none", kind: types.Int},
			{name: "<name>." + fieldOutputs + ".<key>", about: "an output, with the type that it is declared with, else text; null unless the task succeeded and wrote it. Of a task with `for_each` a list of these, in the order of the items"},
		},
	},
	taskRoot,
	{
		name: rootItem, what: "the element of the list that this item is; of a product an object, such as `item.os`", alone: types.Any, form: rootItem, since: phaseTask,
		value: func(s *miniairflow.Scope, _ string) (any, bool) {
			if s.Item == nil {
				return nil, false
			}
			return s.Item.Value, true
		},
	},
	{
		name: rootIndex, what: "the number of the item, from 0", alone: types.Int, form: rootIndex, since: phaseTask,
		value: func(s *miniairflow.Scope, _ string) (any, bool) {
			if s.Item == nil {
				return nil, false
			}
			return s.Item.Index, true
		},
	},
	eventRoot(rootBody, "what was sent, as JSON has it: `body.ref`, or `body.ref?.name` where it may be missing", func(e *miniairflow.EventScope) any { return e.Body }),
	eventRoot(rootHeaders, "headers of the request, by their names in lower case: `headers['x-github-event']`. There are `content-type`, `user-agent` and those that begin with `x-`",
		func(e *miniairflow.EventScope) any { return e.Headers }),
	{
		name: rootFile, what: "field of file", form: "file.<field>", since: phaseParams, event: eventFile, value: fileValue,
		fields: []field{
			{name: "path", about: "its path, as `path` of the trigger begins: below the folder of the workflow's file, or absolute", kind: types.String},
			{name: "name", about: "the last part of its path", kind: types.String},
			{name: "size", about: "its size in bytes", kind: types.Int},
			{name: "modified", about: "when it was changed last", kind: types.String},
		},
	},
	eventRoot(rootQuery, "the query of its address: `query.branch`", func(e *miniairflow.EventScope) any { return e.Query }),
}

func fileValue(s *miniairflow.Scope, name string) (any, bool) {
	if s.Event == nil || s.Event.File == nil {
		return nil, false
	}
	f := s.Event.File
	switch name {
	case "path":
		return f.Path, true
	case "name":
		return path.Base(f.Path), true
	case "size":
		return f.Size, true
	case "modified":
		return f.Modified.UTC().Format(time.RFC3339Nano), true
	}
	return nil, false
}

// eventRoot is a root of a webhook's params, any value.
func eventRoot(name, what string, value func(*miniairflow.EventScope) any) root {
	return root{
		name: name, what: what, alone: types.Any, form: name, since: phaseParams, event: eventWebhook,
		value: func(s *miniairflow.Scope, _ string) (any, bool) {
			if s.Event == nil {
				return nil, false
			}
			return value(s.Event), true
		},
	}
}

// rootNamed finds a root.
func rootNamed(name string) (*root, bool) {
	i := slices.IndexFunc(roots, func(r root) bool { return r.name == name })
	if i < 0 {
		return nil, false
	}
	return &roots[i], true
}

// isKnown reports whether a name can follow a root at a place.
func (r *root) isKnown(c *checker, where site, name string) bool {
	if r.has != nil {
		return r.has(c, where, name)
	}
	return slices.Contains(r.fieldNames(), name)
}

// unknown is the error about a name that cannot follow a root at a place.
func (r *root) unknown(c *checker, where site, ref reference) error {
	known := r.fieldNames()
	if r.declared != nil {
		if !c.maySuggest() {
			return &compileError{message: fmt.Sprintf("unknown %s %q", r.what, ref.name), at: ref.at}
		}
		known = r.declared(c, where)
	}
	return unknown(ref, r.what, ref.name, known)
}

// present returns the names that there are in a scope.
func (r *root) present(s *miniairflow.Scope) []string {
	if r.names != nil {
		return r.names(s)
	}
	return r.fieldNames()
}

func (r *root) fieldNames() []string {
	names := make([]string, len(r.fields))
	for i, f := range r.fields {
		names[i] = f.name
	}
	return names
}

// typeOf returns the type of a name that is known.
func (r *root) typeOf(c *checker, name string) types.Type {
	if r.kind != nil {
		return r.kind(c, name)
	}
	for _, f := range r.fields {
		if f.name == name && f.kind != nil {
			return f.kind
		}
	}
	return types.String
}

// isFinal reports whether a field is there in tasks of finally only.
func (r *root) isFinal(name string) bool {
	return slices.ContainsFunc(r.fields, func(f field) bool { return f.name == name && f.isFinal })
}

// formsUntil lists how the values are written that a phase sees: "params.<name>
// and run.<field>".
func formsUntil(p phase) string {
	var forms []string
	for _, r := range roots {
		if r.since <= p && r.event == "" {
			forms = append(forms, r.form)
		}
	}
	return enumerated(forms, "and")
}

// enumerated joins words as a sentence does.
func enumerated(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// hasVariable reports whether a template may read a variable: one of the
// workflow's, or in what is computed after it one of the task's own env.
func hasVariable(c *checker, where site, name string) bool {
	if _, ok := c.d.Env[name]; ok {
		return true
	}
	if where.key() == "env" {
		return false
	}
	_, ok := c.d.Tasks[where.task].Env[name]
	return ok
}

// variables lists what hasVariable has.
func variables(c *checker, where site) []string {
	names := keysOf(c.d.Env)
	if where.key() != "env" {
		names = append(names, keysOf(c.d.Tasks[where.task].Env)...)
		slices.Sort(names)
	}
	return slices.Compact(names)
}

// isTold reports whether a field is there in notifications only.
func (r *root) isTold(name string) bool {
	return slices.ContainsFunc(r.fields, func(f field) bool { return f.name == name && f.isTold })
}

// phase returns when the templates of a place are computed.
func (s site) phase() phase {
	switch {
	case s.task >= 0, s.isOver, s.isNotice:
		return phaseTask
	case s.params:
		return phaseRun
	}
	return phaseParams
}

// key returns the key of a task under which a place is.
func (s site) key() string {
	if s.task < 0 || len(s.path) < 3 {
		return ""
	}
	return s.path[2]
}
