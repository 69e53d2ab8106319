package runner

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
)

func TestRender(t *testing.T) {
	d := &miniairflow.Definition{Env: map[string]string{"A": "workflow ${{ params.region }}", "B": "${{ tasks.up.outputs.missing }}"}}
	task := &miniairflow.Task{
		Command: &miniairflow.Command{Argv: []string{"run", "--rows=${{ tasks.up.outputs.rows }}", "$${{ literal }}"}},
		Env:     map[string]string{"B": "${{ run.workflow }}", "C": "plain"},
		Stdin:   "${{ tasks.up.status }}\n",
	}
	scope := miniairflow.Scope{
		Params: map[string]any{"region": "eu"},
		Run:    miniairflow.RunScope{Workflow: "etl"},
		Tasks:  map[string]miniairflow.TaskScope{"up": {Status: miniairflow.TaskSuccess, Outputs: map[string]any{"rows": int64(42)}}},
	}
	rendered, err := render(expression.New(), d, task, scope)
	require.NoError(t, err)
	require.Equal(t, []string{"run", "--rows=42", "${{ literal }}"}, rendered.Command.Argv)
	require.Equal(t, map[string]string{"A": "workflow eu", "B": "etl", "C": "plain"}, rendered.Env, "the task's own hides the workflow's, uncomputed")
	require.Equal(t, "success\n", rendered.Stdin)
	require.Equal(t, "--rows=${{ tasks.up.outputs.rows }}", task.Command.Argv[1], "the task itself stays")
	require.Equal(t, map[string]string{"B": "${{ run.workflow }}", "C": "plain"}, task.Env)
	require.ElementsMatch(t, []string{
		"workflow ${{ params.region }}", "${{ run.workflow }}", "plain",
		"run", "--rows=${{ tasks.up.outputs.rows }}", "$${{ literal }}", "${{ tasks.up.status }}\n",
	}, templatesOf(d, task))
}

func TestRenderNamesTheFault(t *testing.T) {
	long := strings.Repeat("x", argumentMax)
	fitting := long[:argumentMax-1]
	scope := miniairflow.Scope{Params: map[string]any{"long": long, "fitting": fitting, "nul": "a\x00b"}}
	for name, test := range map[string]struct {
		task  miniairflow.Task
		wrong string
	}{
		"unknown":            {task: miniairflow.Task{Stdin: "${{ params.nothing }}"}, wrong: "stdin: "},
		"argument":           {task: miniairflow.Task{Command: &miniairflow.Command{Argv: []string{"a", "${{ params.long }}"}}}, wrong: "command[1]: the value has 131072 bytes"},
		"argument that fits": {task: miniairflow.Task{Command: &miniairflow.Command{Argv: []string{"a", "${{ params.fitting }}"}}}},
		"variable":           {task: miniairflow.Task{Env: map[string]string{"V": "${{ params.fitting }}"}}, wrong: "env.V: the value has 131073 bytes"},
		"NUL in argument":    {task: miniairflow.Task{Command: &miniairflow.Command{Argv: []string{"${{ params.nul }}"}}}, wrong: "command[0]: the value has a NUL byte"},
		"script":             {task: miniairflow.Task{Command: &miniairflow.Command{Script: long, Shell: "bash"}}, wrong: "command: the value has"},
		"long input":         {task: miniairflow.Task{Stdin: "${{ params.long }}${{ params.nul }}"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(expression.New(), &miniairflow.Definition{}, &test.task, scope)
			if test.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wrong)
			require.Less(t, len(err.Error()), 300)
		})
	}
}

// A task's env reads the workflow's, and its command and stdin read both.
func TestRenderReadsEnv(t *testing.T) {
	d := &miniairflow.Definition{Env: map[string]string{"BASE": "/data/${{ params.region }}", "MODE": "full", "BROKEN": "${{ params.none }}"}}
	task := &miniairflow.Task{
		Command: &miniairflow.Command{Argv: []string{"run", "${{ env.PATH_IN }}", "${{ env.MODE }}"}},
		Env:     map[string]string{"PATH_IN": "${{ env.BASE }}/in", "MODE": "${{ env.MODE }}-again", "BROKEN": "mended"},
		Stdin:   "${{ env.BASE }} ${{ env.BROKEN }}",
	}
	scope := miniairflow.Scope{Params: map[string]any{"region": "eu", "none": nil}}
	rendered, err := render(expression.New(), d, task, scope)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"BASE": "/data/eu", "PATH_IN": "/data/eu/in", "MODE": "full-again", "BROKEN": "mended"}, rendered.Env)
	require.Equal(t, []string{"run", "/data/eu/in", "full-again"}, rendered.Command.Argv)
	require.Equal(t, "/data/eu mended", rendered.Stdin)

	delete(task.Env, "BROKEN")
	_, err = render(expression.New(), d, task, scope)
	require.ErrorContains(t, err, "env.BROKEN: ")
	task.Env["BROKEN"], task.Env["OWN"] = "x", "${{ env.PATH_IN }}"
	_, err = render(expression.New(), d, task, scope)
	require.ErrorContains(t, err, `env.OWN: ${{ env.PATH_IN }}: unknown variable of env "PATH_IN"`)
}

// A condition waits for the written ends of the tasks that it reads.
func TestWithoutEarlyReaders(t *testing.T) {
	g, err := miniairflow.NewDAG(&miniairflow.Definition{Tasks: []miniairflow.Task{
		{Name: "a"},
		{Name: "b", DependsOn: []string{"a"}, When: "${{ tasks.a.status == 'success' }}"},
		{Name: "c", DependsOn: []string{"b"}, When: "${{ params.x }}"},
	}})
	require.NoError(t, err)
	nodes := func(seqs ...int) []miniairflow.Node {
		var part []miniairflow.Node
		for _, seq := range seqs {
			part = append(part, miniairflow.Node{Seq: seq})
		}
		return part
	}
	eval := expression.New()
	require.Equal(t, nodes(0, 2), withoutEarlyReaders(g, eval, nodes(0, 1, 2)))
	require.Equal(t, nodes(1, 2), withoutEarlyReaders(g, eval, nodes(1, 2)))
	require.Equal(t, []int{0}, tasksRead(g, eval, []string{g.Definition.Tasks[1].When, "${{ tasks.elsewhere.status }}"}))
	require.Empty(t, tasksRead(g, eval, nil))
}

func TestHopelessIsFound(t *testing.T) {
	_, err := workingDir("/dags", "../x.yaml", "", "/run")
	var cause *hopeless
	require.ErrorAs(t, err, &cause)
}
