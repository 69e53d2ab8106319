package expression_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

// etl is a definition without problems: extract → load-data → report.
func etl() *miniairflow.Definition {
	return &miniairflow.Definition{
		Name: "etl",
		Params: []miniairflow.Param{
			{Name: "region", Type: miniairflow.ParamString},
			{Name: "count", Type: miniairflow.ParamInteger},
			{Name: "flag", Type: miniairflow.ParamBoolean},
			{Name: "day", Type: miniairflow.ParamDatetime, Default: "${{ run.logical_date }}"},
		},
		Env: map[string]string{"REGION": "${{ params.region }}-${{ run.number }}"},
		Tasks: []miniairflow.Task{
			{
				Name: "extract", Command: &miniairflow.Command{Script: `echo "$REGION" ${HOME} $$ {{ }}`},
				Outputs: map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger, "files": miniairflow.OutputList, "info": miniairflow.OutputObject},
			},
			{
				Name: "load-data", DependsOn: []string{"extract"}, When: "${{ tasks.extract.outputs.rows > 0 && params.flag }}",
				Command: &miniairflow.Command{Argv: []string{"load", "--rows=${{ tasks.extract.outputs.rows + params.count }}", "${{ tasks.extract.outputs.files[0] }}"}},
				Env:     map[string]string{"MODE": "${{ tasks.extract.outputs.undeclared + '!' }}"},
				Stdin:   "${{ tasks.extract.outputs.info.key ?? 'none' }} ${{ env.REGION + env.MODE }}",
			},
			{
				Name: "report", DependsOn: []string{"load-data"}, When: "${{ tasks.extract.exit_code == 0 || tasks.load-data.status != 'success' }}",
				Command: &miniairflow.Command{Argv: []string{"bash", "report.sh", "-c", "${{ params.region }}"}},
			},
		},
	}
}

func TestCheckAcceptsAGoodDefinition(t *testing.T) {
	require.Empty(t, expression.New().Check(etl()))
}

