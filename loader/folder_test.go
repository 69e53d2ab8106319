package loader_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// The sections of an archive that are no files.
const (
	problemsSection    = "problems"
	definitionsSection = "definitions"
	warningsSection    = "warnings"
)

// Every folder gives exactly the problems and the definitions that its archive says,
// from the command line and from a loader alike.
func TestFolders(t *testing.T) {
	files := glob(t, "testdata/folders/*.txtar")
	require.GreaterOrEqual(t, len(files), 20)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			f := newFixture(t)
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			want := map[string]string{}
			archive.Files = slices.DeleteFunc(archive.Files, func(section txtar.File) bool {
				if !slices.Contains([]string{problemsSection, definitionsSection, warningsSection}, section.Name) {
					f.write(section.Name, string(section.Data))
					return false
				}
				want[section.Name] = string(section.Data)
				return true
			})
			got := f.describe()
			if *update {
				for _, name := range []string{definitionsSection, problemsSection, warningsSection} {
					if got[name] != "" {
						archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
					}
				}
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o644))
				want = got
			}
			require.Equal(t, want[problemsSection], got[problemsSection], "run with -update if the change is meant")
			require.Equal(t, want[definitionsSection], got[definitionsSection])
			require.Equal(t, want[warningsSection], got[warningsSection])
			f.sync()
			told := f.importErrors()
			slices.Sort(told)
			read := strings.Split(strings.TrimSuffix(got[problemsSection], "\n"), "\n")
			slices.Sort(read)
			require.Equal(t, strings.Join(read, "\n"), strings.Join(told, "\n"), "a loader says the same")
		})
	}
}

// describe reads the folder as the command line does.
func (f *fixture) describe() map[string]string {
	f.Helper()
	result, err := loader.LoadPath([]string{f.dir}, loader.Limits{})
	require.NoError(f, err)
	var definitions strings.Builder
	told := func(problems []miniairflow.ImportError) string {
		var lines strings.Builder
		for _, problem := range problems {
			lines.WriteString(strings.ReplaceAll(problem.String(), filepath.ToSlash(f.dir)+"/", "") + "\n")
		}
		return lines.String()
	}
	for _, definition := range result.Definitions {
		text, err := json.MarshalIndent(definition.Definition, "", "  ")
		require.NoError(f, err)
		definitions.Write(append(text, '\n'))
	}
	return map[string]string{problemsSection: told(result.Problems), definitionsSection: definitions.String(), warningsSection: told(result.Warnings)}
}

const defaultsBelow = "sub/defaults.yaml"

// A change of the defaults, templates and variables of a folder changes the workflows
// below it, and no others.
func TestSyncFollowsWhatFilesTake(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Version = "1" })
	f.write("other.yaml", echo("1"))
	f.write("sub/plain.yaml", echo("1"))
	f.write("sub/deep/used.yaml", "env_file: ../.env\ntasks: {a: {template: say}}\n")
	f.write("sub/templates/say.yaml", "command: echo 1\n")
	f.write("sub/.env", "A=1\n")
	f.sync()
	require.Empty(t, f.importErrors())
	old := func() {
		for _, name := range []string{"other.yaml", "sub/plain.yaml", "sub/deep/used.yaml", "sub/templates/say.yaml", "sub/.env"} {
			f.date(name, -time.Hour)
		}
		f.sync()
		require.Zero(t, f.sync().Parsed)
	}
	old()
	f.write(defaultsBelow, "timeout: 1m\n")
	require.ElementsMatch(t, []string{"plain", "used"}, f.sync().Updated)
	f.write("sub/.env", "A=2\n")
	require.Equal(t, []string{"used"}, f.sync().Updated)
	f.write("sub/templates/say.yaml", "command: echo 2\n")
	require.Equal(t, []string{"used"}, f.sync().Updated)

	// The next loader knows all of it again by the hash alone.
	f.loader = f.newLoader(func(c *loader.Config) { c.Version = "1" })
	require.Zero(t, f.sync().Parsed)
	f.write("sub/.env", "A=3\n")
	f.loader = f.newLoader(func(c *loader.Config) { c.Version = "1" })
	require.Equal(t, []string{"used"}, f.sync().Updated)
	f.write(defaultsBelow, "timeout: 2m\n")
	f.preview(t.Context())
	require.ElementsMatch(t, []string{"plain", "used"}, f.sync().Updated)
	f.remove(defaultsBelow)
	require.ElementsMatch(t, []string{"plain", "used"}, f.sync().Updated)
}

