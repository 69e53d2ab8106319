package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/secrets"
)

func newRunCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a workflow file here and now, without a server",
		Long: "Run a workflow file here and now, without a server: in a private store that is thrown\n" +
			"away afterwards. The exit code is the run's. On a terminal it asks for the approvals of the workflow.\n\n" +
			"With --database-url the run is kept there, and this process is a worker of that database until\n" +
			"the run is over: it may execute tasks of other runs too. Then --artifacts-dir is the folder of that\n" +
			"database; without, it gets the artifacts of the run, by task and name.",
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
			definition, err := chooseWorkflow(cmd, config, std, args[0])
			if err != nil {
				return err
			}
			children, err := childrenOf(config, std, args[0], definition)
			if err != nil {
				return err
			}
			request, err := runRequest(cmd, definition.Name)
			if err != nil {
				return err
			}
			shared, err := sharedOf(cmd, config)
			if err != nil {
				return err
			}
			if isDryRun(cmd) {
				return planFile(std, format, definition.Definition, request, shared.vars)
			}
			if !cmd.Flags().Changed("log-level") {
				config.LogLevel = "error"
			}
			if !cmd.Flags().Changed("database-url") {
				config.DatabaseURL = ""
			}
			if !cmd.Flags().Changed("queues") {
				config.Queues = queuesOf(withChildren(definition, children)...) // nobody else is there to take the tasks
			}
			logs, _ := cmd.Flags().GetBool("logs")
			if !cmd.Flags().Changed("logs") {
				logs = len(definition.Tasks) <= taskOutputTasksMax
			}
			return runFile(config, std, fileRun{
				path: args[0], definition: definition, children: children, request: request, shared: shared, format: format, logs: logs, artifactsDir: config.takeArtifactsDir(cmd),
			})
		},
	}
	addWorkerFlags(cmd.Flags())
	addFileFlags(cmd.Flags())
	addParamFlags(cmd)
	addSharedFlags(cmd)
	addSelectionFlags(cmd)
	addOutputFlag(cmd)
	cmd.Flags().Bool("logs", true, "print what the tasks print (default: for workflows of up to 100 tasks)")
	cmd.Flags().String("workflow", "", "the workflow to run, where the file has several")
	return cmd
}

// queuesOf returns the queues of the tasks of workflows, sorted.
func queuesOf(definitions ...*miniairflow.Definition) []string {
	var queues []string
	for _, d := range definitions {
		for i := range d.Tasks {
			queues = append(queues, d.Tasks[i].Queue)
		}
	}
	slices.Sort(queues)
	return slices.Compact(queues)
}

// fileRun is what `run` was asked for.
type fileRun struct {
	path       string
	definition loader.LoadedDefinition
	children   []loader.LoadedDefinition // that tasks of it run, directly or through others
	request    miniairflow.TriggerRequest
	shared     shared
	format     outputFormat
	logs       bool // print what the tasks print

	artifactsDir string // gets the artifacts of the run; empty: nothing does
}

// chooseWorkflow loads the file and picks the workflow of --workflow, or the only one.
func chooseWorkflow(cmd *cobra.Command, c *config, std stdio, path string) (loader.LoadedDefinition, error) {
	definitions, err := loadFileOrExplain(c, std, path)
	if err != nil {
		return loader.LoadedDefinition{}, err
	}
	name, _ := cmd.Flags().GetString("workflow")
	for _, d := range definitions {
		if d.Name == name || name == "" && len(definitions) == 1 {
			return d, nil
		}
	}
	if first := onTop(definitions); name == "" && len(first) == 1 {
		return first[0], nil
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
	selection, err := selectionOf(cmd)
	if err != nil {
		return miniairflow.TriggerRequest{}, err
	}
	return miniairflow.TriggerRequest{
		Workflow: workflow, Params: params, LogicalDate: logicalDate, Selection: selection, By: miniairflow.Actor{Name: "run"},
	}, nil
}

// planFile prints what a run of the file would do with these variables.
func planFile(std stdio, format outputFormat, d *miniairflow.Definition, request miniairflow.TriggerRequest, vars map[string]any) error {
	now := time.Now()
	logical := request.LogicalDate
	if logical.IsZero() {
		logical = now
	}
	id, err := miniairflow.NewParentID()
	if err != nil {
		return err
	}
	scope := miniairflow.RunScope{
		ID: id, Workflow: d.Name, Type: miniairflow.RunManual, LogicalDate: logical, DataIntervalStart: logical, DataIntervalEnd: logical, RunAfter: now,
	}
	evaluator := miniairflow.WithVars(expression.New(), vars)
	params, err := miniairflow.ResolveParams(d.Params, request.Params, scope, evaluator)
	if err != nil {
		return err
	}
	plan, err := miniairflow.NewTriggerPlan(d, &request.Selection, params, evaluator)
	if err != nil {
		return err
	}
	view := newPlanView(plan)
	return write(std.out, format, view, view.print)
}

// runFile executes the file in a process of its own: store, scheduler, worker.
// The first interrupt cancels the run and waits for its end, a second one only
// for its tasks to be killed, a third one for nothing.
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
	context.AfterFunc(ctx, interrupt) // so that a third one ends the program
	local, err := localClient(ctx, c, std)
	if err != nil {
		return err
	}
	p := &process{
		config: c, std: std, logger: c.logger(std), store: local.store, evaluator: expression.New(), pulse: runner.NewPulse(), secrets: r.shared.secrets,
	}
	if p.secrets == nil {
		p.secrets = secrets.Stored{Store: local.store, Vault: r.shared.vault}
	}
	if p.depot, err = c.depot(ctx, local.store); err != nil {
		return errors.Join(err, local.close())
	}
	parts, failed, stop := p.startEngine()
	finished, err := p.execute(ctx, failed, local, r)
	stop()
	if failure := parts.Wait(); failure != nil {
		err = failure // what else went wrong follows from it
	}
	if err = errors.Join(err, local.close()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &exitError{code: exitInterrupted}
	}
	return runResult(finished)
}