func TestCheckFindsProblems(t *testing.T) {
	tests := []struct {
		name   string
		change func(d *miniairflow.Definition)
		path   string
		want   string
	}{
		{
			"unknown param", func(d *miniairflow.Definition) { d.Env["A"] = "${{ params.regio }}" },
			"env A", `${{ params.regio }}: unknown param "regio"; did you mean "region"? (at character 12)`,
		},
		{
			"impossible secret", func(d *miniairflow.Definition) { d.Tasks[0].Env = map[string]string{"A": "${{ secrets.ä }}"} },
			"tasks extract env A", `${{ secrets.ä }}: unknown secret "ä": there is none here (at character 13)`,
		},
		{
			"tasks in workflow env", func(d *miniairflow.Definition) { d.Env["A"] = "${{ tasks.extract.status }}" },
			"env A", "the workflow's env may read run.<field>, vars.<NAME> and params.<name> only, not tasks",
		},
		{
			"params in a default", func(d *miniairflow.Definition) { d.Params[0].Default = "${{ params.day }}" },
			"params region default", "may read run.<field> and vars.<NAME> only, not params",
		},
		{
			"env in the workflow's env", func(d *miniairflow.Definition) { d.Env["A"] = "${{ env.REGION }}" },
			"env A", "the workflow's env may read run.<field>, vars.<NAME> and params.<name> only, not env",
		},
		{
			"env in when", func(d *miniairflow.Definition) { d.Tasks[1].When = "${{ env.REGION == 'eu' }}" },
			"tasks load-data when", "when may not read env: only command, env, stdin, http, wait, approval, workflow, ssh and container of a task may",
		},
		{
			"a task's own env in it", func(d *miniairflow.Definition) { d.Tasks[1].Env["B"] = "${{ env.MODE }}" },
			"tasks load-data env B", `unknown variable of env "MODE": there is REGION`,
		},
		{
			"unknown variable", func(d *miniairflow.Definition) { d.Tasks[1].Stdin = "${{ env.REGIO }}" },
			"tasks load-data stdin", `unknown variable of env "REGIO"; did you mean "REGION"? (at character 9)`,
		},
		{
			"template in a list", func(d *miniairflow.Definition) {
				d.Params = append(d.Params, miniairflow.Param{Name: "files", Type: miniairflow.ParamList, Default: []any{map[string]any{"a": "${{ run.id }}"}}})
			}, "params files default", "is not allowed inside a list or object: write all of it as one expression",
		},
		{
			"status before finally", func(d *miniairflow.Definition) { d.Tasks[1].Stdin = "${{ run.status }}" },
			"tasks load-data stdin", "run.status is known in tasks of finally only",
		},
		{
			"unknown run field", func(d *miniairflow.Definition) { d.Params[0].Default = "x ${{ run.logical }}" },
			"params region default", `unknown field of run "logical"`,
		},
		{
			"unknown task", func(d *miniairflow.Definition) { d.Tasks[2].Stdin = "${{ tasks.load_data.status }}" },
			"tasks report stdin", `unknown task "load_data"; did you mean "load-data"?`,
		},
		{"not upstream", func(d *miniairflow.Definition) {
			d.Tasks = append(d.Tasks, miniairflow.Task{Name: "alone", Noop: true, Stdin: "${{ tasks.extract.status }}"})
		}, "tasks alone stdin", `task "extract" is not upstream: add it to depends_on`},
		{
			"downstream", func(d *miniairflow.Definition) { d.Tasks[0].Stdin = "${{ tasks.report.status }}" },
			"tasks extract stdin", `task "report" is downstream`,
		},
		{
			"itself", func(d *miniairflow.Definition) { d.Tasks[0].Stdin = "${{ tasks.extract.status }}" },
			"tasks extract stdin", "cannot read its own result",
		},
		{
			"types", func(d *miniairflow.Definition) { d.Tasks[1].When = "${{ tasks.extract.outputs.rows > 'x' }}" },
			"tasks load-data when", "mismatched types int and string",
		},
		{
			"undeclared outputs are strings", func(d *miniairflow.Definition) { d.Tasks[1].Stdin = "${{ tasks.extract.outputs.other + 1 }}" },
			"tasks load-data stdin", "mismatched types string and int",
		},
		{
			"when is no boolean", func(d *miniairflow.Definition) { d.Tasks[1].When = "${{ tasks.extract.outputs.rows }}" },
			"tasks load-data when", "it must be true or false, but is of type int",
		},
		{
			"when without template", func(d *miniairflow.Definition) { d.Tasks[1].When = "params.flag" },
			"tasks load-data when", "must be exactly one ${{ … }}",
		},
		{
			"unterminated", func(d *miniairflow.Definition) { d.Tasks[1].Command.Argv[2] = "é ${{ params.region }" },
			"tasks load-data command 2", "is not closed by }}; write $${{ for a literal ${{ (at character 3)",
		},
		{
			"depends_on", func(d *miniairflow.Definition) { d.Tasks[1].DependsOn = []string{"${{ params.region }}"} },
			"tasks load-data depends_on 0", "is not allowed in depends_on",
		},
		{
			"queue", func(d *miniairflow.Definition) { d.Tasks[1].Queue = "${{ params.region }}" },
			"tasks load-data queue", "is not allowed in queue",
		},
		{
			"schedule", func(d *miniairflow.Definition) { d.Schedules = []miniairflow.Schedule{{Cron: "${{ params.region }}"}} },
			"schedule 0 cron", "is not allowed in a schedule",
		},
		{
			"script", func(d *miniairflow.Definition) { d.Tasks[0].Command.Script = "echo ${{ params.region }}" },
			"tasks extract command", `${{ params.region }} in a script would be run as code; add env: {REGION: "${{ params.region }}"} and write "$REGION"`,
		},
		{"several in a script", func(d *miniairflow.Definition) {
			d.Tasks[0].Command.Script = "${{ params.path }} ${{ run.number + 1 }} ${{ params.path }} ${{ tasks.x.outputs.path }} ${{ params.region + \"'\" }}"
		}, "tasks extract command", `add env: {MY_PATH: "${{ params.path }}", VALUE: "${{ run.number + 1 }}", MY_PATH_2: "${{ tasks.x.outputs.path }}", VALUE_2: '${{ params.region + "''" }}'} and write "$MY_PATH", "$VALUE", "$MY_PATH_2", "$VALUE_2"`},
		{
			"broken in a script", func(d *miniairflow.Definition) { d.Tasks[0].Command.Script = "echo ${{ x" },
			"tasks extract command", "has no meaning in a script",
		},
		{"script word", func(d *miniairflow.Definition) {
			d.Tasks[2].Command.Argv = []string{"env", "/bin/bash", "-euo", "pipefail", "-c", "echo ${{ params.region }} $1", "-", "${{ params.region }}"}
		}, "tasks report command 5", `add env: {REGION: "${{ params.region }}"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := etl()
			tt.change(d)
			problems := expression.New().Check(d)
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, tt.path, strings.Join(problems[0].Path, " "))
			require.Contains(t, problems[0].Message, tt.want)
		})
	}
}

func TestCheckReportsAllProblems(t *testing.T) {
	d := etl()
	d.Tasks[1].Stdin = "${{ params.a + params.b }} ${{ run.c }} ${{ 1 + }}"
	d.Tasks[2].When = "no"
	require.Len(t, expression.New().Check(d), 5)
}

func TestCheckOfABrokenGraphChecksNames(t *testing.T) {
	d := etl()
	d.Tasks[0].DependsOn = []string{"report"}
	d.Tasks[2].Stdin = "${{ tasks.nobody.status }}"
	problems := expression.New().Check(d)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, `unknown task "nobody"`)
}

func TestCheckDoubtsOutputsOfNearlyTheSameName(t *testing.T) {
	d := etl()
	d.Tasks[2].Stdin = "${{ tasks.extract.outputs.row }}, ${{ tasks.load-data.outputs.row }}, ${{ tasks.extract.outputs.sum }}"
	problems := expression.New().Check(d)
	require.Len(t, problems, 1)
	require.True(t, problems[0].IsWarning)
	require.Equal(t, "tasks report stdin", strings.Join(problems[0].Path, " "))
	require.Equal(t, `${{ tasks.extract.outputs.row }}: task "extract" declares no output "row"; did you mean "rows"? (at character 11)`, problems[0].Message)

	d.Tasks[0].Command.Script = `echo "row=1" >> "$MINIAIRFLOW_OUTPUT"`
	require.Empty(t, expression.New().Check(d))
	d.Tasks[0].Command = &miniairflow.Command{Argv: []string{"sh", "-c", "echo 'row<<E' >> out"}}
	require.Empty(t, expression.New().Check(d))
}

func TestScriptWordOfShells(t *testing.T) {
	for argv, isScript := range map[string]bool{
		"sh|-c|${{ params.region }}":                     true,
		"bash|-ec|${{ params.region }}":                  true,
		"bash|-o|pipefail|-c|${{ params.region }}":       true,
		"bash|-ceuo|pipefail|${{ params.region }}":       true,
		"bash|--noprofile|-c|--|${{ params.region }}":    true,
		"timeout|5|/usr/bin/zsh|-c|${{ params.region }}": true,
		"bash|script.sh|${{ params.region }}":            false,
		"bash|-x|script.sh|-c|${{ params.region }}":      false,
		"sh|-c|echo \"$0\"|${{ params.region }}":         false,
		"python3|-c|print(1)|${{ params.region }}":       false,
		"bash|-c": false,
	} {
		d := etl()
		d.Tasks[2].Command.Argv = strings.Split(argv, "|")
		require.Equal(t, isScript, len(expression.New().Check(d)) == 1, argv)
	}
}

func TestCheckOfManyTasks(t *testing.T) {
	d := &miniairflow.Definition{Name: "wide"}
	const count = 10_000
	for i := range count {
		task := miniairflow.Task{Name: fmt.Sprintf("t%d", i), Noop: true}
		if i > 0 {
			task.DependsOn = []string{fmt.Sprintf("t%d", i-1)}
			task.When = "${{ tasks.t0.status == 'success' }}"
			task.Stdin = "${{ tasks.unknown.status }}"
		}
		d.Tasks = append(d.Tasks, task)
	}
	require.Len(t, expression.New().Check(d), count-1)
}

// Many references to a variable of many expressions cost no more than their sum: with
// twice as much of both, a check allocates twice as much, not four times.
func TestCheckOfManyReferencesIsLinear(t *testing.T) {
	allocations := func(n int) float64 {
		d := etl()
		task := &d.Tasks[0]
		task.Env = map[string]string{"X": "secrets " + strings.Repeat("${{ run.id }}", n)}
		task.Stdin = strings.Repeat("${{ env.X }}", n)
		return testing.AllocsPerRun(2, func() { require.Empty(t, expression.New().Check(d)) })
	}
	require.Less(t, allocations(400)/allocations(200), 3.0)
}

func TestCheckParamDefault(t *testing.T) {
	d := &miniairflow.Definition{
		Name: "w", Params: []miniairflow.Param{
			{Name: "day", Type: miniairflow.ParamDate, Default: "${{ run.logical_date }}"},
			{Name: "at", Type: miniairflow.ParamDatetime, Default: "${{ run.logical_date }}"},
			{Name: "n", Type: miniairflow.ParamInteger, Default: "${{ run.number }}"},
		},
	}
	problems := expression.New().Check(d)
	require.Len(t, problems, 1)
	require.Equal(t, []string{"params", "day", "default"}, problems[0].Path)
	require.Contains(t, problems[0].Message, "is not a date")
}
