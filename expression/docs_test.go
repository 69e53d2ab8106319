package expression

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of the documentation")

const page = "../docs/workflow-files.md"

// TestDocumentation holds the tables of names and functions in the documentation
// to those that the checks follow.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	want := string(text)
	for name, table := range map[string]string{"names": namesTable(), "functions": functionsTable()} {
		begin, end := "<!-- "+name+": written by go test ./expression -update -->\n", "<!-- end of "+name+" -->"
		before, rest, found := strings.Cut(want, begin)
		require.True(t, found, "%s has no %s", page, begin)
		_, after, found := strings.Cut(rest, end)
		require.True(t, found, "%s has no %s", page, end)
		want = before + begin + table + end + after
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o600))
	}
	text, err = os.ReadFile(page)
	require.NoError(t, err)
	if want != string(text) { // a diff of whole pages would help nobody
		require.FailNow(t, "stale page", "%s: go test ./expression -run TestDocumentation -update", page)
	}
}

func namesTable() string {
	var table strings.Builder
	table.WriteString("| name | value | in defaults of `params` | in `env` of the workflow | in keys of a task |\n|---|---|---|---|---|\n")
	for _, r := range roots {
		only := " |  |  | not there: in `params` of `triggers." + r.event + "` |\n"
		if r.event != "" && r.alone != nil {
			table.WriteString("| `" + r.name + "` | " + r.what + only)
		} else if r.alone != nil {
			table.WriteString("| `" + r.name + "` | " + r.what + " |  |  | of a task with `for_each`, but for `for_each` itself |\n")
		}
		for _, f := range r.fields {
			if r.event != "" {
				table.WriteString("| `" + r.name + "." + f.name + "` | " + f.about + only)
				continue
			}
			early, env, task := "", "", "all"
			if r.since <= phaseParams && !f.isFinal && !f.isTold {
				early = "yes"
			}
			if r.since <= phaseRun && !f.isFinal && !f.isTold {
				env = "yes"
			}
			if r.keys != nil {
				task = "`" + strings.Join(r.keys, "`, `") + "`"
			}
			if f.isFinal {
				task += ", of `finally`, and `on_…`"
			}
			if f.isTold {
				task = "`on_…`"
			}
			row := []string{"`" + r.name + "." + f.name + "`", f.about, early, env, task}
			table.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	return table.String()
}

func functionsTable() string {
	var table strings.Builder
	table.WriteString("| function | gives | for example |\n|---|---|---|\n")
	for _, group := range [][]function{textFunctions, listFunctions, numberFunctions, dateFunctions, valueFunctions} {
		for _, f := range group {
			example := f.examples[0]
			row := []string{"`" + f.signature() + "`", f.about, "`" + example.source + "` is `" + example.result + "`"}
			table.WriteString("| " + strings.Join(row, " | ") + " |\n")
		}
	}
	return table.String()
}

// Every root says where it is and how it is read, and no name is there twice.
func TestRootsAreComplete(t *testing.T) {
	var names []string
	for _, r := range roots {
		names = append(names, r.name)
		require.NotEmpty(t, r.form, r.name)
		require.Equal(t, r.alone == nil, len(r.fields) > 0, r.name)
		require.NotContains(t, functions, r.name)
		if r.name != rootTasks {
			require.NotNil(t, r.value, r.name)
			require.NotEmpty(t, r.what, r.name)
		}
		require.Equal(t, r.has == nil, r.declared == nil, r.name)
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names))
	for wrong, right := range elsewhere {
		require.Contains(t, functions, right)
		require.NotContains(t, functions, wrong)
	}
}
