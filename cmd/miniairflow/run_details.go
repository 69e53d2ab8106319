package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// parentView is the task run that has started a child run.
type parentView struct {
	Name        string   `json:"name"`
	WorkflowRun childRef `json:"workflowRun"`
}

// childRef names a run of which another one tells.
type childRef struct {
	ID     string `json:"id"`
	Label  string `json:"label"`
	Status state  `json:"status"`
}

// lateView is what was not over at its deadline.
type lateView struct {
	Task     *string   `json:"task"`
	Deadline time.Time `json:"deadline"`
	NotedAt  time.Time `json:"notedAt"`
}

const childFields = `{ id label status }`

// addDetails adds what is shown of one run only: its outputs, and who has started it.
func (c *client) addDetails(ctx context.Context, run *runView) error {
	var data struct{ WorkflowRun *runView }
	err := c.query(ctx, `query($id: ID!) { workflowRun(id: $id) { outputs outputsError lateMarks { task deadline notedAt } parent { name workflowRun `+childFields+` } } }`, map[string]any{"id": run.ID}, &data)
	if err != nil || data.WorkflowRun == nil {
		return err
	}
	run.Outputs, run.OutputsError, run.Parent = data.WorkflowRun.Outputs, data.WorkflowRun.OutputsError, data.WorkflowRun.Parent
	run.LateMarks = data.WorkflowRun.LateMarks
	return nil
}

// writeDetails prints what addDetails has added.
func (r *runView) writeDetails(w io.Writer) {
	fmt.Fprintf(w, "logical date\t%s\n", r.LogicalDate.UTC().Format(time.RFC3339))
	fmt.Fprintf(w, "cause\t%s\n", printable(r.Cause.String()))
	for _, m := range r.LateMarks {
		what := "the run"
		if m.Task != nil {
			what = "task " + *m.Task
		}
		fmt.Fprintf(w, "late\t%s was not over at its deadline, %s\n", printable(what), m.Deadline.Format(time.RFC3339))
	}
	if len(r.Outputs) > 0 && string(r.Outputs) != "null" {
		fmt.Fprintf(w, "outputs\t%s\n", printable(string(r.Outputs)))
	}
	if r.OutputsError != nil {
		fmt.Fprintf(w, "outputs\tcannot be computed: %s\n", printable(*r.OutputsError))
	}
}
