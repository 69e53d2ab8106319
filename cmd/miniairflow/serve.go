package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/graph"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/reference"
	"github.com/sauravritesh63/miniairflow/notify"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/runner/action"
	guardian "github.com/sauravritesh63/miniairflow/runner/process"
	"github.com/sauravritesh63/miniairflow/secrets"
	"github.com/sauravritesh63/miniairflow/server"
	"github.com/sauravritesh63/miniairflow/web"
)

func newServeCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start everything: API and page, loader, scheduler, worker",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), config, std)
		},
	}
	flags := cmd.Flags()
	addWorkerFlags(flags)
	addFileFlags(flags)
	flags.String("addr", "127.0.0.1:8080", "address to listen on; port 0 chooses a free one")
	flags.Bool("no-auth", false, "ask for no token; only on a loopback address")
	flags.StringSlice("allowed-origins", nil, "origins of pages elsewhere that may use the API")
	flags.StringSlice("roles", roles, "the parts to start")
	addNotificationFlags(flags)
	flags.Int("keep-days", 0, "delete finished runs and their logs after this many days; 0 keeps all")
	return cmd
}

func newWorkerCommand(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Start a worker for the tasks of a database",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if !config.usesPostgres() {
				return usageErrorf("a worker of its own shares a PostgreSQL database with the servers: name it with --database-url; with SQLite `miniairflow serve` runs the tasks")
			}
			config.Roles = []string{"worker"}
			return serve(cmd.Context(), config, std)
		},
	}
	addWorkerFlags(cmd.Flags())
	return cmd
}

// process is one running program with the parts that its roles name.
type process struct {
	config    *config
	std       stdio
	logger    *slog.Logger
	store     miniairflow.Store
	evaluator *expression.Engine
	pulse     *runner.Pulse
	files     loader.Config   // but for what is known later
	depot     artifacts.Depot // of artifacts
	secrets   miniairflow.SecretSource
	sender    *notify.Sender // of notifications
}

// serve runs the parts until ctx is cancelled or one of them fails. Parts that
// take work stop first, the store last.
func serve(ctx context.Context, c *config, std stdio) error {
	if len(c.Roles) == 0 {
		return usageErrorf("--roles: name at least one of %s", strings.Join(roles, ", "))
	}
	if !exists(c.Dags) && (slices.Contains(c.Roles, "loader") || slices.Contains(c.Roles, "worker")) {
		return usageErrorf("--dags %s: there is no such folder; make it, or name another: workflows are read there, and tasks run there", c.Dags)
	}
	var sender *notify.Sender
	if slices.Contains(c.Roles, "scheduler") {
		var err error
		if sender, err = c.sender(); err != nil {
			return err
		}
		defer sender.Close()
	}
	if err := os.MkdirAll(c.Home, 0o700); err != nil {
		return fmt.Errorf("make home: %w", err)
	}
	logger := c.logger(std)
	files := loader.Config{Dir: c.Dags, Logger: logger, Limits: c.limits(), Version: buildVersion()}
	if slices.Contains(c.Roles, "loader") && files.Version != "" {
		files.Preview = loader.NewPreview(ctx, files)
		defer files.Preview.Stop()
	}
	store, err := persistence.Open(ctx, c.storeURL(), persistence.Options{Logger: logger})
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	p := &process{config: c, std: std, logger: logger, store: store, evaluator: expression.New(), pulse: runner.NewPulse(), files: files, sender: sender}
	p.secrets = secrets.Stored{Store: store, Vault: c.vault()}
	if p.depot, err = c.depot(ctx, store); err == nil {
		err = p.run(ctx)
	}
	return errors.Join(err, store.Close())
}

func (p *process) run(ctx context.Context) error {
	defer context.AfterFunc(ctx, p.tellStopping)()
	group, ctx := errgroup.WithContext(ctx)
	if p.plays("api") {
		stopAPI, err := p.startAPI(ctx, group)
		if err != nil {
			return err
		}
		return errors.Join(p.runParts(ctx, group), stopAPI())
	}
	return p.runParts(ctx, group)
}

// runParts starts the other parts and waits for the end of all of them.
func (p *process) runParts(ctx context.Context, group *errgroup.Group) error {
	if p.plays("loader") {
		p.files.Store, p.files.Wait = p.store, p.pulse.Wait
		group.Go(func() error { return loader.New(p.files).Run(ctx) })
	}
	if p.plays("scheduler") {
		p.startScheduler(ctx, group)
		p.startNotifier(ctx, group)
		p.startSweep(ctx, group)
	}
	if p.plays("worker") {
		p.startWorker(ctx, group)
	}
	if p.plays("scheduler") || p.plays("worker") {
		p.startAdvancer(ctx, group)
	}
	if !p.plays("api") {
		p.logger.InfoContext(ctx, "Started", "roles", strings.Join(p.config.Roles, ","))
	}
	if err := group.Wait(); !errors.Is(err, errDrained) {
		return err
	}
	return nil
}

// errDrained ends a process that is nothing but a worker when an operator has
// drained it: there is nothing left for it to do.
var errDrained = errors.New("drained")

// tellStopping says why the program does not end at once when it is told to.
func (p *process) tellStopping() {
	if p.plays("worker") {
		p.logger.Info("Stopping: Running tasks may finish; a second signal ends them", "drain_timeout", p.config.DrainTimeout)
	}
}

func (p *process) plays(role string) bool { return slices.Contains(p.config.Roles, role) }

