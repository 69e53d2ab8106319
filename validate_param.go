package miniairflow

import (
	"slices"
	"strconv"
	"strings"
)

// paramsMax bounds the params of a workflow: each of them may have a pattern.
const paramsMax = 1000

func (v *validator) params() {
	if len(v.d.Params) > paramsMax {
		v.add([]string{"params"}, "the workflow has %d params, but may have at most %d", len(v.d.Params), paramsMax)
		return
	}
	v.checks = make(map[string]func(any) (any, error), len(v.d.Params))
	for i := range v.d.Params {
		p := &v.d.Params[i]
		at := []string{"params", p.Name}
		if !identifier.MatchString(p.Name) {
			v.addOfKey(at, "param name %s is not valid: letters, digits and _, not starting with a digit", show(p.Name))
		}
		if _, seen := v.checks[p.Name]; seen {
			v.add(at, "param %q is declared twice", p.Name)
		}
		v.checks[p.Name] = nil
		if !oneOf(v, sub(at, "type"), p.Type, ParamTypes) {
			continue
		}
		before := len(v.problems)
		rules, compiled := v.paramRules(at, p)
		v.paramValues(at, p, rules, compiled)
		if len(v.problems) == before {
			rules.Enum = p.Enum
			v.checks[p.Name] = func(value any) (any, error) {
				if text, _ := value.(string); !v.spend(p, compiled, len(text)) {
					return value, nil // what is too much was told
				}
				return rules.check(value, compiled)
			}
		}
	}
}

// paramRules checks the rules of a param of a known type, and returns a param
// that has those of them that are right, and its compiled pattern.
func (v *validator) paramRules(at []string, p *Param) (Param, *pattern) {
	var compiled *pattern
	right := Param{Name: p.Name, Type: p.Type, Optional: p.Optional}
	switch {
	case p.Pattern == "":
	case p.Type != ParamString:
		v.add(sub(at, "pattern"), "pattern of param %q is for type string, not %s", p.Name, p.Type)
	default:
		var err error
		if compiled, err = compilePattern(p.Pattern); err != nil {
			v.add(sub(at, "pattern"), "pattern of param %q: %v", p.Name, err)
			break
		}
		right.Pattern = p.Pattern
	}
	right.Minimum = v.paramBound(sub(at, "minimum"), p, p.Minimum)
	right.Maximum = v.paramBound(sub(at, "maximum"), p, p.Maximum)
	if right.Minimum != nil && right.Maximum != nil && p.compare(right.Minimum, right.Maximum) > 0 {
		v.add(sub(at, "maximum"), "maximum %v of param %q is less than minimum %v", right.Maximum, p.Name, right.Minimum)
		right.Minimum, right.Maximum = nil, nil
	}
	return right, compiled
}

// paramBound returns a minimum or maximum as the type has it; nil if there is
// none or it is wrong.
func (v *validator) paramBound(at []string, p *Param, bound any) any {
	key := at[len(at)-1]
	if bound == nil {
		return nil
	}
	if !slices.Contains(rangedTypes, p.Type) {
		v.add(at, "%s of param %q is for %s, not %s", key, p.Name, joinNames(rangedTypes), p.Type)
		return nil
	}
	checked, err := p.parse(bound)
	if err != nil {
		v.add(at, "%s of param %q (%s): %v", key, p.Name, p.Type, err)
		return nil
	}
	return checked
}

// patternWorkMax bounds what the values of a definition are matched with: the sum
// of their bytes times the steps of their patterns.
const patternWorkMax = 30_000_000

// mayMatch reports whether the values of p are within what is matched.
func (v *validator) mayMatch(p *Param, compiled *pattern) bool {
	if compiled == nil {
		return true
	}
	bytes := 0
	for _, value := range append(slices.Clone(p.Enum), p.Default) {
		text, _ := value.(string)
		bytes += len(text)
	}
	return v.spend(p, compiled, bytes)
}

// spend reports whether so many bytes more may be matched with the pattern of p.
func (v *validator) spend(p *Param, compiled *pattern, bytes int) bool {
	if compiled == nil {
		return true
	}
	before := v.patternWork
	v.patternWork += bytes * compiled.steps
	if before <= patternWorkMax && v.patternWork > patternWorkMax {
		v.add([]string{"params", p.Name, "pattern"}, "pattern of param %q: the patterns of the workflow are too much to check against its defaults, enums and schedules: repeat less in them", p.Name)
	}
	return v.patternWork <= patternWorkMax
}

// paramValues checks the enum and the default of a param of a known type against
// its rules.
func (v *validator) paramValues(at []string, p *Param, rules Param, compiled *pattern) {
	switch {
	case p.Type == ParamEnum && len(p.Enum) == 0:
		v.add(sub(at, "enum"), "param %q (enum) has no values to choose from: write enum: [eu, us]", p.Name)
	case len(p.Enum) > 0 && (p.Type == ParamList || p.Type == ParamObject):
		v.add(sub(at, "enum"), "enum of param %q is not for type %s", p.Name, p.Type)
		return
	}
	if !v.mayMatch(p, compiled) {
		return
	}
	values := rules
	values.Optional = false // null is a value without being one of the enum
	enumIsValid := true
	for i, value := range p.Enum {
		if _, err := values.check(value, compiled); err != nil {
			enumIsValid = false
			v.add(sub(at, "enum", strconv.Itoa(i)), "enum of param %q (%s): %v", p.Name, p.Type, err)
		}
	}
	switch text, _ := p.Default.(string); {
	case p.IsRequired():
		if slices.ContainsFunc(v.d.Schedules, func(s Schedule) bool { _, given := s.Params[p.Name]; return !given }) {
			v.add(at, "param %q has no default, but the workflow has a schedule: a scheduled run has nobody to ask", p.Name)
		}
	case p.Default == nil, strings.Contains(text, "${{"):
	default:
		if enumIsValid {
			rules.Enum = p.Enum
		}
		if _, err := rules.check(p.Default, compiled); err != nil {
			v.add(sub(at, "default"), "default of param %q (%s): %v", p.Name, p.Type, err)
		}
	}
}
