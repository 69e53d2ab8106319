package miniairflow

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"time"
)

// Limits of patterns. They bound the time that one value takes, which grows
// with the product of its length and the steps of the pattern.
const (
	patternMax      = 1000     // bytes of a pattern
	patternStepsMax = 2000     // steps that it has, with what it repeats
	matchedMax      = 16 << 10 // bytes of a value that is matched
)

// pattern is a compiled Param.Pattern.
type pattern struct {
	whole *regexp.Regexp // matches a value as a whole
	steps int            // about what it compiles to
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > patternMax {
		return nil, fmt.Errorf("the pattern is longer than %d bytes", patternMax)
	}
	// The text is parsed by itself first: one such as "a)|(b" must not get out of
	// the group that it is put into.
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, patternError(text, err)
	}
	steps := patternSteps(parsed)
	if steps > patternStepsMax {
		return nil, fmt.Errorf("the pattern %s is too complex: repeat less in it", show(text))
	}
	whole, err := regexp.Compile(`\A(?:` + parsed.String() + `)\z`)
	if err != nil {
		return nil, patternError(text, err)
	}
	return &pattern{whole, steps}, nil
}

// patternSteps counts about what a pattern compiles to, without compiling it:
// that alone would take long for one that repeats much.
func patternSteps(expression *syntax.Regexp) int {
	steps := 1 + len(expression.Rune)
	for _, part := range expression.Sub {
		steps += patternSteps(part)
	}
	if expression.Op == syntax.OpRepeat {
		steps *= max(1, expression.Min, expression.Max)
	}
	return min(steps, patternStepsMax+1)
}

func patternError(text string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return fmt.Errorf("%s is not a pattern: %w", show(text), err)
	}
	return fmt.Errorf("%s is not a pattern (RE2): %s: %s", show(text), fault.Code, show(fault.Expr))
}

// matchPattern checks a value against the compiled Pattern of p.
func (p *Param) matchPattern(checked any, pattern *pattern) error {
	text, isText := checked.(string)
	if pattern == nil || !isText {
		return nil
	}
	if len(text) > matchedMax {
		return fmt.Errorf("the value has %d bytes, and with a pattern it may have %d", len(text), matchedMax)
	}
	if !pattern.whole.MatchString(text) {
		return fmt.Errorf("%s does not match the pattern %s", show(text), p.Pattern)
	}
	return nil
}

// rangedTypes are the types that can have a minimum and a maximum.
var rangedTypes = []ParamType{ParamInteger, ParamNumber, ParamDate, ParamDatetime, ParamDuration}

func (p *Param) checkRange(checked any) error {
	less, more := "less than", "more than"
	if p.Type == ParamDate || p.Type == ParamDatetime {
		less, more = "before", "after"
	}
	for _, bound := range []struct {
		value       any
		name, words string
		sign        int
	}{{p.Minimum, "minimum", less, -1}, {p.Maximum, "maximum", more, 1}} {
		if bound.value == nil || !slices.Contains(rangedTypes, p.Type) {
			continue
		}
		limit, err := p.parse(bound.value)
		if err != nil {
			return fmt.Errorf("%s: %w", bound.name, err)
		}
		if p.compare(checked, limit) == bound.sign {
			return fmt.Errorf("%v is %s %s %v", checked, bound.words, bound.name, limit)
		}
	}
	return nil
}

// compare orders two values that parse returned for the type of p.
func (p *Param) compare(a, b any) int {
	switch a := a.(type) {
	case int64:
		b, _ := b.(int64)
		return cmp.Compare(a, b)
	case float64:
		b, _ := b.(float64)
		return cmp.Compare(a, b)
	case string:
		b, _ := b.(string)
		if p.Type == ParamDuration {
			x, _ := ParseDuration(a)
			y, _ := ParseDuration(b)
			return cmp.Compare(x, y)
		}
		return moment(a).Compare(moment(b))
	}
	return 0
}

// moment is the time of a date, which is its beginning in UTC, or of a datetime.
func moment(text string) time.Time {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t
	}
	t, _ := time.Parse(time.RFC3339Nano, text)
	return t
}
