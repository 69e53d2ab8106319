package runner

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/artifacts"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// Defaults of a WorkerConfig.
const (
	ConcurrencyDefault  = 8
	GraceDefault        = 10 * time.Second
	DrainTimeoutDefault = 30 * time.Second
	EndTimeoutDefault   = 15 * time.Second
)

// WorkerConfig says what a Worker runs and how. Zero values stand for the defaults.
type WorkerConfig struct {
	Store     miniairflow.Store
	Evaluator miniairflow.Evaluator
	Actions   action.Runner
	Secrets   miniairflow.SecretSource // nil: there are none
	Logger    *slog.Logger             // nil: discards

	Name        string   // unique among the living workers; the host's name
	Version     string   // of the program, for showing
	Queues      []string // to take tasks from; QueueDefault
	Concurrency int      // tasks at once; ConcurrencyDefault
	Home        string   // for run and scratch directories; must be writable
	DagsDir     string   // where the folders of workflow files are
	AllowEnv    []string // names that tasks get from the worker's own environment
	Logs        logs.WriterConfig

	Artifacts     artifacts.Depot // keeps what tasks hand on; the store
	ArtifactBytes int64           // of one file at most; ArtifactBytesDefault
	ArtifactFiles int             // of one task at most; ArtifactFilesDefault

	Pulse *Pulse // of the process; nil: one of its own

	Poll         time.Duration // at most this long between two looks for work; PollDefault
	Lease        time.Duration // others take the tasks away after this silence; LeaseDefault
	Heartbeat    time.Duration // at most this long between two; a sixth of Lease
	Fence        time.Duration // the worker ends its tasks after this silence, or earlier where Grace asks for it; two thirds of Lease
	Grace        time.Duration // between SIGTERM and SIGKILL; GraceDefault
	DrainTimeout time.Duration // how long Run lets tasks finish after ctx ended; DrainTimeoutDefault
	EndTimeout   time.Duration // how long beyond Grace an attempt may take to end before it is left behind; EndTimeoutDefault
}

// withDefaults returns the settings with every zero value replaced, and says
// which ones contradict each other.
func (c WorkerConfig) withDefaults() (WorkerConfig, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	c.Logger = or(c.Logger, slog.New(slog.DiscardHandler))
	c.Name = or(c.Name, host)
	c.Concurrency = or(c.Concurrency, ConcurrencyDefault)
	if len(c.Queues) == 0 {
		c.Queues = []string{miniairflow.QueueDefault}
	}
	c.Poll, c.Lease = or(c.Poll, PollDefault), or(c.Lease, LeaseDefault)
	c.Heartbeat, c.Fence = or(c.Heartbeat, c.Lease/6), or(c.Fence, c.Lease*2/3)
	c.Grace, c.DrainTimeout = or(c.Grace, GraceDefault), or(c.DrainTimeout, DrainTimeoutDefault)
	c.EndTimeout = or(c.EndTimeout, EndTimeoutDefault)
	// A process that ignores SIGTERM must be gone too before its task may start elsewhere.
	c.Fence = min(c.Fence, c.Lease-c.Grace-c.Lease/10)
	if c.Artifacts == nil {
		c.Artifacts = artifacts.InStore(c.Store)
	}
	c.ArtifactBytes = or(c.ArtifactBytes, miniairflow.ArtifactBytesDefault)
	c.ArtifactFiles = or(c.ArtifactFiles, miniairflow.ArtifactFilesDefault)
	c.Logs.Logger = or(c.Logs.Logger, c.Logger)
	if c.Home, err = filepath.Abs(c.Home); err != nil {
		return c, fmt.Errorf("home of worker: %w", err)
	}
	if c.DagsDir, err = filepath.Abs(c.DagsDir); err != nil {
		return c, fmt.Errorf("workflow files of worker: %w", err)
	}
	switch {
	case c.Concurrency < 0:
		return c, miniairflow.Errorf(miniairflow.CodeInvalid, "concurrency %d: must be at least 1", c.Concurrency)
	case c.Heartbeat >= c.Fence:
		return c, miniairflow.Errorf(miniairflow.CodeInvalid,
			"heartbeat %s, grace %s, lease %s: a lease must outlast several heartbeats and the grace time", c.Heartbeat, c.Grace, c.Lease)
	}
	return c, nil
}

