package loader_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }

// fixture is a folder, a store and a loader between them.
type fixture struct {
	*testing.T
	dir    string
	store  miniairflow.Store
	loader *loader.Loader
}

// newFixture returns a loader that retires at the second pass and keeps its
// lease for a moment only, so that another one can follow.
func newFixture(t *testing.T, change ...func(*loader.Config)) *fixture {
	t.Helper()
	f := &fixture{T: t, dir: filepath.Join(t.TempDir(), "dags"), store: persistencetest.SQLite(t)}
	require.NoError(t, os.Mkdir(f.dir, 0o755))
	f.loader = f.newLoader(change...)
	return f
}

func (f *fixture) newLoader(change ...func(*loader.Config)) *loader.Loader {
	config := loader.Config{Dir: f.dir, Store: f.store, Logger: persistencetest.Logger(f), Missing: time.Nanosecond, Lease: time.Millisecond}
	for _, c := range change {
		c(&config)
	}
	return loader.New(config)
}

func (f *fixture) write(name, text string) {
	f.Helper()
	write(f.T, f.dir, name, text)
}

// replace writes a file as careful editors do: beside it, then over it.
func (f *fixture) replace(name, text string) {
	f.Helper()
	f.write(name+".tmp~", text)
	require.NoError(f, os.Rename(filepath.Join(f.dir, name+".tmp~"), filepath.Join(f.dir, name)))
}

func (f *fixture) remove(name string) {
	f.Helper()
	require.NoError(f, os.Remove(filepath.Join(f.dir, name)))
}

// date sets when a file says it was changed, counted from now.
func (f *fixture) date(name string, offset time.Duration) {
	f.Helper()
	modified := time.Now().Add(offset)
	require.NoError(f, os.Chtimes(filepath.Join(f.dir, name), modified, modified))
}

// sync makes a pass, as soon as the lease is free.
func (f *fixture) sync() loader.Report {
	f.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		report, err := f.loader.Sync(f.Context())
		require.NoError(f, err)
		if !report.Standby {
			return report
		}
		<-tick.C
	}
	require.FailNow(f, "the lease does not come free")
	return loader.Report{}
}

func (f *fixture) workflow(name string) *miniairflow.Workflow {
	f.Helper()
	w, err := f.store.FindWorkflowByName(f.Context(), name)
	require.NoError(f, err)
	return w
}

func (f *fixture) importErrors() []string {
	f.Helper()
	problems, err := f.store.FindImportErrors(f.Context())
	require.NoError(f, err)
	return texts(problems)
}

func echo(text string) string { return fmt.Sprintf("tasks:\n  a:\n    command: echo %s\n", text) }

func TestSyncFollowsAFile(t *testing.T) {
	f := newFixture(t)
	f.write("sub/etl.yaml", echo("1"))
	require.Equal(t, []string{"etl"}, f.sync().Created)
	require.Equal(t, "sub/etl.yaml", f.workflow("etl").SourceFile)
	require.Zero(t, f.sync().Parsed, "an unchanged file is not parsed again")

	f.write("sub/etl.yaml", "# a comment\n"+echo("1"))
	report := f.sync()
	require.Equal(t, 1, report.Parsed)
	require.Empty(t, report.Updated, "a comment makes no version")

	f.replace("sub/etl.yaml", echo("2"))
	require.Equal(t, []string{"etl"}, f.sync().Updated)
	require.Equal(t, 2, f.workflow("etl").VersionNumber)

	f.write("sub/etl.yaml", strings.Replace(echo("3"), "command", "comand", 1))
	require.Equal(t, 1, f.sync().Problems)
	require.Equal(t, []string{`sub/etl.yaml:3:5: unknown key "comand" in a task; did you mean "command"?`}, f.importErrors())
	require.Equal(t, 2, f.workflow("etl").VersionNumber, "the last good version stays")
	require.Nil(t, f.workflow("etl").RetiredAt)

	f.write("sub/etl.yaml", echo("3"))
	require.Equal(t, []string{"etl"}, f.sync().Updated)
	require.Empty(t, f.importErrors())
}

// The time and size of a file that changed just now say little: file systems
// count time in steps.
func TestSyncSeesChangesWithinOneStepOfTheClock(t *testing.T) {
	f := newFixture(t)
	f.write("a.yaml", echo("1"))
	modified := time.Now().Add(time.Minute)
	file := filepath.Join(f.dir, "a.yaml")
	require.NoError(t, os.Chtimes(file, modified, modified))
	f.sync()
	f.write("a.yaml", echo("2"))
	require.NoError(t, os.Chtimes(file, modified, modified))
	require.Equal(t, []string{"a"}, f.sync().Updated)
}

