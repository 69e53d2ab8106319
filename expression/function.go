package expression

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// function is one that an expression may call. It is pure, always ends, and the
// size of what it returns is bounded.
type function struct {
	name     string
	params   []parameter
	optional int            // so many of the params, at the end, may be left out
	repeats  bool           // the last param may be given more than once
	gives    reflect.Type   // of the result
	like     bool           // the result is of the type that all arguments have, if they have one
	about    string         // one line for the documentation
	examples []functionCase // checked by a test, the first ones also in the documentation
	call     func(args []any) (any, error)
}

// functionCase is an expression and the text that it gives.
type functionCase struct{ source, result string }

// parameter is what a function takes at one place.
type parameter struct {
	name  string // as the signature has it
	takes kind
	// literal checks a text that stands in the expression itself, which can be done
	// when the file is loaded; nil: any will do.
	literal func(text string) error
}

// functions are all functions by name.
var functions = byName(textFunctions, listFunctions, numberFunctions, dateFunctions, valueFunctions)

// libraryFunctions are the functions as the library wants them. It only reads them.
var libraryFunctions = forLibrary(functions)

func byName(groups ...[]function) map[string]*function {
	all := map[string]*function{}
	for _, group := range groups {
		for i := range group {
			all[group[i].name] = &group[i]
		}
	}
	return all
}

func forLibrary(functions map[string]*function) map[string]*builtin.Function {
	all := make(map[string]*builtin.Function, len(functions))
	for name, f := range functions {
		all[name] = &builtin.Function{Name: name, Func: f.run, Validate: f.typed}
	}
	return all
}

// withFunctions is an option of the library.
func withFunctions(c *conf.Config) { maps.Copy(c.Functions, libraryFunctions) }

// callError is an error of a call, in words for people.
type callError struct{ message string }

func (e *callError) Error() string { return e.message }

// signature returns how the function is called: formatDate(date, format, [zone]).
func (f *function) signature() string {
	var text strings.Builder
	text.WriteString(f.name + "(")
	for i, p := range f.params {
		if i > 0 {
			text.WriteString(", ")
		}
		if i >= len(f.params)-f.optional {
			text.WriteString("[" + p.name + "]")
		} else {
			text.WriteString(p.name)
		}
	}
	if f.repeats {
		text.WriteString(", …")
	}
	return text.String() + ")"
}

// param returns what stands at a place.
func (f *function) param(place int) (parameter, bool) {
	switch {
	case place < len(f.params):
		return f.params[place], true
	case f.repeats:
		return f.params[len(f.params)-1], true
	}
	return parameter{}, false
}

// literal is a text that is written out where a function takes only some.
type literal struct {
	function string
	param    parameter
	text     string
	at       int // in characters from 0 in the source
}

// fits checks the number and the kinds of arguments.
func (f *function) fits(kinds []kind) error {
	least, most := len(f.params)-f.optional, len(f.params)
	if len(kinds) < least || len(kinds) > most && !f.repeats {
		return fmt.Errorf("%s takes %s, not %d", f.signature(), f.counted(), len(kinds))
	}
	for i, k := range kinds {
		p, _ := f.param(i)
		if k == kindUnknown || k&p.takes != 0 {
			continue
		}
		hint := ""
		if k == kindNull {
			hint = "; write ?? and a value for that case"
		}
		return fmt.Errorf("%s: argument %d is %s, not %s%s", f.signature(), i+1, k, p.takes, hint)
	}
	return nil
}

func (f *function) counted() string {
	least, most := len(f.params)-f.optional, len(f.params)
	switch {
	case f.repeats:
		return "at least " + arguments(least)
	case least < most:
		return strconv.Itoa(least) + " to " + arguments(most)
	}
	return arguments(most)
}

func arguments(count int) string {
	if count == 1 {
		return "1 argument"
	}
	return strconv.Itoa(count) + " arguments"
}

// typed checks the arguments when a file is loaded, and returns the type of the
// result. It is called by the library.
func (f *function) typed(args []reflect.Type) (reflect.Type, error) {
	kinds := make([]kind, len(args))
	for i, t := range args {
		kinds[i] = kindOfType(t)
	}
	if err := f.fits(kinds); err != nil {
		return typeAny, err
	}
	if !f.like {
		return f.gives, nil
	}
	for _, t := range args {
		if t == nil || t != args[0] {
			return typeAny, nil
		}
	}
	return args[0], nil
}

// run calls the function. It is called by the library, which keeps args for itself.
func (f *function) run(args ...any) (any, error) {
	kinds := make([]kind, len(args))
	for i, arg := range args {
		kinds[i] = kindOfValue(arg)
	}
	if err := f.fits(kinds); err != nil {
		return nil, &callError{err.Error()}
	}
	value, err := f.call(slices.Clone(args))
	if err != nil {
		return nil, &callError{f.name + ": " + err.Error()}
	}
	if sizeOf(value) > resultMax {
		return nil, &callError{f.name + ": " + errTooLarge.Error()}
	}
	return value, nil
}

var errTooLarge = fmt.Errorf("the result is larger than %d bytes", resultMax)

// elsewhere are functions of other languages, and what they are called here.
var elsewhere = map[string]string{
	"toUpper": "upper", "uppercase": "upper", "toLower": "lower", "lowercase": "lower", "strip": "trim", "trimSpace": "trim",
	"length": "len", "size": "len", "count": "len", "strftime": "formatDate", "date": "formatDate", "dateFormat": "formatDate", "toDate": "formatDate",
	"addDays": "dateAdd", "json": "fromJSON", "parseJson": "fromJSON", "stringify": "toJSON", "int": "integer", "float": "number", "str": "string",
	"coalesce": "default", "match": "glob", "matches": "glob", "fnmatch": "glob", "uniq": "unique", "distinct": "unique", "filename": "basename",
}

// unknownFunction is about a call of a function that there is not.
func unknownFunction(name string) string {
	if name == "now" || name == "today" || name == "utcnow" {
		return fmt.Sprintf("there is no %s(), since a run must give the same when it is repeated: it has its own times, such as run.logical_date and run.run_after", name)
	}
	known := keysOf(functions)
	if other, ok := elsewhere[name]; ok {
		return fmt.Sprintf("unknown function %q: it is called %s here", name, other)
	}
	if hint := miniairflow.DidYouMean(name, known); hint != "" {
		return fmt.Sprintf("unknown function %q%s", name, hint)
	}
	return fmt.Sprintf("unknown function %q: there is %s", name, strings.Join(known, ", "))
}
