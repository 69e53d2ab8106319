package runner_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

var update = flag.Bool("update", false, "write the golden files of the scenarios")

// directive finds what a scenario's file says about how to run it:
// "# params: {…}" are the run's parameters, "# selection: {…}" chooses its tasks,
// "# cancel: task state" cancels the run once that task is in that state, and
// "# answer: task approve {…}", or reject, answers a task that asks.
var directive = regexp.MustCompile(`(?m)^# (params|selection|cancel|answer): (.+)$`)

// Each file of testdata, loaded and run by the real parts with real processes,
// ends exactly as its golden file says, on both databases.
func TestScenarios(t *testing.T) {
	t.Setenv("RUNNER_TEST_SECRET", "not for tasks")
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 35)
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		texts := map[string]string{}
		for _, file := range files {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			texts[filepath.Base(file)] = string(data)
		}
		s.scenarios(texts)
		s.scheduler()
		s.worker("w1") // one: run directories are shared on one worker only
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
				scenario(t, s, file, texts[filepath.Base(file)])
			})
		}
	})
}

// play is how a scenario is run.
type play struct {
	request  miniairflow.TriggerRequest
	cancelAt string // "task state"; empty: never
	answers  []string
}

func playOf(t *testing.T, file, text string) play {
	t.Helper()
	p := play{request: miniairflow.TriggerRequest{Workflow: strings.TrimSuffix(filepath.Base(file), ".yaml"), By: miniairflow.Actor{Name: "test"}}}
	for _, found := range directive.FindAllStringSubmatch(text, -1) {
		switch found[1] {
		case "cancel":
			p.cancelAt = found[2]
		case "answer":
			p.answers = append(p.answers, found[2])
		case "selection":
			require.NoError(t, json.Unmarshal([]byte(found[2]), &p.request.Selection))
		default:
			require.NoError(t, json.Unmarshal([]byte(found[2]), &p.request.Params))
		}
	}
	return p
}

func scenario(t *testing.T, s *system, file, text string) {
	s = &system{t: t, store: s.store, control: s.control, eval: s.eval, dags: s.dags}
	p := playOf(t, file, text)
	run, err := s.control.TriggerWorkflow(t.Context(), p.request)
	require.NoError(t, err)
	id := run.ID
	if p.cancelAt != "" {
		task, state, _ := strings.Cut(p.cancelAt, " ")
		s.reach(id, task, miniairflow.TaskStatus(state))
		_, err = s.control.CancelRun(t.Context(), id, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
	}
	for _, answer := range p.answers {
		s.answer(id, answer)
	}
	s.finish(id)
	golden := strings.TrimSuffix(file, ".yaml") + ".golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(s.picture(id)), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), s.picture(id))
}

// scenarios loads the files of scenarios, with the pool, the variable and the
// secret that they have.
func (s *system) scenarios(texts map[string]string) {
	s.t.Helper()
	_, err := s.store.SyncPools(s.t.Context(), "pools.yaml", []miniairflow.Pool{{Name: "scenarios", Slots: 2}}, nil)
	require.NoError(s.t, err)
	by := miniairflow.Actor{Name: "test"}
	s.keySecrets()
	_, err = s.control.SetSecret(s.t.Context(), "API_TOKEN", "the secret of scenarios", by)
	require.NoError(s.t, err)
	_, err = s.control.SetVar(s.t.Context(), "scenario", map[string]any{"region": "eu", "steps": []any{1, 2}}, nil, by)
	require.NoError(s.t, err)
	s.load(texts)
}

// answer answers a task once it waits for that.
func (s *system) answer(id uuid.UUID, directive string) {
	s.t.Helper()
	words := strings.SplitN(directive, " ", 3)
	var fields map[string]any
	if len(words) > 2 {
		require.NoError(s.t, json.Unmarshal([]byte(words[2]), &fields))
	}
	s.reach(id, words[0], miniairflow.TaskWaiting)
	_, err := s.control.AnswerApproval(s.t.Context(), miniairflow.AnswerRequest{
		RunID: id, Task: words[0], Approve: words[1] == "approve", Fields: fields, By: miniairflow.Actor{Name: "ada"},
	})
	require.NoError(s.t, err)
}