func TestSyncRetiresAfterTwoPasses(t *testing.T) {
	f := newFixture(t)
	f.write("keep.yaml", echo("1"))
	f.write("gone.yaml", echo("1"))
	f.write("bad.yaml", "x: 1")
	f.sync()
	require.NotEmpty(t, f.importErrors())
	f.remove("gone.yaml")
	f.remove("bad.yaml")
	report := f.sync()
	require.True(t, report.Waiting)
	require.Nil(t, f.workflow("gone").RetiredAt, "one pass may look while an editor swaps files")
	require.Equal(t, []string{"bad.yaml", "gone.yaml"}, f.sync().Gone)
	require.NotNil(t, f.workflow("gone").RetiredAt)
	require.Nil(t, f.workflow("keep").RetiredAt)
	require.Empty(t, f.importErrors())

	f.write("gone.yaml", echo("1"))
	require.Equal(t, []string{"gone"}, f.sync().Created, "it comes back with its history")
	require.Nil(t, f.workflow("gone").RetiredAt)
}

func TestSyncForgivesAFileThatComesBack(t *testing.T) {
	f := newFixture(t)
	f.write("keep.yaml", echo("1"))
	f.write("a.yaml", echo("1"))
	f.sync()
	for range 3 {
		f.remove("a.yaml")
		f.sync()
		f.write("a.yaml", echo("1"))
		f.sync()
	}
	require.Nil(t, f.workflow("a").RetiredAt)
	require.Equal(t, 1, f.workflow("a").VersionNumber)
}

func TestSyncRetiresWhatWentAwayWhileNobodyLooked(t *testing.T) {
	f := newFixture(t)
	f.write("keep.yaml", echo("1"))
	f.write("gone.yaml", echo("1"))
	f.sync()
	f.remove("gone.yaml")
	f.loader = f.newLoader()
	f.sync()
	f.sync()
	require.NotNil(t, f.workflow("gone").RetiredAt)
	require.Nil(t, f.workflow("keep").RetiredAt)
}

func TestSyncRetiresNothingWithoutAFolder(t *testing.T) {
	f := newFixture(t)
	f.write("a.yaml", echo("1"))
	f.write("sub/b.yaml", echo("1"))
	f.sync()

	moved := f.dir + ".moved"
	require.NoError(t, os.Rename(f.dir, moved))
	for range 3 {
		_, err := f.loader.Sync(t.Context())
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.NoError(t, os.Mkdir(f.dir, 0o755))
	for range 3 {
		require.Empty(t, f.sync().Gone, "an empty folder")
	}
	require.NoError(t, os.Remove(f.dir))
	require.NoError(t, os.Rename(moved, f.dir))
	require.NoError(t, os.Rename(filepath.Join(f.dir, "sub"), moved))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(f.dir, "sub")))
	for range 3 {
		require.Empty(t, f.sync().Gone, "a folder that cannot be read")
	}
	require.Nil(t, f.workflow("a").RetiredAt)
	require.Nil(t, f.workflow("b").RetiredAt)
}

func TestSyncTellsFilesThatCannotBeRead(t *testing.T) {
	f := newFixture(t)
	f.write("good.yaml", echo("1"))
	f.write("../outside.yaml", echo("1"))
	require.NoError(t, os.Symlink("../outside.yaml", filepath.Join(f.dir, "outside.yaml")))
	require.NoError(t, os.Symlink("nowhere.yaml", filepath.Join(f.dir, "dangling.yaml")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(f.dir, "pipe.yaml"), 0o644))
	f.write("large.yaml", "#"+strings.Repeat(" ", 1<<20))
	for range 2 {
		report := f.sync()
		require.Equal(t, 5, report.Files)
		require.Equal(t, []string{
			"dangling.yaml: the file cannot be read: no such file or directory",
			"large.yaml: the file is larger than the limit of 1048576 bytes",
			"outside.yaml: the symbolic link leaves the workflow folder",
			"pipe.yaml: the file cannot be read: it is not a regular file",
		}, f.importErrors())
	}
	require.Zero(t, f.sync().Parsed)
	require.Nil(t, f.workflow("good").RetiredAt)
}

// A file that a busy machine could not read in time is tried again.
func TestSyncTriesSlowFilesAgain(t *testing.T) {
	f := newFixture(t, func(c *loader.Config) { c.Limits.Time = time.Nanosecond })
	f.write("a.yaml", echo("1"))
	f.date("a.yaml", -time.Hour)
	for range 2 {
		require.Equal(t, 1, f.sync().Parsed)
	}
	require.Contains(t, f.importErrors()[0], "takes longer than 1ns")
}

