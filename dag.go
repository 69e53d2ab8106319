package miniairflow

import (
	"container/heap"
	"strings"
)

// DAG is the shape of a definition: who waits for whom. It is made once per
// version, never changes, and may be shared between goroutines. Tasks are named
// by their place in Definition.Tasks.
type DAG struct {
	Definition *Definition
	Upstream   [][]int    // by task, in the order of depends_on
	Downstream [][]int    // by task, ascending
	Order      []int      // the topological order that is closest to the file's
	Mains      int        // how many tasks are not of finally; these are the first ones
	Pasts      []int      // the tasks that depend on the past, ascending
	Fans       []int      // the tasks with for_each, ascending
	Selection  *Selection // of the run that this is the shape of, see Select; nil: all tasks

	left       []bool // by task: the selection leaves it out; nil: none
	leftFinals int    // how many of finally are left out
}

// NewDAG returns the shape of d, whose tasks of finally come last and depend on
// each other only (see Validate). It reports an unknown or repeated dependency
// and the first cycle as an *Error with CodeInvalid.
func NewDAG(d *Definition) (*DAG, error) {
	g := &DAG{Definition: d, Upstream: make([][]int, len(d.Tasks)), Downstream: make([][]int, len(d.Tasks))}
	if err := g.connect(); err != nil {
		return nil, err
	}
	g.Mains = len(d.Tasks)
	for g.Mains > 0 && d.Tasks[g.Mains-1].Finally {
		g.Mains--
	}
	for i := range d.Tasks {
		if d.Tasks[i].ForEach != nil {
			g.Fans = append(g.Fans, i)
		}
		if d.Tasks[i].DependsOnPast {
			g.Pasts = append(g.Pasts, i)
		}
	}
	g.Order = g.topologicalOrder()
	if len(g.Order) < len(d.Tasks) {
		return nil, Errorf(CodeInvalid, "tasks wait for each other: %s", g.CycleText())
	}
	return g, nil
}

// connect finds the neighbours of each task. They lie in one array for each
// direction: a large workflow has hundreds of thousands of edges, and as many
// small lists would take twice the memory.
func (g *DAG) connect() error {
	tasks := g.Definition.Tasks
	index, edges := make(map[string]int, len(tasks)), 0
	for i := range tasks {
		index[tasks[i].Name] = i
		edges += len(tasks[i].DependsOn)
	}
	upstream, below := make([]int, 0, edges), make([]int, len(tasks))
	lastSeen := make([]int, len(tasks)) // of a task: the number of the last one that depends on it
	for i := range tasks {
		first := len(upstream)
		for _, name := range tasks[i].DependsOn {
			up, ok := index[name]
			if !ok {
				return Errorf(CodeInvalid, "task %q depends on unknown task %q", tasks[i].Name, name)
			}
			if lastSeen[up] == i+1 {
				return Errorf(CodeInvalid, "task %q depends on %q twice", tasks[i].Name, name)
			}
			lastSeen[up] = i + 1
			upstream = append(upstream, up)
			below[up]++
		}
		if len(upstream) > first {
			g.Upstream[i] = upstream[first:len(upstream):len(upstream)]
		}
	}
	downstream := make([]int, edges)
	for i, n := range below {
		if n > 0 {
			g.Downstream[i], downstream = downstream[:0:n], downstream[n:]
		}
	}
	for i := range g.Upstream {
		for _, up := range g.Upstream[i] {
			g.Downstream[up] = append(g.Downstream[up], i)
		}
	}
	return nil
}

// topologicalOrder is Kahn's algorithm that always takes the first ready task
// of the file, so a file that is in order already stays as it is. The result is
// shorter than Tasks if there is a cycle.
func (g *DAG) topologicalOrder() []int {
	waiting := make([]int, len(g.Upstream))
	order := make([]int, 0, len(g.Upstream))
	var ready places
	for i, up := range g.Upstream {
		waiting[i] = len(up)
		if len(up) == 0 {
			ready = append(ready, i) // ascending, so already a heap
		}
	}
	for len(ready) > 0 {
		at := heap.Pop(&ready).(int)
		order = append(order, at)
		for _, down := range g.Downstream[at] {
			if waiting[down]--; waiting[down] == 0 {
				heap.Push(&ready, down)
			}
		}
	}
	return order
}

// places is a heap of tasks, the first of the file on top.
type places []int

func (p places) Len() int           { return len(p) }
func (p places) Less(i, j int) bool { return p[i] < p[j] }
func (p places) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *places) Push(x any)        { *p = append(*p, x.(int)) }
func (p *places) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// cycle returns the tasks of one cycle, each depending on the one after it and
// the last on the first, or nil. It walks upstream from a task that no order
// reaches: such a task always has an upstream one of its kind, so the walk must
// meet itself.
func (g *DAG) cycle() []int {
	ordered := make([]bool, len(g.Upstream))
	for _, i := range g.Order {
		ordered[i] = true
	}
	at := -1
	for i := range ordered {
		if !ordered[i] {
			at = i
			break
		}
	}
	if at < 0 {
		return nil
	}
	place := map[int]int{}
	var path []int
	for {
		if from, met := place[at]; met {
			path = path[from:]
			break
		}
		place[at] = len(path)
		path = append(path, at)
		for _, up := range g.Upstream[at] {
			if !ordered[up] {
				at = up
				break
			}
		}
	}
	return path
}

// CycleText returns the cycle in the direction of execution, closed and started
// at its first task of the file, as "a → b → c → a"; "" if there is none.
func (g *DAG) CycleText() string {
	path := g.cycle()
	if path == nil {
		return ""
	}
	first := 0
	for i := range path {
		if path[i] < path[first] {
			first = i
		}
	}
	var names []string
	for i := 0; i <= len(path); i++ {
		// path runs against the edges, so step backwards from the first.
		at := ((first-i)%len(path) + len(path)) % len(path)
		names = append(names, g.Definition.Tasks[path[at]].label())
	}
	return strings.Join(names, " → ")
}
