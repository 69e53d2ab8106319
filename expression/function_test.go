package expression

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// one returns a definition with one task, whose stdin is a template.
func one(template string) *miniairflow.Definition {
	return &miniairflow.Definition{
		Name: "w",
		Params: []miniairflow.Param{
			{Name: "count", Type: miniairflow.ParamInteger},
			{Name: "region", Type: miniairflow.ParamString},
			{Name: "files", Type: miniairflow.ParamList},
			{Name: "day", Type: miniairflow.ParamDate},
			{Name: "window", Type: miniairflow.ParamDuration},
			{Name: "info", Type: miniairflow.ParamObject},
		},
		Tasks: []miniairflow.Task{{Name: "t", Noop: true, Stdin: template}},
	}
}

// The examples of every function are right, and pass the checks of a file.
func TestFunctionExamples(t *testing.T) {
	e := New()
	for name, f := range functions {
		require.NotEmpty(t, f.examples, name)
		require.NotEmpty(t, f.about, name)
		require.Equal(t, f.like, f.gives == nil, name)
		for _, example := range f.examples {
			template := "${{ " + example.source + " }}"
			got, err := e.Text(template, miniairflow.Scope{})
			require.NoError(t, err, template)
			require.Equal(t, example.result, got, template)
			require.Empty(t, e.Check(one(template)), template)
		}
	}
}

// What is wrong about a call is found when the file is loaded, with its place.
func TestCallsAreChecked(t *testing.T) {
	for template, want := range map[string]string{
		"${{ upper() }}":                                `${{ upper() }}: upper(text) takes 1 argument, not 0 (at character 5)`,
		"${{ upper('a', 'b') }}":                        `upper(text) takes 1 argument, not 2`,
		"x ${{ 'a' + upper(params.count) }}":            `upper(text): argument 1 is a number, not a string (at character 13)`,
		"${{ upper(null) }}":                            `upper(text): argument 1 is null, not a string; write ?? and a value for that case`,
		"${{ formatDate(run.logical_date) }}":           `formatDate(date, format, [zone]) takes 2 to 3 arguments, not 1`,
		"${{ min() }}":                                  `min(value, …) takes at least 1 argument, not 0`,
		"${{ len(params.count) }}":                      `len(value): argument 1 is a number, not a string, a list or an object`,
		"${{ join(params.region, ',') }}":               `join(list, separator): argument 1 is a string, not a list`,
		"${{ keys(params.files) }}":                     `argument 1 is a list, not an object`,
		"${{ upper(lower(len('a'))) }}":                 `lower(text): argument 1 is a number`,
		"${{ upper('a') > 3 }}":                         `mismatched types string and int`,
		"${{ default('a', 'b') + 1 }}":                  `mismatched types string and int`,
		"${{ uper('a') }}":                              `unknown function "uper"; did you mean "upper"? (at character 5)`,
		"${{ strftime('a') }}":                          `unknown function "strftime": it is called formatDate here`,
		"${{ now() }}":                                  `there is no now()`,
		"${{ frobnicate(1) }}":                          `unknown function "frobnicate": there is basename, `,
		"${{ params.region.upper() }}":                  `a value has no methods: write the function around it, as in upper(params.region)`,
		"${{ params.region | upper }}":                  `"|" has no meaning in an expression: write the function around the value`,
		"${{ filter([1], true) }}":                      `unknown function "filter"`,
		"${{ upper }}":                                  `upper is a function: write upper(text)`,
		"${{ parms.x }}":                                `unknown name "parms"; did you mean "params"?`,
		"${{ formatDate(params.day, '%Y-%q') }}":        `formatDate: "%q" means nothing in a format: write one of %a %A`,
		"${{ formatDate(params.day, '100%') }}":         `"%" means nothing in a format`,
		"${{ formatDate(params.day, '%Y', 'Berlin') }}": `formatDate: timezone "Berlin" is unknown: write an IANA name such as Europe/Berlin (at character 34)`,
		"${{ formatDate(params.day, '%Y', '+02:00') }}": `is an offset`,
		"${{ formatDate('31.01.2026', '%Y') }}":         `"31.01.2026" is not a date or time: it must be like 2026-01-31 or 2026-01-31T06:00:00Z`,
		"${{ dateAdd(params.day, '1 day') }}":           `dateAdd: "1 day" is not a duration: write one with units such as 90s`,
		"${{ dateAdd(params.day, '30') }}":              `"30" is not a duration`,
		"${{ glob('[a', params.region) }}":              `glob: "[a" is not a pattern`,
		"${{ split(params.region, '') }}":               `split: the text to look for is empty`,
		"${{ " + strings.Repeat("trim(", 21) + "'a'" + strings.Repeat(")", 21) + " }}": `calls more than 20 functions`,
	} {
		problems := New().Check(one(template))
		require.Len(t, problems, 1, "%s: %v", template, problems)
		require.Contains(t, problems[0].Message, want, template)
		_, err := New().Text(template, miniairflow.Scope{Params: map[string]any{
			"count": int64(3), "region": "eu", "files": []any{}, "day": "2026-01-31", "info": map[string]any{},
		}})
		require.Error(t, err, template)
	}
	for _, template := range []string{
		"${{ upper(params.region) + toJSON(params.files) }}", "${{ len(params.info) + len(keys(params.info)) + len(params.files) }}",
		"${{ dateAdd(params.day, params.window) }}", "${{ max(params.files) ?? 1 }}", "${{ split(params.region, ',')[0] }}",
		"${{ fromJSON(params.region).x[0] }}", "${{ first(params.files).name }}", "${{ params.files[0] + 1 }}",
		"${{ formatDate(run.logical_date, '%Y-%m-01') }}", "${{ default(params.region, 'x') + 'y' }}", "${{ min(params.count, 3) }}",
	} {
		require.Empty(t, New().Check(one(template)), template)
	}
}

