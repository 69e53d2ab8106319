package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

// missedView are slots without a run as the commands show them.
type missedView struct {
	Schedule     *string   `json:"schedule"`
	First        time.Time `json:"first"`
	Last         time.Time `json:"last"`
	Count        int       `json:"count"`
	CountIsExact bool      `json:"countIsExact"`
	Reason       state     `json:"reason"`
	Text         string    `json:"text"`
	NotedAt      time.Time `json:"notedAt"`
}

func newMissedCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "missed NAME",
		Short: "List what has got no run of a workflow, and why",
		Long: `Lists the slots of a workflow's schedules that have got no run, the newest first: a line for each
range of slots with the same reason. Of its triggers, a line tells how many ends of other runs could not
start one, and a line how many files, from when to when, and why the last of them could not.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			limit, err := limitOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				views, err := c.findMissed(ctx, args[0], limit)
				if err != nil {
					return err
				}
				return write(std.out, format, views, func(w io.Writer) { writeMissed(w, views) })
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().Int("limit", 50, "how many ranges to list, up to 200")
	return cmd
}

// findMissed returns the newest ranges of a workflow, at most limit.
func (c *client) findMissed(ctx context.Context, name string, limit int) ([]missedView, error) {
	const text = `query($name: String!, $first: Int) { workflow(name: $name) { missedSlots(first: $first) {
		nodes { schedule first last count countIsExact reason text notedAt } } } }`
	var data struct {
		Workflow *struct{ MissedSlots struct{ Nodes []missedView } }
	}
	if err := c.query(ctx, text, map[string]any{"name": name, "first": limit}, &data); err != nil {
		return nil, err
	}
	if data.Workflow == nil {
		return nil, noWorkflow(name)
	}
	return data.Workflow.MissedSlots.Nodes, nil
}

func noWorkflow(name string) error {
	return miniairflow.Errorf(miniairflow.CodeNotFound, "no workflow is called %q; `miniairflow workflows list` shows them", name)
}

// writeMissed prints ranges in columns that tabs separate.
func writeMissed(w io.Writer, views []missedView) {
	if len(views) == 0 {
		fmt.Fprintln(w, "nothing is known that has got no run")
		return
	}
	fmt.Fprintln(w, "FIRST\tLAST\tCOUNT\tSCHEDULE\tWHY")
	for _, v := range views {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.First.Format(time.RFC3339), v.Last.Format(time.RFC3339), countText(v.Count, v.CountIsExact),
			printable(text(v.Schedule)), printable(v.Text))
	}
}

// dueView are slots that are due as the commands show them.
type dueView struct {
	Schedule     *string
	First, Last  time.Time
	Count        int
	CountIsExact bool
	Status       *state
	Text         *string
}

// findDue returns what would become of the due slots of a workflow now.
func (c *client) findDue(ctx context.Context, name string) ([]dueView, error) {
	const text = `query($name: String!) { workflow(name: $name) { dueSlots { schedule first last count countIsExact status text } } }`
	var data struct {
		Workflow *struct{ DueSlots []dueView }
	}
	if err := c.query(ctx, text, map[string]any{"name": name}, &data); err != nil {
		return nil, err
	}
	if data.Workflow == nil {
		return nil, noWorkflow(name)
	}
	return data.Workflow.DueSlots, nil
}

// writeDue prints what would become of due slots, a line for each range.
func writeDue(w io.Writer, views []dueView) {
	for _, v := range views {
		name, which, fate := "", v.First.Format(time.RFC3339), "would get runs now"
		if v.Schedule != nil {
			name = *v.Schedule + ": "
		}
		if v.Count > 1 {
			which = fmt.Sprintf("%s to %s, %s slots", which, v.Last.Format(time.RFC3339), countText(v.Count, v.CountIsExact))
		}
		switch {
		case v.Status == nil:
			fate = "would get no run: " + text(v.Text)
		case v.Text != nil:
			fate = "would get runs that are " + string(*v.Status) + ": " + *v.Text
		case v.Count == 1:
			fate = "would get a run now"
		}
		fmt.Fprintln(w, printable("due: "+name+which+" "+fate))
	}
}

func countText(count int, isExact bool) string {
	if isExact {
		return fmt.Sprint(count)
	}
	return fmt.Sprint(count, " or more")
}
