// Package loader turns workflow files into definitions and keeps the store in
// step with a folder of them.
//
// Parse is pure: bytes in, definitions and problems out, every problem with its
// line and column. LoadPath reads files and folders for the command line.
// Loader watches a folder and syncs it into the store.
package loader

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// Limits bound what one file may cost. A zero field means its default.
type Limits struct {
	Bytes     int           // of the file; default 1 MiB
	Depth     int           // of nesting; default 64
	Tasks     int           // of one workflow; default miniairflow.TasksDefault
	Documents int           // in the file; default 1,000
	Expanded  int           // values that aliases, merge keys, defaults and templates add; default 100,000
	Time      time.Duration // for the whole file; default 2 s
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.Bytes, 1<<20)
	set(&l.Depth, 64)
	set(&l.Tasks, miniairflow.TasksDefault)
	set(&l.Documents, 1_000)
	set(&l.Expanded, 100_000)
	if l.Time <= 0 {
		l.Time = 2 * time.Second
	}
	return l
}

// Parse reads the workflows of one file. path names the file in problems, and
// its base name without the extension is the name of a first workflow that has
// none of its own. Every document of the file is one workflow; those without a
// problem are returned even if others have some. All problems of the file are
// returned, sorted by line and column. Parse never panics, and ends within the
// limits whatever the bytes are.
func Parse(path string, data []byte, limits Limits) ([]miniairflow.DefinitionAt, []miniairflow.ImportError) {
	definitions, problems, _ := parseTimed(source{name: path, below: filepath.ToSlash(filepath.Base(path))}, data, limits)
	return definitions, problems
}

// source says where a file lies, for those that it takes something from.
type source struct {
	name   string  // in problems
	below  string  // the path below the folder of the workflows, with slashes
	around *around // nil: nothing

	carrier *carrier // of its files; nil: there is no folder to take them from
}

// parseTimed is Parse, and reports whether the time was up, so that the same
// bytes may do better on a machine that is less busy. Below defaults that have a
// problem there is no definition, and only what is wrong in the file's own shape.
func parseTimed(from source, data []byte, limits Limits) (definitions []miniairflow.DefinitionAt, problems []miniairflow.ImportError, timedOut bool) {
	f := newFile(from.name, limits)
	f.below, f.carrier = from.below, from.carrier
	if from.around != nil {
		f.around = from.around
	}
	defer func() {
		if cause := recover(); cause != nil {
			f.fail(position{}, "the file cannot be read: %v", cause)
			definitions, problems = nil, f.sorted()
		}
	}()
	if text, ok := f.clean(data); ok {
		definitions = f.parse(text)
	}
	return definitions, f.sorted(), f.timedOut
}

// file is one file that is being parsed.
type file struct {
	name     string
	below    string   // the path below the folder of the workflows, with slashes
	around   *around  // what it takes from other files
	carrier  *carrier // nil: it can carry none
	limits   Limits
	deadline time.Time
	lines    lines
	problems []miniairflow.ImportError
	faults   int          // times that something was found wrong, told or not
	repaired map[int]bool // lines with a syntax error that was repaired to read on
	expanded int          // values that aliases, merge keys and defaults have added
	halted   bool         // a limit is reached: nothing more is read
	timedOut bool         // and it was that of time
}

func newFile(path string, limits Limits) *file {
	f := &file{name: path, below: path, limits: limits.withDefaults(), repaired: map[int]bool{}, around: nothingAround()}
	f.deadline = time.Now().Add(f.limits.Time)
	return f
}

// document returns a document of the file that nothing was read of yet.
func (f *file) document(tree *node) *document {
	return &document{
		file: f, start: at(tree),
		sources: map[string]string{}, failed: map[string]bool{}, above: map[string]bool{},
	}
}

func (f *file) parse(text string) []miniairflow.DefinitionAt {
	f.lines = splitLines(text)
	trees, whole := f.decode()
	var definitions []miniairflow.DefinitionAt
	names, documents := map[string]position{}, map[string]*document{}
	for i, tree := range trees {
		if f.late() {
			break
		}
		d := f.document(tree)
		definition, ok := d.read(tree, i == 0)
		if definition == nil || definition.Name == "" {
			continue
		}
		place := d.find([]string{"name"})
		if first, taken := names[definition.Name]; taken {
			f.fail(place, "the name %q is taken by the workflow at line %d of this file", definition.Name, first.line)
			continue
		}
		names[definition.Name] = place
		if ok && i < whole && !f.around.isBroken {
			documents[definition.Name] = d
			definitions = append(definitions, miniairflow.DefinitionAt{
				Definition: definition, Line: place.line, Column: place.column, Calls: d.calls(definition), After: d.afters(definition), Warnings: d.sortedWarnings(),
			})
		}
	}
	if f.halted {
		return nil
	}
	definitions = f.withoutCycles(f.withGoodCalls(definitions, documents))
	if len(trees) == 0 && len(f.problems) == 0 {
		f.fail(position{}, "the file is empty: a workflow needs at least `tasks:`")
	}
	return definitions
}

