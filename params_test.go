package miniairflow_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

func TestParamTypes(t *testing.T) {
	many := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	tests := []struct {
		kind    miniairflow.ParamType
		value   any
		want    any
		problem string
	}{
		{miniairflow.ParamDatetime, "2026-01-31T06:00:00.50+00:00", "2026-01-31T06:00:00.5Z", ""},
		{miniairflow.ParamDate, 20260131, nil, "20260131 is not a date: write it like 2026-01-31"},
		{miniairflow.ParamDuration, "90s", "1m30s", ""},
		{miniairflow.ParamDuration, "1d12h", "36h", ""},
		{miniairflow.ParamDuration, "-1d", "-24h", ""},
		{miniairflow.ParamDuration, "60m", "1h", ""},
		{miniairflow.ParamDuration, "0", "0s", ""},
		{miniairflow.ParamDuration, "1.5h", "1h30m", ""},
		{miniairflow.ParamDuration, "30", nil, `"30" is not a duration: write one with units such as 90s, 10m, 1h30m or 2d`},
		{miniairflow.ParamDuration, 30, nil, "30 is not a duration"},
		{miniairflow.ParamDuration, "1d-2h", nil, "is not a duration"},
		{miniairflow.ParamDuration, "--2h", nil, "is not a duration"},
		{miniairflow.ParamDuration, "99999d200000h", nil, "is not a duration"},
		{miniairflow.ParamDuration, "123456d", nil, "is not a duration"},
		{miniairflow.ParamDuration, "", nil, `"" is not a duration`},
		{miniairflow.ParamList, `["a", 1.0, {"b": null}]`, []any{"a", int64(1), map[string]any{"b": nil}}, ""},
		{miniairflow.ParamList, []any{json.Number("9007199254740993"), 2.5, true}, []any{int64(9007199254740993), 2.5, true}, ""},
		{miniairflow.ParamList, " [] ", []any{}, ""},
		{miniairflow.ParamList, "a,b", nil, `"a,b" is not a list as JSON such as ["a", "b"]: it must start with [`},
		{miniairflow.ParamList, map[string]any{}, nil, `{} is not a list such as ["a", "b"]`},
		{miniairflow.ParamList, "[1] 2", nil, "more text follows"},
		{miniairflow.ParamList, []any{"a\x00"}, nil, "NUL byte"},
		{miniairflow.ParamList, `["a\u0000"]`, nil, "NUL byte"},
		{miniairflow.ParamList, "[12345678901234567890]", nil, "the number 12345678901234567890 is too large: put it in quotes"},
		{miniairflow.ParamList, "[1e400]", nil, "the number 1e400 is too large"},
		{miniairflow.ParamList, many, nil, "more than 64 levels inside each other"},
		{miniairflow.ParamList, []any{struct{}{}}, nil, "is nothing that JSON has"},
		{miniairflow.ParamList, "[" + strings.Repeat("1,", 200_000) + "1]", nil, "more than 1048576 bytes"},
		{miniairflow.ParamObject, `{"a": {"b": [1e2]}}`, map[string]any{"a": map[string]any{"b": []any{int64(100)}}}, ""},
		{miniairflow.ParamObject, "[]", nil, "it must start with {"},
		{miniairflow.ParamObject, 3, nil, `3 is not an object such as {"a": 1}`},
		{miniairflow.ParamString, "a\xffb", nil, "not valid UTF-8"},
		{miniairflow.ParamString, strings.Repeat("a", 1<<20+1), nil, "the value has 1048577 bytes, and may have 1048576"},
		{miniairflow.ParamString, []any{"a"}, nil, `["a"] is not a string`},
		{miniairflow.ParamBoolean, []any{true}, nil, "[true] is not a boolean"},
		{miniairflow.ParamInteger, "1\x00", nil, "NUL byte"},
	}
	for _, tt := range tests {
		got, err := (&miniairflow.Param{Type: tt.kind}).Check(tt.value)
		if tt.problem != "" {
			require.ErrorContains(t, err, tt.problem, "%s %.80v", tt.kind, tt.value)
			require.Less(t, len(err.Error()), 300)
			continue
		}
		require.NoError(t, err, "%s %v", tt.kind, tt.value)
		require.Equal(t, tt.want, got)
	}
}

