// Package dags_test runs the example workflows as a newcomer would.
package dags_test

import (
	"bytes"
	"context"
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
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }

// expected has, for each example, the tasks that do not simply succeed, and a
// text that some task prints.
var expected = map[string]struct {
	states map[string]miniairflow.TaskStatus
	prints string
}{
	"branching":     {map[string]miniairflow.TaskStatus{"thorough_split": miniairflow.TaskSkipped, "thorough_sum": miniairflow.TaskSkipped}, "sum=1275"},
	"daily-etl":     {nil, "200 orders loaded"},
	"fan-out":       {nil, "primes below 40,000: 4203"},
	"hello":         {nil, "Hello from run 1!"},
	"params":        {map[string]miniairflow.TaskStatus{"shout": miniairflow.TaskSkipped}, "Good day, world"},
	"report":        {nil, "Tasks by workflow file"},
	"retry":         {nil, "now it works"},
	"self-build":    {nil, ""}, // depends on the machine: without Go most of it is skipped
	"stdin":         {nil, "total     17.10"},
	"timeout":       {map[string]miniairflow.TaskStatus{"too_slow": miniairflow.TaskFailed}, "interrupted: removing"},
	"trigger-rules": {map[string]miniairflow.TaskStatus{"optional_check": miniairflow.TaskFailed, "alarm": miniairflow.TaskSkipped}, "published; the check before it was failed"},
}

func TestEveryExampleSucceeds(t *testing.T) {
	store := persistencetest.SQLite(t)
	load(t, store)
	start(t, store)
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		t.Run(name, func(t *testing.T) {
			run := runToEnd(t, store, name)
			output := outputOf(t, store, run.ID)
			require.Equal(t, miniairflow.RunSuccess, run.Status, output)
			require.Contains(t, output, expected[name].prints)
			changes, err := store.RunChanges(t.Context(), run.ID, 0)
			require.NoError(t, err)
			for _, task := range changes.TaskRuns {
				want, ok := expected[name].states[task.Name]
				if !ok {
					want = miniairflow.TaskSuccess
				}
				if name != "self-build" {
					require.Equal(t, want, task.Status, "%s: %s\n%s", task.Name, task.Reason, output)
				}
			}
		})
	}
}

func TestExamplesAreShortAndRarelyStartByThemselves(t *testing.T) {
	day := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, text := range files(t) {
		require.Less(t, strings.Count(text, "\n"), 60, name)
		require.True(t, strings.HasPrefix(text, "# "), "%s begins with what it shows", name)
		definitions, _ := loader.Parse(name, []byte(text), loader.Limits{})
		for _, s := range definitions[0].Schedules {
			first, err := miniairflow.NextFire(s, day)
			require.NoError(t, err)
			second, err := miniairflow.NextFire(s, first)
			require.NoError(t, err)
			require.GreaterOrEqual(t, second.Sub(first), 23*time.Hour, name)
		}
	}
}

// files returns the examples: their texts by file name.
func files(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	texts := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		texts[name] = string(text)
	}
	require.Len(t, texts, len(expected), "each example has its expectation")
	return texts
}

func load(t *testing.T, store miniairflow.Store) {
	t.Helper()
	var found []miniairflow.FileSync
	for name, text := range files(t) {
		definitions, problems := loader.Parse(name, []byte(text), loader.Limits{})
		require.Empty(t, problems)
		require.Len(t, definitions, 1)
		found = append(found, miniairflow.FileSync{Path: name, Definitions: definitions})
	}
	_, err := store.SyncFiles(t.Context(), found)
	require.NoError(t, err)
}

// start starts a scheduler and a worker that end with the test.
func start(t *testing.T, store miniairflow.Store) {
	t.Helper()
	eval, logger := expression.New(), persistencetest.Logger(t)
	dir, err := filepath.Abs(".")
	require.NoError(t, err)
	parts := []func(context.Context) error{
		runner.NewScheduler(runner.SchedulerConfig{Store: store, Evaluator: eval, Logger: logger}).Run,
		runner.NewAdvancer(runner.AdvancerConfig{Store: store, Evaluator: eval, Logger: logger}).Run,
		runner.NewWorker(runner.WorkerConfig{
			Store: store, Evaluator: eval, Actions: action.New(logger), Logger: logger,
			Name: "w1", Concurrency: 4, Home: t.TempDir(), DagsDir: dir,
		}).Run,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, len(parts))
	for _, run := range parts {
		go func() { ended <- run(ctx) }()
	}
	t.Cleanup(func() {
		cancel()
		for range parts {
			require.NoError(t, <-ended)
		}
	})
}

func runToEnd(t *testing.T, store miniairflow.Store, workflow string) *miniairflow.WorkflowRun {
	t.Helper()
	control := &miniairflow.Control{Store: store, Evaluator: expression.New()}
	run, err := control.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{
		Workflow: workflow, By: miniairflow.Actor{Name: "test"},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := store.FindRun(context.Background(), run.ID)
		if err == nil && now.IsTerminal() {
			run = now
		}
		return run.IsTerminal()
	}, 5*time.Minute, 20*time.Millisecond)
	return run
}

// outputOf returns what all attempts of a run have printed.
func outputOf(t *testing.T, store miniairflow.Store, id uuid.UUID) string {
	t.Helper()
	changes, err := store.RunChanges(t.Context(), id, 0)
	require.NoError(t, err)
	var text bytes.Buffer
	for _, task := range changes.TaskRuns {
		for attempt := 1; attempt <= task.Attempt; attempt++ {
			key := miniairflow.AttemptKey{RunID: id, Seq: task.Seq, Attempt: attempt}
			_, err := logs.Copy(t.Context(), &text, store, key, 0)
			require.NoError(t, err)
		}
	}
	return text.String()
}