// document is one workflow that is being parsed.
type document struct {
	*file
	positions map[string]position // by joined path
	keys      map[string]position // of the keys of maps, by joined path
	start     position
	sources   map[string]string // by joined path of a task, the place in a template that says so
	failed    map[string]bool   // joined paths that have a problem of shape
	above     map[string]bool   // and what leads to them
	warnings  []miniairflow.ImportError
}

// read returns the definition of a document and whether it has no problem.
func (d *document) read(tree *node, first bool) (*miniairflow.Definition, bool) {
	before := d.faults
	if !d.checkTree(tree) {
		return nil, false
	}
	definition := d.workflow(value{doc: d, node: tree, at: d.start}, first)
	if d.halted || definition == nil {
		return nil, false
	}
	if !d.around.isBroken {
		d.checkMeaning(definition)
	}
	return definition, d.faults == before
}

// checkMeaning places what the domain and the expressions find wrong. What
// merely follows from a problem of shape is left out: it would send people to
// the wrong line.
func (d *document) checkMeaning(definition *miniairflow.Definition) {
	if !d.expandGroups(definition) {
		return
	}
	found := append(definition.Validate(), expression.New().Check(definition)...)
	for _, problem := range found {
		switch {
		case d.follows(problem.Path):
		case problem.IsWarning:
			d.warn(d.placeOf(problem), "%s%s", problem.Message, d.source(problem))
		default:
			d.fail(d.placeOf(problem), "%s%s", problem.Message, d.source(problem))
		}
	}
}

// fault notes that a path has a problem of shape.
func (d *document) fault(path []string) {
	d.failed[joined(path)] = true
	for n := range path {
		d.above[joined(path[:n])] = true
	}
}

// follows reports whether a problem of shape is at the path, above or below it.
func (d *document) follows(path []string) bool {
	for n := 1; n <= len(path); n++ {
		if d.failed[joined(path[:n])] {
			return true
		}
	}
	return d.above[joined(path)]
}

func (d *document) placeOf(problem miniairflow.Problem) position {
	if problem.OfKey {
		if place, ok := placeIn(d.keys, problem.Path); ok {
			return place
		}
	}
	return d.find(problem.Path)
}

// find returns the position of a path, or of the nearest thing that the file has.
func (d *document) find(path []string) position {
	for n := len(path); n > 0; n-- {
		if place, ok := placeIn(d.positions, path[:n]); ok {
			return place
		}
	}
	return d.start
}

// placeIn looks a path up; what a task takes from defaults is placed there.
func placeIn(positions map[string]position, path []string) (position, bool) {
	place, ok := positions[joined(path)]
	if !ok && len(path) > 2 && (path[0] == "tasks" || path[0] == "finally") {
		place, ok = positions[joined(append([]string{"defaults"}, path[2:]...))]
	}
	return place, ok
}

// late reports whether the file has used up its time, and says so once.
func (f *file) late() bool {
	if !f.halted && time.Now().After(f.deadline) {
		f.timedOut = true
		f.halt(position{}, "the file takes longer than %s to read: make it smaller", f.limits.Time)
	}
	return f.halted
}

// halt records a problem after which the rest of the file is not read.
func (f *file) halt(at position, format string, args ...any) {
	if !f.halted {
		f.halted = true
		f.fail(at, format, args...)
	}
}

// fail records a problem, but for one in a line that has a syntax error: its
// text there is not what the file says.
func (f *file) fail(at position, format string, args ...any) {
	f.faults++
	if last := len(f.lines); last > 0 && at.line > last { // what is missing at the end begins after it
		at = position{line: last, column: len([]rune(f.lines.line(last))) + 1}
	}
	if !f.repaired[at.line] {
		f.problems = append(f.problems, f.told(at, format, args...))
	}
}

// warn records what the file says, but hardly means.
func (d *document) warn(at position, format string, args ...any) {
	d.warnings = append(d.warnings, d.told(at, format, args...))
}

func (f *file) told(at position, format string, args ...any) miniairflow.ImportError {
	return miniairflow.ImportError{File: f.name, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
}
