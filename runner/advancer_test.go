package runner

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestDescendants(t *testing.T) {
	// 0 → 1 → 3, 0 → 2 → 3 → 5, 2 → 4 (when) → 6
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	upstream := [][]int{{}, {0}, {0}, {1, 2}, {2}, {3}, {4}}
	d := &miniairflow.Definition{}
	for i, name := range names {
		task := miniairflow.Task{Name: name}
		for _, up := range upstream[i] {
			task.DependsOn = append(task.DependsOn, names[up])
		}
		d.Tasks = append(d.Tasks, task)
	}
	d.Tasks[4].When = "${{ true }}"
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)

	require.Equal(t, []int{1, 2, 3, 5}, descendants(g, []int{0}, 100), "each once, nearest first, none below a condition")
	require.Equal(t, []int{1, 2}, descendants(g, []int{0}, 2), "the farthest are left out")
	require.Equal(t, []int{3, 5}, descendants(g, []int{1, 2}, 100))
	require.Empty(t, descendants(g, nil, 100))
	require.Empty(t, descendants(g, []int{5}, 100))

	changes := []miniairflow.Change{
		{Seq: 0, To: miniairflow.TaskSkipped},
		{Seq: 1, To: miniairflow.TaskQueued},
		{Seq: 2, To: miniairflow.TaskPending},
		{Seq: 4, To: miniairflow.TaskSkipped},
		{Seq: 5, To: miniairflow.TaskUpstreamFailed},
	}
	require.Equal(t, []int{0, 5}, endedByRule(g, changes))
}

func TestUnion(t *testing.T) {
	require.Equal(t, []int{1, 2, 3, 5}, union([]int{3, 1}, []int{5, 3, 2}))
}
