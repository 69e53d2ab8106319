package loader

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// casesMax bounds the cases of one file.
const casesMax = 1_000

// CaseFile is a file that tests a workflow, NAME.test.yaml beside NAME.yaml.
type CaseFile struct {
	Workflow string // empty: the only one of the file beside it
	Cases    []Case
}

// Case is one run of the workflow in which no task does anything: what each would
// have done is given, and what comes of it is expected.
type Case struct {
	Name        string
	Line        int
	Params      map[string]any
	Vars        map[string]any
	LogicalDate time.Time         // zero: the time of the test
	Mocks       map[string][]Mock // by task, one for each attempt; the last one is also that of all later ones
	Expect      Expectation
}

// Mock is what an attempt of a task would have done. The zero value is a success
// without outputs.
type Mock struct {
	ExitCode int
	TimedOut bool
	Outputs  map[string]string // as the task would write them
}

// Expectation is what must come of a run.
type Expectation struct {
	Status miniairflow.RunStatus // empty: any
	Tasks  []ExpectedTask        // in file order
	Order  []string              // tasks, by when their first attempt began
}

// ExpectedTask is what must come of a task. What is empty is not compared.
type ExpectedTask struct {
	Name     string
	Line     int
	Status   miniairflow.TaskStatus
	Attempts *int
	Env      map[string]string // variables as rendered for the last attempt; others may be there
	Command  []string          // as rendered, of a command that is a list
	Stdin    *string
	Reason   string // part of it
}

// ParseCases reads a test file. Its cases are nil if there is any problem.
func ParseCases(path string, data []byte, limits Limits) (cases CaseFile, problems []miniairflow.ImportError) {
	f := newFile(path, limits)
	defer func() {
		if cause := recover(); cause != nil {
			f.fail(position{}, "the file cannot be read: %v", cause)
			cases, problems = CaseFile{}, f.sorted()
		}
	}()
	if text, ok := f.clean(data); ok {
		f.lines = splitLines(text)
		trees, _ := f.decode()
		switch {
		case len(trees) > 1:
			f.fail(at(trees[1]), "a test file has one document: remove what follows the ---")
		case len(trees) == 1:
			cases = f.document(trees[0]).caseFile(trees[0])
		case len(f.problems) == 0:
			f.fail(position{}, "the file is empty: a test file needs `cases:`")
		}
	}
	if len(f.problems) > 0 {
		return CaseFile{}, f.sorted()
	}
	return cases, nil
}

var caseFileFields = fields[CaseFile]{
	"workflow": textField(func(c *CaseFile) *string { return &c.Workflow }),
	"cases":    func(v value, c *CaseFile) { c.Cases = v.cases() },
}

func (d *document) caseFile(tree *node) (cases CaseFile) {
	if !d.checkTree(tree) {
		return cases
	}
	root := value{doc: d, node: tree, at: d.start}
	entries, ok := root.entries("`cases:` with a case below it")
	caseFileFields.read(entries, "a test file", &cases)
	if ok && len(cases.Cases) == 0 && len(d.problems) == 0 {
		d.fail(d.start, "the file has no cases: write `cases:` and below it a name and what is expected")
	}
	return cases
}

var caseFields = fields[Case]{
	"params":       func(v value, c *Case) { c.Params = v.caseParams() },
	"vars":         func(v value, c *Case) { c.Vars = v.caseVars() },
	"logical_date": func(v value, c *Case) { c.LogicalDate = v.instant() },
	"tasks":        func(v value, c *Case) { c.Mocks = v.mocks() },
	"expect":       func(v value, c *Case) { c.Expect = v.expectation() },
}

