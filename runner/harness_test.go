package runner_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/runner/action"
	guardian "github.com/sauravritesh63/miniairflow/runner/process"
)

// patience is how long a test waits for what must happen. It is long because
// machines are slow at times, not because the thing is.
const patience = time.Minute

// system is a store with people's operations, and what the tests start on it.
type system struct {
	t       testing.TB
	store   miniairflow.Store
	control *miniairflow.Control
	eval    miniairflow.Evaluator
	dags    string
	lease   time.Duration
	secrets miniairflow.SecretSource
}

// newSystem returns a system in which workers may be silent for long: a slow
// machine is no lost worker.
func newSystem(t testing.TB, store miniairflow.Store) *system {
	eval := expression.New()
	dags, err := filepath.Abs("testdata")
	require.NoError(t, err)
	control := &miniairflow.Control{Store: store, Evaluator: eval}
	return &system{t: t, store: store, control: control, eval: eval, dags: dags, lease: 10 * time.Minute}
}

// process is something that runs until it is stopped.
type process struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// spawn runs f until the test ends or stop is called.
func spawn(t testing.TB, f func(context.Context) error) *process {
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = f(ctx)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop ends the process as a first signal would, and waits for it.
func (p *process) stop(t testing.TB) {
	p.cancel()
	<-p.ended
	require.NoError(t, p.err)
}

// scheduler starts a scheduler and an advancer.
func (s *system) scheduler() {
	logger := persistencetest.Logger(s.t)
	spawn(s.t, runner.NewScheduler(runner.SchedulerConfig{
		Store: s.store, Evaluator: s.eval, Logger: logger, Poll: 100 * time.Millisecond,
	}).Run)
	spawn(s.t, runner.NewAdvancer(runner.AdvancerConfig{
		Store: s.store, Evaluator: s.eval, Logger: logger, Poll: 100 * time.Millisecond,
	}).Run)
}

// config returns settings for a worker with short times.
func (s *system) config(name string) runner.WorkerConfig {
	processes := guardian.NewGuardian(guardian.Config{})
	s.t.Cleanup(processes.Close)
	return runner.WorkerConfig{
		Store: s.store, Evaluator: s.eval, Actions: action.New(nil, processes), Secrets: s.secrets, Logger: persistencetest.Logger(s.t),
		Name: name, Concurrency: 4, Home: s.t.TempDir(), DagsDir: s.dags,
		Poll: 100 * time.Millisecond, Heartbeat: 100 * time.Millisecond, Lease: s.lease, Fence: s.lease * 2 / 3,
		Grace: 500 * time.Millisecond, DrainTimeout: 10 * time.Second,
	}
}

// worker starts a worker.
func (s *system) worker(name string) *process {
	return spawn(s.t, runner.NewWorker(s.config(name)).Run)
}

// load loads workflow files: their texts by path.
func (s *system) load(files map[string]string) {
	s.t.Helper()
	var found []miniairflow.FileSync
	for _, path := range slices.Sorted(maps.Keys(files)) {
		definitions, problems := loader.Parse(path, []byte(files[path]), loader.Limits{})
		if strings.Contains(files[path], "\nfiles:") { // it is one of the folder
			definitions, problems = s.carry(path)
		}
		require.Empty(s.t, problems)
		found = append(found, miniairflow.FileSync{Path: path, Definitions: definitions})
	}
	_, err := s.store.SyncFiles(s.t.Context(), found)
	require.NoError(s.t, err)
}

// carry reads a workflow file of the folder, and stores what it carries.
func (s *system) carry(path string) (definitions []miniairflow.DefinitionAt, problems []miniairflow.ImportError) {
	s.t.Helper()
	file := filepath.Join(s.dags, path)
	result, err := loader.LoadPath([]string{file}, loader.Limits{})
	require.NoError(s.t, err)
	for _, d := range result.Definitions {
		require.NoError(s.t, loader.SaveFiles(s.t.Context(), s.store, file, d.Files))
		definitions = append(definitions, d.DefinitionAt)
	}
	return definitions, result.Problems
}

// trigger starts a run of a workflow.
func (s *system) trigger(workflow string, params map[string]any) uuid.UUID {
	s.t.Helper()
	run, err := s.control.TriggerWorkflow(s.t.Context(), miniairflow.TriggerRequest{
		Workflow: workflow, Params: params, By: miniairflow.Actor{Name: "test"},
	})
	require.NoError(s.t, err)
	return run.ID
}

// await waits until the condition holds. It looks whenever the store hints at a
// change, and now and then without a hint.
func (s *system) await(what string, holds func() bool) {
	s.t.Helper()
	changes := s.store.Bus().Subscribe(nil)
	defer changes.Close()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !holds() {
		changes.Take()
		poll := time.NewTimer(50 * time.Millisecond)
		select {
		case <-changes.C():
		case <-poll.C:
		case <-deadline.C:
			require.FailNow(s.t, "waited in vain", "for %s", what)
		}
		poll.Stop()
	}
}

// run returns a run.
func (s *system) run(id uuid.UUID) *miniairflow.WorkflowRun {
	s.t.Helper()
	run, err := s.store.FindRun(s.t.Context(), id)
	require.NoError(s.t, err)
	return run
}

// finish waits for the end of a run and returns it.
func (s *system) finish(id uuid.UUID) *miniairflow.WorkflowRun {
	s.t.Helper()
	s.await("the end of the run", func() bool { return s.run(id).IsTerminal() })
	return s.run(id)
}

// tasks returns the task runs of a run by name.
func (s *system) tasks(id uuid.UUID) map[string]*miniairflow.TaskRun {
	s.t.Helper()
	all, err := s.store.FindTaskRuns(s.t.Context(), miniairflow.TaskRunFilter{RunID: id, Limit: 200})
	require.NoError(s.t, err)
	byName := make(map[string]*miniairflow.TaskRun, len(all))
	for _, task := range all {
		byName[task.Name] = task
	}
	return byName
}

// reach waits until a task of a run has one of the states.
func (s *system) reach(id uuid.UUID, task string, states ...miniairflow.TaskStatus) {
	s.t.Helper()
	s.await(fmt.Sprintf("%s to be %v", task, states), func() bool {
		found := s.tasks(id)[task]
		return found != nil && slices.Contains(states, found.Status)
	})
}

// picture describes a run: its state and, in file order, each task with its
// state and the states of its attempts.
func (s *system) picture(id uuid.UUID) string {
	s.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "run: %s\n", s.run(id).Status)
	tasks := slices.SortedFunc(maps.Values(s.tasks(id)), func(a, b *miniairflow.TaskRun) int { return a.Seq - b.Seq })
	for _, task := range tasks {
		key := miniairflow.TaskRunKey{RunID: id, Seq: task.Seq}
		attempts, err := s.store.FindAttempts(s.t.Context(), []miniairflow.TaskRunKey{key})
		require.NoError(s.t, err)
		var ends []string
		for i, attempt := range attempts[key] {
			require.Equal(s.t, i+1, attempt.Number)
			ends = append(ends, string(attempt.Status))
		}
		fmt.Fprintf(&text, "%s: %s [%s]\n", task.Name, task.Status, strings.Join(ends, " "))
	}
	return text.String()
}

// witness is a file that tasks write to, outside the system: it says what has
// really run.
type witness struct {
	t    testing.TB
	path string
}

func newWitness(t testing.TB) *witness {
	return &witness{t: t, path: filepath.Join(t.TempDir(), "witness")}
}

// lines returns what was written so far.
func (w *witness) lines() []string {
	data, err := os.ReadFile(w.path)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(w.t, err)
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}
