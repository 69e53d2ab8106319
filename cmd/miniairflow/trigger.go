package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// addParamFlags adds the flags that give a run its parameters.
func addParamFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayP("param", "p", nil, "a parameter as key=value; may be repeated")
	cmd.Flags().String("params-file", "", "a YAML or JSON file with an object of parameters; --param beats it")
	cmd.Flags().String("logical-date", "", "the run's logical date (RFC 3339; default: now)")
}

// paramsOf gathers the parameters of the flags.
func paramsOf(cmd *cobra.Command) (map[string]any, error) {
	params := map[string]any{}
	if path, _ := cmd.Flags().GetString("params-file"); path != "" {
		if err := readValues("params-file", path, params); err != nil {
			return nil, err
		}
	}
	pairs, err := cmd.Flags().GetStringArray("param")
	if err != nil {
		return nil, fmt.Errorf("read --param: %w", err)
	}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, usageErrorf("--param %s: write it as key=value", pair)
		}
		params[key] = value
	}
	return params, nil
}

// logicalDateOf returns the value of --logical-date, zero if it is not given.
func logicalDateOf(cmd *cobra.Command) (time.Time, error) {
	value, err := cmd.Flags().GetString("logical-date")
	if err != nil || value == "" {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, usageErrorf("--logical-date %s: write a time like 2026-01-31T06:00:00Z", value)
	}
	return t, nil
}

func newTriggerCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trigger NAME",
		Short: "Start a run of a workflow",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			input, err := triggerInput(cmd, args[0])
			if err != nil {
				return err
			}
			if isDryRun(cmd) {
				return withClient(cmd, std, func(ctx context.Context, c *client) error {
					plan, err := c.planTrigger(ctx, input)
					if err != nil {
						return err
					}
					return write(std.out, format, plan, plan.print)
				})
			}
			wait, _ := cmd.Flags().GetBool("wait")
			timeout, _ := cmd.Flags().GetDuration("timeout")
			if cmd.Flags().Changed("timeout") && (!wait || timeout <= 0) {
				return usageErrorf("--timeout %s: write it with --wait, as a duration such as 10m", timeout)
			}
			return withClient(cmd, std, func(ctx context.Context, c *client) error {
				return trigger(ctx, c, std, triggerOptions{input: input, wait: wait, timeout: timeout, format: format})
			})
		},
	}
	addParamFlags(cmd)
	addSelectionFlags(cmd)
	addOutputFlag(cmd)
	cmd.Flags().String("idempotency-key", "", "a second trigger with the same key returns the first run")
	cmd.Flags().Bool("wait", false, "show the run until it ends; the exit code is the run's")
	cmd.Flags().Duration("timeout", 0, "with --wait: give up after this time with exit code 124 (the run goes on)")
	return cmd
}

func triggerInput(cmd *cobra.Command, workflow string) (map[string]any, error) {
	params, err := paramsOf(cmd)
	if err != nil {
		return nil, err
	}
	logicalDate, err := logicalDateOf(cmd)
	if err != nil {
		return nil, err
	}
	selection, err := selectionOf(cmd)
	if err != nil {
		return nil, err
	}
	input := map[string]any{"workflow": workflow, "params": params}
	for i, kind := range []string{"only", "from", "until"} {
		if names := selection.Names()[i]; len(names) > 0 {
			input[kind] = names
		}
	}
	if !logicalDate.IsZero() {
		input["logicalDate"] = logicalDate
	}
	if key, _ := cmd.Flags().GetString("idempotency-key"); key != "" {
		input["idempotencyKey"] = key
	}
	return input, nil
}

type triggerOptions struct {
	input   map[string]any
	wait    bool
	timeout time.Duration
	format  outputFormat
}

func trigger(ctx context.Context, c *client, std stdio, options triggerOptions) error {
	run, err := c.trigger(ctx, options.input)
	if err != nil {
		return err
	}
	tellMissing(ctx, c, std, fmt.Sprint(options.input["workflow"]))
	if run.Status == "pending" {
		explainPending(ctx, c, std, run, fmt.Sprint(options.input["workflow"]))
	}
	if !options.wait {
		return writeRun(std.out, options.format, run)
	}
	if options.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, options.timeout)
		defer cancel()
	}
	finished, err := watch(ctx, c, run.ID, newProgress(std.err, run.Label), nil, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return &exitError{code: exitTimedOut, cause: fmt.Errorf("%s is not over after %s; it goes on", run.Label, options.timeout)}
	}
	if err != nil {
		return err
	}
	if options.format != outputTable {
		if err := writeRun(std.out, options.format, finished); err != nil {
			return err
		}
	}
	return runResult(finished)
}

