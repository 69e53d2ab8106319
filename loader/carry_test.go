package loader_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

const carrying = "files: [%s]\ntasks:\n  a: {command: ./x.sh}\n"

// files returns what the latest version of a workflow carries, with its contents.
func (f *fixture) files(name string) map[string]string {
	f.Helper()
	v, err := f.store.FindVersion(f.Context(), f.workflow(name).VersionID)
	require.NoError(f, err)
	contents, err := f.store.FindFiles(f.Context(), miniairflow.FileHashes(v.Definition.Files))
	require.NoError(f, err)
	files := map[string]string{}
	for _, file := range v.Definition.Files {
		require.Len(f, contents[file.Hash], int(file.Size))
		files[file.Path] = string(contents[file.Hash])
		if file.IsExecutable {
			files[file.Path] += " (executable)"
		}
	}
	return files
}

// settle makes files old enough for their stamps to tell every later change.
func (f *fixture) settle(names ...string) {
	f.Helper()
	for _, name := range names {
		f.date(name, -time.Hour)
	}
}

func TestSyncFollowsFilesThatAreCarried(t *testing.T) {
	for _, version := range []string{"", "1"} {
		f := newFixture(t, func(c *loader.Config) { c.Version = version })
		f.write("team/etl.yaml", fmt.Sprintf(carrying, "'*.sh', lib/**"))
		f.write("team/x.sh", "one")
		f.write("team/lib/Ünïcode\n\"of\" $(lines).py", "two")
		f.write("team/other.txt", "other")
		f.settle("team/etl.yaml", "team/x.sh", "team/lib/Ünïcode\n\"of\" $(lines).py")
		require.Equal(t, []string{"etl"}, f.sync().Created)
		require.Equal(t, map[string]string{"x.sh": "one", "lib/Ünïcode\n\"of\" $(lines).py": "two"}, f.files("etl"))
		require.Zero(t, f.sync().Parsed, "nothing has changed")

		f.write("team/other.txt", "changed")
		require.Zero(t, f.sync().Parsed, "it is not carried")

		f.replace("team/x.sh", "eno")
		f.settle("team/x.sh")
		require.Equal(t, []string{"etl"}, f.sync().Updated, "another content")
		require.Equal(t, "eno", f.files("etl")["x.sh"])

		require.NoError(t, os.Chmod(filepath.Join(f.dir, "team/x.sh"), 0o755))
		require.Equal(t, []string{"etl"}, f.sync().Updated, "another mode")
		require.Equal(t, "eno (executable)", f.files("etl")["x.sh"])

		f.write("team/lib/new/y.py", "new")
		require.Equal(t, []string{"etl"}, f.sync().Updated, "another file")
		f.remove("team/lib/new/y.py")
		require.Equal(t, []string{"etl"}, f.sync().Updated, "one less")

		f.date("team/x.sh", -time.Minute)
		require.Empty(t, f.sync().Updated, "only touched")
		require.Equal(t, 5, f.workflow("etl").VersionNumber)

		f.remove("team/x.sh")
		require.Equal(t, 1, f.sync().Problems)
		require.Equal(t, []string{`team/etl.yaml:1:9: files "*.sh": no file matches it below the folder of the workflow's file`}, f.importErrors())
		require.Equal(t, "eno (executable)", f.files("etl")["x.sh"], "the last good version stays")
		f.write("team/x.sh", "back")
		f.sync()
		require.Empty(t, f.importErrors())
		require.Equal(t, "back", f.files("etl")["x.sh"])
	}
}

// After a start nothing is written anew, but what has changed meanwhile is found.
func TestFilesThatAreCarriedOverAStart(t *testing.T) {
	restart := func(c *loader.Config) { c.Version = "1" }
	f := newFixture(t, restart)
	f.write("etl.yaml", fmt.Sprintf(carrying, "x.sh"))
	f.write("x.sh", "one")
	require.Equal(t, []string{"etl"}, f.sync().Created)
	f.loader = f.newLoader(restart)
	require.Zero(t, f.sync().Parsed)
	f.write("x.sh", "two")
	f.loader = f.newLoader(restart)
	require.Equal(t, []string{"etl"}, f.sync().Updated)
	require.Equal(t, "two", f.files("etl")["x.sh"])
}

// tornStore fails between the contents and the version, as a kill there does.
type tornStore struct {
	loader.Store
	added, torn int
}

func (s *tornStore) AddFiles(ctx context.Context, contents [][]byte) error {
	s.added += len(contents)
	return s.Store.AddFiles(ctx, contents)
}

func (s *tornStore) SyncFiles(ctx context.Context, files []miniairflow.FileSync) ([]miniairflow.FileResult, error) {
	if s.torn++; s.torn == 1 {
		return nil, miniairflow.Errorf(miniairflow.CodeUnavailable, "torn")
	}
	return s.Store.SyncFiles(ctx, files)
}

// Contents whose version does not follow do no harm, and are not stored again.
func TestContentsWithoutTheirVersion(t *testing.T) {
	var store *tornStore
	f := newFixture(t, func(c *loader.Config) {
		store = &tornStore{Store: c.Store}
		c.Store, c.Lease = store, time.Hour
	})
	f.write("etl.yaml", fmt.Sprintf(carrying, "x.sh, y.sh"))
	f.write("x.sh", "same")
	f.write("y.sh", "same")
	_, err := f.loader.Sync(t.Context())
	require.ErrorContains(t, err, "torn")
	_, err = f.store.FindWorkflowByName(t.Context(), "etl")
	require.ErrorIs(t, err, miniairflow.ErrNotFound)
	require.Equal(t, []string{"etl"}, f.sync().Created)
	require.Equal(t, map[string]string{"x.sh": "same", "y.sh": "same"}, f.files("etl"))
	require.Equal(t, 1, store.added, "a content is stored once")
}

