package loader_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

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

// A file that was changed just before the next loader began is looked into again,
// since its time may not tell a further change.
func TestNextLoaderSeesChangesWithinOneStepOfTheClock(t *testing.T) {
	versioned := func(c *loader.Config) { c.Version = "1" }
	f := newFixture(t, versioned)
	file, modified := filepath.Join(f.dir, "a.yaml"), time.Now().Add(time.Minute)
	write := func(text string) {
		f.write("a.yaml", echo(text))
		require.NoError(t, os.Chtimes(file, modified, modified))
	}
	write("1")
	f.sync()
	f.loader = f.newLoader(versioned)
	require.Zero(t, f.sync().Parsed)
	write("2")
	require.Equal(t, []string{"a"}, f.sync().Updated)
}

// What the next loader has found as it is known, it knows by its time from then on.
func TestNextLoaderKnowsTimesOfFiles(t *testing.T) {
	versioned := func(c *loader.Config) { c.Version = "1" }
	f := newFixture(t, versioned)
	f.write("a.yaml", echo("1"))
	f.date("a.yaml", -time.Hour)
	f.sync()
	f.loader = f.newLoader(versioned)
	require.Zero(t, f.sync().Parsed)
	info, err := os.Stat(filepath.Join(f.dir, "a.yaml"))
	require.NoError(t, err)
	f.write("a.yaml", echo("2"))
	require.NoError(t, os.Chtimes(filepath.Join(f.dir, "a.yaml"), info.ModTime(), info.ModTime()))
	require.Zero(t, f.sync().Parsed, "it says that it has not changed")
	f.date("a.yaml", -time.Minute)
	require.Equal(t, []string{"a"}, f.sync().Updated)
}
