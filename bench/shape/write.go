package shape

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Task says what each task of a written workflow does: one of the two.
type Task struct {
	Script string // for sh
	Noop   bool
}

// WriteWorkflow writes the graph as a workflow file. Each task may start as soon
// as a slot is free, however many run already.
func (g *Graph) WriteWorkflow(w io.Writer, task Task) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "name: %s\nmax_active_runs: 1000\nmax_active_tasks: %d\ntasks:\n", g.Name, MaxActiveTasks)
	what := "noop: true"
	if !task.Noop {
		what = fmt.Sprintf("shell: sh, command: %q", task.Script)
	}
	for i, parents := range g.Parents {
		fmt.Fprintf(out, "  %s: {%s%s}\n", TaskName(i), what, dependsOn(parents))
	}
	return out.Flush()
}

// MaxActiveTasks is what the written workflows allow: more than any has.
const MaxActiveTasks = 100_000

func dependsOn(parents []int) string {
	if len(parents) == 0 {
		return ""
	}
	return ", depends_on: [" + strings.Join(names(parents), ", ") + "]"
}

// WriteMakefile writes the graph for make, whose target "all" is everything. A
// shell of its own runs each command, as in a workflow.
func (g *Graph) WriteMakefile(w io.Writer, script string) error {
	out := bufio.NewWriter(w)
	all := make([]string, g.Len())
	for i := range all {
		all[i] = TaskName(i)
	}
	fmt.Fprintf(out, "SHELL := /bin/sh\n.SHELLFLAGS := -e -c\nall: %s\n.PHONY: all %s\n", strings.Join(all, " "), strings.Join(all, " "))
	for i, parents := range g.Parents {
		// The separator makes make use the shell: it executes a plain command itself.
		fmt.Fprintf(out, "%s: %s\n\t@:; %s\n", TaskName(i), strings.Join(names(parents), " "), script)
	}
	return out.Flush()
}

// WriteDagu writes the graph as a workflow of Dagu 2, with slots tasks at a time.
// It says what newer versions take for granted, so that all of them run the same.
func (g *Graph) WriteDagu(w io.Writer, script string, slots int) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "name: %s\ntype: graph\nshell: sh -e\nmax_active_steps: %d\nsteps:\n", g.Name, slots)
	for i, parents := range g.Parents {
		depends := ""
		if len(parents) > 0 {
			depends = ", depends: [" + strings.Join(names(parents), ", ") + "]"
		}
		fmt.Fprintf(out, "  - {id: %s, command: %q%s}\n", TaskName(i), script, depends)
	}
	return out.Flush()
}

func names(tasks []int) []string {
	all := make([]string, len(tasks))
	for i, task := range tasks {
		all[i] = TaskName(task)
	}
	return all
}
