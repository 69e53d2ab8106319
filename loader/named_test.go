package loader_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A save makes the loader look at what was saved; what came or went makes it look
// at everything.
func TestRunLooksAtWhatEventsName(t *testing.T) {
	f := newFixture(t, watchOnly)
	f.write("a.yaml", echo("1"))
	f.write("b.yaml", echo("1"))
	elsewhere := filepath.Join(t.TempDir(), "b.yaml")
	require.NoError(t, os.Link(filepath.Join(f.dir, "b.yaml"), elsewhere))
	f.run(f.loader)
	f.version("a", 1)
	f.version("b", 1)
	f.write("probe.yaml", echo("1"))
	f.version("probe", 1) // the second look at everything, after the first watch, is over

	// A change under another name of the file makes no event here.
	require.NoError(t, os.WriteFile(elsewhere, []byte(echo("2")), 0o644))
	f.replace("a.yaml", echo("2"))
	f.version("a", 2)
	f.write("c.yaml", echo("1"))
	f.version("c", 1)
	require.Equal(t, 1, f.workflow("b").VersionNumber)
	f.write("sub/d.yaml", echo("1"))
	f.version("d", 1)
	f.version("b", 2)
}

// A name that a save gives up goes to the file that waits for it, be that before or
// behind in the order of the files.
func TestRunHandsNamesOn(t *testing.T) {
	for _, order := range [][]string{{"a.yaml", "b.yaml"}, {"b.yaml", "a.yaml"}} {
		t.Run(order[0]+" gives", func(t *testing.T) {
			f := newFixture(t, watchOnly)
			f.write(order[0], "name: shared\n"+echo("first"))
			f.run(f.loader)
			f.version("shared", 1)
			f.write(order[1], "name: shared\n"+echo("second"))
			f.eventually(func() bool { return len(f.importErrors()) == 1 }, "the conflict does not show")
			f.write(order[0], "name: other\n"+echo("first"))
			f.version("other", 1)
			f.version("shared", 2)
			require.Equal(t, order[1], f.workflow("shared").SourceFile)
			f.eventually(func() bool { return len(f.importErrors()) == 0 }, "the conflict does not go")
		})
	}
}

// The files of a mounted ConfigMap are links that change all at once, without an
// event of their own.
func TestRunFollowsLinks(t *testing.T) {
	f := newFixture(t, watchOnly)
	link := func(target, name string) { require.NoError(t, os.Symlink(target, filepath.Join(f.dir, name))) }
	f.write("..v1/a.yaml", echo("1"))
	link("..v1", "..data")
	link(filepath.Join("..data", "a.yaml"), "a.yaml")
	f.run(f.loader)
	f.version("a", 1)
	f.write("probe.yaml", echo("1"))
	f.version("probe", 1)
	f.write("..v2/a.yaml", echo("2"))
	link("..v2", "..data_tmp")
	require.NoError(t, os.Rename(filepath.Join(f.dir, "..data_tmp"), filepath.Join(f.dir, "..data")))
	f.version("a", 2)
}

// More changes than are looked at one by one are all found.
func TestRunFindsManyChanges(t *testing.T) {
	const many = 1_100
	f := newFixture(t, watchOnly)
	f.write("probe.yaml", echo("1"))
	f.run(f.loader)
	f.version("probe", 1)
	for i := range many {
		f.write(fmt.Sprintf("w%d.yaml", i), "tasks: {a: {noop: true}}\n")
	}
	f.eventually(func() bool {
		n, err := f.store.CountWorkflows(t.Context(), miniairflow.WorkflowFilter{})
		return err == nil && n == many+1
	}, "some files are not found")
}
