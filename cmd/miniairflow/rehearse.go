package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// rehearsePoll is how often the parts look for work that nobody has told them of.
const rehearsePoll = 20 * time.Millisecond

// rehearse makes a run of the case in a store of its own, with the real parts but
// for what tasks do, and returns what is not as expected. The error says that the
// run could not be made or followed.
func rehearse(ctx context.Context, c *config, file string, d *miniairflow.Definition, one loader.Case) (failures []string, err error) {
	home, err := os.MkdirTemp("", "miniairflow-test-*")
	if err != nil {
		return nil, fmt.Errorf("make a private home: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	store, err := persistence.Open(ctx, "sqlite://"+filepath.Join(home, "test.db"), persistence.Options{})
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r := &rehearsal{store: store, evaluator: expression.New(), stage: newStage(one.Mocks)}
	run, err := r.trigger(ctx, d, one)
	if invalid := (*miniairflow.Error)(nil); errors.As(err, &invalid) && invalid.Code == miniairflow.CodeInvalid {
		return []string{invalid.Message}, nil // such as a param that is none
	}
	if err != nil {
		return nil, err
	}
	changes, err := r.play(ctx, c, home, file, d, run)
	if err != nil {
		return nil, err
	}
	return r.compare(changes, one.Expect), nil
}

// rehearsal is one case that is being run.
type rehearsal struct {
	store     miniairflow.Store
	evaluator miniairflow.Evaluator
	stage     *stage
}

// trigger writes the workflow, without what depends on real time, and makes the run.
func (r *rehearsal) trigger(ctx context.Context, d *miniairflow.Definition, one loader.Case) (*miniairflow.WorkflowRun, error) {
	definition := *d
	definition.IsActive, definition.Schedules, definition.Timeout = true, nil, 0
	definition.Files = nil // nothing is executed
	definition.Tasks = slices.Clone(d.Tasks)
	pools := map[string]miniairflow.Pool{}
	for i := range definition.Tasks {
		t := &definition.Tasks[i]
		t.QueueTimeout = 0
		policy := t.RetryPolicy()
		if t.Approval != nil { // what is rejected is not asked again
			policy.NeverOn = &miniairflow.ExitCodes{rejectedCode}
			if t.Approval.OnReject == miniairflow.WaitSkip {
				t.SkipOn = &miniairflow.ExitCodes{rejectedCode}
			}
		}
		policy.Delay, policy.MaxDelay, policy.Backoff, policy.Jitter = miniairflow.Duration(time.Millisecond), 0, miniairflow.BackoffConstant, false
		t.Retry = &policy
		if t.Pool != "" {
			pools[t.Pool] = miniairflow.Pool{Name: t.Pool, Slots: miniairflow.PoolSlotsMax}
		}
	}
	if _, err := r.store.SyncPools(ctx, "pools.yaml", slices.Collect(maps.Values(pools)), nil); err != nil {
		return nil, fmt.Errorf("write pools: %w", err)
	}
	file := miniairflow.FileSync{Path: "test.yaml", Definitions: []miniairflow.DefinitionAt{{Definition: &definition, Line: 1, Column: 1}}}
	if _, err := r.store.SyncFiles(ctx, []miniairflow.FileSync{file}); err != nil {
		return nil, fmt.Errorf("write workflow %q: %w", d.Name, err)
	}
	control := &miniairflow.Control{Store: r.store, Evaluator: r.evaluator}
	for name, value := range one.Vars {
		if _, err := control.SetVar(ctx, name, value, nil, miniairflow.Actor{Name: "test"}); err != nil {
			return nil, err
		}
	}
	return control.TriggerWorkflow(ctx, miniairflow.TriggerRequest{
		Workflow: d.Name, Params: one.Params, LogicalDate: one.LogicalDate, By: miniairflow.Actor{Name: "test"},
	})
}

// play runs the scheduler and one worker until the run is over.
func (r *rehearsal) play(ctx context.Context, c *config, home, file string, d *miniairflow.Definition, run *miniairflow.WorkflowRun) (miniairflow.RunChanges, error) {
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return miniairflow.RunChanges{}, fmt.Errorf("resolve %s: %w", file, err)
	}
	logger, asked := c.logger(stdio{err: io.Discard}), ctx
	ctx, cancel := context.WithTimeout(ctx, caseTimeMax)
	defer cancel()
	playing, stop := context.WithCancel(ctx)
	group, playing := errgroup.WithContext(playing)
	pulse := runner.NewPulse()
	scheduler := runner.NewScheduler(runner.SchedulerConfig{Store: r.store, Evaluator: r.evaluator, Logger: logger, Poll: rehearsePoll, Pulse: pulse})
	advancer := runner.NewAdvancer(runner.AdvancerConfig{Store: r.store, Evaluator: r.evaluator, Logger: logger, Poll: rehearsePoll, Pulse: pulse})
	worker := runner.NewWorker(runner.WorkerConfig{
		Store: r.store, Evaluator: r.evaluator, Actions: r.stage, Secrets: standIns{}, Logger: logger, Pulse: pulse, Name: "test", Queues: queuesOf(d),
		Concurrency: 1, // so that the order is that of the queue
		Home:        home, DagsDir: folder, Poll: rehearsePoll,
	})
	for _, part := range []func(context.Context) error{scheduler.Run, advancer.Run, worker.Run} {
		group.Go(func() error { return part(playing) })
	}
	err = r.await(playing, run)
	stop()
	failure := group.Wait()
	switch {
	case asked.Err() != nil:
		return miniairflow.RunChanges{}, asked.Err()
	case ctx.Err() != nil: // its time is over: what has come of it so far is compared
	case failure != nil:
		return miniairflow.RunChanges{}, failure
	case err != nil:
		return miniairflow.RunChanges{}, err
	}
	return r.store.RunChanges(context.WithoutCancel(ctx), run.ID, 0)
}

// standIns are the secrets of a test: each is there, and none is the real one.
type standIns struct{}

// Reveal implements miniairflow.SecretSource.
func (standIns) Reveal(_ context.Context, names []string) (map[string]string, error) {
	values := make(map[string]string, len(names))
	for _, name := range names {
		values[name] = "secret " + name
	}
	return values, nil
}

// await returns when the run is over, or with the error of a context that is done.
func (r *rehearsal) await(ctx context.Context, run *miniairflow.WorkflowRun) error {
	changes := r.store.Bus().Subscribe(nil)
	defer changes.Close()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		changes.Take()
		found, err := r.store.FindRun(ctx, run.ID)
		if err != nil || found.IsTerminal() {
			return err
		}
		select {
		case <-changes.C():
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rejectedCode stands for a rejection, which a rehearsal plays as a command that fails.
// No case can give it as an exit code.
const rejectedCode = miniairflow.ExitCodeMax + 1

// stage stands for the actions: what a task does there, a case has said.
type stage struct {
	mocks map[string][]loader.Mock

	mu    sync.Mutex
	order []string                // tasks, as their first attempts came
	last  map[string]action.Input // by task, of its last attempt
}

func newStage(mocks map[string][]loader.Mock) *stage {
	return &stage{mocks: mocks, last: map[string]action.Input{}}
}

// Run implements action.Runner.
func (s *stage) Run(_ context.Context, in action.Input, _ io.Writer) action.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := in.Task.Name
	if _, known := s.last[name]; !known {
		s.order = append(s.order, name)
	}
	s.last[name] = in
	var mock loader.Mock
	if attempts := s.mocks[name]; len(attempts) > 0 {
		mock = attempts[min(in.Claim.Attempt, len(attempts))-1]
	}
	switch {
	case mock.TimedOut:
		return action.Result{Status: miniairflow.AttemptTimedOut, Reason: "timed out after " + in.Task.Timeout.String()}
	case mock.ExitCode != 0:
		return action.Result{Status: miniairflow.AttemptFailed, Reason: fmt.Sprintf("exit code %d", mock.ExitCode), ExitCode: &mock.ExitCode}
	}
	outputs, err := mockOutputs(in.Task, mock.Outputs)
	if err != nil {
		return action.Result{Status: miniairflow.AttemptFailed, Reason: err.Error(), ExitCode: new(int)}
	}
	if in.Task.Approval != nil && outputs["decision"] == miniairflow.DecisionRejected {
		code := rejectedCode
		return action.Result{Status: miniairflow.AttemptFailed, Reason: miniairflow.DecisionRejected, ExitCode: &code}
	}
	result := action.Result{Status: miniairflow.AttemptSuccess, Outputs: outputs}
	if !in.Task.Noop {
		result.ExitCode = new(int)
	}
	return result
}

// mockOutputs returns the outputs of a case as those of the task.
func mockOutputs(t *miniairflow.Task, written map[string]string) (map[string]any, error) {
	outputs := make(map[string]any, len(written))
	for name, text := range written {
		outputs[name] = text
	}
	for _, name := range sortedNames(t.Outputs) {
		text, ok := written[name]
		if !ok {
			return nil, fmt.Errorf("output %q is declared, but the case gives none: write tasks: {%s: {outputs: {%s: …}}}", name, t.Name, name)
		}
		var err error
		if outputs[name], err = miniairflow.ParseOutput(t.Outputs[name], text); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
	}
	return outputs, nil
}

// compare says what is not as expected.
func (r *rehearsal) compare(changes miniairflow.RunChanges, expect loader.Expectation) (failures []string) {
	fail := func(format string, args ...any) { failures = append(failures, fmt.Sprintf(format, args...)) }
	byName := map[string]*miniairflow.TaskRun{}
	for _, t := range changes.TaskRuns {
		byName[t.Name] = t
	}
	if !changes.Run.IsTerminal() {
		fail("the run is not over after %s: it is %s", caseTimeMax, changes.Run.Status)
	}
	if expect.Status != "" && changes.Run.Status != expect.Status {
		fail("the run is %s, not %s%s", changes.Run.Status, expect.Status, because(changes.Run.Reason))
		tellFailures(changes.TaskRuns, expect.Tasks, fail)
	}
	for _, e := range expect.Tasks {
		if t := byName[e.Name]; t != nil {
			r.stage.compareTask(t, e, fail)
		}
	}
	var order []string
	for _, name := range r.stage.order {
		if slices.Contains(expect.Order, name) {
			order = append(order, name)
		}
	}
	if len(expect.Order) > 0 && !slices.Equal(order, expect.Order) {
		fail("the order is %s, not %s", strings.Join(order, ", "), strings.Join(expect.Order, ", "))
	}
	return failures
}

// failuresShown is how many failures of tasks are told of a run that should not fail.
const failuresShown = 5

// tellFailures says why tasks have failed of which the case expects nothing.
func tellFailures(tasks []*miniairflow.TaskRun, expected []loader.ExpectedTask, fail func(format string, args ...any)) {
	shown := 0
	for _, t := range tasks {
		isTold := slices.ContainsFunc(expected, func(e loader.ExpectedTask) bool { return e.Name == t.Name && e.Status != "" })
		if t.Status != miniairflow.TaskFailed || isTold || t.Reason == "" || shown == failuresShown {
			continue
		}
		shown++
		fail("task %s is failed%s", t.Name, because(t.Reason))
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func (s *stage) compareTask(t *miniairflow.TaskRun, e loader.ExpectedTask, fail func(format string, args ...any)) {
	if e.Status != "" && t.Status != e.Status {
		fail("task %s is %s, not %s%s", t.Name, t.Status, e.Status, because(t.Reason))
	}
	if e.Attempts != nil && t.Attempt != *e.Attempts {
		fail("task %s has %d attempts, not %d", t.Name, t.Attempt, *e.Attempts)
	}
	if !strings.Contains(t.Reason, e.Reason) {
		fail("the reason of task %s is %q, without %q", t.Name, t.Reason, e.Reason)
	}
	in, ran := s.last[t.Name]
	if !ran {
		if len(e.Env) > 0 || e.Command != nil || e.Stdin != nil {
			fail("task %s was not begun, so it has neither env, command nor stdin", t.Name)
		}
		return
	}
	for _, name := range sortedNames(e.Env) {
		if got, ok := in.Task.Env[name]; !ok {
			fail("task %s has no variable %s", t.Name, name)
		} else if got != e.Env[name] {
			fail("%s of task %s is %q, not %q", name, t.Name, got, e.Env[name])
		}
	}
	var argv []string
	if command := in.Task.Runs(); command != nil {
		argv = command.Argv
	}
	if e.Command != nil && !slices.Equal(argv, e.Command) {
		fail("the command of task %s is %q, not %q", t.Name, argv, e.Command)
	}
	if e.Stdin != nil && in.Task.Stdin != *e.Stdin {
		fail("stdin of task %s is %q, not %q", t.Name, in.Task.Stdin, *e.Stdin)
	}
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