func TestParamRules(t *testing.T) {
	bounded := func(kind miniairflow.ParamType, least, most any) miniairflow.Param {
		return miniairflow.Param{Type: kind, Minimum: least, Maximum: most}
	}
	pattern := func(p string) miniairflow.Param {
		return miniairflow.Param{Type: miniairflow.ParamString, Pattern: p}
	}
	tests := []struct {
		param   miniairflow.Param
		value   any
		problem string
	}{
		{bounded(miniairflow.ParamInteger, int64(1), int64(3)), "1", ""},
		{bounded(miniairflow.ParamInteger, int64(1), int64(3)), 3, ""},
		{bounded(miniairflow.ParamInteger, int64(1), nil), 0, "0 is less than minimum 1"},
		{bounded(miniairflow.ParamInteger, nil, int64(3)), 4, "4 is more than maximum 3"},
		{bounded(miniairflow.ParamInteger, int64(9007199254740993), nil), json.Number("9007199254740992"), "9007199254740992 is less than minimum 9007199254740993"},
		{bounded(miniairflow.ParamNumber, 0.5, int64(2)), "0.4", "0.4 is less than minimum 0.5"},
		{bounded(miniairflow.ParamNumber, 0.5, int64(2)), 2.01, "2.01 is more than maximum 2"},
		{bounded(miniairflow.ParamDate, "2026-01-01", "2026-12-31"), "2026-12-31", ""},
		{bounded(miniairflow.ParamDate, "2026-01-01", nil), "2025-12-31", "2025-12-31 is before minimum 2026-01-01"},
		{bounded(miniairflow.ParamDatetime, nil, "2026-01-31T00:00:00Z"), "2026-01-31T00:30:00+01:00", ""},
		{bounded(miniairflow.ParamDatetime, nil, "2026-01-31T00:00:00Z"), "2026-01-30T23:30:00-01:00", "is after maximum 2026-01-31T00:00:00Z"},
		{bounded(miniairflow.ParamDuration, "1m", "2h"), "90s", ""},
		{bounded(miniairflow.ParamDuration, "1m", "2h"), "59s", "59s is less than minimum 1m"},
		{bounded(miniairflow.ParamDuration, "1m", "2h"), "1d", "24h is more than maximum 2h"},
		{bounded(miniairflow.ParamString, "b", nil), "a", ""}, // Validate refuses it
		{pattern("[a-z]+"), "abc", ""},
		{pattern("[a-z]+"), "abc\n", "does not match the pattern"},
		{pattern("[a-z]+"), "1abc", `"1abc" does not match the pattern [a-z]+`},
		{pattern("(?m)^a$"), "a\na", "does not match"},
		{pattern("a|b"), "ab", "does not match"},
		{pattern(`\Qa.b`), "a.b", ""},
		{pattern("(?i)eu"), "EU", ""},
		{pattern("[a-z]+"), strings.Repeat("a", 20_000), "the value has 20000 bytes, and with a pattern it may have 16384"},
		{miniairflow.Param{Type: miniairflow.ParamEnum, Enum: []any{"a", "b"}}, "b", ""},
		{miniairflow.Param{Type: miniairflow.ParamEnum, Enum: []any{"a", "b"}}, "c", "c is not one of a, b"},
		{miniairflow.Param{Type: miniairflow.ParamDuration, Enum: []any{"1h", "1d"}}, "24h", ""},
		{miniairflow.Param{Type: miniairflow.ParamList, Enum: []any{[]any{"a"}}}, `["a"]`, ""},
		{miniairflow.Param{Type: miniairflow.ParamString, Enum: []any{"a"}}, strings.Repeat("x", 10_000), "… is not one of a"},
	}
	for _, tt := range tests {
		_, err := tt.param.Check(tt.value)
		if tt.problem == "" {
			require.NoError(t, err, "%v of %v", tt.value, tt.param)
			continue
		}
		require.ErrorContains(t, err, tt.problem)
	}
}

