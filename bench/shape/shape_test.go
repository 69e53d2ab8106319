package shape_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/bench/shape"
)

// Each graph has exactly the edges that its name promises.
func TestParents(t *testing.T) {
	for _, test := range []struct {
		graph   *shape.Graph
		name    string
		parents [][]int
	}{
		{shape.Wide(3), "wide-3", [][]int{nil, nil, nil}},
		{shape.Chain(3), "chain-3", [][]int{nil, {0}, {1}}},
		{shape.Fan(5), "fan-5", [][]int{nil, {0}, {0}, {0}, {1, 2, 3}}},
		{shape.Tree(6), "tree-6", [][]int{nil, {0}, {0}, {1}, {1}, {2}}},
		{shape.Ladder(8), "ladder-8", [][]int{nil, {0}, {0}, {1, 2}, {3}, {3}, {4, 5}, {6}}},
		{shape.Grid(9), "grid-9", [][]int{nil, nil, nil, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {3, 4, 5}, {3, 4, 5}, {3, 4, 5}}},
		{shape.Grid(8), "grid-4", [][]int{nil, nil, {0, 1}, {0, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.name, test.graph.Name)
			require.Equal(t, test.parents, test.graph.Parents)
			require.Equal(t, len(test.parents), test.graph.Len())
			edges := 0
			for _, parents := range test.parents {
				edges += len(parents)
			}
			require.Equal(t, edges, test.graph.Edges())
		})
	}
}

// A random graph is the same each time, and each task has one or two parents
// among the thousand before it.
func TestRandom(t *testing.T) {
	const n, reach = 3000, 1000
	graph := shape.Random(n)
	require.Equal(t, n, graph.Len())
	require.Equal(t, graph, shape.Random(n))
	require.NotEqual(t, graph.Parents[:n-1], shape.Random(n-1).Parents, "another size has edges of its own")
	require.Empty(t, graph.Parents[0])
	two, farthest := 0, 0
	for i, parents := range graph.Parents[1:] {
		task := i + 1
		require.NotEmpty(t, parents, "task %d", task)
		require.LessOrEqual(t, len(parents), 2, "task %d", task)
		require.IsIncreasing(t, parents, "task %d", task)
		require.GreaterOrEqual(t, parents[0], max(0, task-reach), "task %d", task)
		require.Less(t, parents[len(parents)-1], task, "task %d", task)
		if len(parents) == 2 {
			two++
		}
		farthest = max(farthest, task-parents[0])
	}
	require.Greater(t, two, n*9/10, "nearly all have two")
	require.Greater(t, farthest, reach*9/10, "the reach is used")
}