func TestRunWatchesFilesThatAreCarried(t *testing.T) {
	f := newFixture(t, watchOnly)
	f.write("team/etl.yaml", fmt.Sprintf(carrying, "'**'"))
	f.write("team/lib/x.sh", "one")
	f.run(f.loader)
	f.version("etl", 1)
	f.write("team/lib/x.sh", "two")
	f.eventually(func() bool { return f.files("etl")["lib/x.sh"] == "two" }, "a changed script is not seen")
	f.write("team/more/y.sh", "new")
	f.eventually(func() bool { return f.files("etl")["more/y.sh"] == "new" }, "a new script is not seen")
}

func TestFilesThatAreRefused(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 6<<20)
	for name, test := range map[string]struct {
		patterns string
		prepare  func(f *fixture)
		want     string
	}{
		"link out": {"'*.sh'", func(f *fixture) {
			require.NoError(f, os.WriteFile(filepath.Join(f.dir, "../secret"), []byte("secret"), 0o600))
			require.NoError(f, os.Symlink("../secret", filepath.Join(f.dir, "a.sh")))
		}, `files "*.sh": "a.sh" is a link that leads out of the folder of the workflow's file, or is absolute`},
		"link to a folder outside": {"out/secret", func(f *fixture) {
			require.NoError(f, os.Symlink("..", filepath.Join(f.dir, "out")))
		}, `files "out/secret": "out" is a link that leads out of the folder of the workflow's file, or is absolute`},
		"absolute link": {"a.sh", func(f *fixture) {
			f.write("b.sh", "")
			require.NoError(f, os.Symlink(filepath.Join(f.dir, "b.sh"), filepath.Join(f.dir, "a.sh")))
		}, `files "a.sh": "a.sh" is a link that leads out of the folder of the workflow's file, or is absolute`},
		"broken link": {"'*.sh'", func(f *fixture) {
			require.NoError(f, os.Symlink("nothing", filepath.Join(f.dir, "a.sh")))
		}, `files "*.sh": "a.sh" cannot be read: no such file or directory`},
		"pipe": {"'*.sh'", func(f *fixture) {
			require.NoError(f, syscall.Mkfifo(filepath.Join(f.dir, "a.sh"), 0o600))
		}, `files "*.sh": "a.sh" is not a regular file`},
		"unreadable": {"'*.sh'", func(f *fixture) {
			f.write("a.sh", "")
			require.NoError(f, os.Chmod(filepath.Join(f.dir, "a.sh"), 0))
		}, `files "*.sh": "a.sh" cannot be read: permission denied`},
		"no UTF-8": {"'*.sh'", func(f *fixture) { f.write("\xff.sh", "") }, `files "*.sh": "\xff.sh" has a name that is not UTF-8: rename it`},
		"too large": {"'*.sh'", func(f *fixture) {
			f.write("a.sh", string(big)+string(big))
		}, `files "*.sh": "a.sh" has 12582912 bytes, and all files together may have at most 10485760`},
		"too large together": {"a.sh, '*.sh'", func(f *fixture) {
			f.write("a.sh", string(big))
			f.write("b.sh", string(big))
		}, `files "*.sh": "b.sh" is one too many: all files together have more than 10485760 bytes`},
		"too many": {"'**'", func(f *fixture) {
			for i := range miniairflow.WorkflowFilesMax {
				f.write(fmt.Sprintf("lib/%d.sh", i), "")
			}
		}, `files "**": all patterns together match more than 1000 files: name fewer`},
		"too many patterns": {strings.Repeat("x.sh, ", 101), func(*fixture) {}, `files has 101 patterns, but may have at most 100`},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "unreadable" && os.Getuid() == 0 {
				t.Skip("root reads every file")
			}
			f := newFixture(t)
			f.write("etl.yaml", fmt.Sprintf(carrying, test.patterns))
			test.prepare(f)
			f.sync()
			require.Len(t, f.importErrors(), 1)
			require.Contains(t, f.importErrors()[0], test.want)
			require.Contains(t, f.importErrors()[0], "etl.yaml:1:", "it says where")
		})
	}
}

// What just fits is taken, and links that stay inside are followed.
func TestFilesThatAreTaken(t *testing.T) {
	f := newFixture(t)
	f.write("etl.yaml", fmt.Sprintf(carrying, "'l*/**', 'links/*'"))
	f.write("lib/large", strings.Repeat("x", miniairflow.WorkflowFileBytesMax))
	for i := range miniairflow.WorkflowFilesMax - 2 {
		f.write(fmt.Sprintf("lib/%d.sh", i), "")
	}
	require.NoError(t, os.Mkdir(filepath.Join(f.dir, "links"), 0o755))
	require.NoError(t, os.Symlink("../lib/1.sh", filepath.Join(f.dir, "links/1.sh")))
	require.NoError(t, os.Symlink("..", filepath.Join(f.dir, "links/circle")))
	f.sync()
	require.Empty(t, f.importErrors())
	require.Len(t, f.files("etl"), miniairflow.WorkflowFilesMax)
}
