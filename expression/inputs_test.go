package expression_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// What is written into a text for an input gives, when a run renders it, the value and
// what stands beside it, whatever the value is.
func TestBindInputs_ValuesStayValues(t *testing.T) {
	engine := expression.New()
	for _, value := range []string{
		"", "orders", "$", "{", "}}", "$${{ 1 }}", "a$", "{{", "\"", "'", "`", "\\", "\n", "ä\u2028☃", "; rm -rf /", "$(date)", "\x01\x7f",
	} {
		for before, wantBefore := range map[string]string{"": "", "a": "a", "b$-": "b$-", "{": "{", "$${{": "${{"} {
			for after, wantAfter := range map[string]string{"": "", "{": "{", "{{ x }}": "{{ x }}", "}}": "}}", "${{ 1 + 1 }}": "2"} {
				escaped := value
				if value == "$${{ 1 }}" {
					value = "${{ 1 }}" // as it is meant
				}
				task := &miniairflow.Task{Env: map[string]string{"X": before + "${{ inputs.x }}" + after}}
				require.Empty(t, expression.BindInputs(task, map[string]expression.Input{"x": {Text: escaped, Value: escaped}}))
				got, err := engine.Text(task.Env["X"], miniairflow.Scope{})
				require.NoError(t, err, task.Env["X"])
				require.Equal(t, wantBefore+value+wantAfter, got, task.Env["X"])
				value = escaped
			}
		}
	}
}

func TestBindInputs(t *testing.T) {
	inputs := map[string]expression.Input{
		"s": {Text: "it's", Value: "it's"}, "n": {Text: "-3", Value: int64(-3)}, "f": {Text: "1.50", Value: 1.5},
		"b": {Text: "true", Value: true}, "e": {Text: "${{ params.day }}"}, "m": {Text: "t_${{ params.day }}"},
	}
	for text, want := range map[string]string{
		"plain":                                "plain",
		"${{ inputs.s }}/${{inputs.f}}":        "it's/1.50",
		"${{ inputs.n - 1 }}":                  "${{ (-3) - 1 }}",
		"${{ inputs.f * inputs.n }}":           "${{ (1.5) * (-3) }}",
		"${{ inputs.b && params.inputs.b }}":   "${{ true && params.inputs.b }}",
		"${{ 'inputs.s' == inputs.s }}":        `${{ 'inputs.s' == "it's" }}`,
		"${{ inputs.e }}":                      "${{ params.day }}",
		"${{ inputs.e == run.id }}":            "${{ (params.day) == run.id }}",
		"${{ inputs.m }}.csv":                  "t_${{ params.day }}.csv",
		"$${{ inputs.s }}":                     "$${{ inputs.s }}",
		"${{ inputs.s":                         "${{ inputs.s",
		"${{ myinputs.s }}${{ tasks.inputs }}": "${{ myinputs.s }}${{ tasks.inputs }}",
	} {
		task := &miniairflow.Task{Stdin: text}
		require.Empty(t, expression.BindInputs(task, inputs))
		require.Equal(t, want, task.Stdin)
	}
	task := &miniairflow.Task{When: "${{ inputs.b }}"}
	require.Empty(t, expression.BindInputs(task, inputs))
	require.Equal(t, "${{ true }}", task.When, "a condition stays an expression")

	shared := &miniairflow.HTTP{URL: "https://example.org/${{ inputs.n }}"}
	task = &miniairflow.Task{HTTP: shared}
	require.Empty(t, expression.BindInputs(task, inputs))
	require.Equal(t, "https://example.org/-3", task.HTTP.URL)
	require.Equal(t, "https://example.org/${{ inputs.n }}", shared.URL, "what others hold stays as it is")
}

