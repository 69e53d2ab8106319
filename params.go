package miniairflow

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ResolveParams returns the values of a run's parameters: the given ones,
// checked against their types and rules, and the defaults for the others, whose
// templates may read run. Values come out in one form each, as Param.Check has
// them; an optional param with neither value nor default is nil. The first
// problem is returned as CodeInvalid with Field "params.<name>".
func ResolveParams(params []Param, given map[string]any, run RunScope, eval Evaluator) (map[string]any, error) {
	known := make([]string, 0, len(params))
	resolved := make(map[string]any, len(params))
	for i := range params {
		p := &params[i]
		known = append(known, p.Name)
		value, ok := given[p.Name]
		if !ok {
			var err error
			if value, err = p.fallback(run, eval); err != nil {
				return nil, err
			}
		}
		checked, err := p.Check(value)
		if err != nil {
			return nil, paramError(p.Name, "param %q: %v", p.Name, err)
		}
		resolved[p.Name] = checked
	}
	for _, name := range sortedKeys(given) {
		if !slices.Contains(known, name) {
			return nil, paramError(name, "unknown param %q; the workflow has %s%s", name, listOr(known, "none"), DidYouMean(name, known))
		}
	}
	return resolved, nil
}

// fallback returns what p is where it is not given: its default, computed.
func (p *Param) fallback(run RunScope, eval Evaluator) (any, error) {
	if p.IsRequired() {
		return nil, paramError(p.Name, "%s", p.notGiven())
	}
	text, isText := p.Default.(string)
	if !isText || eval == nil {
		return p.Default, nil
	}
	rendered, err := eval.Text(text, Scope{Run: run})
	if err != nil {
		return nil, paramError(p.Name, "default of param %q: %v", p.Name, err)
	}
	return rendered, nil
}

func (p *Param) notGiven() string {
	return fmt.Sprintf("param %q (%s) has no default and was not given", p.Name, p.Type)
}

func paramError(name, format string, args ...any) error {
	e := Errorf(CodeInvalid, format, args...)
	e.Field = "params." + name
	return e
}

func listOr(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

// Check returns value as the param's type has it, or says which rule it breaks.
// Text is taken for every type, as it comes from a command line. What comes out
// is the one form of a value: a string, an int64, a float64, a bool; for a date
// 2026-01-31, for a datetime RFC 3339, for a duration 1h30m; a list or object as
// JSON has it, with numbers as int64 or float64; nil where p is optional.
func (p *Param) Check(value any) (any, error) {
	if p.Pattern == "" {
		return p.check(value, nil)
	}
	compiled, err := compilePattern(p.Pattern)
	if err != nil {
		return nil, err
	}
	return p.check(value, compiled)
}

// check is Check with the compiled Pattern of p, nil without one.
func (p *Param) check(value any, pattern *pattern) (any, error) {
	if value == nil && p.Optional {
		return nil, nil
	}
	checked, err := p.parse(value)
	if err != nil {
		return nil, err
	}
	if err := p.checkEnum(checked); err != nil {
		return nil, err
	}
	if err := p.matchPattern(checked, pattern); err != nil {
		return nil, err
	}
	return checked, p.checkRange(checked)
}

func (p *Param) checkEnum(checked any) error {
	if len(p.Enum) == 0 {
		return nil
	}
	var allowed []string
	for _, e := range p.Enum {
		if same, err := p.parse(e); err == nil && reflect.DeepEqual(same, checked) {
			return nil
		}
		allowed = append(allowed, fmt.Sprint(e))
	}
	return fmt.Errorf("%s is not one of %s", shorten(fmt.Sprint(checked)), strings.Join(allowed, ", "))
}