// Wrong defaults are told at their own place, and what is below stays as it was until
// they are mended.
func TestSyncKeepsWhatIsBelowWrongDefaults(t *testing.T) {
	f := newFixture(t)
	f.write(defaultsBelow, "timeout: 1m\n")
	f.write("sub/a.yaml", echo("1"))
	f.sync()
	f.write(defaultsBelow, "timeout: 1\n")
	f.write("sub/a.yaml", echo("2"))
	f.write("sub/new.yaml", echo("1"))
	require.Empty(t, f.sync().Updated)
	want := []string{"sub/defaults.yaml:1:10: timeout: 1 has no unit: write timeout: 1s"}
	require.Equal(t, want, f.importErrors())
	require.Equal(t, 1, f.workflow("a").VersionNumber)

	// Another loader, which finds the problem in the store, does not lose it.
	f.loader = f.newLoader()
	f.sync()
	require.Equal(t, want, f.importErrors())
	require.Equal(t, 1, f.workflow("a").VersionNumber)
	require.Nil(t, f.workflow("a").RetiredAt)

	f.write(defaultsBelow, "timeout: 2m\n")
	report := f.sync()
	require.Equal(t, []string{"a"}, report.Updated)
	require.Equal(t, []string{"new"}, report.Created)
	require.Empty(t, f.importErrors())
	f.write(defaultsBelow, "- 1\n")
	f.sync()
	require.Len(t, f.importErrors(), 1)
	f.remove(defaultsBelow)
	f.sync()
	require.Empty(t, f.importErrors(), "the problem goes with its file")

	f.write(defaultsBelow, "- 1\n")
	f.sync()
	f.remove(defaultsBelow)
	f.loader = f.newLoader()
	f.sync()
	require.Empty(t, f.importErrors(), "also when the file went while nobody looked")
}

// A running loader sees changes of these files by their events alone.
func TestRunWatchesWhatFilesTake(t *testing.T) {
	f := newFixture(t, watchOnly)
	f.write("sub/a.yaml", "env_file: .env\ntasks: {a: {template: say}}\n")
	f.write("templates/say.yaml", "command: echo 1\n")
	f.write("sub/.env", "A=1\n")
	f.run(f.loader)
	f.version("a", 1)
	f.write("templates/say.yaml", "command: echo 2\n")
	f.version("a", 2)
	f.write("sub/.env", "A=2\n")
	f.version("a", 3)
	f.write(defaultsBelow, "timeout: 1m\n")
	f.version("a", 4)
	f.replace(defaultsBelow, "timeout: 2m\n")
	f.version("a", 5)
	f.write("sub/templates/say.yaml", "command: echo 3\n")
	f.version("a", 6)
}

// Defaults that may still be being written count as they were.
func TestRunWaitsForDefaultsThatAreBeingWritten(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) {
		c.NoWatch, c.Debounce, c.Rescan = true, time.Hour, 5*time.Millisecond
	})
	f.write(defaultsBelow, "timeout: 1m\n")
	f.write("sub/a.yaml", echo("1"))
	f.date(defaultsBelow, -2*time.Hour)
	f.date("sub/a.yaml", -2*time.Hour)
	f.run(f.loader)
	f.version("a", 1)
	f.write(defaultsBelow, "timeout: 2\n")
	f.write("sub/b.yaml", echo("1"))
	f.date("sub/b.yaml", -2*time.Hour)
	f.version("b", 1)
	require.Empty(t, f.importErrors())
	f.write(defaultsBelow, "timeout: 2m\n")
	f.date(defaultsBelow, -2*time.Hour)
	f.version("a", 2)
}

