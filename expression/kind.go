package expression

import (
	"reflect"
	"strings"
)

// kind is a set of the kinds of values that an expression knows.
type kind uint8

const (
	kindText kind = 1 << iota
	kindNumber
	kindBoolean
	kindList
	kindObject
	kindNull
	kindUnknown kind = 0
	kindScalar       = kindText | kindNumber | kindBoolean
	kindSome         = kindScalar | kindList | kindObject // all but null
	kindAny          = kindSome | kindNull
)

// kindWords are the kinds as messages have them.
var kindWords = []struct {
	kind kind
	word string
}{
	{kindText, "a string"},
	{kindNumber, "a number"},
	{kindBoolean, "a boolean"},
	{kindList, "a list"},
	{kindObject, "an object"},
	{kindNull, "null"},
}

// String lists the kinds of the set: "a string or a list".
func (k kind) String() string {
	var words []string
	for _, w := range kindWords {
		if k&w.kind != 0 {
			words = append(words, w.word)
		}
	}
	if words == nil {
		return "a value that an expression does not know"
	}
	return enumerated(words, "or")
}

// The types of results.
var (
	typeAny     = reflect.TypeFor[any]()
	typeText    = reflect.TypeFor[string]()
	typeInteger = reflect.TypeFor[int]()
	typeNumber  = reflect.TypeFor[float64]()
	typeBoolean = reflect.TypeFor[bool]()
	typeList    = reflect.TypeFor[[]any]()
)

// kindOfType returns the kind of a type that the library found out; kindUnknown if
// it did not.
func kindOfType(t reflect.Type) kind {
	if t == nil {
		return kindNull
	}
	switch t.Kind() {
	case reflect.String:
		return kindText
	case reflect.Int, reflect.Int64, reflect.Float64:
		return kindNumber
	case reflect.Bool:
		return kindBoolean
	case reflect.Slice, reflect.Array:
		return kindList
	case reflect.Map:
		return kindObject
	}
	return kindUnknown
}

// kindOfValue returns the kind of a value. There are no others than these: what
// expressions read is normal, and so is what functions return.
func kindOfValue(value any) kind {
	switch value.(type) {
	case nil:
		return kindNull
	case string:
		return kindText
	case bool:
		return kindBoolean
	case []any:
		return kindList
	case map[string]any:
		return kindObject
	}
	return kindNumber
}

// kindOf names the kind of a value for messages.
func kindOf(value any) string { return kindOfValue(value).String() }

// textOf returns an argument that is a text; the caller has checked its kind.
func textOf(value any) string {
	text, _ := value.(string)
	return text
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}

// floatOf returns a number as a float64; ok is false if value is none.
func floatOf(value any) (f float64, ok bool) {
	switch v := value.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// quote returns a text as messages repeat it, shortened.
func quote(text string) string {
	const most = 60 // bytes
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return `"` + text + `"`
}
