package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

// auditView is an entry of the audit log as the commands show it.
type auditView struct {
	ID      int64             `json:"id"`
	At      time.Time         `json:"at"`
	Actor   string            `json:"actor"`
	Action  state             `json:"action"`
	Subject string            `json:"subject"`
	Label   string            `json:"label"`
	Reason  *string           `json:"reason"`
	Details *auditDetailsView `json:"details"`
}

// auditDetailsView is what exactly was done.
type auditDetailsView struct {
	Text          string   `json:"text"`
	Tasks         []string `json:"tasks"`
	MoreTasks     int      `json:"moreTasks"`
	Downstream    bool     `json:"downstream"`
	Status        *state   `json:"status"`
	LatestVersion bool     `json:"latestVersion"`
	Slots         *int     `json:"slots"`

	Selection *selectionView `json:"selection"`
}

const auditFields = `id at actor action subject label reason details { text tasks moreTasks downstream status latestVersion slots ` + selectionFields + ` }`

func newAuditCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who changed what",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditListCommand(std))
	return cmd
}

func newAuditListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the entries of the audit log, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			limit, err := limitOf(cmd)
			if err != nil {
				return err
			}
			run, _ := cmd.Flags().GetString("run")
			workflow, _ := cmd.Flags().GetString("workflow")
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				entries, err := c.findAuditEntries(ctx, run, workflow, limit)
				if err != nil {
					return err
				}
				return write(std.out, format, entries, func(w io.Writer) { writeAuditEntries(w, entries) })
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().String("run", "", "only what was done to this run: its id, workflow#number, or workflow@latest")
	cmd.Flags().String("workflow", "", "only what was done to this workflow and to its runs")
	cmd.Flags().Int("limit", 50, "how many to list, up to 200")
	return cmd
}

// findAuditEntries returns the newest entries, at most limit; run and workflow
// restrict them unless they are empty.
func (c *client) findAuditEntries(ctx context.Context, run, workflow string, limit int) ([]auditView, error) {
	filter := map[string]any{}
	if run != "" {
		id, err := c.auditedRun(ctx, run)
		if err != nil {
			return nil, err
		}
		filter["workflowRunId"] = id
	}
	if workflow != "" { // an unknown name is an error, not an empty list
		if _, err := c.findWorkflow(ctx, workflow); err != nil {
			return nil, err
		}
		filter["workflow"] = workflow
	}
	var data struct{ AuditLog struct{ Nodes []auditView } }
	err := c.query(ctx, `query($first: Int, $filter: AuditLogFilter) { auditLog(first: $first, filter: $filter) { nodes { `+auditFields+` } } }`,
		map[string]any{"first": limit, "filter": filter}, &data)
	return data.AuditLog.Nodes, err
}

// auditedRun returns the id of the run that ref names. An id is taken as it is:
// the audit log knows runs that were deleted.
func (c *client) auditedRun(ctx context.Context, ref string) (string, error) {
	if _, err := uuid.Parse(ref); err == nil {
		return ref, nil
	}
	run, err := c.findRun(ctx, ref)
	if err != nil {
		return "", err
	}
	return run.ID, nil
}

// writeAuditEntries prints entries as a table. It shows the time and not how long
// ago it was: what people look for is what else happened then.
func writeAuditEntries(w io.Writer, entries []auditView) {
	fmt.Fprintln(w, "AT\tWHO\tACTION\tSUBJECT\tDETAILS\tREASON")
	for _, e := range entries {
		details := ""
		if e.Details != nil {
			details = e.Details.Text
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.At.Local().Format(time.RFC3339), printable(orDash(e.Actor)), e.Action, printable(e.Label),
			printable(orDash(details)), printable(text(e.Reason)))
	}
}