// explainPending tells on stderr why a run that was just made will not start by
// itself, and that its workflow is not what its file says now.
func explainPending(ctx context.Context, c *client, std stdio, run *runView, workflow string) {
	v, err := c.findWorkflow(ctx, workflow)
	switch {
	case err != nil:
		return
	case !v.IsActive:
		fmt.Fprintf(std.err, "%s waits: the file of %s says is_active: false\n", run.Label, v.Name)
	case v.IsPaused:
		fmt.Fprintf(std.err, "%s waits: %s is paused (miniairflow workflows unpause %s)\n", run.Label, v.Name, v.Name)
	case !c.hasWorker(ctx):
		fmt.Fprintf(std.err, "%s waits: no worker is running (miniairflow serve)\n", run.Label)
	}
	_ = c.tellOldVersion(ctx, std.err, v) // the run is there, and what is wrong is also in the list
}

// tellMissing tells on stderr what a workflow names that is not set: its run is there,
// and what is missing may be set before the task's turn comes.
func tellMissing(ctx context.Context, c *client, std stdio, workflow string) {
	named, err := c.findNamed(ctx, workflow)
	if err != nil {
		return
	}
	for _, command := range named.missing() {
		fmt.Fprintf(std.err, "%s names what is not set: %s\n", workflow, command)
	}
}

// hasWorker reports whether a worker takes tasks; true if that cannot be told.
func (c *client) hasWorker(ctx context.Context) bool {
	var data struct{ Workers []struct{ Status state } }
	if err := c.query(ctx, `{ workers { status } }`, nil, &data); err != nil {
		return true
	}
	for _, w := range data.Workers {
		if w.Status == "active" {
			return true
		}
	}
	return false
}

// runResult turns the end of a run into the command's exit code.
func runResult(run *runView) error {
	if run.Status == "success" {
		return nil
	}
	return &exitError{code: exitFailed}
}

// watch follows a run until it is over and returns it with its task runs. A nil
// output prints nothing of what the tasks print, a nil asker asks nothing.
func watch(ctx context.Context, c *client, runID string, show *progress, output *taskOutput, asker *asker) (*runView, error) {
	defer show.close()
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		stop()
		asker.end()
		output.wait()
	}()
	w := &watcher{client: c, runID: runID, show: show, output: output, asker: asker}
	if err := c.resubscribe(ctx, resubscribePatience, func() (bool, error) { return w.subscribe(ctx) }); err != nil {
		return nil, err
	}
	if w.run == nil {
		return nil, fmt.Errorf("run %s ended without a word", runID)
	}
	w.run.TaskRuns = show.taskRuns()
	return w.run, nil
}

// watcher keeps what it has seen of a run, so that a broken connection goes on
// from there.
type watcher struct {
	client   *client
	runID    string
	show     *progress
	output   *taskOutput
	asker    *asker
	run      *runView
	revision *int64
}

func (w *watcher) subscribe(ctx context.Context) (bool, error) {
	return w.client.subscribe(ctx, `subscription($id: ID!, $since: Int64) { workflowRunUpdated(id: $id, sinceRevision: $since) {
		revision workflowRun { `+runFields+` } changedTaskRuns { `+taskRunFields+` } } }`,
		map[string]any{"id": w.runID, "since": w.revision}, func(data json.RawMessage) error { return w.update(ctx, data) })
}

func (w *watcher) update(ctx context.Context, data json.RawMessage) error {
	var event struct {
		WorkflowRunUpdated struct {
			Revision        int64
			WorkflowRun     *runView
			ChangedTaskRuns []taskRunView
		}
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return fmt.Errorf("decode update: %w", err)
	}
	u := event.WorkflowRunUpdated
	w.run, w.revision = u.WorkflowRun, &u.Revision
	w.output.follow(ctx, u.ChangedTaskRuns)
	w.asker.follow(ctx, u.ChangedTaskRuns)
	if w.run.isTerminal() {
		w.asker.end()
		w.output.wait() // the last lines come before the summary
	}
	w.show.update(w.run, u.ChangedTaskRuns)
	return nil
}
