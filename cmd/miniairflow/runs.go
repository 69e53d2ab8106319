package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

func newRunsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List, show, steer and rerun runs, and read their logs",
		Long:  "List, show, steer and rerun runs, and read their logs.\nA run is named by its id, as workflow#number, or as workflow@latest.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRunsListCommand(std), newRunsShowCommand(std), newRunsLogsCommand(std), newRunsArtifactsCommand(std), newRunsCancelCommand(std),
		newRunsPauseCommand(std, "pause", "Start nothing more of a run", true), newRunsPauseCommand(std, "resume", "Let a paused run go on", false),
		newRunsRetryCommand(std), newRunsClearCommand(std), newRunsMarkCommand(std),
		newRunsApproveCommand(std), newRunsRejectCommand(std))
	return cmd
}

func newRunsListCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [WORKFLOW]",
		Short: "List runs, the newest first",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			statuses, err := statusesOf(cmd)
			if err != nil {
				return err
			}
			limit, err := limitOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				if len(args) > 0 { // an unknown name is an error, not an empty list
					if _, err := c.findWorkflow(ctx, args[0]); err != nil {
						return err
					}
				}
				runs, err := c.findRuns(ctx, strings.Join(args, ""), statuses, limit)
				if err != nil {
					return err
				}
				return write(std.out, format, runs, func(w io.Writer) {
					fmt.Fprintln(w, "RUN\tSTATUS\tLOGICAL DATE\tCREATED\tTOOK\tCAUSE\tREASON\tID")
					now := time.Now()
					for i := range runs {
						r := &runs[i]
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Label, r.state(), minute(r.LogicalDate), ago(&r.CreatedAt, now), took(r.StartedAt, r.FinishedAt, now),
							printable(r.Cause.String()), printable(r.why()), r.ID)
					}
				})
			})
		},
	}
	addOutputFlag(cmd)
	cmd.Flags().StringSlice("status", nil, "only runs in these states")
	cmd.Flags().Int("limit", 50, "how many to list, up to 200")
	return cmd
}

// statusesOf returns the values of --status in the API's spelling.
func statusesOf(cmd *cobra.Command) ([]string, error) {
	values, err := cmd.Flags().GetStringSlice("status")
	if err != nil {
		return nil, fmt.Errorf("read --status: %w", err)
	}
	var statuses []string
	for _, value := range values {
		if !slices.Contains(miniairflow.RunStatuses, miniairflow.RunStatus(value)) {
			return nil, usageErrorf("--status %s: the states are %s", value, joinStates(miniairflow.RunStatuses))
		}
		statuses = append(statuses, strings.ToUpper(value))
	}
	return statuses, nil
}

func joinStates(states []miniairflow.RunStatus) string {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func newRunsShowCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with its tasks",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				run, err := c.findRun(ctx, args[0])
				if err != nil {
					return err
				}
				if run.TaskRuns, err = c.findTaskRuns(ctx, run.ID); err != nil {
					return err
				}
				if err := c.addDetails(ctx, run); err != nil {
					return err
				}
				return writeRun(std.out, format, run)
			})
		},
	}
	addOutputFlag(cmd)
	return cmd
}

// writeRun prints a run and, if it has them, its task runs.
func writeRun(out io.Writer, format outputFormat, run *runView) error {
	return write(out, format, run, func(w io.Writer) {
		now := time.Now()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", run.Label, run.state(), took(run.StartedAt, run.FinishedAt, now), run.ID, printable(run.why()))
		if run.Selection != nil {
			fmt.Fprintf(w, "partial\t%s\n", printable(run.Selection.String()))
		}
		run.writeDetails(w)
		if len(run.TaskRuns) == 0 {
			return
		}
		fmt.Fprintln(w, "\nTASK\tSTATUS\tATTEMPT\tTOOK\tREASON")
		for i := range run.TaskRuns {
			t := &run.TaskRuns[i]
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", t.Name, t.Status, t.Attempt, t.took(now), printable(t.why()))
			if len(t.Attempts) < 2 {
				continue
			}
			for _, a := range t.Attempts {
				fmt.Fprintf(w, "\t%s\t%d\t%s\t%s\n", a.Status, a.Number, took(a.StartedAt, a.FinishedAt, now), printable(text(a.Reason)))
			}
		}
	})
}

func newRunsCancelCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run",
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
				if run, err = c.steerRun(ctx, "cancelWorkflowRun", run.ID, reasonOf(cmd)); err != nil {
					return err
				}
				word := string(run.Status)
				if !run.isTerminal() {
					word = "being cancelled"
				}
				_, err = fmt.Fprintf(std.out, "%s is %s\n", run.Label, word)
				return err
			})
		},
	}
	addReasonFlag(cmd)
	return cmd
}

func newRunsLogsCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs RUN [TASK]",
		Short: "Print the log of a task, or of all tasks that ran",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			follow, _ := cmd.Flags().GetBool("follow")
			attempt, _ := cmd.Flags().GetInt("attempt")
			if attempt < 0 {
				return usageErrorf("--attempt %d: write a number from 1 on", attempt)
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				run, err := c.findRun(ctx, args[0])
				if err != nil {
					return err
				}
				if follow {
					if err := c.awaitStart(ctx, run); err != nil {
						return err
					}
				}
				tasks, err := c.findTaskRuns(ctx, run.ID)
				if err != nil {
					return err
				}
				if len(args) > 1 {
					one, err := oneTask(tasks, args[1], run)
					if err != nil {
						return err
					}
					tasks = orItems(one, tasks)
				}
				return printLogs(ctx, c, std, tasks, attempt, follow)
			})
		},
	}
	cmd.Flags().BoolP("follow", "f", false, "go on until the tasks are over")
	cmd.Flags().Int("attempt", 0, "the attempt to read (default: the latest)")
	return cmd
}

// orItems returns the items of a task with for_each, which print in its place; else
// the task itself.
func orItems(one, all []taskRunView) []taskRunView {
	var items []taskRunView
	for _, t := range all {
		if strings.HasPrefix(t.Name, one[0].Name+"[") {
			items = append(items, t)
		}
	}
	if len(items) == 0 {
		return one
	}
	return items
}

// awaitStart waits until a run is no longer pending: only then it has tasks.
func (c *client) awaitStart(ctx context.Context, run *runView) error {
	if run.Status != "pending" {
		return nil
	}
	return c.resubscribe(ctx, resubscribePatience, func() (bool, error) {
		hasStarted := false
		complete, err := c.subscribe(ctx, `subscription($id: ID!) { workflowRunUpdated(id: $id) { workflowRun { status } } }`,
			map[string]any{"id": run.ID}, func(data json.RawMessage) error {
				var event struct{ WorkflowRunUpdated struct{ WorkflowRun runView } }
				if err := json.Unmarshal(data, &event); err != nil {
					return fmt.Errorf("decode update: %w", err)
				}
				if event.WorkflowRunUpdated.WorkflowRun.Status == "pending" {
					return nil
				}
				hasStarted = true
				return errStop
			})
		return complete || hasStarted, err
	})
}

func oneTask(tasks []taskRunView, name string, run *runView) ([]taskRunView, error) {
	for i := range tasks {
		if tasks[i].Name == name {
			return tasks[i : i+1], nil
		}
	}
	if run.Status == "pending" {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s has not started yet", run.Label)
	}
	return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "run %s has no task %q", run.Label, name)
}

// printLogs prints the logs one after the other, with a heading each where
// there are several.
func printLogs(ctx context.Context, c *client, std stdio, tasks []taskRunView, attempt int, follow bool) error {
	for i := range tasks {
		t := &tasks[i]
		if t.Attempt == 0 && !follow {
			continue
		}
		if len(tasks) > 1 {
			fmt.Fprintf(std.out, "==> %s <==\n", t.Name)
		}
		read := c.copyLog
		if follow {
			read = c.followLog
		}
		if err := read(ctx, std.out, t.ID, attempt, 0); err != nil {
			return fmt.Errorf("log of %s: %w", t.Name, err)
		}
	}
	return nil
}

// logChunk is a piece of a log.
type logChunk struct {
	Text       string
	NextOffset int64
	IsComplete bool
}

// attemptVariable is null for the latest attempt.
func attemptVariable(attempt int) any {
	if attempt == 0 {
		return nil
	}
	return attempt
}

// copyLog prints what there is of a log now, from a byte offset on; a negative
// one counts from the end.
func (c *client) copyLog(ctx context.Context, out io.Writer, taskRunID string, attempt int, offset int64) error {
	for {
		var data struct{ TaskRun *struct{ Logs logChunk } }
		err := c.query(ctx, `query($id: ID!, $attempt: Int, $from: Int64, $limit: Int) { taskRun(id: $id) { logs(attempt: $attempt, fromOffset: $from, limit: $limit) { text nextOffset isComplete } } }`,
			map[string]any{"id": taskRunID, "attempt": attemptVariable(attempt), "from": offset, "limit": 1 << 20}, &data)
		if err != nil {
			return err
		}
		if data.TaskRun == nil {
			return miniairflow.Errorf(miniairflow.CodeNotFound, "task run %s is gone", taskRunID)
		}
		chunk := data.TaskRun.Logs
		if _, err := io.WriteString(out, chunk.Text); err != nil {
			return err
		}
		if chunk.IsComplete || chunk.Text == "" {
			return nil
		}
		offset = chunk.NextOffset
	}
}

// followLog prints a log live until its attempt is over.
func (c *client) followLog(ctx context.Context, out io.Writer, taskRunID string, attempt int, offset int64) error {
	return c.resubscribe(ctx, resubscribePatience, func() (bool, error) {
		return c.subscribe(ctx, `subscription($id: ID!, $attempt: Int, $from: Int64) { taskLogs(taskRunId: $id, attempt: $attempt, fromOffset: $from) { text nextOffset isComplete } }`,
			map[string]any{"id": taskRunID, "attempt": attemptVariable(attempt), "from": offset}, func(data json.RawMessage) error {
				var event struct{ TaskLogs logChunk }
				if err := json.Unmarshal(data, &event); err != nil {
					return fmt.Errorf("decode log: %w", err)
				}
				if _, err := io.WriteString(out, event.TaskLogs.Text); err != nil {
					return err
				}
				offset = event.TaskLogs.NextOffset
				return nil
			})
	})
}
