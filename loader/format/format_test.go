package format_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/loader/format"
)

func TestFile(t *testing.T) {
	const end = "tasks:\n  a: {noop: true}\n"
	for name, test := range map[string]struct{ text, want string }{
		"spaces after colons":   {"name:    x\ntasks: {a: {noop:  true}}\n", "name: x\ntasks: {a: {noop: true}}\n"},
		"spaces in brackets":    {"tags: [ a , b,c ]\n" + end, "tags: [a, b, c]\n" + end},
		"text in brackets":      {"tags: [a  b, 'c,  d', \"[ e\", it's]\n" + end, "tags: [a  b, 'c,  d', \"[ e\", it's]\n" + end},
		"indentation":           {"tasks:\n     a:\n       noop: true\n", "tasks:\n  a:\n    noop: true\n"},
		"lists":                 {"tags:\n- a\n-   b\n" + end, "tags:\n  - a\n  - b\n" + end},
		"maps in lists":         {"schedule:\n-   cron: '@daily'\n    timezone: UTC\n- '@hourly'\n" + end, "schedule:\n  - cron: '@daily'\n    timezone: UTC\n  - '@hourly'\n" + end},
		"dash alone":            {"schedule:\n-\n  cron: '@daily'\n" + end, "schedule:\n  -\n    cron: '@daily'\n" + end},
		"blank lines":           {"\n\nname: x\n\n\n\n" + end + "\n\n", "name: x\n\n" + end},
		"line ends":             {"name: x\r\n" + strings.ReplaceAll(end, "\n", "\r\n"), "name: x\n" + end},
		"byte order mark":       {"\ufeffname: x\n" + end, "name: x\n" + end},
		"no end":                {"tasks: {a: {noop: true}} # ä", "tasks: {a: {noop: true}} # ä\n"},
		"trailing spaces":       {"name: x  \t\n" + end, "name: x\n" + end},
		"comments":              {"# 1\ntasks: # 2\n    # 3\n    a: # 4\n        noop: true # 5\n        # 6\n    # 7\n# 8\n", "# 1\ntasks: # 2\n  # 3\n  a: # 4\n    noop: true # 5\n    # 6\n  # 7\n# 8\n"},
		"comments nowhere":      {"tasks:\n    a:\n        noop: true\n      # between\n    b: {noop: true}\n", "tasks:\n  a:\n    noop: true\n  # between\n  b: {noop: true}\n"},
		"literal":               {"tasks:\n    a:\n        command: |\n            x\n\n              y  \n\n\n    b: {noop: true}\n", "tasks:\n  a:\n    command: |\n      x\n\n        y  \n\n  b: {noop: true}\n"},
		"literal at the margin": {"tasks:\n  a:\n    command: |\n     x\n     # y\n", "tasks:\n  a:\n    command: |\n      x\n      # y\n"},
		"literal with a digit":  {"tasks:\n   a:\n      command: |2\n          x\n        y\n", "tasks:\n  a:\n    command: |2\n        x\n      y\n"},
		"literal that keeps":    {"docs: |+\n    x\n\n\n" + end, "docs: |+\n  x\n\n\n" + end},
		"literal at the end":    {end + "docs: |\n    x", end + "docs: |\n  x"},
		"literal in a list":     {"tags:\n- |\n   x\n- y\n" + end, "tags:\n  - |\n    x\n  - y\n" + end},
		"folded":                {"description: >-\n    a\n    b\n" + end, "description: >-\n  a\n  b\n" + end},
		"plain over lines":      {"tasks:\n    a:\n        command: echo\n            more\n", "tasks:\n  a:\n    command: echo\n        more\n"},
		"quoted over lines":     {"description: \"a\n\n\n    # b\n   c\"\n" + end, "description: \"a\n\n\n    # b\n   c\"\n" + end},
		"brackets over lines":   {"tasks:\n    a:\n        command: [\n            echo,   # first\n\n\n            b ]\n", "tasks:\n  a:\n    command: [\n        echo,   # first\n\n\n        b ]\n"},
		"documents":             {"---\nname: a\n" + end + "---\nname: b\ntasks:\n   b: {noop: true}\n...\n", "---\nname: a\n" + end + "---\nname: b\ntasks:\n  b: {noop: true}\n...\n"},
		"anchors":               {"defaults:   &d\n   env: &e {A: 1}\ntasks:\n   a:   &t\n      noop: true\n   b: {<<: *t}\n   c:\n      <<:   [*t, *d]\n", "defaults: &d\n  env: &e {A: 1}\ntasks:\n  a: &t\n    noop: true\n  b: {<<: *t}\n  c:\n    <<: [*t, *d]\n"},
		"quotes stay":           {"env: {A: 0755, B: \"0755\", C: 3.10, D: 'on', E: on}\n" + end, "env: {A: 0755, B: \"0755\", C: 3.10, D: 'on', E: on}\n" + end},
		"json":                  {"{\"tasks\":{\"a\":{\"noop\":true}}}", "{\"tasks\":{\"a\":{\"noop\":true}}}\n"},
		"wide characters":       {"description:   \"größer 🎉\"   # ä\n" + end, "description: \"größer 🎉\"   # ä\n" + end},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := format.File("x.yaml", []byte(test.text), loader.Limits{})
			require.NoError(t, err)
			require.Equal(t, test.want, string(got))
		})
	}
}

