package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

func newExplainCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain FILE [NAME]",
		Short: "Say what a workflow file does: levels, critical path, what each task waits for",
		Long: "Say what a workflow file does, without running it: which tasks can run at the same time, which chain of\n" +
			"tasks decides how long a run takes, what each task waits for, and when the schedule fires next.\n" +
			"NAME is one of the file's workflows; default: all of them.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			from, err := timeFlag(cmd, "from")
			if err != nil {
				return err
			}
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			definitions, err := loadFileOrExplain(config, std, args[0])
			if err != nil {
				return err
			}
			if definitions, err = named(definitions, args); err != nil {
				return err
			}
			views := make([]*explainView, 0, len(definitions))
			for _, d := range definitions {
				view, err := explain(d.Definition, from)
				if err != nil {
					return fmt.Errorf("workflow %q: %w", d.Name, err)
				}
				views = append(views, view)
			}
			return write(std.out, format, views, func(w io.Writer) {
				for i, view := range views {
					if i > 0 {
						fmt.Fprintln(w)
					}
					view.print(w)
				}
			})
		},
	}
	addFileFlags(cmd.Flags())
	addOutputFlag(cmd)
	cmd.Flags().String("from", "", "count the next runs from this time on (RFC 3339; default: now)")
	return cmd
}

// timeFlag returns the time of a flag, or now without it.
func timeFlag(cmd *cobra.Command, name string) (time.Time, error) {
	text, _ := cmd.Flags().GetString(name)
	if text == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageErrorf("--%s %s: write it like 2026-01-31T06:00:00Z", name, text)
	}
	return at, nil
}

// named returns the workflow that the arguments FILE [NAME] name, or all.
func named(definitions []loader.LoadedDefinition, args []string) ([]loader.LoadedDefinition, error) {
	if len(args) < 2 {
		return definitions, nil
	}
	var known []string
	for i := range definitions {
		if definitions[i].Name == args[1] {
			return definitions[i : i+1], nil
		}
		known = append(known, definitions[i].Name)
	}
	return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "%s has no workflow %q; it has %s%s", args[0], args[1],
		strings.Join(known, ", "), miniairflow.DidYouMean(args[1], known))
}

// nextRunsShown is how many of the next runs are told.
const nextRunsShown = 3

// explainView is what `explain` says of a workflow.
type explainView struct {
	Name           string        `json:"name"`
	Description    string        `json:"description,omitempty"`
	MaxActiveTasks int           `json:"maxActiveTasks"`
	Levels         [][]string    `json:"levels"`
	Files          []string      `json:"files,omitempty"` // that it carries
	CriticalPath   []string      `json:"criticalPath"`
	CriticalPathBy string        `json:"criticalPathBy"` // timeout, wait or count
	CriticalTime   string        `json:"criticalTime,omitempty"`
	Tasks          []explainTask `json:"tasks"`
	NextRuns       []nextRunView `json:"nextRuns"`
	Triggers       []string      `json:"triggers,omitempty"` // what else starts runs, in words
	Promises       []string      `json:"promises,omitempty"` // deadlines, and who is told, in words
	isScheduled    bool
}

// explainTask is what `explain` says of a task.
type explainTask struct {
	Name        string   `json:"name"`
	Level       int      `json:"level"` // from 1
	Finally     bool     `json:"finally,omitempty"`
	DependsOn   []string `json:"dependsOn"`
	TriggerRule string   `json:"triggerRule"`
	When        string   `json:"when,omitempty"`
	Waits       string   `json:"waits"` // what it waits for, and is given, in words
}

func explain(d *miniairflow.Definition, from time.Time) (*explainView, error) {
	g, err := miniairflow.NewDAG(d)
	if err != nil {
		return nil, err
	}
	view := &explainView{
		Name: d.Name, Description: d.Description, MaxActiveTasks: d.MaxActiveTasks,
		Tasks: make([]explainTask, len(d.Tasks)),
	}
	for _, file := range d.Files {
		view.Files = append(view.Files, file.Path)
	}
	for i := range d.Tasks {
		t := &d.Tasks[i]
		view.Tasks[i] = explainTask{
			Name: t.Name, Finally: t.Finally, DependsOn: append([]string{}, t.DependsOn...),
			TriggerRule: string(t.TriggerRule), When: t.When, Waits: waits(t),
		}
	}
	for level, tasks := range g.Levels() {
		for _, i := range tasks {
			view.Tasks[i].Level = level + 1
		}
		view.Levels = append(view.Levels, taskNames(d, tasks))
	}
	view.critical(g)
	if view.NextRuns, err = nextRuns(d.Schedules, from, nextRunsShown); err != nil {
		return nil, err
	}
	view.isScheduled = len(d.Schedules) > 0
	for _, trigger := range d.TriggerList() {
		view.Triggers = append(view.Triggers, "runs start "+trigger.Text)
	}
	view.Promises = promises(d)
	return view, nil
}

func taskNames(d *miniairflow.Definition, tasks []int) []string {
	names := make([]string, len(tasks))
	for i, task := range tasks {
		names[i] = d.Tasks[task].Name
	}
	return names
}

// print writes the view for people, in columns that tabs separate.
func (v *explainView) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s in %s, at most %d of them at a time\n", v.Name, counted(len(v.Tasks), "task"), counted(len(v.Levels), "level"), v.MaxActiveTasks)
	if v.Description != "" {
		fmt.Fprintln(w, printable(v.Description))
	}
	fmt.Fprintln(w)
	for i, level := range v.Levels {
		fmt.Fprintf(w, "level %d\t%s\n", i+1, strings.Join(level, ", "))
	}
	if len(v.Files) > 0 {
		fmt.Fprintf(w, "\ncarries\t%s\n", printable(strings.Join(v.Files, ", ")))
	}
	fmt.Fprintf(w, "\ncritical path, by %s\n  %s\n\n", v.criticalWords(), strings.Join(v.CriticalPath, " → "))
	for _, t := range v.Tasks {
		fmt.Fprintf(w, "%s\t%s\n", t.Name, printable(t.Waits))
	}
	fmt.Fprintln(w)
	switch {
	case !v.isScheduled && len(v.Triggers) == 0:
		fmt.Fprintln(w, "no schedule: runs start by hand")
	case !v.isScheduled:
	case len(v.NextRuns) == 0:
		fmt.Fprintln(w, "no next run: its schedules are over")
	default:
		fmt.Fprintln(w, "next runs")
		writeNextRuns(w, v.NextRuns)
	}
	for _, words := range v.Triggers {
		fmt.Fprintln(w, printable(words))
	}
	for _, words := range v.Promises {
		fmt.Fprintln(w, printable(words))
	}
}
