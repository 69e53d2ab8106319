package loader_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

var update = flag.Bool("update", false, "write the golden files")

// Every wrong file gives exactly the problems of its golden file, and no
// workflow but for its good documents.
func TestParseBad(t *testing.T) {
	files := glob(t, "testdata/bad/*.yaml")
	require.GreaterOrEqual(t, len(files), 150)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, problems := loader.Parse(filepath.Base(file), read(t, file), loader.Limits{})
			require.NotEmpty(t, problems)
			var text strings.Builder
			for _, problem := range problems {
				text.WriteString(problem.String() + "\n")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", text.String())
			checkPlaces(t, read(t, file), problems)
		})
	}
}

// Every good file has no problem and gives exactly the canonical form of its
// golden file, and the warnings there.
func TestParseGood(t *testing.T) {
	files := glob(t, "testdata/good/*.yaml")
	require.GreaterOrEqual(t, len(files), 15)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			definitions, problems := loader.Parse(filepath.Base(file), read(t, file), loader.Limits{})
			require.Empty(t, problems)
			require.NotEmpty(t, definitions)
			var text strings.Builder
			for _, definition := range definitions {
				require.Positive(t, definition.Line)
				require.Positive(t, definition.Column)
				content, err := json.MarshalIndent(definition.Definition, "", "  ")
				require.NoError(t, err)
				text.Write(append(content, '\n'))
				for _, warning := range definition.Warnings {
					text.WriteString("warning: " + warning.String() + "\n")
				}
				checkPlaces(t, read(t, file), definition.Warnings)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".golden", text.String())
		})
	}
}

// checkPlaces requires that every problem is placed inside the file, or is the
// whole file's.
func checkPlaces(t *testing.T, data []byte, problems []miniairflow.ImportError) {
	t.Helper()
	lines := strings.Split(string(data), "\n")
	for _, problem := range problems {
		require.Equal(t, problem.Line > 0, problem.Column > 0, problem)
		if problem.Line > 0 {
			require.LessOrEqual(t, problem.Line, len(lines), problem)
			require.LessOrEqual(t, problem.Column, len([]rune(lines[problem.Line-1]))+1, problem)
		}
		require.NotContains(t, problem.Message, "\n")
		require.NotContains(t, problem.Message, "yaml:")
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	return files
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return data
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	require.Equal(t, string(read(t, file)), got, "run with -update if the change is meant")
}

// A workflow before the first syntax error is what the file says, not what a repair
// made of its last line to read on; and it is none where that line has more faults.
func TestParseBeforeSyntaxError(t *testing.T) {
	definitions, problems := loader.Parse("any.yaml", []byte("--- {name: one, tasks: {a: {noop: true}}, docs: x}}\n"), loader.Limits{})
	require.NotEmpty(t, problems)
	require.Len(t, definitions, 1)
	require.Equal(t, "x", definitions[0].Docs)
	definitions, problems = loader.Parse("any.yaml", []byte("--- {name: one, tasks: {a: {noop: true}}, dosc: x}}\n"), loader.Limits{})
	require.NotEmpty(t, problems)
	require.Empty(t, definitions)
}
