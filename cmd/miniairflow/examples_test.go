package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence"
)

const examplesDir = "../../dags"

// unusual has, for each example, the tasks that do not simply succeed.
var unusual = map[string]map[string]state{
	"artifacts":     {},
	"branching":     {"thorough_split": "skipped", "thorough_sum": "skipped"},
	"child-run":     {},
	"daily-etl":     {},
	"fan-out":       {},
	"for-each":      {"combine[3]": "skipped"},
	"files":         {},
	"hello":         {},
	"params":        {"shout": "skipped"},
	"report":        {},
	"retry":         {},
	"self-build":    nil, // depends on the machine: without Go most of it is skipped
	"stdin":         {},
	"timeout":       {"too_slow": "failed"},
	"trigger-rules": {"optional_check": "failed", "alarm": "skipped"},
	"waiting":       {},
}

// TestExamples runs every workflow of dags/ as a newcomer would.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examplesDir, "*.yaml"))
	require.NoError(t, err)
	require.Len(t, files, len(unusual), "each example has its expectation")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			want, known := unusual[name]
			require.True(t, known, "an expectation for %s", name)
			var out, errors bytes.Buffer
			code := run(t.Context(), []string{"run", file, "-o", "json", "--home", t.TempDir()}, stdio{in: strings.NewReader(""), out: &out, err: &errors})
			require.Equal(t, exitOK, code, "%s\n%s", &errors, &out)
			var finished runView
			require.NoError(t, json.Unmarshal(out.Bytes(), &finished))
			require.Equal(t, state("success"), finished.Status)
			require.NotEmpty(t, finished.TaskRuns)
			for _, task := range finished.TaskRuns {
				expected, ok := want[task.Name]
				if !ok {
					expected = "success"
				}
				if want != nil {
					require.Equal(t, expected, task.Status, task.Name)
				}
			}
		})
	}
}

// TestExamples_StartRarely holds that a new installation is not busy by itself.
func TestExamples_StartRarely(t *testing.T) {
	result, err := loader.LoadPath([]string{examplesDir}, loader.Limits{})
	require.NoError(t, err)
	require.Empty(t, result.Problems)
	for _, d := range result.Definitions {
		for _, s := range d.Schedules {
			first, err := miniairflow.NextFire(s, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
			require.NoError(t, err)
			second, err := miniairflow.NextFire(s, first)
			require.NoError(t, err)
			require.GreaterOrEqual(t, second.Sub(first), 23*time.Hour, d.Name)
		}
	}
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	fileBlock = regexp.MustCompile("(?s)```(?:yaml|sh)\n# dags/(\\S+)\n(.*?)```")
)

// TestDocumentation checks every YAML block of the README and the pages: whole
// workflows as they are, pieces of one in the place that their first key says, both in
// a folder with the files whose names the first lines of other blocks say.
func TestDocumentation(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		dags := t.TempDir()
		check := func(name, block string) {
			file := filepath.Join(dags, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, []byte(block), 0o644))
			if filepath.Ext(name) == ".sh" { // for those that carry it
				return
			}
			if strings.HasSuffix(name, ".test.yaml") {
				_, problems := loader.ParseCases(name, []byte(block), loader.Limits{})
				require.Empty(t, problems, "%s:\n%s", page, block)
				return
			}
			result, err := loader.LoadPathBelow(dags, []string{file}, loader.Limits{})
			require.NoError(t, err)
			require.Empty(t, result.Problems, "%s:\n%s", page, block)
		}
		for _, match := range fileBlock.FindAllStringSubmatch(string(text), -1) {
			check(match[1], match[2])
		}
		for _, match := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			block := match[1]
			if strings.HasPrefix(block, "# dags/") {
				continue
			}
			if first, _, _ := strings.Cut(block, "\n"); strings.HasSuffix(first, ".test.yaml") {
				_, problems := loader.ParseCases("block.test.yaml", []byte(block), loader.Limits{})
				require.Empty(t, problems, "%s:\n%s", page, block)
				continue
			}
			if !strings.Contains(block, "tasks:") {
				block += "tasks:\n  a: {noop: true}\n"
			}
			check("block.yaml", block)
		}
	}
}

// The workflows that the page for newcomers shows beside those of other tools run to a
// success, as they stand there.
func TestComingFromRuns(t *testing.T) {
	text, err := os.ReadFile("../../docs/coming-from.md")
	require.NoError(t, err)
	dags, ran := t.TempDir(), 0
	blocks := fileBlock.FindAllStringSubmatch(string(text), -1)
	for _, match := range blocks {
		require.NoError(t, os.WriteFile(filepath.Join(dags, match[1]), []byte(match[2]), 0o600))
	}
	for _, match := range blocks {
		if !strings.Contains(match[2], "tasks:") {
			continue
		}
		ran++
		var out, errors bytes.Buffer
		args := []string{"run", filepath.Join(dags, match[1]), "--dags", dags, "--home", t.TempDir()}
		code := run(t.Context(), args, stdio{in: strings.NewReader(""), out: &out, err: &errors})
		require.Equal(t, exitOK, code, "%s\n%s%s", match[2], &out, &errors)
	}
	require.Equal(t, 3, ran, "one from each of the tools")
}

var (
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
	consoleWord  = regexp.MustCompile(`"([^"]*)"|(\S+)`)
)

// What the page about scheduling shows of commands is what they print.
func TestSchedulingPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/scheduling.md")
	require.NoError(t, err)
	require.Equal(t, 4, runConsole(t, string(text), t.TempDir()))
}

// runConsole runs the commands of a page, one after the other, requires that they print
// what the page says, and returns how many they were.
func runConsole(t *testing.T, page, home string) (ran int) {
	t.Helper()
	for _, block := range consoleBlock.FindAllStringSubmatch(page, -1) {
		for _, command := range strings.Split(block[1], "$ miniairflow ")[1:] {
			line, want, _ := strings.Cut(command, "\n")
			var args []string
			for _, word := range consoleWord.FindAllStringSubmatch(line, -1) {
				args = append(args, word[1]+word[2])
			}
			var out, errors bytes.Buffer
			code := run(t.Context(), append(args, "--home", home), stdio{in: strings.NewReader(""), out: &out, err: &errors})
			require.Equal(t, exitOK, code, "%s\n%s", line, &errors)
			require.Equal(t, want, out.String(), line)
			ran++
		}
	}
	return ran
}

// What the page about backfills shows of commands is what they print.
func TestBackfillPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/backfill.md")
	require.NoError(t, err)
	home, dags := t.TempDir(), t.TempDir()
	for _, match := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		require.NoError(t, os.WriteFile(filepath.Join(dags, match[1]), []byte(match[2]), 0o600))
	}
	store, err := persistence.Open(t.Context(), "sqlite://"+filepath.Join(home, "miniairflow.db"), persistence.Options{})
	require.NoError(t, err)
	result, err := loader.LoadPath([]string{dags}, loader.Limits{})
	require.NoError(t, err)
	for _, d := range result.Definitions {
		file := miniairflow.FileSync{Path: d.Name + ".yaml", Definitions: []miniairflow.DefinitionAt{d.DefinitionAt}}
		_, err := store.SyncFiles(t.Context(), []miniairflow.FileSync{file})
		require.NoError(t, err)
	}
	require.NoError(t, store.Close())
	require.Equal(t, 6, runConsole(t, string(text), home))
}