func (v value) cases() []Case {
	entries, _ := v.entries("a name and below it what is given and expected, such as `works: {expect: {status: success}}`")
	if len(entries) > casesMax {
		v.doc.halt(v.at, "the file has %d cases, more than the limit of %d", len(entries), casesMax)
		return nil
	}
	cases := make([]Case, 0, len(entries))
	for _, e := range entries {
		c := Case{Name: e.name, Line: e.key.Line}
		keys, ok := e.entries("params, tasks and expect")
		caseFields.read(keys, "a case", &c)
		if ok && !slices.ContainsFunc(keys, func(k entry) bool { return k.name == "expect" }) {
			e.fail("the case expects nothing, so it cannot fail: write expect: {status: success}")
		}
		cases = append(cases, c)
	}
	return cases
}

// caseParams reads values of params: texts as a command line has them, and lists
// and maps as they are.
func (v value) caseParams() map[string]any {
	entries, _ := v.entries("NAME: value")
	params := make(map[string]any, len(entries))
	for _, e := range entries {
		if e.node.Kind != yaml.ScalarNode {
			params[e.name] = e.json()
		} else if text, ok := e.text(); ok {
			params[e.name] = text
		}
	}
	return params
}

// caseVars reads values of variables, as params of the language are read.
func (v value) caseVars() map[string]any {
	entries, _ := v.entries("NAME: value")
	vars := make(map[string]any, len(entries))
	for _, e := range entries {
		vars[e.name] = e.json()
	}
	return vars
}

func (v value) instant() time.Time {
	text, ok := v.text()
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		v.fail("%s is %s, not a datetime: write it like 2026-01-31T06:00:00Z", v.label(), quoted(text))
	}
	return at
}

var mockFields = fields[Mock]{
	"exit_code": func(v value, m *Mock) { m.ExitCode = v.exitCode() },
	"timed_out": func(v value, m *Mock) { m.TimedOut = v.boolean() },
	"outputs":   func(v value, m *Mock) { m.Outputs = v.mockOutputs() },
}

// mocks reads what tasks do: one map, or a list with one for each attempt.
func (v value) mocks() map[string][]Mock {
	entries, _ := v.entries("a task and what it does, such as `extract: {outputs: {rows: 3}}`")
	mocks := make(map[string][]Mock, len(entries))
	for _, e := range entries {
		attempts := []value{e.value}
		if e.node.Kind == yaml.SequenceNode {
			if attempts = e.items(""); len(attempts) == 0 {
				e.fail("the list of attempts of %s is empty: write one map for each attempt", e.name)
			}
		}
		for _, attempt := range attempts {
			var m Mock
			keys, _ := attempt.entries("{exit_code: 1}, {timed_out: true} or {outputs: {rows: 3}}")
			mockFields.read(keys, "what a task does", &m)
			mocks[e.name] = append(mocks[e.name], m)
		}
	}
	return mocks
}

func (v value) exitCode() int {
	code := v.integer()
	if code < 0 || code > miniairflow.ExitCodeMax {
		v.fail("exit_code is %d, but must be 0 to %d", code, miniairflow.ExitCodeMax)
	}
	return code
}

// mockOutputs reads outputs as the task would write them: texts, and lists and
// maps as JSON.
func (v value) mockOutputs() map[string]string {
	entries, _ := v.entries("NAME: value, such as {rows: 3}")
	outputs := make(map[string]string, len(entries))
	for _, e := range entries {
		if e.node.Kind == yaml.ScalarNode {
			if text, ok := e.text(); ok {
				outputs[e.name] = text
			}
			continue
		}
		text, err := json.Marshal(e.json())
		if err != nil {
			e.fail("%s cannot be written as JSON: %v", e.name, err)
		}
		outputs[e.name] = string(text)
	}
	return outputs
}

// wordOf reads one of some words.
func wordOf[T ~string](v value, known []T) T {
	text, ok := v.text()
	if !ok || slices.Contains(known, T(text)) {
		return T(text)
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	v.fail("%s %s is unknown: use %s%s", v.label(), quoted(text), strings.Join(words, ", "), miniairflow.DidYouMean(text, words))
	return ""
}
