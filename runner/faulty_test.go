package runner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// The share of calls that have each fault, and the seeds that say which.
const faultShare = 0.01

var faultSeeds = []uint64{1, 2, 3, 4}

// Every scenario ends as on a healthy database when calls of the scheduler, the
// advancer and the worker time out, lose their replies, or lose against other
// transactions: nothing runs twice, nothing is lost, and nothing hangs.
func TestScenariosOnFaultyStore(t *testing.T) {
	t.Setenv("RUNNER_TEST_SECRET", "not for tasks")
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	// How far a run gets in half a second is no matter of faults alone.
	files = slices.DeleteFunc(files, func(file string) bool { return strings.Contains(file, "run_timeout") })
	require.GreaterOrEqual(t, len(files), 35)
	for _, seed := range faultSeeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
				scenariosUnderFaults(t, store, files, seed)
			})
		})
	}
}

// scenariosUnderFaults runs all scenarios at once, so that exchanges carry
// finishes and claims of many runs. People's own calls have no faults.
func scenariosUnderFaults(t *testing.T, store miniairflow.Store, files []string, seed uint64) {
	faulty := persistencetest.NewFaulty(store, persistencetest.RandomFaults(seed, faultShare))
	people, parts := newSystem(t, store), newSystem(t, faulty)
	texts := map[string]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[filepath.Base(file)] = string(data)
	}
	people.scenarios(texts)
	parts.keySecrets()
	parts.scheduler()
	worker := parts.config("w1") // one: run directories are shared on one worker only
	worker.Concurrency = len(files)
	spawn(t, runner.NewWorker(worker).Run)
	var begun []faultyScenario
	for _, file := range files {
		begun = append(begun, beginScenario(t, people, file, texts[filepath.Base(file)]))
	}
	for _, s := range begun {
		if s.cancelAt != "" {
			task, state, _ := strings.Cut(s.cancelAt, " ")
			people.reach(s.run, task, miniairflow.TaskStatus(state))
			_, err := people.control.CancelRun(t.Context(), s.run, miniairflow.Actor{Name: "test"})
			require.NoError(t, err)
		}
	}
	for _, s := range begun {
		for _, answer := range s.answers {
			people.answer(s.run, answer)
		}
		people.finish(s.run)
		want, err := os.ReadFile(s.golden)
		require.NoError(t, err)
		require.Equal(t, string(want), people.picture(s.run), s.golden)
	}
	calls, faults := faulty.Counts()
	t.Logf("seed %d: %d calls, faults: %v", seed, calls, faults)
	for _, fault := range persistencetest.Faults {
		require.Positive(t, faults[fault], "no call had the fault %q: the test has shown nothing", fault)
	}
}

// faultyScenario is a scenario on its way.
type faultyScenario struct {
	play
	run    uuid.UUID
	golden string
}

func beginScenario(t *testing.T, people *system, file, text string) faultyScenario {
	t.Helper()
	s := faultyScenario{play: playOf(t, file, text), golden: strings.TrimSuffix(file, ".yaml") + ".golden"}
	run, err := people.control.TriggerWorkflow(t.Context(), s.request)
	require.NoError(t, err)
	s.run = run.ID
	return s
}