// A mounted ConfigMap is files that are links into a hidden folder, which is
// swapped as a whole.
func TestSyncFollowsAConfigMap(t *testing.T) {
	f := newFixture(t)
	f.write("..2026_1/wf.yaml", echo("1"))
	f.write("..2026_1/sub/other.yaml", echo("1"))
	link := func(target, name string) {
		require.NoError(t, os.Symlink(target, filepath.Join(f.dir, name+".new")))
		require.NoError(t, os.Rename(filepath.Join(f.dir, name+".new"), filepath.Join(f.dir, name)))
	}
	link("..2026_1", "..data")
	link("..data/wf.yaml", "wf.yaml")
	link("..data/sub", "sub")
	require.Equal(t, []string{"other", "wf"}, f.sync().Created)
	require.Equal(t, "sub/other.yaml", f.workflow("other").SourceFile)

	f.write("..2026_2/wf.yaml", echo("2"))
	f.write("..2026_2/sub/other.yaml", echo("1"))
	link("..2026_2", "..data")
	require.NoError(t, os.RemoveAll(filepath.Join(f.dir, "..2026_1")))
	require.Equal(t, []string{"wf"}, f.sync().Updated)
	require.Empty(t, f.importErrors())
}

func TestSyncIgnoresOtherFiles(t *testing.T) {
	f := newFixture(t)
	f.write("a.yaml", echo("1"))
	for _, other := range []string{"sub/pools.yaml", "templates/sub/t.txt", "templates/readme.txt", "a.test.yaml", ".b.yaml", ".git/c.yaml", "d.yaml~", "e.yaml.swp", "#f.yaml#"} {
		f.write(other, "not: a workflow")
	}
	require.NoError(t, os.Symlink(".", filepath.Join(f.dir, "circle")))
	require.Equal(t, 1, f.sync().Files)
	require.Empty(t, f.importErrors())
}

// A name belongs to its first file until that one gives it up.
func TestSyncNamesHaveOneOwner(t *testing.T) {
	f := newFixture(t)
	f.write("a.yaml", "name: shared\n"+echo("a"))
	f.sync()
	f.write("b.yaml", "name: shared\n"+echo("b"))
	f.date("b.yaml", -time.Hour)
	require.Len(t, f.sync().Conflicts, 1)
	require.Len(t, f.importErrors(), 1)
	require.Contains(t, f.importErrors()[0], "b.yaml:1:7: ")
	require.Equal(t, "a.yaml", f.workflow("shared").SourceFile)

	f.write("a.yaml", "name: other\n"+echo("a"))
	f.sync()
	f.sync()
	require.Equal(t, "b.yaml", f.workflow("shared").SourceFile)
	require.Empty(t, f.importErrors())
}

// stolenLease is a store whose lease goes to somebody else after some calls.
type stolenLease struct {
	miniairflow.Store
	left int
}

func (s *stolenLease) TryLease(ctx context.Context, name string, holder uuid.UUID, ttl time.Duration) (bool, error) {
	if s.left--; s.left < 0 {
		return false, nil
	}
	return s.Store.TryLease(ctx, name, holder, ttl)
}

// A loader that loses its lease while it works stops, and reads everything
// again when it has it back.
func TestSyncStopsWithoutItsLease(t *testing.T) {
	store := &stolenLease{left: 2}
	f := newFixture(t)
	store.Store = f.store
	for i := range 150 { // more than one batch
		f.write(fmt.Sprintf("w%d.yaml", i), echo("1"))
	}
	f.loader = f.newLoader(func(c *loader.Config) { c.Store = store })
	report, err := f.loader.Sync(t.Context())
	require.NoError(t, err)
	require.True(t, report.Standby)
	require.Len(t, report.Created, 100)
	store.left = 100
	require.Len(t, f.sync().Created, 50)
}

// pickyStore refuses a file for ever.
type pickyStore struct {
	loader.Store
	refused string
}

func (s *pickyStore) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	for _, file := range files {
		if file.Path == s.refused {
			return nil, errors.New("no")
		}
	}
	return s.Store.SyncFiles(ctx, files)
}

func TestSyncGoesOnWithoutAFileThatTheStoreRefuses(t *testing.T) {
	f := newFixture(t)
	f.write("gone.yaml", echo("1"))
	f.write("good.yaml", echo("1"))
	f.sync()
	f.remove("gone.yaml")
	f.write("poison.yaml", echo("1"))
	f.loader = f.newLoader(func(c *loader.Config) {
		c.Store, c.Missing = &pickyStore{Store: f.store, refused: "poison.yaml"}, time.Nanosecond
	})
	f.sync()
	f.write("good.yaml", echo("2"))
	report := f.sync()
	require.Equal(t, []string{"good"}, report.Updated)
	require.Equal(t, []string{"gone.yaml"}, report.Gone, "what is gone is retired all the same")
}

func TestSyncManyFiles(t *testing.T) {
	f := newFixture(t)
	const count = 220 // several batches
	for i := range count {
		f.write(fmt.Sprintf("d%d/w%d.yaml", i%7, i), echo("1"))
	}
	old := time.Now().Add(-time.Hour)
	require.NoError(t, filepath.WalkDir(f.dir, func(path string, _ os.DirEntry, err error) error {
		return os.Chtimes(path, old, old)
	}))
	require.Len(t, f.sync().Created, count)
	require.Zero(t, f.sync().Parsed)
	f.write("d3/w3.yaml", echo("2"))
	require.Equal(t, []string{"w3"}, f.sync().Updated)
}
