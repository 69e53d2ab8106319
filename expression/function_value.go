package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

var valueFunctions = []function{
	{
		name: "default", params: []parameter{{name: "value", takes: kindAny}, {name: "otherwise", takes: kindAny}}, like: true,
		about:    "the value, or `otherwise` if it is null or an empty text",
		examples: []functionCase{{`default('', 'eu')`, "eu"}, {`default(null, 3)`, "3"}, {`default(0, 3)`, "0"}},
		call: func(args []any) (any, error) {
			if args[0] == nil || args[0] == "" {
				return args[1], nil
			}
			return args[0], nil
		},
	},
	{
		name: "fromJSON", params: []parameter{{name: "text", takes: kindText}}, gives: typeAny,
		about:    "the value that a JSON text holds",
		examples: []functionCase{{`fromJSON('{"rows": [1, 2]}').rows[1]`, "2"}, {`fromJSON('"a"') + 'b'`, "ab"}, {`fromJSON('null') ?? 'none'`, "none"}},
		call:     callFromJSON,
	},
	{
		name: "toJSON", params: []parameter{{name: "value", takes: kindAny}}, gives: typeText,
		about:    "the value as compact JSON, with the keys of objects sorted",
		examples: []functionCase{{`toJSON({'b': 1, 'a': [true, null]})`, `{"a":[true,null],"b":1}`}, {`toJSON('a"b')`, `"a\"b"`}},
		call: func(args []any) (any, error) {
			text, err := jsonOf(args[0])
			return text, err
		},
	},
	{
		name: "string", params: []parameter{{name: "value", takes: kindSome}}, gives: typeText,
		about:    "the value as text, as a template has it",
		examples: []functionCase{{`'n=' + string(3)`, "n=3"}, {`string(true)`, "true"}, {`string(['a'])`, `["a"]`}},
		call: func(args []any) (any, error) {
			text, err := render(args[0])
			return text, err
		},
	},
	{
		name: "integer", params: []parameter{{name: "value", takes: kindText | kindNumber}}, gives: typeInteger,
		about:    "the whole number that a text or number is",
		examples: []functionCase{{`integer('42') + 1`, "43"}, {`integer(4.0)`, "4"}},
		call:     callInteger,
	},
	{
		name: "number", params: []parameter{{name: "value", takes: kindText | kindNumber}}, gives: typeNumber,
		about:    "the number that a text is",
		examples: []functionCase{{`number('4.5') * 2`, "9"}},
		call:     callNumber,
	},
}

// jsonOf writes a value as JSON, which render does but for texts and null.
func jsonOf(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "null", nil
	case string:
		var text strings.Builder
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			return "", fmt.Errorf("the text has no JSON: %w", err)
		}
		return strings.TrimSuffix(text.String(), "\n"), nil
	}
	return render(value)
}

func callFromJSON(args []any) (any, error) {
	text := textOf(args[0])
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", quote(text), err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is not JSON: more text follows after byte %d", quote(text), decoder.InputOffset())
	}
	if sizeOf(value) > resultMax {
		return nil, errTooLarge
	}
	return normal(value), nil
}

func callInteger(args []any) (any, error) {
	text, isText := args[0].(string)
	if !isText {
		n, err := whole(args[0])
		if err != nil {
			return nil, fmt.Errorf("%w: round it first", err)
		}
		return n, nil
	}
	value, err := miniairflow.ParseOutput(miniairflow.OutputInteger, text)
	if err != nil {
		return nil, err
	}
	return normal(value), nil
}

func callNumber(args []any) (any, error) {
	if f, ok := floatOf(args[0]); ok {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%v is no number", f)
		}
		return f, nil
	}
	return miniairflow.ParseOutput(miniairflow.OutputNumber, textOf(args[0]))
}