func TestOptionalParams(t *testing.T) {
	params := []miniairflow.Param{
		{Name: "limit", Type: miniairflow.ParamInteger, Optional: true, Minimum: int64(1)},
		{Name: "region", Type: miniairflow.ParamString, Default: "eu"},
	}
	eval := expression.New()
	resolve := func(given map[string]any) (map[string]any, error) {
		return miniairflow.ResolveParams(params, given, miniairflow.RunScope{}, eval)
	}
	got, err := resolve(nil)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"limit": nil, "region": "eu"}, got)
	text, err := eval.Text("${{ params.limit ?? 100 }} ${{ params.limit == null }}", miniairflow.Scope{Params: got})
	require.NoError(t, err)
	require.Equal(t, "100 true", text)
	got, err = resolve(map[string]any{"limit": nil, "region": "us"})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"limit": nil, "region": "us"}, got)
	_, err = resolve(map[string]any{"limit": 0})
	require.EqualError(t, err, `param "limit": 0 is less than minimum 1`)
	_, err = resolve(map[string]any{"region": nil})
	require.EqualError(t, err, `param "region": null is not a string: put it in quotes`)
}

func TestValidateParams(t *testing.T) {
	tests := []struct {
		param      miniairflow.Param
		path, want string
	}{
		{miniairflow.Param{Type: miniairflow.ParamEnum}, "enum", "has no values to choose from"},
		{miniairflow.Param{Type: miniairflow.ParamList, Enum: []any{"a"}}, "enum", `enum of param "p" is not for type list`},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Pattern: "[0-9]"}, "pattern", "is for type string, not integer"},
		{miniairflow.Param{Type: miniairflow.ParamString, Pattern: "a)|(b"}, "pattern", `"a)|(b" is not a pattern (RE2): unexpected )`},
		{miniairflow.Param{Type: miniairflow.ParamString, Pattern: "(?=a)"}, "pattern", "is not a pattern (RE2)"},
		{miniairflow.Param{Type: miniairflow.ParamString, Pattern: strings.Repeat("a", 1001)}, "pattern", "longer than 1000 bytes"},
		{miniairflow.Param{Type: miniairflow.ParamString, Pattern: strings.Repeat(".{0,1000}", 100)}, "pattern", "is too complex"},
		{miniairflow.Param{Type: miniairflow.ParamString, Minimum: int64(1)}, "minimum", "is for integer, number, date, datetime, duration, not string"},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Minimum: "x"}, "minimum", `minimum of param "p" (integer): "x" is not an integer`},
		{miniairflow.Param{Type: miniairflow.ParamDuration, Maximum: "30"}, "maximum", `"30" is not a duration`},
		{miniairflow.Param{Type: miniairflow.ParamDate, Minimum: "2026-02-01", Maximum: "2026-01-01"}, "maximum", "maximum 2026-01-01 of param \"p\" is less than minimum 2026-02-01"},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Minimum: int64(1), Default: int64(0)}, "default", `default of param "p" (integer): 0 is less than minimum 1`},
		{miniairflow.Param{Type: miniairflow.ParamString, Pattern: "a+", Default: "b"}, "default", "does not match the pattern a+"},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Maximum: int64(1), Enum: []any{int64(1), int64(2)}, Default: int64(1)}, "enum 1", "2 is more than maximum 1"},
		{miniairflow.Param{Type: miniairflow.ParamObject, Default: "[]"}, "default", "is not an object"},
		{miniairflow.Param{Type: miniairflow.ParamInteger}, "", "has no default, but the workflow has a schedule"},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Optional: true}, "", ""},
		{miniairflow.Param{Type: miniairflow.ParamList, Default: []any{"a"}}, "", ""},
		{miniairflow.Param{Type: miniairflow.ParamDuration, Default: "2d", Minimum: "1h", Maximum: "7d"}, "", ""},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Minimum: int64(5), Default: "${{ run.number }}"}, "", ""},
	}
	for _, tt := range tests {
		d := validDefinition()
		tt.param.Name = "p"
		d.Params = []miniairflow.Param{tt.param}
		d.Env = nil
		if !strings.Contains(tt.want, "schedule") && tt.want != "" {
			d.Schedules = nil // which need a default
		}
		problems := d.Validate()
		if tt.want == "" {
			require.Empty(t, problems)
			continue
		}
		require.Len(t, problems, 1, "%v", tt.param)
		require.Equal(t, strings.TrimSpace("params p "+tt.path), strings.Join(problems[0].Path, " "))
		require.Contains(t, problems[0].Message, tt.want)
	}
}

