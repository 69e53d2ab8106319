package expression_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

func testScope() miniairflow.Scope {
	code := 3
	return miniairflow.Scope{
		Params: map[string]any{"region": "eu", "count": int64(4), "ratio": 2.5, "flag": true, "whole": float64(5), "id": json.Number("12345678901")},
		Run: miniairflow.RunScope{
			ID: uuid.MustParse("0192d5f0-0000-7000-8000-000000000000"), Number: 7, Workflow: "etl", Type: miniairflow.RunManual,
			LogicalDate: time.Date(2026, 1, 2, 4, 4, 5, 0, time.FixedZone("", 3600)), DataIntervalStart: time.Date(2026, 1, 1, 0, 0, 0, 500_000, time.UTC),
		},
		Tasks: map[string]miniairflow.TaskScope{
			"load-data": {Status: miniairflow.TaskSuccess, ExitCode: &code, Outputs: map[string]any{
				"rows": float64(5), "mode": "0755", "version": "3.10",
				"files": []any{"<a>&", 1.0, json.Number("2.50"), nil}, "info": map[string]any{"b": 1.0, "a": "x"},
			}},
			"quiet": {Status: miniairflow.TaskSkipped},
		},
	}
}

func TestTextRendersValues(t *testing.T) {
	tests := map[string]string{
		"no template": "no template",
		"":            "",
		"a ${{ params.region }}/${{run.number}}!": "a eu/7!",
		"$${{ params.region }}":                   "${{ params.region }}",
		"$$${{ x }} $ $$ ${ $PATH {{ }}":          "$${{ x }} $ $$ ${ $PATH {{ }}",
		"${{ params.count }} ${{ params.ratio }} ${{ params.flag }} ${{ params.whole }} ${{ params.id }}": "4 2.5 true 5 12345678901",
		"${{ run.id }}":                       "0192d5f0-0000-7000-8000-000000000000",
		"${{ run.workflow }} ${{ run.type }}": "etl manual",
		"${{ run.logical_date }}":             "2026-01-02T03:04:05Z",
		"${{ run.data_interval_start }}":      "2026-01-01T00:00:00.0005Z",
		"${{ tasks.load-data.status }}":       "success",
		"${{ tasks.load-data.exit_code }}":    "3",
		"${{ tasks.load-data.outputs.mode }} ${{ tasks.load-data.outputs.version }}": "0755 3.10",
		"${{ tasks.load-data.outputs.rows-1 }}":                                      "4",
		"${{ tasks['load-data'].outputs['rows'] }}":                                  "5",
		"${{ tasks . load-data . outputs . rows }}":                                  "5",
		"${{ tasks.load-data.outputs.files }}":                                       `["<a>&",1,2.5,null]`,
		"${{ tasks.load-data.outputs.info }}":                                        `{"a":"x","b":1}`,
		"${{ tasks.load-data.outputs.info.a }}":                                      "x",
		"${{ tasks.load-data.outputs.files[0] }}":                                    "<a>&",
		"${{ tasks.load-data.outputs.none ?? 'absent' }}":                            "absent",
		"${{ tasks.quiet.exit_code == null ? 'none' : 'some' }}":                     "none",
		"${{ {'a': {'b': 1}} }}":                                                     `{"a":{"b":1}}`,
		"${{ '}}' + \"${{\" + `\\}}` }}":                                             "}}${{\\}}",
		"${{ len(params.region) + 1 }}":                                              "3",
		"${{ params.region in ['eu', 'us'] and not (params.count > 10) }}":           "true",
		"${{ params.region startsWith 'e' || params.region contains 'z' }}":          "true",
		"${{ 1/4 }} ${{ 2 ** 3 }} ${{ 7 % 4 }} ${{ -1 }}":                            "0.25 8 3 -1",
	}
	e := expression.New()
	for template, want := range tests {
		got, err := e.Text(template, testScope())
		require.NoError(t, err, template)
		require.Equal(t, want, got, template)
	}
}

