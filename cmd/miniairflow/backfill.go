package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

// backfillView is a backfill as the commands show it.
type backfillView struct {
	ID           string         `json:"id"`
	Label        string         `json:"label"`
	Name         string         `json:"name"`
	Status       state          `json:"status"`
	PausedAt     *time.Time     `json:"pausedAt"`
	Problem      *string        `json:"problem"`
	Hold         *string        `json:"hold"`
	ScheduleName *string        `json:"scheduleName"`
	From         time.Time      `json:"from"`
	To           time.Time      `json:"to"`
	Mode         state          `json:"mode"`
	Order        state          `json:"order"`
	Concurrency  int            `json:"concurrency"`
	Params       map[string]any `json:"params"`
	Selection    *selectionView `json:"selection"`
	Total        int            `json:"total"`
	Created      int            `json:"created"`
	LeftAlone    int            `json:"leftAlone"`
	Remaining    int            `json:"remaining"`
	RunStates    []struct {
		Status state `json:"status"`
		Count  int   `json:"count"`
	} `json:"runStates"`
	CreatedBy  string     `json:"createdBy"`
	Reason     *string    `json:"reason"`
	CreatedAt  time.Time  `json:"createdAt"`
	FinishedAt *time.Time `json:"finishedAt"`
}

const backfillFields = `id label name status pausedAt problem hold scheduleName from to mode order concurrency params ` + selectionFields + `
	total created leftAlone remaining runStates { status count } createdBy reason createdAt finishedAt`

// isOver reports whether the backfill makes no more runs.
func (v *backfillView) isOver() bool { return v.Status != state(miniairflow.BackfillRunning) }

// state returns what people are told first.
func (v *backfillView) state() string {
	switch {
	case v.PausedAt != nil:
		return "paused"
	case v.Hold != nil:
		return "held"
	default:
		return string(v.Status)
	}
}

// runs returns how many of its runs are in each state: "3 success, 1 running".
func (v *backfillView) runs() string {
	parts := make([]string, len(v.RunStates))
	for i, s := range v.RunStates {
		parts[i] = fmt.Sprintf("%d %s", s.Count, s.Status)
	}
	return orDash(strings.Join(parts, ", "))
}

func newBackfillCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Make runs for dates of the past, a few at a time",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newBackfillCreateCommand(std), newBackfillListCommand(std), newBackfillShowCommand(std),
		newBackfillPauseCommand(std, "pause", "Make no more runs; those that there are go on"),
		newBackfillPauseCommand(std, "resume", "Let a paused backfill go on"),
		newBackfillCancelCommand(std),
	)
	return cmd
}

func newBackfillListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [WORKFLOW]",
		Short: "List backfills, the newest first",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			limit, err := limitOf(cmd)
			if err != nil {
				return err
			}
			filter := map[string]any{}
			if len(args) > 0 {
				filter["workflow"] = args[0]
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				views, err := c.findBackfills(ctx, filter, limit)
				if err != nil {
					return err
				}
				return write(std.out, format, views, func(w io.Writer) {
					fmt.Fprintln(w, "BACKFILL\tSTATUS\tDATES\tLEFT ALONE\tTO COME\tRUNS\tCREATED\tBY")
					now := time.Now()
					for _, v := range views {
						fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", v.Label, v.state(), v.Total, v.LeftAlone, v.Remaining, v.runs(),
							ago(&v.CreatedAt, now), printable(orDash(v.CreatedBy)))
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().Int("limit", 20, "how many to print, at most 200")
	return cmd
}

func newBackfillShowCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show BACKFILL",
		Short: "Show a backfill, named by its id or as WORKFLOW/NAME",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				v, err := c.findBackfill(ctx, args[0])
				if err != nil {
					return err
				}
				return write(std.out, format, v, v.print)
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// print writes the backfill for people, in columns that tabs separate.
func (v *backfillView) print(w io.Writer) {
	fmt.Fprintf(w, "backfill\t%s\nid\t%s\nstatus\t%s\n", v.Label, v.ID, v.state())
	if v.Hold != nil {
		fmt.Fprintf(w, "held\t%s\n", *v.Hold)
	}
	if v.Problem != nil {
		fmt.Fprintf(w, "problem\t%s\n", printable(*v.Problem))
	}
	if v.ScheduleName != nil {
		fmt.Fprintf(w, "schedule\t%s\n", *v.ScheduleName)
	}
	fmt.Fprintf(w, "from\t%s\nto\t%s\n", v.From.Format(time.RFC3339), v.To.Format(time.RFC3339))
	fmt.Fprintf(w, "mode\t%s, %s first, %d at a time\n", v.Mode, v.Order, v.Concurrency)
	if v.Selection != nil {
		fmt.Fprintf(w, "tasks\t%s\n", printable(v.Selection.String()))
	}
	fmt.Fprintf(w, "dates\t%d: %d got a run, %d left alone, %d to come\n", v.Total, v.Created, v.LeftAlone, v.Remaining)
	fmt.Fprintf(w, "runs\t%s\n", v.runs())
	fmt.Fprintf(w, "created\t%s by %s\n", v.CreatedAt.Format(time.RFC3339), printable(orDash(v.CreatedBy)))
	if v.Reason != nil {
		fmt.Fprintf(w, "reason\t%s\n", printable(*v.Reason))
	}
	if v.FinishedAt != nil {
		fmt.Fprintf(w, "over\t%s\n", v.FinishedAt.Format(time.RFC3339))
	}
}

func newBackfillPauseCommand(std stdio, name, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name + " BACKFILL",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return steerBackfill(cmd, std, args[0], name+"Backfill", map[string]any{})
		},
	}
	addReasonFlag(cmd)
	return cmd
}

func newBackfillCancelCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel BACKFILL",
		Short: "End a backfill, and its runs that are not over",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keep, _ := cmd.Flags().GetBool("keep-runs")
			return steerBackfill(cmd, std, args[0], "cancelBackfill", map[string]any{"keepRuns": keep})
		},
	}
	addReasonFlag(cmd)
	cmd.Flags().Bool("keep-runs", false, "let its runs that are not over go on")
	return cmd
}

// steerBackfill does a mutation of a backfill and prints what has become of it.
func steerBackfill(cmd *cobra.Command, std stdio, ref, mutation string, input map[string]any) error {
	return withClient(cmd, std, func(ctx context.Context, c *client) error {
		v, err := c.findBackfill(ctx, ref)
		if err != nil {
			return err
		}
		if v.isOver() && mutation != "cancelBackfill" {
			return miniairflow.Errorf(miniairflow.CodeConflict, "backfill %s is %s: it makes no more runs", v.Label, v.Status)
		}
		input["id"], input["reason"] = v.ID, reasonOf(cmd)
		var data map[string]struct {
			Backfill   *backfillView
			UserErrors []userError
		}
		inputType := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!"
		err = c.query(ctx, `mutation($input: `+inputType+`) { `+mutation+`(input: $input) { backfill { `+backfillFields+` } userErrors { message code field } } }`,
			map[string]any{"input": input}, &data)
		if err != nil {
			return err
		}
		if err := firstUserError(data[mutation].UserErrors); err != nil {
			return err
		}
		v = data[mutation].Backfill
		_, err = fmt.Fprintf(std.out, "%s is %s: %d of %d dates to come\n", v.Label, v.state(), v.Remaining, v.Total)
		return err
	})
}

func (c *client) findBackfills(ctx context.Context, filter map[string]any, limit int) ([]backfillView, error) {
	var data struct {
		Backfills struct{ Nodes []backfillView }
	}
	err := c.query(ctx, `query($first: Int, $filter: BackfillFilter) { backfills(first: $first, filter: $filter) { nodes { `+backfillFields+` } } }`,
		map[string]any{"first": limit, "filter": filter}, &data)
	return data.Backfills.Nodes, err
}

// findBackfill finds a backfill by its id, or as WORKFLOW/NAME.
func (c *client) findBackfill(ctx context.Context, ref string) (*backfillView, error) {
	if _, err := uuid.Parse(ref); err == nil {
		var data struct{ Backfill *backfillView }
		err := c.query(ctx, `query($id: ID!) { backfill(id: $id) { `+backfillFields+` } }`, map[string]any{"id": ref}, &data)
		if err == nil && data.Backfill == nil {
			err = miniairflow.Errorf(miniairflow.CodeNotFound, "no backfill has the id %s", ref)
		}
		return data.Backfill, err
	}
	workflow, name, ok := strings.Cut(ref, "/")
	if !ok {
		return nil, usageErrorf("%s: name a backfill by its id, or as WORKFLOW/NAME (miniairflow backfill list)", printable(ref))
	}
	found, err := c.findBackfills(ctx, map[string]any{"workflow": workflow, "name": name}, 1)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "workflow %q has no backfill %q", workflow, name)
	}
	return &found[0], nil
}
