package runner_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

var update = flag.Bool("update", false, "write the golden files of the scenarios")

// directive finds what a scenario's file says about how to run it:
// "# params: {…}" are the run's parameters, "# selection: {…}" chooses its tasks, and
// "# cancel: task state" cancels the run once that task is in that state.
var directive = regexp.MustCompile(`(?m)^# (params|selection|cancel): (.+)$`)

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
		s.keySecrets()
		_, err := s.control.SetSecret(t.Context(), "API_TOKEN", "the secret of scenarios", miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		_, err = s.control.SetVar(t.Context(), "scenario", map[string]any{"region": "eu", "steps": []any{1, 2}}, nil, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		s.load(texts)
		s.scheduler()
		s.worker("w1") // one: run directories are shared on one worker only
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
				scenario(t, s, file, texts[filepath.Base(file)])
			})
		}
	})
}

func scenario(t *testing.T, s *system, file, text string) {
	s = &system{t: t, store: s.store, control: s.control, eval: s.eval, dags: s.dags}
	request := miniairflow.TriggerRequest{Workflow: strings.TrimSuffix(filepath.Base(file), ".yaml"), By: miniairflow.Actor{Name: "test"}}
	cancel := ""
	for _, found := range directive.FindAllStringSubmatch(text, -1) {
		switch found[1] {
		case "cancel":
			cancel = found[2]
		case "selection":
			require.NoError(t, json.Unmarshal([]byte(found[2]), &request.Selection))
		default:
			require.NoError(t, json.Unmarshal([]byte(found[2]), &request.Params))
		}
	}
	run, err := s.control.TriggerWorkflow(t.Context(), request)
	require.NoError(t, err)
	id := run.ID
	if cancel != "" {
		task, state, _ := strings.Cut(cancel, " ")
		s.reach(id, task, miniairflow.TaskStatus(state))
		_, err = s.control.CancelRun(t.Context(), id, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
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
