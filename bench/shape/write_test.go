package shape_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/shape"
	"github.com/sauravritesh63/miniairflow/loader"
)

// The product takes each written workflow as it was meant: the tasks, what they
// do, and the edges between them.
func TestWriteWorkflow(t *testing.T) {
	const script = `echo "it's: #1" && true`
	for _, graph := range []*shape.Graph{
		shape.Wide(3), shape.Chain(5), shape.Fan(6), shape.Tree(7), shape.Ladder(9), shape.Grid(16), shape.Random(50),
	} {
		for name, task := range map[string]shape.Task{"script": {Script: script}, "noop": {Noop: true}} {
			t.Run(graph.Name+" "+name, func(t *testing.T) {
				var text bytes.Buffer
				require.NoError(t, graph.WriteWorkflow(&text, task))
				workflows, problems := loader.Parse("other.yaml", text.Bytes(), loader.Limits{})
				require.Empty(t, problems)
				require.Len(t, workflows, 1)
				require.Equal(t, graph.Name, workflows[0].Name)
				require.Equal(t, shape.MaxActiveTasks, workflows[0].MaxActiveTasks)
				require.Len(t, workflows[0].Tasks, graph.Len())
				for i, got := range workflows[0].Tasks {
					var parents []string
					for _, parent := range graph.Parents[i] {
						parents = append(parents, shape.TaskName(parent))
					}
					require.Equal(t, shape.TaskName(i), got.Name)
					require.Equal(t, parents, got.DependsOn, got.Name)
					require.Equal(t, task.Noop, got.Noop, got.Name)
					if task.Noop {
						require.Nil(t, got.Command, got.Name)
						continue
					}
					require.Equal(t, script, got.Command.Script, got.Name)
					require.Equal(t, "sh", got.Command.Shell, got.Name)
				}
			})
		}
	}
}

func TestWriteMakefile(t *testing.T) {
	var text strings.Builder
	require.NoError(t, shape.Fan(4).WriteMakefile(&text, "true"))
	require.Equal(t, strings.Join([]string{
		"SHELL := /bin/sh",
		".SHELLFLAGS := -e -c",
		"all: t0 t1 t2 t3",
		".PHONY: all t0 t1 t2 t3",
		"t0: ",
		"\t@:; true",
		"t1: t0",
		"\t@:; true",
		"t2: t0",
		"\t@:; true",
		"t3: t1 t2",
		"\t@:; true",
		"",
	}, "\n"), text.String())
}

func TestWriteDagu(t *testing.T) {
	var text strings.Builder
	require.NoError(t, shape.Chain(2).WriteDagu(&text, "true", 8))
	require.Equal(t, strings.Join([]string{
		"name: chain-2",
		"type: graph",
		"shell: sh -e",
		"max_active_steps: 8",
		"steps:",
		`  - {id: t0, command: "true"}`,
		`  - {id: t1, command: "true", depends: [t0]}`,
		"",
	}, "\n"), text.String())
}