// A file that is named takes what lies in the folders from the workflows' down.
func TestLoadPathBelow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dags")
	write(t, dir, "defaults.yaml", "timeout: 1m\nqueue: all\n")
	write(t, dir, "sub/defaults.yaml", "queue: sub\n")
	write(t, dir, "sub/a.yaml", "env_file: ../.env\ntasks: {x: {noop: true}}")
	write(t, dir, ".env", "A=1")
	file := filepath.Join(dir, "sub", "a.yaml")
	result, err := loader.LoadPathBelow(dir, []string{file}, loader.Limits{})
	require.NoError(t, err)
	require.Empty(t, result.Problems)
	task := result.Definitions[0].Tasks[0]
	require.Equal(t, "sub", task.Queue)
	require.Equal(t, "1m0s", task.Timeout.String())
	require.Equal(t, map[string]string{"A": "1"}, result.Definitions[0].Env)

	result, err = loader.LoadPath([]string{file}, loader.Limits{})
	require.NoError(t, err)
	require.Len(t, result.Problems, 1, "alone it takes what is in its own folder")
	require.Contains(t, result.Problems[0].Message, "leaves the folder of the workflows")

	write(t, dir, "sub/defaults.yaml", "queue: a b\n")
	for _, other := range []string{"sub/defaults.yaml", "sub/a.yaml"} {
		result, err = loader.LoadPathBelow(dir, []string{filepath.Join(dir, filepath.FromSlash(other))}, loader.Limits{})
		require.NoError(t, err)
		require.Len(t, result.Problems, 1, other)
		require.Equal(t, filepath.ToSlash(dir)+"/sub/defaults.yaml", result.Problems[0].File)
		require.Empty(t, result.Definitions)
	}
	write(t, dir, "templates/t.yaml", "template: u")
	write(t, dir, "x.env", "a b")
	for _, other := range []string{"templates/t.yaml", "x.env"} {
		result, err = loader.LoadPathBelow(dir, []string{filepath.Join(dir, filepath.FromSlash(other))}, loader.Limits{})
		require.NoError(t, err)
		require.Len(t, result.Problems, 1, other)
	}
}

// These files are bounded, and links out of the folder are not followed.
func TestWhatFilesTakeIsBounded(t *testing.T) {
	f := newFixture(t)
	f.write("a.yaml", "env_file: .env\ntasks: {a: {noop: true}}\n")
	f.write(".env", "A="+strings.Repeat("x", 64<<10))
	f.write("../outside.yaml", "timeout: 1m\n")
	require.NoError(t, os.Symlink("../outside.yaml", filepath.Join(f.dir, "defaults.yaml")))
	f.write("b.yaml", echo("1"))
	want := []string{
		"a.yaml:1:11: env_file \".env\": .env: the file is larger than the limit of 65536 bytes",
		"defaults.yaml: the symbolic link leaves the workflow folder",
	}
	f.sync()
	require.Equal(t, want, f.importErrors())
	_, err := f.store.FindWorkflowByName(t.Context(), "b")
	require.ErrorIs(t, err, miniairflow.ErrNotFound, "what is below wrong defaults waits")
	f.remove("defaults.yaml")
	f.sync()
	require.Equal(t, want[:1], f.importErrors())
	require.Equal(t, 1, f.workflow("b").VersionNumber)

	f.write("templates/t.yaml", "command: echo\nenv: {A: 1, B: 2}\n")
	f.write("a.yaml", "tasks:\n  a: {template: t}\n  b: {template: t}\n")
	result, err := loader.LoadPath([]string{f.dir}, loader.Limits{Expanded: 5})
	require.NoError(t, err)
	require.Len(t, result.Problems, 1)
	require.Contains(t, result.Problems[0].String(), "/a.yaml:3:17: aliases, defaults and templates expand to more than 5 values")
}