// files are all workflow files of the examples and the tests.
func files(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"../../dags/*.yaml", "../testdata/good/*.yaml", "../../runner/testdata/*.yaml"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		names = append(names, found...)
	}
	require.Greater(t, len(names), 40)
	return names
}

// Every file can be formatted, whatever stands in it, and the examples are.
func TestFileOfAll(t *testing.T) {
	for _, name := range files(t) {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		got, err := format.File(name, data, loader.Limits{})
		require.NoError(t, err, name)
		if strings.Contains(name, "dags") {
			require.Equal(t, string(data), string(got), "run miniairflow fmt dags")
		}
		require.Equal(t, comments(string(data)), comments(string(got)), name)
	}
}

// comments returns all that follows a # in a text, without the spaces around it.
func comments(text string) (found []string) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for line := range strings.SplitSeq(text, "\n") {
		if _, comment, ok := strings.Cut(line, "#"); ok {
			found = append(found, strings.TrimSpace(comment))
		}
	}
	return found
}

// However the lines of a file are indented and spaced, it is formatted to the same.
func TestFileIgnoresLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.IntRange(2, 7).Draw(t, "step")
		gap := strings.Repeat(" ", rapid.IntRange(1, 4).Draw(t, "gap"))
		indent := func(level int) string { return strings.Repeat(" ", level*step) }
		text := "name:" + gap + "x\ntasks:\n" + indent(1) + "# a comment\n" + indent(1) + "a:\n" +
			indent(2) + "command: |\n" + indent(3) + "one\n" + indent(3) + "  two\n" + indent(2) + "env: {A:" + gap + "1," + gap + "B: 2}\n" +
			indent(1) + "b:" + gap + "{noop: true}\n"
		want := "name: x\ntasks:\n  # a comment\n  a:\n    command: |\n      one\n        two\n    env: {A: 1, B: 2}\n  b: {noop: true}\n"
		got, err := format.File("x.yaml", []byte(text), loader.Limits{})
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	})
}

// A file that cannot be read is told, and not touched; one that only means nothing
// is formatted.
func TestFileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"tasks: {a: {noop: true}\n":     "x.yaml:1:",
		"tasks: \xff\n":                 "x.yaml:1:8: the byte 0xff is not UTF-8",
		strings.Repeat("a: b\n", 1<<18): "x.yaml: the file is larger than the limit",
		strings.Repeat("[", 200):        "x.yaml:1:",
	} {
		_, err := format.File("x.yaml", []byte(text), loader.Limits{})
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err), text[:min(20, len(text))])
		require.Contains(t, miniairflow.ErrorMessage(err), want)
	}
	got, err := format.File("x.yaml", []byte("tasks:   {a: {template:  none}}\n"), loader.Limits{})
	require.NoError(t, err)
	require.Equal(t, "tasks: {a: {template: none}}\n", string(got))
	for _, blank := range []string{"", "# Nothing yet.\n\n\n"} { // of defaults and pools, these are sound
		got, err := format.File("defaults.yaml", []byte(blank), loader.Limits{})
		require.NoError(t, err)
		require.Equal(t, blank, string(got))
	}
}

// FuzzFile requires of any bytes that File neither panics nor changes what they mean.
func FuzzFile(f *testing.F) {
	for _, pattern := range []string{"../testdata/good/*.yaml", "../../dags/*.yaml"} {
		names, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, name := range names {
			data, err := os.ReadFile(name)
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		formatted, err := format.File("x.yaml", data, loader.Limits{})
		if err != nil {
			require.Contains(t, []string{miniairflow.CodeInvalid, miniairflow.CodeConflict}, miniairflow.ErrorCode(err), err)
			return
		}
		again, err := format.File("x.yaml", formatted, loader.Limits{})
		require.NoError(t, err)
		require.Equal(t, string(formatted), string(again))
	})
}
