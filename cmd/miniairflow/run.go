package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/loader"
)

func newRunCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a workflow file here and now, without a server",
		Long: "Run a workflow file here and now, without a server: in a private store that is thrown\n" +
			"away afterwards, unless --database-url is given. The exit code is the run's.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			format, err := outputOf(cmd)
			if err != nil {
				return err
			}
			definition, err := chooseWorkflow(cmd, std, args[0])
			if err != nil {
				return err
			}
			request, err := runRequest(cmd, definition.Name)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("log-level") {
				config.LogLevel = "error"
			}
			if !cmd.Flags().Changed("database-url") {
				config.DatabaseURL = ""
			}
			return runFile(config, std, fileRun{path: args[0], definition: definition, request: request, format: format})
		},
	}
	addWorkerFlags(cmd.Flags())
	addParamFlags(cmd)
	addOutputFlag(cmd)
	cmd.Flags().String("workflow", "", "the workflow to run, where the file has several")
	return cmd
}

// fileRun is what `run` was asked for.
type fileRun struct {
	path       string
	definition loader.LoadedDefinition
	request    miniairflow.TriggerRequest
	format     outputFormat
}

// chooseWorkflow loads the file and picks the workflow of --workflow, or the only one.
func chooseWorkflow(cmd *cobra.Command, std stdio, path string) (loader.LoadedDefinition, error) {
	definitions, err := loadFileOrExplain(std, path)
	if err != nil {
		return loader.LoadedDefinition{}, err
	}
	name, _ := cmd.Flags().GetString("workflow")
	for _, d := range definitions {
		if d.Name == name || name == "" && len(definitions) == 1 {
			return d, nil
		}
	}
	names := ""
	for _, d := range definitions {
		names += " " + d.Name
	}
	if name != "" {
		return loader.LoadedDefinition{}, miniairflow.Errorf(miniairflow.CodeNotFound, "%s has no workflow %q; it has:%s", path, name, names)
	}
	return loader.LoadedDefinition{}, usageErrorf("%s has several workflows: choose one with --workflow:%s", path, names)
}

func runRequest(cmd *cobra.Command, workflow string) (miniairflow.TriggerRequest, error) {
	params, err := paramsOf(cmd)
	if err != nil {
		return miniairflow.TriggerRequest{}, err
	}
	logicalDate, err := logicalDateOf(cmd)
	if err != nil {
		return miniairflow.TriggerRequest{}, err
	}
	return miniairflow.TriggerRequest{Workflow: workflow, Params: params, LogicalDate: logicalDate, By: miniairflow.Actor{Name: "run"}}, nil
}

// runFile executes the file in a process of its own: store, scheduler, worker.
// The first interrupt cancels the run and waits for its tasks to end, a second
// one gives up on them.
func runFile(c *config, std stdio, r fileRun) (err error) {
	home, err := os.MkdirTemp("", "miniairflow-run-*")
	if err != nil {
		return fmt.Errorf("make a private home: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	c.Home = home
	path, err := filepath.Abs(r.path)
	if err != nil {
		return fmt.Errorf("resolve %s: %w", r.path, err)
	}
	c.Dags = filepath.Dir(path)

	ctx, interrupt := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer interrupt()
	local, err := localClient(ctx, c, std)
	if err != nil {
		return err
	}
	p := &process{config: c, std: std, logger: c.logger(std), store: local.store, evaluator: expression.New()}
	parts, stop := p.startEngine()
	finished, err := p.execute(ctx, local, r, filepath.Base(path))
	stop()
	err = errors.Join(err, parts.Wait(), local.close())
	if err != nil || finished == nil {
		return err
	}
	if ctx.Err() != nil {
		return &exitError{code: exitInterrupted}
	}
	return runResult(finished)
}

// startEngine starts what executes runs; stop ends it.
func (p *process) startEngine() (*errgroup.Group, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	p.startScheduler(ctx, group)
	p.startAdvancer(ctx, group)
	p.startWorker(ctx, group)
	return group, stop
}

// execute writes the workflow, triggers it, and follows the run to its end.
func (p *process) execute(ctx context.Context, c *client, r fileRun, name string) (*runView, error) {
	definition := *r.definition.Definition
	definition.IsActive, definition.Schedules = true, nil // asked for by hand, and only once
	at := miniairflow.DefinitionAt{Definition: &definition, Line: r.definition.Line, Column: r.definition.Column}
	results, err := p.store.SyncFiles(ctx, []miniairflow.FileSync{{Path: name, Definitions: []miniairflow.DefinitionAt{at}}})
	if err != nil {
		return nil, fmt.Errorf("write workflow %q: %w", definition.Name, err)
	}
	if conflicts := results[0].Conflicts; len(conflicts) > 0 {
		return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s", conflicts[0].Message)
	}
	control := &miniairflow.Control{Store: p.store, Evaluator: p.evaluator}
	run, err := control.TriggerWorkflow(ctx, r.request)
	if err != nil {
		return nil, err
	}
	finished, err := p.follow(ctx, c, control, run)
	if err != nil {
		return nil, err
	}
	if r.format != outputTable {
		err = writeRun(p.std.out, r.format, finished)
	} else if finished.Status != "success" {
		err = p.printFailures(c, finished)
	}
	return finished, err
}

// follow shows the run until it ends. An interrupt cancels it first.
func (p *process) follow(ctx context.Context, c *client, control *miniairflow.Control, run *miniairflow.WorkflowRun) (*runView, error) {
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWatching()
	cancelled := make(chan error, 1)
	stopListening := context.AfterFunc(ctx, func() {
		cancelled <- p.interrupted(watching, stopWatching, control, run.ID)
	})
	finished, err := watch(watching, c, run.ID.String(), newProgress(p.std.err, run.Label()))
	if !stopListening() {
		stopWatching()
		err = errors.Join(err, <-cancelled)
		if errors.Is(err, context.Canceled) {
			return nil, &exitError{code: exitInterrupted}
		}
	}
	return finished, err
}

// interrupted cancels the run and then waits for the watch to end, or for a
// second interrupt, which ends it at once.
func (p *process) interrupted(watching context.Context, stopWatching func(), control *miniairflow.Control, runID uuid.UUID) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	ctx, done := context.WithTimeout(watching, stopTimeout)
	defer done()
	fmt.Fprintln(p.std.err, "\nInterrupted: ending the tasks (once more to leave at once)")
	if _, err := control.CancelRun(ctx, runID, miniairflow.Actor{Name: "run", Reason: "interrupted"}); err != nil {
		return err
	}
	select {
	case <-again:
		stopWatching()
	case <-watching.Done():
	}
	return nil
}

// failureTail is how much of a failed task's log `run` prints, in bytes.
const failureTail = 4 << 10

// printFailures prints the end of the log of each failed task.
func (p *process) printFailures(c *client, run *runView) error {
	ctx, done := context.WithTimeout(context.Background(), stopTimeout)
	defer done()
	for i := range run.TaskRuns {
		t := &run.TaskRuns[i]
		if t.Status != "failed" || t.Attempt == 0 {
			continue
		}
		fmt.Fprintf(p.std.err, "\n==> log of %s, attempt %d <==\n", t.Name, t.Attempt)
		if err := c.copyLog(ctx, p.std.err, t.ID, 0, -failureTail); err != nil {
			return fmt.Errorf("log of %s: %w", t.Name, err)
		}
	}
	return nil
}
