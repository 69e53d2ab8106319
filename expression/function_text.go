package expression

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Limits of glob: its time grows with the product of both.
const (
	globPatternMax = 1000
	globTextMax    = 4096
)

// itemsMax bounds the items of a list that a function makes.
const itemsMax = resultMax / scalarSize

var textFunctions = []function{
	{
		name: "lower", params: []parameter{{name: "text", takes: kindText}}, gives: typeText,
		about:    "the text in lower case",
		examples: []functionCase{{`lower('EU-West')`, "eu-west"}, {`lower('ÄÖ')`, "äö"}},
		call:     func(args []any) (any, error) { return strings.ToLower(textOf(args[0])), nil },
	},
	{
		name: "upper", params: []parameter{{name: "text", takes: kindText}}, gives: typeText,
		about:    "the text in upper case",
		examples: []functionCase{{`upper('eu')`, "EU"}},
		call:     func(args []any) (any, error) { return strings.ToUpper(textOf(args[0])), nil },
	},
	{
		name: "trim", params: []parameter{{name: "text", takes: kindText}}, gives: typeText,
		about:    "the text without white space at both ends",
		examples: []functionCase{{`trim('  eu ')`, "eu"}},
		call:     func(args []any) (any, error) { return strings.TrimSpace(textOf(args[0])), nil },
	},
	{
		name: "replace", gives: typeText,
		params:   []parameter{{name: "text", takes: kindText}, {name: "old", takes: kindText, literal: notEmpty}, {name: "new", takes: kindText}},
		about:    "the text with every `old` replaced",
		examples: []functionCase{{`replace('a-b-c', '-', '_')`, "a_b_c"}, {`replace('aa', 'a', '')`, ""}},
		call:     callReplace,
	},
	{
		name: "split", gives: typeList,
		params:   []parameter{{name: "text", takes: kindText}, {name: "separator", takes: kindText, literal: notEmpty}},
		about:    "the list of the texts between the separators",
		examples: []functionCase{{`split('a,b', ',')`, `["a","b"]`}, {`split('', ',')`, `[]`}, {`split('a,', ',')`, `["a",""]`}},
		call:     callSplit,
	},
	{
		name: "join", params: []parameter{{name: "list", takes: kindList}, {name: "separator", takes: kindText}}, gives: typeText,
		about:    "the items of a list as one text",
		examples: []functionCase{{`join(['a', 'b', 3], ',')`, "a,b,3"}, {`join([], ',')`, ""}},
		call:     callJoin,
	},
	{
		name: "glob", gives: typeBoolean,
		params:   []parameter{{name: "pattern", takes: kindText, literal: checkGlob}, {name: "text", takes: kindText}},
		about:    "whether the text matches: `*` and `?` stand for anything but `/`, `[a-z]` for one of these",
		examples: []functionCase{{`glob('*.csv', 'orders.csv')`, "true"}, {`glob('*.csv', 'in/orders.csv')`, "false"}, {`glob('data/[0-9]?', 'data/07')`, "true"}},
		call:     callGlob,
	},
	{
		name: "basename", params: []parameter{{name: "path", takes: kindText}, {name: "suffix", takes: kindText}}, optional: 1, gives: typeText,
		about:    "what follows the last `/`, without the suffix",
		examples: []functionCase{{`basename('/in/orders.csv', '.csv')`, "orders"}, {`basename('/in/orders.csv')`, "orders.csv"}, {`basename('.csv', '.csv')`, ".csv"}},
		call:     callBasename,
	},
	{
		name: "dirname", params: []parameter{{name: "path", takes: kindText}}, gives: typeText,
		about:    "what precedes the last `/`",
		examples: []functionCase{{`dirname('/in/orders.csv')`, "/in"}, {`dirname('orders.csv')`, "."}},
		call:     func(args []any) (any, error) { return path.Dir(textOf(args[0])), nil },
	},
}

func notEmpty(text string) error {
	if text == "" {
		return errors.New("the text to look for is empty")
	}
	return nil
}

func callReplace(args []any) (any, error) {
	text, before, after := textOf(args[0]), textOf(args[1]), textOf(args[2])
	if err := notEmpty(before); err != nil {
		return nil, err
	}
	if len(text)+strings.Count(text, before)*(len(after)-len(before)) > resultMax {
		return nil, errTooLarge
	}
	return strings.ReplaceAll(text, before, after), nil
}

func callSplit(args []any) (any, error) {
	text, separator := textOf(args[0]), textOf(args[1])
	if err := notEmpty(separator); err != nil {
		return nil, err
	}
	if text == "" {
		return []any{}, nil
	}
	if strings.Count(text, separator) >= itemsMax {
		return nil, errTooLarge
	}
	parts := strings.Split(text, separator)
	list := make([]any, len(parts))
	for i, part := range parts {
		list[i] = part
	}
	return list, nil
}

func callJoin(args []any) (any, error) {
	var text strings.Builder
	for i, item := range listOf(args[0]) {
		if i > 0 {
			text.WriteString(textOf(args[1]))
		}
		rendered, err := render(item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		if text.Len()+len(rendered) > resultMax {
			return nil, errTooLarge
		}
		text.WriteString(rendered)
	}
	return text.String(), nil
}

func checkGlob(pattern string) error {
	if len(pattern) > globPatternMax {
		return fmt.Errorf("the pattern is longer than %d bytes", globPatternMax)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("%s is not a pattern: a [ is not closed, or a \\ ends it", quote(pattern))
	}
	return nil
}

func callGlob(args []any) (any, error) {
	pattern, text := textOf(args[0]), textOf(args[1])
	if err := checkGlob(pattern); err != nil {
		return nil, err
	}
	if len(text) > globTextMax {
		return nil, fmt.Errorf("the text is longer than %d bytes", globTextMax)
	}
	matched, err := path.Match(pattern, text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a pattern", quote(pattern))
	}
	return matched, nil
}

func callBasename(args []any) (any, error) {
	base := path.Base(textOf(args[0]))
	if len(args) == 1 {
		return base, nil
	}
	if short := strings.TrimSuffix(base, textOf(args[1])); short != "" {
		base = short
	}
	return base, nil
}