// What a definition did not have before leaves its hash as it was.
func TestHashOfOldParams(t *testing.T) {
	text, err := json.Marshal([]miniairflow.Param{{Name: "a", Type: miniairflow.ParamString, Enum: []any{"x"}, Default: "x"}, {Name: "b", Type: miniairflow.ParamInteger}})
	require.NoError(t, err)
	require.JSONEq(t, `[{"name":"a","type":"string","enum":["x"],"default":"x"},{"name":"b","type":"integer"}]`, string(text))
}

func TestParseDuration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := miniairflow.Duration(rapid.Int64Min(-1<<62).Draw(t, "d"))
		got, err := miniairflow.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, got)
	})
	got, err := miniairflow.ParseDuration("99999d")
	require.NoError(t, err)
	require.Equal(t, 99999*24*time.Hour, got.Std())
}

// FuzzParseDuration requires of any text that it is refused or a duration whose own
// text is the same duration.
func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"90s", "1h30m", "2d", "-1d12h", "+0.5h", "99999d99999h", "1d-2h", "--1s", "9223372036854775807ns", "106751d23h47m16.854775807s", "", "d", "1d1d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := miniairflow.ParseDuration(text)
		if err != nil {
			return
		}
		again, err := miniairflow.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
		canonical, err := (&miniairflow.Param{Type: miniairflow.ParamDuration}).Check(text)
		require.NoError(t, err)
		short, ok := canonical.(string)
		require.True(t, ok)
		again, err = miniairflow.ParseDuration(short)
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}

// FuzzParam requires of any value of any type that it is refused, or has one form,
// which is kept through JSON and another check, and obeys the rules.
func FuzzParam(f *testing.F) {
	for i := range miniairflow.ParamTypes {
		for _, text := range []string{"a", "42", "4.50", "true", "2026-01-31", "2026-01-31T06:00:00.5+01:00", "1d12h", `["a", 1.0, null]`, `{"a": {"b": 1e3}}`} {
			f.Add(uint8(i), text, "", "")
			f.Add(uint8(i), text, "[a-z]+", text)
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, text, pattern, bound string) {
		p := miniairflow.Param{Name: "p", Type: miniairflow.ParamTypes[int(kind)%len(miniairflow.ParamTypes)], Pattern: pattern, Enum: nil}
		if p.Type == miniairflow.ParamEnum {
			p.Enum = []any{bound}
		} else if bound != "" {
			p.Minimum = bound
		}
		d := miniairflow.Definition{Params: []miniairflow.Param{p}}
		for _, problem := range d.Validate() {
			if problem.Path[0] == "params" {
				return
			}
		}
		value, err := p.Check(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		decoder := json.NewDecoder(strings.NewReader(string(encoded)))
		decoder.UseNumber()
		var decoded any
		require.NoError(t, decoder.Decode(&decoded))
		again, err := p.Check(decoded)
		require.NoError(t, err, "%v came from %q", value, text)
		require.Equal(t, value, again)
	})
}