// Worker claims task runs, executes them and reports their ends. It holds a
// session in the store; when that is lost, the worker ends what it runs and
// goes on with a new one.
type Worker struct {
	loops
	cfg      WorkerConfig
	wrong    error // of the settings, returned by Run
	host     string
	versions *versions
	sources  *sources
	contents *contents
	dirs     *runDirs
	scratch  *scratch
	retried  chan struct{} // a retry delay began
	drained  atomic.Bool   // an operator has asked for that
	abort    chan struct{}
	aborting sync.Once
}

// NewWorker returns a worker. It does nothing before Run, which may be called once.
func NewWorker(cfg WorkerConfig) *Worker {
	cfg, wrong := cfg.withDefaults()
	w := &Worker{
		loops: loops{bus: cfg.Store.Bus(), logger: cfg.Logger.With("worker", cfg.Name), pulse: or(cfg.Pulse, NewPulse())},
		cfg:   cfg, wrong: wrong,
		versions: newVersions(cfg.Store),
		sources:  newSources(cfg.Store),
		contents: newContents(cfg.Store),
		dirs:     newRunDirs(filepath.Join(cfg.Home, "runs")),
		retried:  make(chan struct{}, 1),
		abort:    make(chan struct{}),
	}
	w.cfg.Logs.Courtesy = logs.NewCourtesy()
	w.host, _ = os.Hostname() // only shown
	return w
}

// Run works until ctx ends, then drains: it takes nothing new, lets what runs
// finish for DrainTimeout, and ends the rest. A task that is ended so has not
// failed: its attempt becomes lost, and it is queued again at once. Run returns
// nil when nothing of it runs any more, or after an operator drained the worker.
// A database that is away is waited for. Settings that cannot work are the only error.
func (w *Worker) Run(ctx context.Context) error {
	if w.wrong != nil {
		return w.wrong
	}
	own, err := takeScratch(filepath.Join(w.cfg.Home, "scratch"), w.cfg.Name)
	if err != nil {
		return fmt.Errorf("home of worker: %w", err)
	}
	w.scratch = own
	defer func() {
		if err := own.release(); err != nil {
			w.logger.WarnContext(ctx, "Worker: Scratch directory cannot be removed", "error", err)
		}
	}()
	duties, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { w.run(duties, retries(w.cfg.Store, w.cfg.Poll, w.retried)) })
	running.Go(func() { w.run(duties, newJanitor(w.cfg.Store, w.dirs, w.logger).duty(w.cfg.Poll)) })
	running.Go(func() { own.sweep(duties, w.logger) })
	defer running.Wait()
	defer stop()

	for ctx.Err() == nil {
		s := w.open(ctx)
		if s == nil {
			return nil
		}
		s.run(ctx)
		// A drain was asked of the worker, whatever became of the session.
		if w.drained.Load() {
			return nil
		}
	}
	return nil
}

// Abort makes a draining Run end its tasks now. It may be called from any
// goroutine, and again.
func (w *Worker) Abort() { w.aborting.Do(func() { close(w.abort) }) }

// Healthy reports whether the store took the worker's last heartbeat and its
// last exchange.
func (w *Worker) Healthy() bool { return w.healthy() }

// open registers a new session, however long that takes; nil if ctx ends first.
// A living session of the same name is waited for: it may be that of a process
// that was killed a moment ago.
func (w *Worker) open(ctx context.Context) *session {
	trouble := w.streak("start of a worker session")
	defer trouble.forget()
	began, id := time.Now(), uuid.New()
	for ctx.Err() == nil {
		err := w.cfg.Store.StartSession(ctx, miniairflow.Worker{
			ID: id, Name: w.cfg.Name, Hostname: w.host, PID: os.Getpid(), Version: w.cfg.Version,
			Queues: w.cfg.Queues, Concurrency: w.cfg.Concurrency, Status: miniairflow.WorkerActive,
		}, w.cfg.Lease)
		if err == nil {
			trouble.ended(ctx)
			w.logger.InfoContext(ctx, "Worker: Session started", "session", id, "queues", w.cfg.Queues, "concurrency", w.cfg.Concurrency)
			return newSession(w, id, began)
		}
		sleep(ctx, trouble.failed(ctx, err))
		// A call that failed may have been done: with the same id it is not done
		// twice. But its lease counts from then, so it soon is of no use.
		if !isTransient(err) || time.Since(began) > w.cfg.Fence/2 {
			began, id = time.Now(), uuid.New()
		}
	}
	return nil
}