func (p *process) startScheduler(ctx context.Context, group *errgroup.Group) {
	dags := p.config.Dags
	if !exists(dags) { // of a scheduler alone
		dags = ""
	}
	s := runner.NewScheduler(runner.SchedulerConfig{
		DagsDir:   dags,
		Store:     p.store,
		Evaluator: p.evaluator,
		Logger:    p.logger,
		KeepFor:   time.Duration(p.config.KeepDays) * 24 * time.Hour,
		Pulse:     p.pulse,
	})
	group.Go(func() error { return s.Run(ctx) })
}

// startAdvancer starts what takes the decisions that a finish leaves open. Each
// process that schedules or works has one, so that a decision waits for no other process.
func (p *process) startAdvancer(ctx context.Context, group *errgroup.Group) {
	a := runner.NewAdvancer(runner.AdvancerConfig{Store: p.store, Evaluator: p.evaluator, Logger: p.logger, Pulse: p.pulse})
	group.Go(func() error { return a.Run(ctx) })
}

func (p *process) startWorker(ctx context.Context, group *errgroup.Group) {
	// Tasks outlive a worker process that stands still by less than the lease,
	// after which others may start them.
	processes := guardian.NewGuardian(guardian.Config{Silence: p.config.Lease / 3, Logger: p.logger})
	w := runner.NewWorker(runner.WorkerConfig{
		Store:        p.store,
		Evaluator:    p.evaluator,
		Actions:      action.New(p.logger, processes),
		Secrets:      p.secrets,
		Name:         p.config.workerName(),
		Version:      version,
		Queues:       p.config.Queues,
		Concurrency:  p.config.Concurrency,
		Home:         p.config.Home,
		DagsDir:      p.config.Dags,
		Lease:        p.config.Lease,
		Grace:        p.config.Grace,
		DrainTimeout: p.config.DrainTimeout,
		AllowEnv:     p.config.AllowEnv,
		Logger:       p.logger,
		Pulse:        p.pulse,

		Artifacts:     p.depot,
		ArtifactBytes: p.config.ArtifactBytes,
		ArtifactFiles: p.config.ArtifactFiles,
	})
	group.Go(func() error {
		defer processes.Close()
		defer abortOnSecondSignal(w.Abort)()
		if err := w.Run(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		p.logger.InfoContext(ctx, "Worker: Drained")
		if slices.Equal(p.config.Roles, []string{"worker"}) {
			return errDrained
		}
		return nil
	})
}

// abortOnSecondSignal calls abort when the program is told to end for the second
// time; a third signal kills it. The returned function ends the listening.
func abortOnSecondSignal(abort func()) (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer signal.Stop(signals)
		for range 2 {
			select {
			case <-signals:
			case <-done:
				return
			}
		}
		abort()
	}()
	return func() {
		close(done)
		<-ended
	}
}

// buildVersion names what reads the workflow files; empty for a build of which the
// version does not say what is in it.
func buildVersion() string {
	if version == "dev" || strings.HasSuffix(version, "-dirty") {
		return ""
	}
	return version
}

// startAPI listens, says where, and serves until stop is called: while running
// tasks come to their end they can be seen and cancelled. If it fails, so does the
// group, which it keeps from ending before ctx does.
func (p *process) startAPI(ctx context.Context, group *errgroup.Group) (stop func() error, err error) {
	var token string
	if !p.config.NoAuth {
		if token, err = server.LoadOrCreateToken(p.config.Home); err != nil {
			return nil, err
		}
	}
	api, err := newGraph(p.store, p.config, p.std, server.Authenticate(token, p.store))
	if err != nil {
		return nil, err
	}
	address, serve, err := p.listen(ctx, api, token)
	if err != nil {
		api.Close()
		return nil, err
	}
	p.greet(address, token)
	answering, stopAnswering := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		err := serve(answering)
		api.Close() // before the store is
		ended <- err
	}()
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			ended <- nil // told here
			return err
		}
	})
	return func() error {
		stopAnswering()
		return <-ended
	}, nil
}

// listen opens the address and leaves a note of it in the home. serve answers
// there until its context ends.
func (p *process) listen(ctx context.Context, api *graph.Handler, token string) (address string, serve func(context.Context) error, err error) {
	schema, err := reference.JSONSchema()
	if err != nil {
		return "", nil, fmt.Errorf("make the schema of workflow files: %w", err)
	}
	s, err := server.New(server.Config{
		Addr:           p.config.Addr,
		AllowedOrigins: p.config.AllowedOrigins,
		Artifacts:      artifacts.NewHandler(p.store, p.depot, p.logger),
		Graph:          api,
		Hooks:          &miniairflow.Control{Store: p.store, Evaluator: p.evaluator},
		Logger:         p.logger,
		NoAuth:         p.config.NoAuth,
		Playground:     web.PlaygroundHandler(),
		Ready:          func(asked context.Context) error { return p.ready(asked, ctx) },
		Schema:         schema,
		Secrets:        p.secrets,
		Token:          token,
		Tokens:         p.store,
		UI:             web.Handler(),
	})
	if err != nil {
		return "", nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.config.Addr)
	if err != nil {
		return "", nil, usageErrorf("listen on %s: %v; choose another address with --addr", p.config.Addr, err)
	}
	address = "http://" + listener.Addr().String()
	remove, err := writeServerFile(p.config.Home, address, p.config.storeURL())
	if err != nil {
		return "", nil, errors.Join(err, listener.Close())
	}
	return address, func(ctx context.Context) error {
		defer remove()
		return s.Serve(ctx, listener)
	}, nil
}

// ready reports why no requests should come here: the program stops, or the database
// does not answer.
func (p *process) ready(ctx, running context.Context) error {
	if running.Err() != nil {
		return errors.New("stopping")
	}
	_, err := p.store.Now(ctx)
	return err
}

// stopTimeout bounds what is done after the program was told to end.
const stopTimeout = 10 * time.Second
