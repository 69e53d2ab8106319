package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

func newGraphCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "graph FILE",
		Short: "Print the graph of a workflow file as Mermaid or DOT",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, _ := cmd.Flags().GetString("output")
			draw, ok := graphFormats[format]
			if !ok {
				return usageErrorf("--output %s: write mermaid or dot", format)
			}
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			definitions, err := loadFileOrExplain(config, std, args[0])
			if err != nil {
				return err
			}
			for _, d := range definitions {
				g, err := miniairflow.NewDAG(d.Definition)
				if err != nil {
					return fmt.Errorf("workflow %q: %w", d.Name, err)
				}
				draw(std.out, g)
			}
			return nil
		},
	}
	addFileFlags(cmd.Flags())
	cmd.Flags().StringP("output", "o", "mermaid", "mermaid or dot")
	return cmd
}

var graphFormats = map[string]func(io.Writer, *miniairflow.DAG){"mermaid": drawMermaid, "dot": drawDOT}

// drawMermaid prints g as a flowchart. Nodes are numbered: a task may have a
// name that is a word of Mermaid's, such as "end".
func drawMermaid(out io.Writer, g *miniairflow.DAG) {
	fmt.Fprintf(out, "---\ntitle: %s\n---\nflowchart LR\n", g.Definition.Name)
	for _, part := range parts(g.Definition) {
		indent := "  "
		if part.group != "" {
			fmt.Fprintf(out, "  subgraph g%d[%s]\n", part.number, part.group)
			indent = "    "
		}
		for _, i := range part.tasks {
			fmt.Fprintf(out, "%st%d[%s]\n", indent, i, g.Definition.Tasks[i].Name)
		}
		if part.group != "" {
			fmt.Fprintln(out, "  end")
		}
	}
	for i := range g.Definition.Tasks {
		for _, up := range g.Upstream[i] {
			fmt.Fprintf(out, "  t%d -->%s t%d\n", up, edgeLabel(&g.Definition.Tasks[i], "|%s|"), i)
		}
	}
}

// drawDOT prints g for Graphviz.
func drawDOT(out io.Writer, g *miniairflow.DAG) {
	fmt.Fprintf(out, "digraph %q {\n  rankdir=LR\n  node [shape=box, style=rounded]\n", g.Definition.Name)
	for _, part := range parts(g.Definition) {
		indent := "  "
		if part.group != "" {
			fmt.Fprintf(out, "  subgraph %q {\n    label=%q\n", "cluster_"+part.group, part.group)
			indent = "    "
		}
		for _, i := range part.tasks {
			fmt.Fprintf(out, "%s%q\n", indent, g.Definition.Tasks[i].Name)
		}
		if part.group != "" {
			fmt.Fprintln(out, "  }")
		}
	}
	for i := range g.Definition.Tasks {
		for _, up := range g.Upstream[i] {
			fmt.Fprintf(out, "  %q -> %q%s\n", g.Definition.Tasks[up].Name, g.Definition.Tasks[i].Name, edgeLabel(&g.Definition.Tasks[i], ` [label="%s"]`))
		}
	}
	fmt.Fprintln(out, "}")
}

// part is the tasks of a group, or those that are in none.
type part struct {
	group  string // empty: in none
	number int    // of the group, from 0
	tasks  []int
}

// parts returns the tasks without a group, and then the groups, all in file order.
func parts(d *miniairflow.Definition) []part {
	list := make([]part, 1+len(d.Groups))
	places := map[string]int{"": 0}
	for i := range d.Groups {
		list[i+1] = part{group: d.Groups[i].Name, number: i}
		places[d.Groups[i].Name] = i + 1
	}
	for i := range d.Tasks {
		place := places[d.Tasks[i].Group]
		list[place].tasks = append(list[place].tasks, i)
	}
	return list
}

// edgeLabel names the trigger rule of a task where it is not the usual one.
func edgeLabel(t *miniairflow.Task, format string) string {
	if t.TriggerRule == miniairflow.AllSuccess {
		return ""
	}
	return fmt.Sprintf(format, strings.ReplaceAll(string(t.TriggerRule), "_", " "))
}
