package miniairflow

import "slices"

// Levels returns the tasks by how many others must end before them at the
// least: those of one level wait for none of the same level. Tasks of finally
// come after all others. A task with the trigger rule always waits for nobody.
func (g *DAG) Levels() [][]int {
	depth := make([]int, len(g.Definition.Tasks))
	mains := 0
	var levels [][]int
	for _, i := range g.Order {
		if g.Definition.Tasks[i].Finally {
			continue
		}
		depth[i] = g.depthBelow(i, depth, 0)
		mains = max(mains, depth[i]+1)
	}
	for i := range g.Mains {
		levels = addTo(levels, depth[i], i)
	}
	for _, i := range g.Order {
		if g.Definition.Tasks[i].Finally {
			depth[i] = g.depthBelow(i, depth, mains)
		}
	}
	for i := g.Mains; i < len(depth); i++ {
		levels = addTo(levels, depth[i], i)
	}
	return levels
}

// depthBelow returns the depth of a task, at least the given one.
func (g *DAG) depthBelow(i int, depth []int, least int) int {
	if g.Definition.Tasks[i].TriggerRule == Always {
		return least
	}
	for _, up := range g.Upstream[i] {
		least = max(least, depth[up]+1)
	}
	return least
}

func addTo(levels [][]int, level, task int) [][]int {
	for len(levels) <= level {
		levels = append(levels, nil)
	}
	levels[level] = append(levels[level], task)
	return levels
}

// CriticalPath returns the chain of tasks, in order, whose weights have the
// largest sum: no run is over before all of it is. The chain of finally follows
// that of the other tasks. Of equal chains it is one that is first in the file.
// Weights must not be negative.
func (g *DAG) CriticalPath(weight func(t *Task) int64) []int {
	tasks := g.Definition.Tasks
	total, before := make([]int64, len(tasks)), make([]int, len(tasks))
	for _, i := range g.Order {
		before[i] = -1
		if tasks[i].TriggerRule != Always {
			for _, up := range g.Upstream[i] {
				if before[i] < 0 || total[up] > total[before[i]] {
					before[i] = up
				}
			}
		}
		total[i] = weight(&tasks[i])
		if before[i] >= 0 {
			total[i] += total[before[i]]
		}
	}
	return append(chain(total, before, 0, g.Mains), chain(total, before, g.Mains, len(tasks))...)
}

// chain follows the heaviest of the tasks from first to end back to its begin.
func chain(total []int64, before []int, first, end int) []int {
	if first == end {
		return nil
	}
	last := first
	for i := first; i < end; i++ {
		if total[i] > total[last] {
			last = i
		}
	}
	var path []int
	for i := last; i >= 0; i = before[i] {
		path = append(path, i)
	}
	slices.Reverse(path)
	return path
}

// Meaning says in words which ends of the tasks that a task depends on let it
// run. It completes the sentence "it runs when …".
func (r TriggerRule) Meaning() string {
	switch r {
	case AllFailed:
		return "all of them failed"
	case AllDone:
		return "all of them ended, however"
	case AllDoneMinOneSuccess:
		return "all of them ended, at least one with success"
	case AllSkipped:
		return "all of them were skipped"
	case OneFailed:
		return "one of them failed, without waiting for the others"
	case OneSuccess:
		return "one of them succeeded, without waiting for the others"
	case OneDone:
		return "one of them succeeded or failed, without waiting for the others"
	case NoneFailed:
		return "all of them ended and none failed"
	case NoneFailedMinOneSuccess:
		return "all of them ended, none failed and at least one succeeded"
	case NoneSkipped:
		return "all of them ended and none was skipped"
	case Always:
		return "the run starts: it waits for none of them"
	default:
		return "all of them succeeded"
	}
}