func TestTextSaysWhatIsWrong(t *testing.T) {
	tests := map[string]string{
		"${{ params.regon }}":                        `unknown param "regon"; did you mean "region"? (at character 12)`,
		"é${{ run.nuber }}":                          `unknown field of run "nuber"; did you mean "number"? (at character 10)`,
		"${{ tasks.load-data.exitcode }}":            `unknown field of a task "exitcode"; did you mean "exit_code"?`,
		"${{ tasks.other.status }}":                  `task "other" has no result here`,
		"${{ tasks.load-data.outputs.none }}":        "the value is null",
		"${{ tasks.quiet.exit_code }}":               "the value is null",
		"${{ tasks.load-data.outputs.no.deep }}":     "what has no value has no deep: write ?.deep where it may be missing (at character",
		"éé ${{ params.region":                       "${{ is not closed by }}; write $${{ for a literal ${{ (at character 4)",
		"${{ 'a }}":                                  "has no closing '",
		"${{ }}":                                     "the expression is empty",
		"${{ params }}":                              "params alone is no value",
		"${{ tasks }}":                               "tasks alone is no value",
		"${{ tasks.load-data }}":                     "this is no value yet",
		"${{ tasks.load-data.outputs }}":             "this is no value yet",
		"${{ params[params.region] }}":               "the name must be written out",
		"${{ secrets.x }}":                           "there is no secret x here",
		"${{ now() }}":                               "there is no now()",
		"${{ 'x'.upper() }}":                         "a value has no methods",
		"${{ env.HOME }}":                            `unknown variable of env "HOME"`,
		"${{ map([1], {#}) }}":                       "has no meaning",
		"${{ $env }}":                                "has no meaning",
		"${{ let a = 1; a }}":                        "has no meaning",
		"${{ 1..1000000 }}":                          `the operator ".." is not allowed`,
		"${{ params.region matches '(a+)+' }}":       `the operator "matches" is not allowed`,
		"${{ 1 // comment }}":                        "no comments",
		"${{ 1 /* comment */ }}":                     "no comments",
		"${{ 1 % 0 }}":                               "divide by zero",
		"${{ 1 / 0 }}":                               "is no number",
		"${{ 'a' - 1 }}":                             "invalid operation",
		"${{ 1 1 }}":                                 "unexpected token",
		"${{ " + strings.Repeat("1+", 150) + "1 }}":  "more than 200 parts",
		"${{ " + strings.Repeat("(", 3000) + " }}":   "unexpected token",
		"${{ '" + strings.Repeat("x", 5000) + "' }}": "longer than 4096 bytes",
	}
	e := expression.New()
	for template, want := range tests {
		_, err := e.Text(template, testScope())
		require.ErrorContains(t, err, want, template)
	}
}

func TestResultsAreBounded(t *testing.T) {
	scope := miniairflow.Scope{Params: map[string]any{"big": strings.Repeat("x", 600_000)}}
	e := expression.New()
	_, err := e.Text("${{ params.big + params.big }}", scope)
	require.ErrorContains(t, err, "reads more than")
	_, err = e.Text("${{ params.big }}${{ params.big }}", scope)
	require.ErrorContains(t, err, "longer than")
	_, err = e.Text("${{ params.big }}", scope)
	require.NoError(t, err)
}

func TestBool(t *testing.T) {
	e := expression.New()
	for template, want := range map[string]bool{
		"${{ tasks.load-data.outputs.rows > 0 }}":   true,
		" ${{ tasks.quiet.status == 'success' }}\n": false,
		"${{ params.flag }}":                        true,
	} {
		got, err := e.Bool(template, testScope())
		require.NoError(t, err)
		require.Equal(t, want, got, template)
	}
	for template, want := range map[string]string{
		"true":                         "exactly one ${{ … }}",
		"${{ true }} ${{ true }}":      "exactly one ${{ … }}",
		"not ${{ true }}":              "exactly one ${{ … }}",
		"$${{ true }}":                 "exactly one ${{ … }}",
		"":                             "exactly one ${{ … }}",
		"${{ 1 }}":                     "is a number, not true or false",
		"${{ 'true' }}":                "is a string, not true or false",
		"${{ tasks.quiet.exit_code }}": "is null, not true or false",
		"${{ params.regon }}":          "unknown param",
	} {
		_, err := e.Bool(template, testScope())
		require.ErrorContains(t, err, want, template)
	}
}

