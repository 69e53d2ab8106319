package miniairflow_test

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const modulePath = "github.com/sauravritesh63/miniairflow"

// allowedImports lists, for each package below the root, the packages of this
// module that it may import ("." is the root). cmd is not in it: it knows everybody.
var allowedImports = map[string][]string{
	".":                           {},
	"artifacts":                   {"."},
	"chaos":                       {},
	"expression":                  {"."},
	"graph":                       {".", "artifacts", "graph/generated", "graph/model", "logs"},
	"graph/execution":             {},
	"graph/generated":             {".", "graph/execution", "graph/model"},
	"graph/lighten":               {},
	"graph/model":                 {"."},
	"loader":                      {".", "expression"},
	"loader/crontab":              {".", "loader"},
	"loader/format":               {".", "loader"},
	"loader/reference":            {"."},
	"loader/reference/write":      {"loader/reference"},
	"logs":                        {"."},
	"notify":                      {"."},
	"persistence":                 {".", "persistence/dialect", "persistence/postgres", "persistence/sqlite"},
	"persistence/dialect":         {"."},
	"persistence/persistencetest": {".", "persistence", "persistence/postgres", "persistence/sqlite"},
	"persistence/postgres":        {".", "persistence/dialect"},
	"persistence/sqlite":          {".", "persistence/dialect"},
	"runner":                      {".", "artifacts", "logs", "notify", "runner/action"},
	"runner/action":               {".", "logs", "runner/process"},
	"runner/process":              {},
	"secrets":                     {"."},
	"server":                      {".", "web"},
	"web":                         {},
}

// rootLibraries are all libraries that the root package may import.
var rootLibraries = []string{"github.com/agnivade/levenshtein", "github.com/google/uuid", "github.com/robfig/cron/v3"}

// listImports returns the imports of every package of the module, without those of tests.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	out, err := cmd.Output()
	require.NoError(t, err)
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		imports[words[0]] = words[1:]
	}
	require.NotEmpty(t, imports)
	return imports
}

// folder returns the place of a package in the module; ok is false for one of
// another module.
func folder(importPath string) (place string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

func TestImportsFollowTheTable(t *testing.T) {
	for importPath, imports := range listImports(t) {
		from, ok := folder(importPath)
		require.True(t, ok, "package %s is not below %s", importPath, modulePath)
		if from == "cmd" || strings.HasPrefix(from, "cmd/") {
			continue
		}
		allowed, listed := allowedImports[from]
		require.True(t, listed, "package %s is not in the table of deps_test.go", from)
		for _, imported := range imports {
			if to, own := folder(imported); own {
				require.Contains(t, allowed, to, "package %s may not import %s", from, to)
			}
		}
	}
}

func TestImportTableIsAStar(t *testing.T) {
	// Without a cycle even among edges that are listed and unused.
	var visit func(place string, path []string)
	visit = func(place string, path []string) {
		require.NotContains(t, path, place, "the table has a cycle")
		for _, to := range allowedImports[place] {
			require.Contains(t, slices.Collect(maps.Keys(allowedImports)), to, "package %s is allowed to import an unknown one", place)
			visit(to, append(path, place))
		}
	}
	for place := range allowedImports {
		visit(place, nil)
	}
}

func TestRootImportsAlmostNothing(t *testing.T) {
	for _, imported := range listImports(t)[modulePath] {
		first, _, _ := strings.Cut(imported, "/")
		if strings.Contains(first, ".") {
			require.Contains(t, rootLibraries, imported, "a library that the root package may not import")
		}
		require.NotContains(t, []string{"os", "net", "net/http", "database/sql", "os/exec", "io/fs", "log/slog"}, imported, "the root package does no I/O")
	}
}
