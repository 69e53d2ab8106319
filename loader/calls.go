package loader

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// withGoodCalls returns the definitions of the file whose tasks give to the others what
// they take, and take of them what they hand on.
func (f *file) withGoodCalls(definitions []miniairflow.DefinitionAt, documents map[string]*document) []miniairflow.DefinitionAt {
	children := map[string]*miniairflow.Definition{}
	for _, d := range definitions {
		children[d.Name] = d.Definition
	}
	return slices.DeleteFunc(definitions, func(d miniairflow.DefinitionAt) bool {
		return documents[d.Name].refusesCalls(d, children)
	})
}

// refusesCalls records what is wrong with the calls of workflows that are known, and
// reports whether anything is.
func (d *document) refusesCalls(definition miniairflow.DefinitionAt, children map[string]*miniairflow.Definition) bool {
	isKnown := func(call miniairflow.Call) bool { return children[call.Workflow] != nil }
	if !slices.ContainsFunc(definition.Calls, isKnown) {
		return false
	}
	before := d.faults
	for _, problem := range append(definition.CallProblems(children), expression.New().CheckKnowing(definition.Definition, children)...) {
		if !problem.IsWarning { // those were told without knowing more
			d.fail(d.placeOf(problem), "%s%s", problem.Message, d.source(problem))
		}
	}
	return d.faults > before
}

// doubtCalls warns of calls of workflows of other files that these do not take: only
// warns, because the other file may be about to change, too.
func (r *Result) doubtCalls() {
	for _, d := range r.Definitions {
		others := map[string]*miniairflow.Definition{}
		for _, call := range d.Calls {
			if owner, ok := r.owners[call.Workflow]; ok && owner.File != d.File {
				others[call.Workflow] = owner.Definition
			}
		}
		for _, problem := range d.CallProblems(others) {
			at := slices.IndexFunc(d.Calls, func(call miniairflow.Call) bool { return call.Task == problem.Path[1] })
			r.Warnings = append(r.Warnings, miniairflow.ImportError{File: d.File, Line: d.Calls[at].Line, Column: d.Calls[at].Column, Message: problem.Message})
		}
	}
}

// doubtNames warns of workflows that tasks run, or after which others start, and that no
// file has, where all files of a folder were read without a problem. Only warns, because
// they may come later, or through the API.
func (r *Result) doubtNames(paths []string) {
	if len(r.Problems) > 0 {
		return // one of those files may have it
	}
	known := slices.Sorted(maps.Keys(r.owners))
	for _, d := range r.Definitions {
		isWhole := slices.ContainsFunc(paths, func(named string) bool { return isWithin(named, d.root) })
		for _, call := range slices.Concat(d.Calls, d.After) {
			if _, isKnown := r.owners[call.Workflow]; isKnown || !isWhole {
				continue
			}
			message := fmt.Sprintf("no file has a workflow %q%s", call.Workflow, miniairflow.DidYouMean(call.Workflow, known))
			r.Warnings = append(r.Warnings, miniairflow.ImportError{File: d.File, Line: call.Line, Column: call.Column, Message: message})
		}
	}
}

// isWithin reports whether a path is that of a folder, or below it.
func isWithin(folder, path string) bool {
	below, isBelow := pathBelow(folder, path)
	return isBelow || below == "."
}