// A text may be as long as it is, whatever signs it has: only expressions are bounded,
// and one that a value makes too long is told what to do.
func TestBindInputs_LongTexts(t *testing.T) {
	engine := expression.New()
	for _, value := range []string{
		strings.Repeat("costs $5 and {x}; ", 20_000), strings.Repeat("$", 10_000), strings.Repeat("{", 10_000), "$" + strings.Repeat("ä", 10_000) + "{",
	} {
		inputs := map[string]expression.Input{"x": {Text: value, Value: value}}
		task := &miniairflow.Task{Env: map[string]string{"X": "${${{ inputs.x }}{{"}}
		require.Empty(t, expression.BindInputs(task, inputs))
		got, err := engine.Text(task.Env["X"], miniairflow.Scope{})
		require.NoError(t, err)
		require.Equal(t, "${"+value+"{{", got)

		task = &miniairflow.Task{HTTP: &miniairflow.HTTP{URL: "https://example.org", JSON: json.RawMessage(`{"text":"${{ inputs.x }}"}`)}}
		require.Empty(t, expression.BindInputs(task, inputs))
		rendered, err := task.Render(func(template miniairflow.Template) (string, error) {
			if template.JSON {
				return engine.JSON(template.Text, miniairflow.Scope{})
			}
			return template.Text, nil
		})
		require.NoError(t, err)
		document := map[string]string{}
		require.NoError(t, json.Unmarshal(rendered.HTTP.JSON, &document))
		require.Equal(t, value, document["text"])

		task = &miniairflow.Task{Env: map[string]string{"X": "${{ inputs.x + 'a' }}"}}
		problems := expression.BindInputs(task, inputs)
		require.Len(t, problems, 1)
		require.Contains(t, problems[0].Message, "more than the limit of 4096: let a long text stand in an expression of its own")
	}
}

func TestBindInputs_Problems(t *testing.T) {
	inputs := map[string]expression.Input{"table": {Text: "x", Value: "x"}, "mixed": {Text: "a${{ run.id }}"}}
	for text, want := range map[string]string{
		"${{ inputs.tabel }}":       `unknown input "tabel"; did you mean "table"?`,
		"${{ inputs.other + 1 }}":   `unknown input "other": the template declares mixed, table`,
		"${{ inputs.mixed + 'b' }}": `input "mixed" is text with an expression in it, so it cannot be part of another one: let ${{ inputs.mixed }} stand alone`,
	} {
		task := &miniairflow.Task{Command: &miniairflow.Command{Argv: []string{"echo", text}}}
		problems := expression.BindInputs(task, inputs)
		require.Equal(t, []miniairflow.Problem{{Path: []string{"command", "1"}, Message: want}}, problems)
		require.Equal(t, text, task.Command.Argv[1])
	}
}

// In a JSON document a value keeps its type, which a literal text would not.
func TestBindInputs_KeepsTypesInJSON(t *testing.T) {
	task := &miniairflow.Task{HTTP: &miniairflow.HTTP{URL: "https://example.org", JSON: []byte(`{"n":"${{ inputs.n }}","s":"${{ inputs.s }}","m":"${{ inputs.m }}"}`)}}
	inputs := map[string]expression.Input{"n": {Text: "3", Value: int64(3)}, "s": {Text: "3", Value: "3"}, "m": {Text: "a${{ run.number }}"}}
	require.Empty(t, expression.BindInputs(task, inputs))
	engine := expression.New()
	rendered, err := task.Render(func(template miniairflow.Template) (string, error) {
		if template.JSON {
			return engine.JSON(template.Text, miniairflow.Scope{Run: miniairflow.RunScope{Number: 7}})
		}
		return template.Text, nil
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"n":3,"s":"3","m":"a7"}`, string(rendered.HTTP.JSON))
}

// An input never becomes part of a script, however the script comes to be one.
func TestBindInputs_LeavesScriptsAlone(t *testing.T) {
	inputs := map[string]expression.Input{"x": {Text: "; rm -rf /", Value: "; rm -rf /"}, "shell": {Text: "bash", Value: "bash"}, "flag": {Text: "-c", Value: "-c"}}
	for _, argv := range [][]string{
		{"bash", "-c", "echo ${{ inputs.x }}"},
		{"${{ inputs.shell }}", "-c", "echo ${{ inputs.x }}"},
		{"bash", "${{ inputs.flag }}", "echo ${{ inputs.x }}"},
		{"env", "${{ inputs.shell }}", "${{ inputs.flag }}", "echo ${{ inputs.x }}"},
	} {
		task := &miniairflow.Task{Command: &miniairflow.Command{Argv: argv}}
		require.Empty(t, expression.BindInputs(task, inputs))
		require.Equal(t, "echo ${{ inputs.x }}", task.Command.Argv[len(argv)-1])
	}
	task := &miniairflow.Task{Command: &miniairflow.Command{Script: "echo ${{ inputs.x }}"}}
	require.Empty(t, expression.BindInputs(task, inputs))
	require.Equal(t, "echo ${{ inputs.x }}", task.Command.Script)
}
