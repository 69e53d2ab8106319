package miniairflow_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// templated returns a task with a template in each place that may have one.
func templated() *miniairflow.Task {
	return &miniairflow.Task{
		Name:    "t",
		When:    "${{ params.flag }}",
		Command: &miniairflow.Command{Argv: []string{"load", "${{ params.a }}"}},
		Env:     map[string]string{"B": "b", "A": "${{ params.b }}"},
		Stdin:   "${{ params.c }}",
	}
}

func TestTemplatesOfATask(t *testing.T) {
	var names, texts []string
	for _, template := range templated().Templates() {
		names, texts = append(names, template.Name()), append(texts, template.Text)
	}
	require.Equal(t, []string{"command[0]", "command[1]", "env.A", "env.B", "stdin"}, names)
	require.Equal(t, []string{"load", "${{ params.a }}", "${{ params.b }}", "b", "${{ params.c }}"}, texts)
	script := miniairflow.Task{Command: &miniairflow.Command{Script: "echo $HOME"}}
	require.Empty(t, script.Templates(), "a script goes to its shell as it is")
}

func TestRenderLeavesTheTaskAlone(t *testing.T) {
	task := templated()
	rendered, err := task.Render(func(template miniairflow.Template) (string, error) {
		return strings.ToUpper(template.Text), nil
	})
	require.NoError(t, err)
	require.Equal(t, templated(), task)
	require.Equal(t, []string{"LOAD", "${{ PARAMS.A }}"}, rendered.Command.Argv)
	require.Equal(t, map[string]string{"A": "${{ PARAMS.B }}", "B": "B"}, rendered.Env)
	require.Equal(t, "${{ PARAMS.C }}", rendered.Stdin)
	require.Equal(t, task.When, rendered.When, "it decided about the task before")
}

func TestRenderStopsAtTheFirstError(t *testing.T) {
	wrong := errors.New("wrong")
	visited := 0
	rendered, err := templated().Render(func(miniairflow.Template) (string, error) {
		visited++
		return "", wrong
	})
	require.ErrorIs(t, err, wrong)
	require.Nil(t, rendered)
	require.Equal(t, 1, visited)
}
