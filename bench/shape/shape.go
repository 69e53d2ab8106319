// Package shape makes the graphs that the benchmarks run: the same edges, each
// time and for everybody.
package shape

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// seed of the random graphs: they are the same in each run.
const seed = 42

// reach is how far back a task of a random graph looks for its parents.
const reach = 1000

// Graph is a workflow without its commands.
type Graph struct {
	Name    string  // such as chain-1000; a valid name of a workflow
	Parents [][]int // of each task: those that it waits for, each before it, ascending
}

// Len returns the number of tasks.
func (g *Graph) Len() int { return len(g.Parents) }

// Edges returns the number of dependencies.
func (g *Graph) Edges() int {
	n := 0
	for _, parents := range g.Parents {
		n += len(parents)
	}
	return n
}

// Roots returns the number of tasks without a parent.
func (g *Graph) Roots() int {
	n := 0
	for _, parents := range g.Parents {
		if len(parents) == 0 {
			n++
		}
	}
	return n
}

// TaskName returns the name of a task.
func TaskName(i int) string { return fmt.Sprintf("t%d", i) }

func build(name string, n int, parents func(i int) []int) *Graph {
	g := &Graph{Name: fmt.Sprintf("%s-%d", name, n), Parents: make([][]int, n)}
	for i := range n {
		g.Parents[i] = parents(i)
	}
	return g
}

// Wide returns n tasks that do not depend on each other.
func Wide(n int) *Graph {
	return build("wide", n, func(int) []int { return nil })
}

// Chain returns n tasks, each after the one before it.
func Chain(n int) *Graph {
	return build("chain", n, func(i int) []int {
		if i == 0 {
			return nil
		}
		return []int{i - 1}
	})
}

// Fan returns one task, then n-2 after it, then one after all of these.
func Fan(n int) *Graph {
	return build("fan", n, func(i int) []int {
		switch i {
		case 0:
			return nil
		case n - 1:
			return numbers(1, n-1)
		default:
			return []int{0}
		}
	})
}

// Tree returns a binary tree of n tasks that grows from its root.
func Tree(n int) *Graph {
	return build("tree", n, func(i int) []int {
		if i == 0 {
			return nil
		}
		return []int{(i - 1) / 2}
	})
}

// Ladder returns diamonds in a row: each begins where the one before it ended.
func Ladder(n int) *Graph {
	return build("ladder", n, func(i int) []int {
		switch {
		case i == 0:
			return nil
		case i%3 == 1:
			return []int{i - 1}
		case i%3 == 2:
			return []int{i - 2}
		default:
			return []int{i - 2, i - 1}
		}
	})
}

// Grid returns layers of the same width; each task waits for the whole layer
// before its own. n is rounded down to a square.
func Grid(n int) *Graph {
	width := int(math.Sqrt(float64(n)))
	return build("grid", width*width, func(i int) []int {
		layer := i / width
		if layer == 0 {
			return nil
		}
		return numbers((layer-1)*width, layer*width)
	})
}

// Random returns n tasks with up to two parents each, among the thousand before it.
func Random(n int) *Graph {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	return build("random", n, func(i int) []int {
		if i == 0 {
			return nil
		}
		low := max(0, i-reach)
		parents := []int{low + r.IntN(i-low), low + r.IntN(i-low)}
		slices.Sort(parents)
		return slices.Compact(parents)
	})
}

// numbers returns from, from+1, … below to.
func numbers(from, to int) []int {
	all := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}
