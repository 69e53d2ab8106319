package miniairflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

func TestParseOutput(t *testing.T) {
	good := []struct {
		kind miniairflow.OutputType
		text string
		want any
	}{
		{miniairflow.OutputString, "  0755\n", "0755"},
		{"", "x", "x"},
		{miniairflow.OutputInteger, " 42 \n", int64(42)},
		{miniairflow.OutputInteger, "0755", int64(755)},
		{miniairflow.OutputInteger, "-9223372036854775808", int64(-9223372036854775808)},
		{miniairflow.OutputNumber, "3.10", 3.1},
		{miniairflow.OutputNumber, "1e3", 1000.0},
		{miniairflow.OutputBoolean, "true", true},
		{miniairflow.OutputBoolean, "false", false},
		{miniairflow.OutputList, `["a", 1.50]`, []any{"a", json.Number("1.50")}},
		{miniairflow.OutputList, `[]`, []any{}},
		{miniairflow.OutputObject, `{"a": {"b": null}}`, map[string]any{"a": map[string]any{"b": nil}}},
	}
	for _, tt := range good {
		got, err := miniairflow.ParseOutput(tt.kind, tt.text)
		require.NoError(t, err, tt.text)
		require.Equal(t, tt.want, got)
	}
	bad := []struct {
		kind       miniairflow.OutputType
		text, want string
	}{
		{miniairflow.OutputInteger, "", "the value is empty, but it must be an integer"},
		{miniairflow.OutputInteger, "4.0", `"4.0" is not an integer`},
		{miniairflow.OutputInteger, "9223372036854775808", "is not an integer"},
		{miniairflow.OutputNumber, "NaN", `"NaN" is not a number`},
		{miniairflow.OutputNumber, "1e999", "is not a number"},
		{miniairflow.OutputNumber, "0x10", "is not a number"},
		{miniairflow.OutputBoolean, "True", "is not a boolean: true or false"},
		{miniairflow.OutputList, "a,b", "it must start with ["},
		{miniairflow.OutputList, "null", "it must start with ["},
		{miniairflow.OutputList, `["a",`, "unexpected EOF"},
		{miniairflow.OutputList, `[1] [2]`, "more text follows after byte"},
		{miniairflow.OutputObject, `["a"]`, "it must start with {"},
	}
	for _, tt := range bad {
		_, err := miniairflow.ParseOutput(tt.kind, tt.text)
		require.ErrorContains(t, err, tt.want, tt.text)
	}
}

func TestParamCheck(t *testing.T) {
	tests := []struct {
		param   miniairflow.Param
		value   any
		want    any
		problem string
	}{
		{miniairflow.Param{Type: miniairflow.ParamString}, "x", "x", ""},
		{miniairflow.Param{Type: miniairflow.ParamString}, 3, nil, "put it in quotes"},
		{miniairflow.Param{Type: miniairflow.ParamString}, nil, nil, "null is not a string"},
		{miniairflow.Param{Type: miniairflow.ParamString}, "a\x00", nil, "NUL byte"},
		{miniairflow.Param{Type: miniairflow.ParamInteger}, "42", int64(42), ""},
		{miniairflow.Param{Type: miniairflow.ParamInteger}, 42.0, int64(42), ""},
		{miniairflow.Param{Type: miniairflow.ParamInteger}, json.Number("42"), int64(42), ""},
		{miniairflow.Param{Type: miniairflow.ParamString}, json.Number("42"), nil, "put it in quotes"},
		{miniairflow.Param{Type: miniairflow.ParamInteger}, 4.5, nil, "4.5 is not an integer"},
		{miniairflow.Param{Type: miniairflow.ParamNumber}, "4.5", 4.5, ""},
		{miniairflow.Param{Type: miniairflow.ParamNumber}, "inf", nil, "is not a number"},
		{miniairflow.Param{Type: miniairflow.ParamBoolean}, "false", false, ""},
		{miniairflow.Param{Type: miniairflow.ParamBoolean}, "yes", nil, "write true or false"},
		{miniairflow.Param{Type: miniairflow.ParamDate}, "2026-02-29", nil, "is not a date"},
		{miniairflow.Param{Type: miniairflow.ParamDate}, "2028-02-29", "2028-02-29", ""},
		{miniairflow.Param{Type: miniairflow.ParamDatetime}, "2026-01-31T06:00:00+01:00", "2026-01-31T06:00:00+01:00", ""},
		{miniairflow.Param{Type: miniairflow.ParamDatetime}, "2026-01-31", nil, "is not a datetime"},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Enum: []any{1, 2}}, "2", int64(2), ""},
		{miniairflow.Param{Type: miniairflow.ParamInteger, Enum: []any{1, 2}}, "3", nil, "3 is not one of 1, 2"},
	}
	for _, tt := range tests {
		got, err := tt.param.Check(tt.value)
		if tt.problem != "" {
			require.ErrorContains(t, err, tt.problem)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, tt.want, got)
	}
}