// What only the values show is told when the expression is computed.
func TestCallsSayWhatIsWrong(t *testing.T) {
	big := strings.Repeat("a", 600_000)
	scope := miniairflow.Scope{Params: map[string]any{
		"text": "x", "null": nil, "big": big, "mixed": []any{1, "a"}, "nulls": []any{"a", nil}, "n": 4.5, "deep": `{"a"`, "zone": "Nowhere/Land",
		"dash": "%", "huge": json.Number("9223372036854775807"),
	}}
	for template, want := range map[string]string{
		"${{ upper(params.null) }}":                              "upper(text): argument 1 is null, not a string; write ?? and a value for that case (at character 5)",
		"${{ upper(params.n) }}":                                 "upper(text): argument 1 is a number, not a string",
		"${{ replace(params.big, 'a', 'bb') }}":                  "replace: the result is larger than 1048576 bytes",
		"${{ toJSON(split(params.big, 'a')) }}":                  "split: the result is larger than",
		"${{ join(split(params.big, params.text), ',') + 'x' }}": "",
		"${{ join(params.nulls, ',') }}":                         "join: item 1: the value is null",
		"${{ sort(params.mixed) }}":                              "sort: item 1 is a string, but item 0 is a number: they have no order",
		"${{ sort(params.nulls) }}":                              "sort: item 1 is null, not a string or a number",
		"${{ sum(params.mixed) }}":                               "sum: item 1 is a string, not a number",
		"${{ sum([params.huge, 1]) }}":                           "sum: the sum is larger than 64 bits",
		"${{ min(params.mixed) }}":                               "min: item 1 is a string",
		"${{ integer(params.n) }}":                               "integer: 4.5 is not a whole number: round it first",
		"${{ integer(params.text) }}":                            `integer: "x" is not an integer such as 42`,
		"${{ number(params.text) }}":                             `number: "x" is not a number such as 4.2`,
		"${{ range(params.n) }}":                                 "range: 4.5 is not a whole number",
		"${{ range(10001) }}":                                    "range: the count is 10001, but must be 0 to 10000",
		"${{ range(-1) }}":                                       "range: the count is -1",
		"${{ round(1/0) }}":                                      "round: +Inf is no number",
		"${{ round(params.n, 16) }}":                             "round: digits is 16",
		"${{ fromJSON(params.deep) }}":                           `fromJSON: "{"a"" is not JSON: unexpected EOF`,
		"${{ fromJSON('1 2') }}":                                 "more text follows after byte",
		"${{ formatDate(params.text, '%Y') }}":                   `formatDate: "x" is not a date or time`,
		"${{ formatDate('2026-01-31', '%Y', params.zone) }}":     `formatDate: timezone "Nowhere/Land" is unknown`,
		"${{ formatDate('2026-01-31', params.dash) }}":           `formatDate: "%" means nothing`,
		"${{ dateAdd('9999-12-31', '2d') }}":                     "dateAdd: the year 10000 has no date",
		"${{ glob('*', params.big) }}":                           "glob: the text is longer than 4096 bytes",
		"${{ glob(params.big, 'a') }}":                           "glob: the pattern is longer than 1000 bytes",
		"${{ params.big + upper('a') + params.big }}":            "reads more than",
	} {
		_, err := New().Text(template, scope)
		if want == "" {
			require.NoError(t, err, template)
			continue
		}
		require.ErrorContains(t, err, want, template)
		require.Less(t, len(err.Error()), 400, template)
	}
}

