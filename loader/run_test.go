package loader_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// run runs the loader until the test ends, or until stop is called.
func (f *fixture) run(l *loader.Loader) (stop func()) {
	ctx, cancel := context.WithCancel(f.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(f, <-done)
		}
	}
	f.Cleanup(stop)
	return stop
}

// version waits until the workflow has the version.
func (f *fixture) version(name string, number int) {
	f.Helper()
	f.eventually(func() bool {
		w, err := f.store.FindWorkflowByName(f.Context(), name)
		return err == nil && w.VersionNumber == number && w.RetiredAt == nil
	}, "%s does not reach version %d", name, number)
}

func (f *fixture) eventually(condition func() bool, message string, args ...any) {
	f.Helper()
	require.Eventually(f, condition, time.Minute, 5*time.Millisecond, append([]any{message}, args...)...)
}

// watchOnly leaves the loader nothing but the events of the file system.
func watchOnly(c *loader.Config) {
	c.Rescan, c.Lease, c.Missing = time.Hour, time.Hour, 200*time.Millisecond
}

func TestRunWatches(t *testing.T) {
	f := newFixture(t, watchOnly)
	f.write("a.yaml", echo("1"))
	f.run(f.loader)
	f.version("a", 1)

	f.write("a.yaml", echo("2"))
	f.version("a", 2)
	f.replace("a.yaml", echo("3"))
	f.version("a", 3)

	f.write("new/deep/b.yaml", echo("1"))
	f.version("b", 1)
	f.replace("new/deep/b.yaml", echo("2"))
	f.version("b", 2)

	f.write("a.yaml", "tasks: [")
	f.eventually(func() bool { return len(f.importErrors()) == 1 }, "the problem does not show")
	require.Equal(t, 3, f.workflow("a").VersionNumber)
	f.write("a.yaml", echo("4"))
	f.version("a", 4)
	f.eventually(func() bool { return len(f.importErrors()) == 0 }, "the problem does not go")

	require.NoError(t, os.RemoveAll(filepath.Join(f.dir, "new")))
	f.eventually(func() bool { return f.workflow("b").RetiredAt != nil }, "the workflow is not retired")
	f.write("new/deep/b.yaml", echo("3"))
	f.version("b", 3)
	require.NoError(t, os.Rename(filepath.Join(f.dir, "a.yaml"), filepath.Join(f.dir, "moved.yaml")))
	f.version("moved", 1)
}

// A folder that goes away and comes back is followed again.
func TestRunSurvivesItsFolder(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Rescan = 20 * time.Millisecond })
	f.write("a.yaml", echo("1"))
	f.run(f.loader)
	f.version("a", 1)
	require.NoError(t, os.Rename(f.dir, f.dir+".moved"))
	require.NoError(t, os.Mkdir(f.dir, 0o755))
	f.write("a.yaml", echo("2"))
	f.version("a", 2)
}

func TestRunWithoutWatch(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.NoWatch, c.Rescan = true, 10*time.Millisecond })
	f.run(f.loader)
	f.write("a.yaml", echo("1"))
	f.version("a", 1)
	f.remove("a.yaml")
	f.write("other.yaml", echo("1"))
	f.eventually(func() bool { return f.workflow("a").RetiredAt != nil }, "the workflow is not retired")
}

// A file that may still be being written makes no version and shows no problem;
// one with problems is given more time.
func TestRunWaitsForSlowWriters(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) {
		c.NoWatch, c.Debounce, c.Rescan = true, time.Hour, 5*time.Millisecond
	})
	f.write("young.yaml", echo("1"))
	f.write("young_bad.yaml", "tasks: [")
	f.date("young_bad.yaml", -2*time.Hour)
	f.write("z_old.yaml", echo("1"))
	f.date("z_old.yaml", -2*time.Hour)
	f.write("z_old_bad.yaml", "tasks: [")
	f.date("z_old_bad.yaml", -6*time.Hour)
	f.run(f.loader)
	f.version("z_old", 1)
	f.eventually(func() bool { return len(f.importErrors()) == 1 }, "the problem does not show")
	require.Contains(t, f.importErrors()[0], "z_old_bad.yaml:1:8: ")
	_, err := f.store.FindWorkflowByName(t.Context(), "young")
	require.ErrorIs(t, err, miniairflow.ErrNotFound)

	f.date("young.yaml", -2*time.Hour)
	f.version("young", 1)
	f.date("young_bad.yaml", -6*time.Hour)
	f.eventually(func() bool { return len(f.importErrors()) == 2 }, "the problem does not show")
}

// Of two loaders one works; when it stops, the other one goes on at once.
func TestRunHandsOver(t *testing.T) {
	long := func(c *loader.Config) { c.Lease = time.Hour }
	f := newFixture(t, long)
	f.write("a.yaml", echo("1"))
	stop := f.run(f.loader)
	f.version("a", 1)
	second := f.newLoader(long)
	report, err := second.Sync(t.Context())
	require.NoError(t, err)
	require.True(t, report.Standby)
	stop()
	f.write("a.yaml", echo("2"))
	f.loader = second
	require.Equal(t, []string{"a"}, f.sync().Updated)
}

// A loader that waits takes over from one that died.
func TestRunTakesOver(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Lease = 200 * time.Millisecond })
	f.write("a.yaml", echo("1"))
	f.sync() // and never again: its lease runs out
	f.write("a.yaml", echo("2"))
	f.run(f.newLoader(func(c *loader.Config) { c.Lease, c.Rescan = 200*time.Millisecond, time.Hour }))
	f.version("a", 2)
}

// A database that goes away is waited for.
func TestRunSurvivesItsStore(t *testing.T) {
	server := persistencetest.PostgresServer(t)
	f := &fixture{T: t, dir: t.TempDir(), store: persistencetest.Open(t, server.URL())}
	f.write("a.yaml", echo("1"))
	f.run(f.newLoader(func(c *loader.Config) { c.Lease = 30 * time.Second }))
	f.version("a", 1)
	server.Stop()
	f.write("a.yaml", echo("2"))
	server.Start()
	f.version("a", 2)
}

func BenchmarkSyncUnchanged(b *testing.B) {
	dir := b.TempDir()
	old := time.Now().Add(-time.Hour)
	for i := range 10_000 {
		name := filepath.Join(dir, "w"+string(rune('a'+i%26))+time.Duration(i).String()+".yaml")
		require.NoError(b, os.WriteFile(name, []byte(echo("1")), 0o644))
		require.NoError(b, os.Chtimes(name, old, old))
	}
	l := loader.New(loader.Config{Dir: dir, Store: persistencetest.SQLite(b)})
	_, err := l.Sync(b.Context())
	require.NoError(b, err)
	for b.Loop() {
		report, err := l.Sync(b.Context())
		require.NoError(b, err)
		require.Zero(b, report.Parsed)
	}
}
