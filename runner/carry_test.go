package runner_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// carriers is a system whose workflow files are in a folder that its workers do not have.
type carriers struct {
	*system
	loader *loader.Loader
	dir    string
}

func newCarriers(t *testing.T, store miniairflow.Store) *carriers {
	c := &carriers{system: newSystem(t, store), dir: t.TempDir()}
	c.dags = t.TempDir() // of the workers, and empty
	c.loader = loader.New(loader.Config{Dir: c.dir, Store: store, Logger: persistencetest.Logger(t), Missing: time.Nanosecond, Lease: time.Hour})
	return c
}

// write writes a file beside the workflows.
func (c *carriers) write(name, text string, mode os.FileMode) {
	c.t.Helper()
	path := filepath.Join(c.dir, filepath.FromSlash(name))
	require.NoError(c.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(c.t, os.WriteFile(path, []byte(text), mode))
	require.NoError(c.t, os.Chmod(path, mode))
}

// sync lets the loader look at the folder.
func (c *carriers) sync() {
	c.t.Helper()
	report, err := c.loader.Sync(c.t.Context())
	require.NoError(c.t, err)
	require.False(c.t, report.Standby)
}

// printed returns the output "said" of a task.
func (c *carriers) printed(id uuid.UUID, task string) any {
	c.t.Helper()
	return c.tasks(id)[task].Outputs["said"]
}

// A run sees the scripts of its version for ever, on a worker that has no workflow
// files: after they have changed, after they are gone, and when it is retried.
func TestRunsKeepTheFilesOfTheirVersion(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		c := newCarriers(t, store)
		const workflow = `
files: ["scripts/**", data.csv]
max_active_runs: 10
tasks:
  a: {command: ./say.sh, working_dir: scripts, outputs: {said: string}}
`
		c.write("team/etl.yaml", workflow, 0o600)
		c.write("team/scripts/say.sh", "#!/bin/sh\necho \"said=one $(cat ../data.csv)\" >> \"$MINIAIRFLOW_OUTPUT\"\n", 0o700)
		c.write("team/data.csv", "1", 0o600)
		c.sync()
		first := c.trigger("etl", nil)

		c.write("team/scripts/say.sh", "#!/bin/sh\necho \"said=two $(cat ../data.csv)\" >> \"$MINIAIRFLOW_OUTPUT\"\n", 0o700)
		c.sync()
		second := c.trigger("etl", nil)
		require.NoError(t, os.RemoveAll(filepath.Join(c.dir, "team/scripts")))
		c.sync()
		third := c.trigger("etl", nil)

		c.scheduler()
		config := c.config("w1")
		spawn(t, runner.NewWorker(config).Run)
		for id, want := range map[uuid.UUID]string{first: "one 1", second: "two 1", third: "two 1"} {
			require.Equal(t, miniairflow.RunSuccess, c.finish(id).Status)
			require.Equal(t, want, c.printed(id, "a"))
		}
		_, err := c.control.Rerun(t.Context(), miniairflow.RerunRequest{
			RunID: first, Kind: miniairflow.RerunClear, Tasks: []string{"a"}, By: miniairflow.Actor{Name: "test"},
		})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunSuccess, c.finish(first).Status)
		require.Equal(t, "one 1", c.printed(first, "a"))
		c.await("the copies to be gone", func() bool {
			left, err := filepath.Glob(filepath.Join(config.Home, "scratch", "*", "files-*"))
			return err == nil && len(left) == 0
		})
	})
}

// What a task does to its files no other attempt sees, and what is executable stays so.
func TestFilesOfAnAttemptAreItsOwn(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		c := newCarriers(t, store)
		c.write("etl.yaml", `
files: ["**"]
tasks:
  harm:
    command: |
      chmod u+w run.sh lib/data
      echo 'exit 1' > run.sh
      echo changed > lib/data
      rm -r lib/deep
      echo new > lib/new
      ln -s / root
      chmod a-w lib
  look:
    depends_on: [harm]
    command: |
      test "$(stat -c %A run.sh | tr -d w)" = -r-xr-xr-x
      test "$(stat -c %A lib/data)" = -r--r--r--
      test "$(cat lib/data)" = data
      test "$(cat 'lib/deep/ü')" = deep
      test ! -e lib/new
      test ! -e root
      ./run.sh
  same:
    depends_on: [harm]
    command: ./run.sh
  makes: {command: cp lib/data made, artifacts: [made, lib/deep/*]}
  takes:
    depends_on: [makes]
    inputs: [makes]
    command: |
      test "$(cat "$MINIAIRFLOW_INPUTS/makes/made")" = data
      test ! -e made
`, 0o600)
		c.write("run.sh", "#!/bin/sh\nexit 0\n", 0o755)
		c.write("lib/data", "data", 0o644)
		c.write("lib/deep/ü", "deep", 0o644)
		c.sync()
		c.scheduler()
		c.worker("w1")
		id := c.trigger("etl", nil)
		c.finish(id)
		require.Equal(t, "run: success\nharm: success [success]\nlook: success [success]\nsame: success [success]\nmakes: success [success]\ntakes: success [success]\n", c.picture(id))
	})
}

// Where a task should run in a folder that is none of its files, it says so at once.
func TestWorkingDirOfFilesThatIsMissing(t *testing.T) {
	store := persistencetest.SQLite(t)
	c := newCarriers(t, store)
	c.write("etl.yaml", "files: [etl.yaml]\ntasks:\n  a: {command: 'true', working_dir: lib, retry: 3}\n", 0o600)
	c.sync()
	c.scheduler()
	c.worker("w1")
	id := c.trigger("etl", nil)
	c.finish(id)
	require.Equal(t, "run: failed\na: failed [failed]\n", c.picture(id))
	require.Equal(t, `working_dir "lib" is no folder of the workflow's files: add what it needs to files`, c.tasks(id)["a"].Reason)
}
