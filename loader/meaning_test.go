package loader_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

func parseOne(t *testing.T, text string) *miniairflow.Definition {
	t.Helper()
	definitions, problems := loader.Parse("wf.yaml", []byte(text), loader.Limits{})
	require.Empty(t, problems)
	require.Len(t, definitions, 1)
	return definitions[0].Definition
}

const hashed = `description: d
env: {A: 1, B: 2}
defaults: {timeout: 1m}
tasks:
  a:
    command: echo a
    retry: {count: 1, delay: 2s}
  b: {command: [echo, b], depends_on: [a]}
`

// What does not change what a file means makes no new version.
func TestHashIgnoresForm(t *testing.T) {
	want := parseOne(t, hashed).Hash()
	for name, text := range map[string]string{
		"comments":     "# one\n" + strings.ReplaceAll(hashed, "\n", " # two\n"),
		"line ends":    strings.ReplaceAll(hashed, "\n", "\r\n"),
		"byte order":   "\ufeff" + hashed,
		"document":     "---\n" + hashed + "...\n",
		"empty lines":  strings.ReplaceAll(hashed, "\n", "\n\n"),
		"order of env": strings.Replace(hashed, "{A: 1, B: 2}", "{B: 2, A: 1}", 1),
		"order of keys": "tasks:\n  a: {retry: {delay: 2s, count: 1}, command: echo a}\n  b: {depends_on: a, command: [echo, b]}\n" +
			"defaults: {timeout: 60s}\nenv: {A: '1', B: \"2\"}\ndescription: d\n",
		"own timeouts": "description: d\nenv: {A: 1, B: 2}\ntasks:\n  a: {timeout: 1m, command: echo a, retry: {count: 1, delay: 2s}}\n" +
			"  b: {timeout: 1m, command: [echo, b], depends_on: [a]}\n",
		"anchors":           strings.Replace(strings.Replace(hashed, "[a]", "[*x]", 1), "command: echo a", "command: echo a\n    description: &x a", 1),
		"name of the file":  "name: wf\n" + hashed,
		"defaults in words": "is_active: true\nmax_active_runs: 1\nmax_active_tasks: 16\n" + hashed,
	} {
		t.Run(name, func(t *testing.T) {
			got := parseOne(t, text)
			if name == "anchors" {
				got.Tasks[0].Description = ""
			}
			require.Equal(t, want, got.Hash())
		})
	}
}

// What changes what a file means makes a new version.
func TestHashSeesMeaning(t *testing.T) {
	seen := map[string]string{parseOne(t, hashed).Hash(): "the original"}
	for _, change := range [][2]string{
		{"description: d", "description: e"},
		{"A: 1", "A: 01"},
		{"A: 1, ", ""},
		{"1m", "2m"},
		{"echo a", "echo  a"},
		{"count: 1", "count: 2"},
		{"2s", "3s"},
		{"[echo, b]", "echo b"},
		{"depends_on: [a]", "trigger_rule: always"},
		{"  b:", "  c:"},
		{"env:", "max_active_runs: 2\nenv:"},
		{"env:", "is_active: false\nenv:"},
		{"env:", "schedule: '@daily'\nenv:"},
		{"env:", "name: other\nenv:"},
	} {
		text := strings.Replace(hashed, change[0], change[1], 1)
		require.NotEqual(t, hashed, text)
		hash := parseOne(t, text).Hash()
		require.NotContains(t, seen, hash, "%s is like %s", change[1], seen[hash])
		seen[hash] = change[1]
	}
}

func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		limits  loader.Limits
		text    string
		message string
	}{
		"bytes":     {loader.Limits{Bytes: 10}, "tasks: {a: {noop: true}}", "f.yaml: the file is larger than the limit of 10 bytes"},
		"depth":     {loader.Limits{Depth: 2}, "tasks:\n  a: {noop: true}", "f.yaml:2:3: the nesting is deeper than 2 levels"},
		"tasks":     {loader.Limits{Tasks: 1}, "tasks:\n  a: {noop: true}\n  b: {noop: true}", "f.yaml:1:1: the workflow has 2 tasks, more than the limit of 1"},
		"documents": {loader.Limits{Documents: 1}, "tasks: {a: {noop: true}}\n---\nname: b", "f.yaml:2:1: the file has more than 1 documents"},
		"expanded": {
			loader.Limits{Expanded: 2},
			"tags: &t [a, b]\nenv: *t\n",
			"f.yaml:2:6: aliases, defaults and templates expand to more than 2 values",
		},
		"time": {loader.Limits{Time: 1}, "tasks: {a: {noop: true}}", "f.yaml: the file takes longer than 1ns to read: make it smaller"},
	} {
		t.Run(name, func(t *testing.T) {
			definitions, problems := loader.Parse("f.yaml", []byte(test.text), test.limits)
			require.Empty(t, definitions)
			require.NotEmpty(t, problems)
			require.Equal(t, test.message, problems[0].String())
		})
	}
}