func TestTasksListsWhatATemplateReads(t *testing.T) {
	e := expression.New()
	require.Equal(t, []string{"a-b", "c"}, e.Tasks("${{ tasks.c.status }} ${{ params.x + tasks['a-b'].outputs.y + tasks.a-b.status }} ${{ tasks.c.exit_code }}"))
	require.Empty(t, e.Tasks("${{ 'tasks.a.status' }} tasks.b.status $${{ tasks.c.status }}"))
	require.Empty(t, e.Tasks("${{ tasks.a.status"))
}

// A value comes out as it went in, whatever it looks like: nothing in it is
// taken for a template, an expression, a quote or JSON.
func TestValuesAreNeverInterpreted(t *testing.T) {
	e := expression.New()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.String(),
			rapid.SampledFrom([]string{"${{ params.b }}", "$${{", "}}", "'; rm -rf / #", "`id`", "$(id)", "\\", "\"", "0755", "3.10", "null", "\n", "<&>", "\xff"}),
		).Draw(t, "value")
		scope := miniairflow.Scope{
			Params: map[string]any{"a": value, "b": "secret"},
			Tasks:  map[string]miniairflow.TaskScope{"t": {Outputs: map[string]any{"k": value}}},
		}
		got, err := e.Text("[${{ params.a }}][${{ tasks.t.outputs.k }}]", scope)
		require.NoError(t, err)
		require.Equal(t, "["+value+"]["+value+"]", got)
		joined, err := e.Text("${{ params.a + '|' + tasks.t.outputs.k }}", scope)
		require.NoError(t, err)
		require.Equal(t, value+"|"+value, joined)
	})
}

func TestEngineIsSafeForManyGoroutines(t *testing.T) {
	e := expression.New()
	scope := testScope()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				text, err := e.Text("${{ params.region }} ${{ tasks.load-data.outputs.files }}", scope)
				if err != nil || text != `eu ["<a>&",1,2.5,null]` {
					t.Errorf("got %q, %v", text, err)
				}
			}
		})
	}
	group.Wait()
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"${{ params.region }}", "$${{", "${{ tasks.load-data.outputs.files[0] ?? 'x' }}", "${{ {a: 1}.a }}", "${{ 'x' in ['x'] ? 1 : 2.5e3 }}",
		"${{ params?.region }}", "${{ -+!not 1 }}", "${{ [1,2][0:1] }}", "${{ len(len(1)) }}", "${{ b'x' }}", "${{ tasks.- }}", "${{ tasks?.a-b.status }}",
		"${{ 9223372036854775807 + 1 }}", "${{ formatDate(dateAdd(run.logical_date, '-1d'), '%F', 'Europe/Berlin') }}", "${{ join(sort(unique([params.region, 'a'])), ',') }}",
		"${{ fromJSON('{\"a\": [1]}').a[0] ?? default('', upper('x')) }}", "${{ range(10000)[9999] }}", "${{ round(1/3, 2) }}", "${{ env.X }}", "${{ replace('aa', 'a', params.region) }}", "${{ ::len('x') }}", "${{ glob('*', basename('a/b')) }}", "${{ 1 ** 999999999 }}", "${{ \"\\u{10ffff}\" }}", "${{ 'a' | len }}", "${{ if true { 1 } else { 2 } }}",
	} {
		f.Add(seed)
	}
	e := expression.New()
	f.Fuzz(func(t *testing.T, template string) {
		text, err := e.Text(template, testScope())
		if err == nil {
			require.LessOrEqual(t, len(text), 1<<20)
			if !strings.Contains(template, "${{") {
				require.Equal(t, template, text)
			}
		}
		_, _ = e.Bool(template, testScope())
		e.Tasks(template)
		e.Check(&miniairflow.Definition{Name: "w", Tasks: []miniairflow.Task{
			{Name: "load-data", Noop: true},
			{Name: "b", DependsOn: []string{"load-data"}, When: template, Command: &miniairflow.Command{Argv: []string{"sh", "-c", template, template}}},
		}})
	})
}
