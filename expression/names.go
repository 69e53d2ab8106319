package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

var taskFields = []string{fieldStatus, fieldExitCode, fieldOutputs}

func unknownTaskField(r reference) error {
	return unknown(r, "field of a task", r.field, taskFields)
}

// namesShown bounds the names that a message lists.
const namesShown = 12

// unknown says that there is no such thing, what there is, and what was probably meant.
func unknown(r reference, kind, name string, known []string) error {
	message := fmt.Sprintf("unknown %s %q", kind, name)
	switch hint := miniairflow.DidYouMean(name, known); {
	case hint != "":
		message += hint
	case len(known) == 0:
		message += ": there is none here"
	case len(known) <= namesShown:
		message += ": there is " + strings.Join(known, ", ")
	}
	return &compileError{message: message, at: r.at}
}

// unknownName is about a name with which no value starts.
func unknownName(name string) string {
	if name == "items" {
		return `unknown name "items": it is item, one element of for_each; index is its number, from 0`
	}
	known := make([]string, len(roots))
	for i, r := range roots {
		known[i] = r.name
	}
	if _, isFunction := functions[name]; isFunction {
		return fmt.Sprintf("%s is a function: write %s", name, functions[name].signature())
	}
	if hint := miniairflow.DidYouMean(name, known); hint != "" {
		return fmt.Sprintf("unknown name %q%s", name, hint)
	}
	return fmt.Sprintf("unknown name %q: an expression reads %s", name, formsUntil(phaseTask))
}

// noItem says where item and index are not.
func noItem(name string) string {
	return name + " is known in a task with for_each only, and not in for_each itself"
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