func TestResolveParams(t *testing.T) {
	params := []miniairflow.Param{
		{Name: "region", Type: miniairflow.ParamString},
		{Name: "count", Type: miniairflow.ParamInteger, Default: "${{ run.number + 1 }}"},
		{Name: "flag", Type: miniairflow.ParamBoolean, Default: false},
	}
	eval := expression.New()
	got, err := miniairflow.ResolveParams(params, map[string]any{"region": "${{ run.id }}"}, miniairflow.RunScope{Number: 4}, eval)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"region": "${{ run.id }}", "count": int64(5), "flag": false}, got, "given values are not templates")

	for problem, given := range map[string]map[string]any{
		`param "region" (string) has no default`: {},
		`unknown param "regoin"`:                 {"region": "x", "regoin": "y"},
		`param "flag": "maybe" is not a boolean`: {"region": "x", "flag": "maybe"},
		`did you mean "region"?`:                 {"region": "x", "regionn": "y"},
		`param "count": null is not an integer`:  {"region": "x", "count": nil},
		`the workflow has region, count, flag`:   {"region": "x", "zzzzzzzz": 1},
	} {
		_, err := miniairflow.ResolveParams(params, given, miniairflow.RunScope{}, eval)
		require.ErrorContains(t, err, problem)
		var e *miniairflow.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, miniairflow.CodeInvalid, e.Code)
		require.Contains(t, e.Field, "params.")
	}
}

func TestMemberID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parent, err := miniairflow.NewParentID()
		require.NoError(t, err)
		seq := rapid.IntRange(0, miniairflow.MaxSeq).Draw(t, "seq")
		id := miniairflow.MemberID(parent, seq)
		require.NotEqual(t, parent, id)
		gotParent, gotSeq, ok := miniairflow.SplitMemberID(id)
		require.True(t, ok)
		require.Equal(t, parent, gotParent)
		require.Equal(t, seq, gotSeq)
		_, _, ok = miniairflow.SplitMemberID(parent)
		require.False(t, ok)
		require.Equal(t, uuid.Version(7), id.Version())
		require.Equal(t, uuid.RFC4122, id.Variant())
	})
}

func TestErrors(t *testing.T) {
	cause := errors.New("disk full")
	err := fmt.Errorf("find run: %w", &miniairflow.Error{Code: miniairflow.CodeNotFound, Message: "no run 7", Err: cause})
	require.ErrorIs(t, err, miniairflow.ErrNotFound)
	require.ErrorIs(t, err, cause)
	require.Equal(t, miniairflow.CodeNotFound, miniairflow.ErrorCode(err))
	require.Equal(t, "no run 7", miniairflow.ErrorMessage(err), "the cause is not shown")
	require.Equal(t, miniairflow.CodeInternal, miniairflow.ErrorCode(cause))
	require.Equal(t, "internal error", miniairflow.ErrorMessage(cause))
	require.Equal(t, "internal error", miniairflow.ErrorMessage(miniairflow.Errorf(miniairflow.CodeInternal, "secret")))
	require.Empty(t, miniairflow.ErrorCode(nil))
	require.Empty(t, miniairflow.ErrorMessage(nil))
}

func TestImportErrorText(t *testing.T) {
	e := miniairflow.ImportError{File: "a/b.yaml", Line: 3, Column: 5, Message: "no"}
	require.Equal(t, "a/b.yaml:3:5: no", e.String())
	e.Column = 0
	require.Equal(t, "a/b.yaml:3: no", e.String())
	e.Line = 0
	require.Equal(t, "a/b.yaml: no", e.String())
}

func TestDurationText(t *testing.T) {
	text, err := json.Marshal(miniairflow.Duration(90 * time.Minute))
	require.NoError(t, err)
	require.Equal(t, `"1h30m0s"`, string(text))
	var d miniairflow.Duration
	require.NoError(t, json.Unmarshal([]byte(`"1h30m"`), &d))
	require.Equal(t, 90*time.Minute, d.Std())
	require.InDelta(t, 5400, d.Seconds(), 0)
	require.ErrorContains(t, json.Unmarshal([]byte(`"30"`), &d), "missing unit")
}
