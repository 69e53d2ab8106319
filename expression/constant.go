package expression

import (
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// Constant returns the value of a condition that reads nothing, and so is the same in
// every run. ok is false for all others, and for true and false alone: who writes these
// switches a task on or off for a while.
func Constant(condition string) (value, ok bool) {
	segments, err := split(condition)
	if err != nil || len(segments) != 1 || !segments[0].isExpression {
		return false, false
	}
	source := segments[0].source
	if source == "true" || source == "false" {
		return false, false
	}
	if namesRoot(source) { // as nearly all do, and compiling costs
		return false, false
	}
	engine := New()
	compiled, err := engine.program(source)
	if err != nil || len(compiled.references) > 0 {
		return false, false // Check tells what is wrong with it
	}
	value, err = engine.Bool(condition, miniairflow.Scope{})
	return value, err == nil
}

// namesRoot reports whether what a run has is named somewhere outside of strings.
func namesRoot(source string) bool {
	for at := 0; at < len(source); at++ {
		if c := source[at]; c == '"' || c == '\'' || c == '`' {
			end := stringEnd(source, at)
			if end < 0 {
				return false
			}
			at = end
			continue
		}
		if !startsName(source, at) {
			continue
		}
		for _, r := range roots {
			if strings.HasPrefix(source[at:], r.name) {
				return true
			}
		}
	}
	return false
}