// startEngine starts what executes runs; stop ends it. failed ends with the
// first part that cannot go on, or after stop.
func (p *process) startEngine() (parts *errgroup.Group, failed context.Context, stop context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	p.startScheduler(ctx, group)
	p.startAdvancer(ctx, group)
	p.startWorker(ctx, group)
	return group, ctx, stop
}

// execute writes the workflow, triggers it, and follows the run to its end, or
// until the engine has failed.
func (p *process) execute(ctx, failed context.Context, c *client, r fileRun) (*runView, error) {
	files, err := syncOf(r)
	if err != nil {
		return nil, err
	}
	if err := p.saveFiles(ctx, filepath.Dir(r.path), files); err != nil {
		return nil, err
	}
	results, err := p.store.SyncFiles(ctx, files)
	if err != nil {
		return nil, fmt.Errorf("write workflow %q: %w", r.definition.Name, err)
	}
	for _, result := range results {
		if len(result.Conflicts) > 0 {
			return nil, miniairflow.Errorf(miniairflow.CodeConflict, "%s", result.Conflicts[0].Message)
		}
	}
	if err := p.syncPools(ctx, withChildren(r.definition, r.children)); err != nil {
		return nil, err
	}
	for name, value := range r.shared.vars {
		if _, err := p.control().SetVar(ctx, name, value, nil, r.request.By); err != nil {
			return nil, err
		}
	}
	run, err := p.control().TriggerWorkflow(ctx, r.request)
	if err != nil {
		return nil, err
	}
	finished, err := p.follow(ctx, failed, c, r, run)
	if err != nil {
		return nil, err
	}
	if err := p.showArtifacts(ctx, c, r, finished); err != nil {
		return nil, err
	}
	if r.format != outputTable {
		if err := c.addDetails(context.WithoutCancel(ctx), finished); err != nil {
			return nil, err
		}
		err = writeRun(p.std.out, r.format, finished)
	} else if finished.Status != "success" && !r.logs {
		err = p.printFailures(c, finished)
	}
	return finished, err
}

// syncPools makes the pools that are declared beside the file. One that is not
// would be waited for until somebody made it, which here nobody can: it limits
// nothing.
func (p *process) syncPools(ctx context.Context, definitions []*miniairflow.Definition) error {
	pools, problems, _, err := loader.LoadPools(p.config.Dags, loader.Limits{})
	if err != nil {
		return fmt.Errorf("read pools: %w", err)
	}
	if len(problems) > 0 {
		return loader.ParseError(problems)
	}
	known := make(map[string]bool, len(pools))
	for _, pool := range pools {
		known[pool.Name] = true
	}
	for _, d := range definitions {
		for i := range d.Tasks {
			name := d.Tasks[i].Pool
			if name == "" || known[name] {
				continue
			}
			known[name] = true
			pools = append(pools, miniairflow.Pool{Name: name, Slots: miniairflow.PoolSlotsMax})
			fmt.Fprintf(p.std.err, "pool %s is not declared in a pools.yaml beside the file: it limits nothing here\n", name)
		}
	}
	if _, err := p.store.SyncPools(ctx, "pools.yaml", pools, nil); err != nil {
		return fmt.Errorf("write pools: %w", err)
	}
	return nil
}

func (p *process) control() *miniairflow.Control {
	return &miniairflow.Control{Store: p.store, Evaluator: p.evaluator}
}
