package miniairflow

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ResolveParams returns the values of a run's parameters: the given ones,
// checked against their types, and the defaults for the others, whose templates
// may read run. Values come out as JSON has them: string, float64 or int64,
// bool. The first problem is returned as CodeInvalid with Field "params.<name>".
func ResolveParams(params []Param, given map[string]any, run RunScope, eval Evaluator) (map[string]any, error) {
	known := make([]string, 0, len(params))
	resolved := make(map[string]any, len(params))
	for i := range params {
		p := &params[i]
		known = append(known, p.Name)
		value, ok := given[p.Name]
		if !ok {
			if p.Default == nil {
				return nil, paramError(p.Name, "param %q (%s) has no default and was not given", p.Name, p.Type)
			}
			value = p.Default
			if text, isText := value.(string); isText && eval != nil {
				rendered, err := eval.Text(text, Scope{Run: run})
				if err != nil {
					return nil, paramError(p.Name, "default of param %q: %v", p.Name, err)
				}
				value = rendered
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

// Check returns value as the param's type has it, or says what is wrong. Text
// is taken for every type, as it comes from a command line.
func (p *Param) Check(value any) (any, error) {
	checked, err := p.parse(value)
	if err != nil {
		return nil, err
	}
	if len(p.Enum) == 0 {
		return checked, nil
	}
	var allowed []string
	for _, e := range p.Enum {
		if same, err := p.parse(e); err == nil && same == checked {
			return checked, nil
		}
		allowed = append(allowed, fmt.Sprint(e))
	}
	return nil, fmt.Errorf("%v is not one of %s", checked, strings.Join(allowed, ", "))
}

func (p *Param) parse(value any) (any, error) {
	text, isText := value.(string)
	if n, ok := value.(json.Number); ok {
		value = n.String()
	}
	switch p.Type {
	case ParamInteger:
		return parseInteger(value)
	case ParamNumber:
		return parseNumber(value)
	case ParamBoolean:
		if b, ok := value.(bool); ok {
			return b, nil
		}
		switch text {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, fmt.Errorf("%s is not a boolean: write true or false", show(value))
	case ParamDate:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, fmt.Errorf("%s is not a date: write it like 2026-01-31", show(value))
		}
		return text, nil
	case ParamDatetime:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return nil, fmt.Errorf("%s is not a datetime: write it like 2026-01-31T06:00:00Z", show(value))
		}
		return text, nil
	default:
		if !isText {
			return nil, fmt.Errorf("%s is not a string: put it in quotes", show(value))
		}
		if strings.ContainsRune(text, 0) {
			return nil, fmt.Errorf("the value has a NUL byte, which no process can receive")
		}
		return text, nil
	}
}

func parseInteger(value any) (any, error) {
	switch v := value.(type) {
	case int:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s is not an integer", show(value))
}

func parseNumber(value any) (any, error) {
	switch v := value.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v, nil
		}
	case string:
		if n, ok := parseDecimal(v); ok {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s is not a number", show(value))
}

// shownMax is how many bytes of a value a message repeats.
const shownMax = 80

// show returns value as people would write it, shortened.
func show(value any) string {
	text := fmt.Sprintf("%v", value)
	switch v := value.(type) {
	case nil:
		text = "null"
	case string:
		text = strconv.Quote(v)
	}
	if len(text) > shownMax {
		text = strings.ToValidUTF8(text[:shownMax], "") + "…"
	}
	return text
}
