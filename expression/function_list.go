package expression

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// rangeMax bounds the numbers that range makes.
const rangeMax = 10_000

var aList = []parameter{{name: "list", takes: kindList}}

var listFunctions = []function{
	{
		name: "len", params: []parameter{{name: "value", takes: kindText | kindList | kindObject}}, gives: typeInteger,
		about:    "how many items a list, fields an object, or characters a text has",
		examples: []functionCase{{`len(['a', 'b'])`, "2"}, {`len('né')`, "2"}, {`len({})`, "0"}},
		call:     callLen,
	},
	{
		name: "first", params: aList, gives: typeAny,
		about:    "the first item; null if there is none",
		examples: []functionCase{{`first(['a', 'b'])`, "a"}, {`first([]) ?? 'none'`, "none"}},
		call: func(args []any) (any, error) {
			if list := listOf(args[0]); len(list) > 0 {
				return list[0], nil
			}
			return nil, nil
		},
	},
	{
		name: "last", params: aList, gives: typeAny,
		about:    "the last item; null if there is none",
		examples: []functionCase{{`last(['a', 'b'])`, "b"}, {`last([]) == null`, "true"}},
		call: func(args []any) (any, error) {
			if list := listOf(args[0]); len(list) > 0 {
				return list[len(list)-1], nil
			}
			return nil, nil
		},
	},
	{
		name: "sort", params: aList, gives: typeList,
		about:    "the numbers or texts of a list in ascending order",
		examples: []functionCase{{`sort(['b', 'a'])`, `["a","b"]`}, {`sort([10, 9, 1.5])`, `[1.5,9,10]`}, {`sort([])`, `[]`}},
		call:     callSort,
	},
	{
		name: "unique", params: aList, gives: typeList,
		about:    "the list without the items that are there before",
		examples: []functionCase{{`unique(['b', 'a', 'b'])`, `["b","a"]`}, {`unique([1, '1', 1.0, [1], [1]])`, `[1,"1",[1]]`}},
		call:     callUnique,
	},
	{
		name: "range", params: []parameter{{name: "count", takes: kindNumber}}, gives: typeList,
		about:    fmt.Sprintf("the whole numbers from 0 to below `count`, which is at most %d", rangeMax),
		examples: []functionCase{{`range(3)`, `[0,1,2]`}, {`range(0)`, `[]`}},
		call:     callRange,
	},
	{
		name: "keys", params: []parameter{{name: "object", takes: kindObject}}, gives: typeList,
		about:    "the keys of an object, sorted",
		examples: []functionCase{{`keys({'b': 1, 'a': 2})`, `["a","b"]`}},
		call:     callKeys,
	},
	{
		name: "values", params: []parameter{{name: "object", takes: kindObject}}, gives: typeList,
		about:    "the values of an object, in the order of its keys",
		examples: []functionCase{{`values({'b': 1, 'a': 2})`, `[2,1]`}},
		call:     callValues,
	},
}

func callLen(args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return 0, nil
}

func callSort(args []any) (any, error) {
	list := slices.Clone(listOf(args[0]))
	if err := haveOrder(list); err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, compare)
	return list, nil
}

// haveOrder checks that all items are numbers, or all are texts.
func haveOrder(list []any) error {
	for i, item := range list {
		k := kindOfValue(item)
		if k != kindText && k != kindNumber {
			return fmt.Errorf("item %d is %s, not a string or a number", i, k)
		}
		if first := kindOfValue(list[0]); k != first {
			return fmt.Errorf("item %d is %s, but item 0 is %s: they have no order", i, k, first)
		}
	}
	return nil
}

// compare orders two numbers or two texts.
func compare(a, b any) int {
	if kindOfValue(a) == kindText {
		return strings.Compare(textOf(a), textOf(b))
	}
	x, isWholeX := a.(int)
	y, isWholeY := b.(int)
	if isWholeX && isWholeY {
		return cmp.Compare(x, y)
	}
	f, _ := floatOf(a)
	g, _ := floatOf(b)
	return cmp.Compare(f, g)
}

func callUnique(args []any) (any, error) {
	list := listOf(args[0])
	seen := make(map[string]bool, len(list))
	kept := make([]any, 0, len(list))
	for i, item := range list {
		text, err := jsonOf(item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		if !seen[text] {
			seen[text] = true
			kept = append(kept, item)
		}
	}
	return kept, nil
}

func callRange(args []any) (any, error) {
	count, err := whole(args[0])
	if err != nil {
		return nil, err
	}
	if count < 0 || count > rangeMax {
		return nil, fmt.Errorf("the count is %d, but must be 0 to %d", count, rangeMax)
	}
	list := make([]any, count)
	for i := range list {
		list[i] = i
	}
	return list, nil
}

// whole returns a number that must be whole.
func whole(value any) (int, error) {
	switch v := value.(type) {
	case int:
		return v, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), nil
		}
	}
	return 0, fmt.Errorf("%v is not a whole number", value)
}

func objectOf(value any) map[string]any {
	object, _ := value.(map[string]any)
	return object
}

func callKeys(args []any) (any, error) {
	names := keysOf(objectOf(args[0]))
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return list, nil
}

func callValues(args []any) (any, error) {
	object := objectOf(args[0])
	list := make([]any, 0, len(object))
	for _, name := range keysOf(object) {
		list = append(list, object[name])
	}
	return list, nil
}
