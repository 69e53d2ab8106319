package runner_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow/loader/reference"
)

// withoutScenario are keys that no scenario needs to use, and where else they are held
// to what they say: a map as a whole (wait), or a key (wait.http).
var withoutScenario = map[string]string{
	"http":              "it needs a server that answers: TestRequestsInARun",
	"task.http":         "it needs a server that answers: TestRequestsInARun",
	"wait run":          "it needs a run of another workflow: TestWaitForARunOfAnotherWorkflow",
	"wait.run":          "it needs a run of another workflow: TestWaitForARunOfAnotherWorkflow",
	"wait.http":         "it needs a server that answers: the tests of runner/action",
	"ssh":               "it needs another machine: the tests of runner/action, with a program that stands for it",
	"task.ssh":          "it needs another machine: the tests of runner/action",
	"container":         "it needs docker or podman: the tests of runner/action, with a program that stands for them",
	"task.container":    "it needs docker or podman: the tests of runner/action",
	"schedule":          "runs of scenarios start by hand: schedule_test.go here and in the root",
	"triggers":          "runs of scenarios start by hand: after_test.go",
	"workflow.triggers": "the same",
	"webhook":           "the same: hook_test.go of the server",
	"file":              "the same: arrivals_test.go",
	"after":             "the same",
	"after workflow":    "the same",
	"task.on_lost":      "scenarios lose no worker: losses_test.go of persistencetest",
	"task.template":     "it needs a file beside it: loader/testdata/folders, and the example of the reference is run",
	"workflow.env_file": "it needs a file beside it: the same",

	"recipient":           "a scenario ends whoever is told: notifier_test.go, and the tests of notify",
	"recipient webhook":   "the same",
	"email":               "the same",
	"workflow.on_success": "the same",
	"workflow.on_failure": "the same",
	"workflow.on_retry":   "the same; notifications_test.go of persistencetest",
	"workflow.on_cancel":  "the same",
	"task.on_success":     "the same",
	"task.on_failure":     "the same",
	"task.on_retry":       "the same",
	"task.on_cancel":      "the same",
	"workflow.on_late":    "late_test.go of persistencetest",
	"task.on_late":        "the same",
}

// Every key of the language is used by a scenario, which runs it on both databases.
func TestEveryKeyHasAScenario(t *testing.T) {
	language := readLanguage(t)
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	used := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		for {
			var document any
			if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err, file)
			}
			language.collect(document, language.root, "workflow", used)
		}
	}
	all := language.keys()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		owner, _, _ := strings.Cut(key, ".")
		reason := withoutScenario[key] + withoutScenario[owner]
		if reason != "" {
			t.Logf("%s has no scenario: %s", key, reason)
			require.False(t, used[key], "%s has a scenario now: take it out of withoutScenario", key)
			continue
		}
		assertUsed(t, used, key)
	}
	for _, name := range slices.Sorted(maps.Keys(withoutScenario)) {
		require.True(t, all[name] || language.maps[name] != nil, "%s of withoutScenario is no key and no map of the language any more: take it out", name)
	}
}

func assertUsed(t *testing.T, used map[string]bool, key string) {
	t.Helper()
	if used[key] {
		return
	}
	t.Errorf("no scenario uses %s: write runner/testdata/NN_name.yaml, a small workflow whose end depends on it, then\n"+
		"go test ./runner -run 'TestScenarios' -update, and look at what NN_name.golden says. What cannot run there is a line in withoutScenario, with where else it is tested.", key)
}

// language is the schema of workflow files.
type language struct {
	root map[string]any
	maps map[string]map[string]any // by name
}

func readLanguage(t *testing.T) language {
	text, err := reference.JSONSchema()
	require.NoError(t, err)
	l := language{maps: map[string]map[string]any{}}
	require.NoError(t, json.Unmarshal(text, &l.root))
	for name, schema := range l.root["$defs"].(map[string]any) {
		l.maps[name] = schema.(map[string]any)
	}
	l.maps["workflow"] = l.root
	return l
}

// keys returns all keys, each behind the name of its map. Those of defaults are those
// of a task.
func (l language) keys() map[string]bool {
	all := map[string]bool{}
	for name, schema := range l.maps {
		if name == "defaults" {
			continue
		}
		for key := range schema["properties"].(map[string]any) {
			all[name+"."+key] = true
		}
	}
	return all
}

// collect notes the keys that a value has, by the schema that it is read by. The owner
// is the map that the schema is of.
func (l language) collect(value any, schema map[string]any, owner string, used map[string]bool) {
	if reference, ok := schema["$ref"].(string); ok {
		owner = strings.TrimPrefix(reference, "#/$defs/")
		schema = l.maps[owner]
	}
	if choices, ok := schema["anyOf"].([]any); ok {
		for _, choice := range choices {
			l.collect(value, choice.(map[string]any), owner, used)
		}
	}
	switch value := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		others, _ := schema["additionalProperties"].(map[string]any)
		for key, content := range value {
			if property, ok := properties[key].(map[string]any); ok {
				used[owner+"."+key] = true
				l.collect(content, property, owner+"."+key, used)
			} else if others != nil {
				l.collect(content, others, owner, used)
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, item := range value {
			l.collect(item, items, owner, used)
		}
	}
}
