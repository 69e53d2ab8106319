package loader_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/loader"
)

// A loader that follows another of the same version parses only what has changed
// since, and what the store does not have as the file says.
func TestNextLoaderParsesOnlyChanges(t *testing.T) {
	versioned := func(version string) func(*loader.Config) {
		return func(c *loader.Config) { c.Version = version }
	}
	f := newFixture(t, versioned("1"))
	for _, name := range []string{"same", "changed", "gone"} {
		f.write(name+".yaml", echo("1"))
	}
	f.write("broken.yaml", "tasks: 1\n")
	require.Equal(t, 4, f.sync().Parsed)

	f.write("changed.yaml", echo("2"))
	require.NoError(t, os.Remove(filepath.Join(f.dir, "gone.yaml")))
	f.loader = f.newLoader(versioned("1"))
	report := f.sync()
	require.Equal(t, 2, report.Parsed, "that which has changed, and that with an error")
	require.Equal(t, []string{"changed"}, report.Updated)
	require.Equal(t, []string{"gone.yaml"}, f.sync().Gone)
	require.Zero(t, f.sync().Parsed)

	f.loader = f.newLoader(versioned("2"))
	require.Equal(t, 3, f.sync().Parsed, "another version may find other things in the same bytes")
	f.loader = f.newLoader(versioned("2"))
	require.Equal(t, 1, f.sync().Parsed)
	f.loader = f.newLoader()
	require.Equal(t, 3, f.sync().Parsed, "a build without a version trusts nothing")
}
