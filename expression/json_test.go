package expression_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

func TestJSON(t *testing.T) {
	scope := miniairflow.Scope{
		Params: map[string]any{"n": int64(42), "f": 1.5, "b": true, "text": "a \"b\" <c>\n", "number": "42", "long": strings.Repeat("x", 1<<20)},
		Tasks:  map[string]miniairflow.TaskScope{"a": {Outputs: map[string]any{"list": []any{"x", 1.0}, "object": map[string]any{"k": nil}}}},
	}
	for template, want := range map[string]string{
		"${{ params.n }}":                `42`,
		"${{ params.f }}":                `1.5`,
		"${{ params.b }}":                `true`,
		"${{ params.number }}":           `"42"`,
		"${{ params.text }}":             `"a \"b\" <c>\n"`,
		"n = ${{ params.n }}":            `"n = 42"`,
		"${{ params.n }}${{ params.n }}": `"4242"`,
		"${{ tasks.a.outputs.list }}":    `["x",1]`,
		"${{ tasks.a.outputs.object }}":  `{"k":null}`,
		"${{ tasks.a.outputs.none }}":    `null`,
		"plain":                          `"plain"`,
		"$${{ x }}":                      `"${{ x }}"`,
	} {
		text, err := expression.New().JSON(template, scope)
		require.NoError(t, err, template)
		require.Equal(t, want, text, template)
	}
	for template, want := range map[string]string{
		"${{ params.nothing }}":            "unknown param",
		"x ${{ tasks.a.outputs.none }}":    "the value is null",
		"${{ params.n":                     "is not closed",
		"${{ params.long }}":               "more than 1048576 bytes",
		"${{ params.long + params.long }}": "",
	} {
		_, err := expression.New().JSON(template, scope)
		require.ErrorContains(t, err, want, template)
	}
}