// A good document is kept beside a bad one, but not after a syntax error, where
// nobody can tell what the file says.
func TestParseKeepsGoodDocuments(t *testing.T) {
	definitions, problems := loader.Parse("f.yaml", []byte("name: a\ntasks: {x: {noop: true}}\n---\nname: b\n---\nname: c\ntasks: {x: {noop: true}}\n"), loader.Limits{})
	require.Len(t, problems, 1)
	require.Len(t, definitions, 2)
	require.Equal(t, "c", definitions[1].Name)
	require.Equal(t, 6, definitions[1].Line)
	require.Equal(t, 7, definitions[1].Column)

	definitions, problems = loader.Parse("f.yaml", []byte("name: a\ntasks: {x: {noop: true}}\n---\nname: b: b\n---\nname: c\ntasks: {x: {noop: true}}\n"), loader.Limits{})
	require.NotEmpty(t, problems)
	require.Len(t, definitions, 1)
	require.Equal(t, "a", definitions[0].Name)
}

func TestLoadPath(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", "tasks: {x: {noop: true}}")
	write(t, dir, "sub/b.yml", "tasks: {x: {noop: true}}")
	write(t, dir, "sub/c.yaml", "name: a\ntasks: {x: {noop: true}}")
	write(t, dir, "sub/d.yaml", "tasks: {x: {nop: true}}")
	for _, other := range []string{"sub/pools.yaml", "templates/sub/t.yaml", "a.test.yaml", ".hidden.yaml", ".git/x.yaml", "notes.txt"} {
		write(t, dir, other, "not: a workflow")
	}
	write(t, dir, "pools.yaml", "warehouse: many")
	result, err := loader.LoadPath([]string{dir, filepath.Join(dir, "a.yaml")}, loader.Limits{})
	require.NoError(t, err)
	require.Equal(t, 4, result.Files)
	require.Len(t, result.Definitions, 2)
	require.Equal(t, "a", result.Definitions[0].Name)
	require.Equal(t, "b", result.Definitions[1].Name)
	slash := filepath.ToSlash(dir)
	require.Equal(t, []string{
		slash + "/pools.yaml:1:12: warehouse is \"many\", not a whole number",
		slash + "/sub/c.yaml:1:7: the name \"a\" is taken by the workflow at " + slash + "/a.yaml:1",
		slash + "/sub/d.yaml:1:13: unknown key \"nop\" in a task; did you mean \"noop\"?",
		slash + "/templates/sub/t.yaml: nothing reads a template in a folder of its own: move it up into templates/",
	}, texts(result.Problems))

	result, err = loader.LoadPath([]string{filepath.Join(dir, "a.test.yaml")}, loader.Limits{})
	require.NoError(t, err)
	require.NotEmpty(t, result.Problems, "a file that is named is read whatever its name")
	result, err = loader.LoadPath([]string{filepath.Join(dir, "pools.yaml")}, loader.Limits{})
	require.NoError(t, err)
	require.Len(t, result.Problems, 1, "as what it is")

	_, err = loader.LoadPath([]string{filepath.Join(dir, "nope.yaml")}, loader.Limits{})
	require.Equal(t, miniairflow.CodeNotFound, miniairflow.ErrorCode(err))
	_, err = loader.LoadPath([]string{filepath.Join(dir, "templates")}, loader.Limits{})
	require.NoError(t, err, "a folder that is named is read whatever its name")
	_, err = loader.LoadPath([]string{t.TempDir()}, loader.Limits{})
	require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
}

func TestWriteProblems(t *testing.T) {
	problems := []miniairflow.ImportError{{File: "dags/a,b.yaml", Line: 3, Column: 5, Message: "50% <wrong>: \"x\""}}
	for format, want := range map[loader.Format]string{
		loader.FormatText:   "dags/a,b.yaml:3:5: 50% <wrong>: \"x\"\nc.yaml:1: warning: odd\n",
		loader.FormatGitHub: "::error file=dags/a%2Cb.yaml,line=3,col=5::50%25 <wrong>: \"x\"\n::warning file=c.yaml,line=1,col=1::odd\n",
		loader.FormatJSON: "[\n  {\n    \"file\": \"dags/a,b.yaml\",\n    \"line\": 3,\n    \"column\": 5,\n    \"severity\": \"error\",\n    \"message\": \"50% <wrong>: \\\"x\\\"\"\n  },\n" +
			"  {\n    \"file\": \"c.yaml\",\n    \"line\": 1,\n    \"column\": 0,\n    \"severity\": \"warning\",\n    \"message\": \"odd\"\n  }\n]\n",
	} {
		var out bytes.Buffer
		require.NoError(t, loader.WriteProblems(&out, format, problems, []miniairflow.ImportError{{File: "c.yaml", Line: 1, Message: "odd"}}))
		require.Equal(t, want, out.String())
	}
	var out bytes.Buffer
	require.NoError(t, loader.WriteProblems(&out, loader.FormatJSON, nil, nil))
	require.Equal(t, "[]\n", out.String())
	require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(loader.WriteProblems(&out, "xml", problems, nil)))
	require.ErrorIs(t, loader.WriteProblems(brokenWriter{}, loader.FormatText, problems, nil), os.ErrClosed)

	require.NoError(t, loader.ParseError(nil))
	err := loader.ParseError(append(problems, problems...))
	require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
	require.Equal(t, problems[0].String()+"\n"+problems[0].String(), miniairflow.ErrorMessage(err))
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.Join(os.ErrClosed) }

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

func texts(problems []miniairflow.ImportError) []string {
	list := make([]string, len(problems))
	for i, problem := range problems {
		list[i] = problem.String()
	}
	return list
}
