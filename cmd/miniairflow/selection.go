package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

// addSelectionFlags adds the flags that choose tasks of a run, and the one that
// makes none.
func addSelectionFlags(cmd *cobra.Command) {
	cmd.Flags().StringSlice("only", nil, "execute just these tasks, or the tasks of these groups; may be repeated")
	cmd.Flags().StringSlice("from", nil, "execute these tasks and all below them; with --until, what both choose")
	cmd.Flags().StringSlice("until", nil, "execute these tasks and all above them")
	cmd.Flags().Bool("dry-run", false, "make no run: print what it would do, in order, and why")
}

// selectionOf returns what the flags choose.
func selectionOf(cmd *cobra.Command) (s miniairflow.Selection, err error) {
	for flag, names := range map[string]*[]string{"only": &s.Only, "from": &s.From, "until": &s.Until} {
		if *names, err = cmd.Flags().GetStringSlice(flag); err != nil {
			return s, fmt.Errorf("read --%s: %w", flag, err)
		}
		if cmd.Flags().Changed(flag) && (len(*names) == 0 || slices.Contains(*names, "")) {
			return s, usageErrorf("--%s: name a task or a group", flag)
		}
	}
	return s, nil
}

func isDryRun(cmd *cobra.Command) bool {
	dry, _ := cmd.Flags().GetBool("dry-run")
	return dry
}

// planView is what a run would do, as the commands show it.
type planView struct {
	Workflow  string            `json:"workflow"`
	Params    map[string]any    `json:"params"`
	Selection *selectionView    `json:"selection"`
	Tasks     []plannedTaskView `json:"tasks"`
	Warnings  []string          `json:"warnings"`
}

// selectionView is the choice of a run's tasks as the commands show it.
type selectionView struct {
	Only  []string `json:"only"`
	From  []string `json:"from"`
	Until []string `json:"until"`
}

type plannedTaskView struct {
	Name    string `json:"name"`
	Level   int    `json:"level"`
	Finally bool   `json:"finally"`
	Verdict state  `json:"verdict"`
	Why     string `json:"why"`
}

const (
	selectionFields = `selection { only from until }`
	planFields      = `params ` + selectionFields + ` tasks { name level finally verdict why } warnings`
)

// newPlanView returns a plan as the API would give it.
func newPlanView(plan *miniairflow.TriggerPlan) *planView {
	view := &planView{Workflow: plan.Workflow, Params: plan.Params, Warnings: append([]string{}, plan.Warnings...)}
	if s := plan.Selection; s != nil {
		view.Selection = &selectionView{Only: append([]string{}, s.Only...), From: append([]string{}, s.From...), Until: append([]string{}, s.Until...)}
	}
	for _, t := range plan.Tasks {
		view.Tasks = append(view.Tasks, plannedTaskView{Name: t.Name, Level: t.Level, Finally: t.Finally, Verdict: state(t.Verdict), Why: t.Why})
	}
	return view
}

// String returns the selection as the flags that make it.
func (v *selectionView) String() string {
	return (&miniairflow.Selection{Only: v.Only, From: v.From, Until: v.Until}).String()
}

// print writes the plan for people, in columns that tabs separate.
func (v *planView) print(w io.Writer) {
	runs := 0
	for _, t := range v.Tasks {
		if t.Level > 0 {
			runs++
		}
	}
	fmt.Fprintf(w, "%s would execute up to %d of %s", printable(v.Workflow), runs, counted(len(v.Tasks), "task"))
	if v.Selection != nil {
		fmt.Fprintf(w, " (%s)", printable(v.Selection.String()))
	}
	fmt.Fprintln(w, "; no run was made")
	for _, name := range slices.Sorted(maps.Keys(v.Params)) {
		fmt.Fprintf(w, "param\t%s\t%s\n", name, printable(valueText(v.Params[name])))
	}
	for _, t := range v.Tasks {
		level := "-"
		if t.Level > 0 {
			level = fmt.Sprintf("level %d", t.Level)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", level, t.Name, strings.ReplaceAll(string(t.Verdict), "_", " "), printable(t.Why))
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(w, "warning: %s\n", printable(warning))
	}
}

// planTrigger asks what a run would do.
func (c *client) planTrigger(ctx context.Context, input map[string]any) (*planView, error) {
	input = maps.Clone(input)
	input["dryRun"] = true
	var data struct {
		TriggerWorkflow struct {
			Plan       *planView
			UserErrors []userError
		}
	}
	err := c.query(ctx, `mutation($input: TriggerWorkflowInput!) { triggerWorkflow(input: $input) { plan { `+planFields+` } userErrors { message code field } } }`,
		map[string]any{"input": input}, &data)
	if err != nil {
		return nil, err
	}
	if err := firstUserError(data.TriggerWorkflow.UserErrors); err != nil {
		return nil, err
	}
	plan := data.TriggerWorkflow.Plan
	plan.Workflow = fmt.Sprint(input["workflow"])
	return plan, nil
}
