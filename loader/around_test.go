package loader

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lay writes files below a folder.
func lay(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
}

func scanAll(t *testing.T, root string) scanned {
	t.Helper()
	found, err := scan(root, Config{}.readAround(nil), plainFile.stat)
	require.NoError(t, err)
	return found
}

// No number of env files keeps defaults and templates from counting, and what is beyond
// the bound is not even opened.
func TestEnvFilesLeaveDefaultsAlone(t *testing.T) {
	root := t.TempDir()
	files := map[string]string{"defaults.yaml": "timeout: 1m\n", "templates/say.yaml": "command: echo\n", "z.yaml": "tasks: {a: {template: say}}\n"}
	for i := range aroundFilesMax {
		files[fmt.Sprintf("a%04d.env", i)] = "A=1\n"
	}
	lay(t, root, files)
	found := scanAll(t, root)
	require.Empty(t, found.around.problems)
	require.NotNil(t, found.around.of("z.yaml").templates["say"])
	for _, name := range []string{"a0998.env", "a0999.env"} { // the last two
		require.Contains(t, found.around.env[name].refused, "more than 1000 defaults, templates and env files", name)
		before := found.around.digest
		lay(t, root, map[string]string{name: "A=2\n"})
		require.Equal(t, before, scanAll(t, root).around.digest, "a file that was not read cannot change anything")
	}
	require.Equal(t, "A=1\n", string(found.around.env["a0997.env"].data))
}

// Two places may link to the same templates; only a path that leads through itself
// ends, and links that multiply are bounded.
func TestScanFollowsLinksOfTwoPlaces(t *testing.T) {
	root := t.TempDir()
	lay(t, root, map[string]string{"shared/say.yaml": "command: echo\n", "a/x.yaml": "", "b/y.yaml": ""})
	link := func(target, name string) { require.NoError(t, os.Symlink(target, filepath.Join(root, name))) }
	link("../shared", "a/templates")
	link("../shared", "b/templates")
	link("..", "b/circle")
	link("a", "c")
	found := scanAll(t, root)
	require.Empty(t, found.unreadable)
	for _, file := range []string{"a/x.yaml", "b/y.yaml"} {
		require.NotNil(t, found.around.of(file).templates["say"], file)
	}
	var files []string
	for _, file := range found.files {
		files = append(files, file.path)
	}
	require.Equal(t, []string{"a/x.yaml", "b/y.yaml"}, files, "a workflow is read at one place")

	root = t.TempDir()
	for i := range 20 {
		lay(t, root, map[string]string{fmt.Sprintf("f%02d/.keep", i): ""})
		for _, name := range []string{"l", "r"} {
			require.NoError(t, os.Symlink(fmt.Sprintf("../f%02d", i+1), filepath.Join(root, fmt.Sprintf("f%02d/%s", i, name))))
		}
	}
	lay(t, root, map[string]string{"f20/x.yaml": ""})
	found = scanAll(t, root)
	require.LessOrEqual(t, len(found.folders), foldersAgainMax+30)
	require.Len(t, found.files, 1)
	require.Contains(t, found.complaint(), "folders cannot be read")
}

// What is wrong with env files is bounded while it is collected, not only when it is told.
func TestEnvProblemsAreBounded(t *testing.T) {
	root := t.TempDir()
	files := map[string]string{}
	var names []string
	for i := range envFilesMax {
		name := fmt.Sprintf("e%d.env", i)
		files[name], names = strings.Repeat("wrong\n", envNamesMax), append(names, name)
	}
	lay(t, root, files)
	found := scanAll(t, root)
	f := newFile("a.yaml", Limits{}.withDefaults())
	f.around = found.around.of("a.yaml")
	text := []byte("env_file: [" + strings.Join(names, ", ") + "]\ntasks: {a: {noop: true}}\n")
	f.lines = splitLines(string(text))
	d, root1 := f.single(text, "a workflow", nil)
	entries, _ := root1.entries("")
	entries[0].envFiles(nil)
	require.LessOrEqual(t, len(d.problems), problemsMax+envFilesMax)
}
