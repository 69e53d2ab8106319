package miniairflow

import (
	"fmt"
	"slices"
	"strings"
)

// Call says that a task of a workflow runs a workflow, or that the workflow starts
// after one, and where it says so.
type Call struct {
	Task     string // empty: it starts after that workflow
	Workflow string
	Line     int
	Column   int
}

// Runs returns the names of the workflows that tasks of d run, each once, sorted.
func (d *Definition) Runs() []string {
	var names []string
	for i := range d.Tasks {
		if child := d.Tasks[i].Workflow; child != nil {
			names = append(names, child.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// CycleMessage says that workflows start each other. way is one of CallCycles.
func CycleMessage(way []string) string {
	return fmt.Sprintf("workflows start each other, which would never end: %s; take one of these tasks or triggers out", strings.Join(way, " → "))
}

// callCyclesMax bounds how many of the workflows that run each other are told of.
const callCyclesMax = 100

// CallCycles returns, of the workflows that run themselves through others, the
// shortest way around: a, b, a. runs has the names of those that each one runs; of
// those who are not in it nothing is known. Of very many it returns the first ones.
func CallCycles(runs map[string][]string) map[string][]string {
	s := &callSearch{runs: runs, order: map[string]int{}, low: map[string]int{}, group: map[string]int{}}
	for _, name := range sortedKeys(runs) {
		if s.order[name] == 0 {
			s.visit(name)
		}
	}
	ways := map[string][]string{}
	for _, name := range sortedKeys(runs) {
		if s.sizes[s.group[name]] < 2 && !slices.Contains(runs[name], name) {
			continue
		}
		if ways[name] = s.around(name); len(ways) == callCyclesMax {
			break
		}
	}
	return ways
}

// callSearch finds the groups of workflows in which each one runs, through others,
// each other one (Tarjan's algorithm): its cost grows with the number of calls only.
type callSearch struct {
	runs       map[string][]string
	order, low map[string]int // order counts from 1
	stack      []string
	group      map[string]int // from 0, of what has left the stack
	sizes      []int          // of the groups
}

func (s *callSearch) visit(name string) {
	place := len(s.order) + 1
	s.order[name], s.low[name] = place, place
	s.stack = append(s.stack, name)
	for _, next := range s.runs[name] {
		if s.order[next] == 0 {
			s.visit(next)
			s.low[name] = min(s.low[name], s.low[next])
		} else if _, isDone := s.group[next]; !isDone {
			s.low[name] = min(s.low[name], s.order[next])
		}
	}
	if s.low[name] != place {
		return
	}
	size := 0
	for i := len(s.stack) - 1; ; i-- {
		s.group[s.stack[i]] = len(s.sizes)
		size++
		if s.stack[i] == name {
			s.stack = s.stack[:i]
			break
		}
	}
	s.sizes = append(s.sizes, size)
}

// around returns the shortest way from a workflow of a group through it and back.
func (s *callSearch) around(name string) []string {
	from := map[string]string{}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		for _, next := range s.runs[queue[0]] {
			if _, isSeen := from[next]; isSeen || s.group[next] != s.group[name] {
				continue
			}
			if from[next] = queue[0]; next != name {
				queue = append(queue, next)
				continue
			}
			way := []string{name}
			for at := queue[0]; at != name; at = from[at] {
				way = append(way, at)
			}
			way = append(way, name)
			slices.Reverse(way)
			return way
		}
	}
	return nil
}
