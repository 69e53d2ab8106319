package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

func newRunsPauseCommand(std stdio, name, short string, pause bool) *cobra.Command {
	mutation := map[bool]string{true: "pauseWorkflowRun", false: "resumeWorkflowRun"}[pause]
	cmd := &cobra.Command{
		Use:   name + " RUN",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				run, err := c.findRun(ctx, args[0])
				if err != nil {
					return err
				}
				if run.isTerminal() {
					return writeOver(std.out, run)
				}
				if run, err = c.steerRun(ctx, mutation, run.ID, reasonOf(cmd)); err != nil {
					return err
				}
				word := string(run.Status)
				if run.PausedAt != nil && !run.isTerminal() {
					word = "paused"
				}
				_, err = fmt.Fprintf(std.out, "%s is %s\n", run.Label, word)
				return err
			})
		},
	}
	addReasonFlag(cmd)
	return cmd
}

// writeOver says that a run cannot be steered any more.
func writeOver(out io.Writer, run *runView) error {
	_, err := fmt.Fprintf(out, "%s is over: %s; there is nothing to do\n", run.Label, run.Status)
	return err
}

// addReasonFlag adds what every change that people make takes.
func addReasonFlag(cmd *cobra.Command) {
	cmd.Flags().String("reason", "", "why, for the audit log")
}

func reasonOf(cmd *cobra.Command) string {
	reason, _ := cmd.Flags().GetString("reason")
	return reason
}

// steerRun does a mutation of a run that takes nothing but its id and a reason.
func (c *client) steerRun(ctx context.Context, mutation, id, reason string) (*runView, error) {
	var data map[string]struct {
		WorkflowRun *runView
		UserErrors  []userError
	}
	inputType := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!"
	err := c.query(ctx, `mutation($input: `+inputType+`) { `+mutation+`(input: $input) { workflowRun { `+runFields+` } userErrors { message code field } } }`,
		map[string]any{"input": map[string]any{"id": id, "reason": reason}}, &data)
	if err != nil {
		return nil, err
	}
	if err := firstUserError(data[mutation].UserErrors); err != nil {
		return nil, err
	}
	return data[mutation].WorkflowRun, nil
}

// addRerunFlags adds what all reruns take.
func addRerunFlags(cmd *cobra.Command) {
	addOutputFlag(cmd)
	cmd.Flags().Bool("dry-run", false, "only say what would be done")
	addReasonFlag(cmd)
}

func newRunsRetryCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retry RUN",
		Short: "Run again what failed or was cancelled, and what never ran because of it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			latest, _ := cmd.Flags().GetBool("latest")
			return rerun(cmd, std, args[0], "retryWorkflowRun", "id", map[string]any{"latestVersion": latest})
		},
	}
	addRerunFlags(cmd)
	cmd.Flags().Bool("latest", false, "go on with the workflow's latest version")
	return cmd
}

func newRunsClearCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "clear RUN TASK...",
		Short: "Run tasks of a run again, whatever their state",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			latest, _ := cmd.Flags().GetBool("latest")
			downstream, _ := cmd.Flags().GetBool("downstream")
			return rerun(cmd, std, args[0], "clearTaskRuns", "workflowRunId",
				map[string]any{"tasks": args[1:], "latestVersion": latest, "downstream": downstream})
		},
	}
	addRerunFlags(cmd)
	cmd.Flags().Bool("downstream", false, "also all tasks below them")
	cmd.Flags().Bool("latest", false, "go on with the workflow's latest version")
	return cmd
}

func newRunsMarkCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mark RUN TASK...",
		Short: "End tasks of a run without running them",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			status, _ := cmd.Flags().GetString("as")
			switch miniairflow.TaskStatus(status) {
			case miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskSkipped:
			default:
				return usageErrorf("--as %q: write success, failed or skipped", status)
			}
			return rerun(cmd, std, args[0], "markTaskRuns", "workflowRunId", map[string]any{"tasks": args[1:], "status": strings.ToUpper(status)})
		},
	}
	addRerunFlags(cmd)
	cmd.Flags().String("as", "", "success, failed or skipped")
	return cmd
}

// rerunView is what a rerun did, or would do.
type rerunView struct {
	DryRun      bool          `json:"dryRun"`
	WorkflowRun *runView      `json:"workflowRun"`
	TaskRuns    []taskRunView `json:"taskRuns"`
}

// rerun does one of the three mutations. runField is its input field of the run.
func rerun(cmd *cobra.Command, std stdio, ref, mutation, runField string, input map[string]any) error {
	format, err := outputOf(cmd)
	if err != nil {
		return err
	}
	dryRun, _ := cmd.Flags().GetBool("dry-run")
	reason, _ := cmd.Flags().GetString("reason")
	return withClient(cmd, std, func(ctx context.Context, c *client) error {
		run, err := c.findRun(ctx, ref)
		if err != nil {
			return err
		}
		input[runField], input["dryRun"], input["reason"], input["requestId"] = run.ID, dryRun, reason, uuid.NewString()
		done, err := c.rerun(ctx, mutation, input)
		if err != nil {
			return err
		}
		done.DryRun = dryRun
		return write(std.out, format, done, func(w io.Writer) { writeRerun(w, done) })
	})
}

func (c *client) rerun(ctx context.Context, mutation string, input map[string]any) (*rerunView, error) {
	var data map[string]struct {
		rerunView
		UserErrors []userError
	}
	inputType := strings.ToUpper(mutation[:1]) + mutation[1:] + "Input!"
	err := c.query(ctx, `mutation($input: `+inputType+`) { `+mutation+`(input: $input) {
		workflowRun { `+runFields+` } taskRuns { `+taskRunFields+` } userErrors { message code field } } }`, map[string]any{"input": input}, &data)
	if err != nil {
		return nil, err
	}
	answer := data[mutation]
	if err := firstUserError(answer.UserErrors); err != nil {
		return nil, err
	}
	return &answer.rerunView, nil
}

func writeRerun(w io.Writer, done *rerunView) {
	switch {
	case len(done.TaskRuns) == 0:
		fmt.Fprintf(w, "%s is %s: there is nothing to do\n", done.WorkflowRun.Label, done.WorkflowRun.Status)
		return
	case done.DryRun:
		fmt.Fprintf(w, "of %s would change, which now are:\n", done.WorkflowRun.Label)
	default:
		fmt.Fprintf(w, "%s is %s; changed:\n", done.WorkflowRun.Label, done.WorkflowRun.Status)
	}
	for i := range done.TaskRuns {
		fmt.Fprintf(w, "  %s\t%s\n", done.TaskRuns[i].Name, done.TaskRuns[i].Status)
	}
}