// Functions do not change what they are given.
func TestFunctionsAreKindToTheirArguments(t *testing.T) {
	files := []any{"b", "a", "b"}
	scope := miniairflow.Scope{Params: map[string]any{"files": files}}
	got, err := New().Text("${{ sort(params.files) }}${{ unique(params.files) }}${{ params.files }}", scope)
	require.NoError(t, err)
	require.Equal(t, `["a","b","b"]["b","a"]["b","a","b"]`, got)
	require.Equal(t, []any{"b", "a", "b"}, files)
	got, err = New().Text("${{ toJSON([sort(params.files), params.files]) }}", scope)
	require.NoError(t, err)
	require.Equal(t, `[["a","b","b"],["b","a","b"]]`, got)
}

// Texts come back from JSON, from a list and from its pieces as they were.
func TestFunctionsKeepTexts(t *testing.T) {
	e := New()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("ab,\"'\\${}\n|<&é\u2028😀"))), 1, 4).Draw(t, "texts")
		list := make([]any, len(texts))
		for i, text := range texts {
			list[i] = text
		}
		scope := miniairflow.Scope{Params: map[string]any{"x": list, "text": texts[0]}}
		for template, want := range map[string]string{
			"${{ fromJSON(toJSON(params.text)) }}":      texts[0],
			"${{ fromJSON(toJSON(params.x))[0] }}":      texts[0],
			"${{ join(params.x, ';') }}":                strings.Join(texts, ";"),
			"${{ join(split(params.text, ','), ',') }}": texts[0],
			"${{ replace(params.text, ',', ',') }}":     texts[0],
			"${{ string(params.text) }}":                texts[0],
		} {
			got, err := e.Text(template, scope)
			require.NoError(t, err, template)
			require.Equal(t, want, got, template)
		}
	})
}

// FuzzFunctions requires of every function that it ends with a result of a bounded
// size or an error, whatever it is given, twice the same, and never by a panic.
func FuzzFunctions(f *testing.F) {
	names := keysOf(functions)
	for i, name := range names {
		f.Add(uint8(i), uint8(1), `"a"`, `"%Y"`, `"UTC"`)
		for _, example := range functions[name].examples {
			f.Add(uint8(i), uint8(2), fmt.Sprintf("%q", example.result), `"1d"`, `[1,"a",null]`)
		}
	}
	f.Add(uint8(0), uint8(3), `"2026-01-31T23:30:05.25+02:00"`, `"%-d%:z"`, `"Europe/Berlin"`)
	e := New()
	f.Fuzz(func(t *testing.T, function, count uint8, a, b, c string) {
		params := map[string]any{}
		var arguments []string
		for i, text := range []string{a, b, c}[:count%4] {
			var value any
			if json.Unmarshal([]byte(text), &value) != nil {
				value = text
			}
			name := string(rune('a' + i))
			params[name] = value
			arguments = append(arguments, "params."+name)
		}
		template := "${{ toJSON(" + names[int(function)%len(names)] + "(" + strings.Join(arguments, ", ") + ")) }}"
		scope := miniairflow.Scope{Params: params}
		got, err := e.Text(template, scope)
		again, errAgain := e.Text(template, scope)
		require.Equal(t, got, again)
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(errAgain))
		if err != nil {
			require.NotContains(t, err.Error(), "runtime error")
			return
		}
		require.LessOrEqual(t, len(got), resultMax)
	})
}
