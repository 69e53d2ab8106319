package runner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// arrivalFile is a workflow in a folder of its own, which watches one beside it.
const arrivalFile = `
max_active_runs: 10
params: {file: {type: string}, size: {type: integer, default: 0}}
triggers:
  file: {path: ../in/*.csv, stable_for: 300ms, params: {file: "${{ file.path }}", size: "${{ file.size }}"}}
tasks: {a: {noop: true}}
`

// lookForFiles starts a scheduler that looks for files.
func (s *system) lookForFiles() *process {
	return spawn(s.t, runner.NewScheduler(runner.SchedulerConfig{
		Store: s.store, Evaluator: s.eval, Logger: persistencetest.Logger(s.t), Poll: 50 * time.Millisecond, DagsDir: s.dags,
	}).Run)
}

// arrive writes a file as a careful sender does: beside the folder, then into it.
func (s *system) arrive(name, text string) {
	s.t.Helper()
	beside := filepath.Join(s.dags, name+".part")
	require.NoError(s.t, os.WriteFile(beside, []byte(text), 0o600))
	require.NoError(s.t, os.Rename(beside, filepath.Join(s.dags, "in", name)))
}

// started returns the files of the runs of the workflow load, the oldest first.
func (s *system) startedFiles() []string {
	var files []string
	for _, run := range s.runs("load") {
		files = append(files, run.Params["file"].(string))
	}
	return files
}

// awaitWatch waits until the watch of the one workflow has begun.
func (s *system) awaitWatch() {
	s.t.Helper()
	s.await("the watch", func() bool {
		watches, err := s.store.FileTriggers(s.t.Context())
		return err == nil && len(watches) == 1 && len(watches[0].Hash) == 64
	})
}

// awaitGone waits until these files are noted as gone, and no others.
func (s *system) awaitGone(workflowID uuid.UUID, want ...string) {
	s.t.Helper()
	s.await("that these files are gone", func() bool {
		seen, err := s.store.SeenFiles(s.t.Context(), workflowID)
		require.NoError(s.t, err)
		var gone []string
		for _, f := range seen {
			if f.GoneAt != nil {
				gone = append(gone, f.Path)
			}
		}
		return slices.Equal(gone, want)
	})
}

// awaitFault waits until the one workflow has a fault of its files that begins so.
func (s *system) awaitFault(want string) {
	s.t.Helper()
	s.await("the fault", func() bool {
		watches, err := s.store.FileTriggers(s.t.Context())
		require.NoError(s.t, err)
		return strings.HasPrefix(watches[0].Fault, want) && (want == "") == (watches[0].Fault == "")
	})
}

// Each file that arrives starts one run, whoever looks, and also while nobody does.
func TestFilesStartRuns(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.dags = t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(s.dags, "in"), 0o700))
		s.arrive("there.csv", "before the watch began")
		s.load(map[string]string{"flows/load.yaml": arrivalFile})
		faulty := newSystem(t, persistencetest.NewFaulty(store, persistencetest.RandomFaults(2, faultShare)))
		faulty.dags = s.dags
		first, second := s.lookForFiles(), faulty.lookForFiles()
		s.awaitWatch()
		s.arrive("a.csv", "1")
		s.arrive("ignored.txt", "1")
		s.arrive(".hidden.csv", "1")
		s.await("a run", func() bool { return len(s.runs("load")) == 1 })
		run := s.runs("load")[0]
		require.Equal(t, map[string]any{"file": "../in/a.csv", "size": int64(1)}, run.Params)
		require.Equal(t, miniairflow.Cause{Kind: miniairflow.CauseFile, Detail: "../in/a.csv", By: "scheduler"}, run.Cause)

		first.stop(t)
		second.stop(t)
		s.arrive("b.csv", "while nobody looked")
		s.arrive("a.csv", "another content")
		require.NoError(t, os.Remove(filepath.Join(s.dags, "in", "there.csv")))
		faulty.lookForFiles()
		s.await("the runs of what came meanwhile", func() bool { return len(s.runs("load")) == 3 })
		require.ElementsMatch(t, []string{"../in/a.csv", "../in/a.csv", "../in/b.csv"}, s.startedFiles())
		s.awaitGone(run.WorkflowID, "../in/there.csv")
		require.Len(t, s.runs("load"), 3)
	})
}

// The system tells of a file, long before the next look.
func TestFileIsToldOf(t *testing.T) {
	store := persistencetest.SQLite(t)
	s := newSystem(t, store)
	s.dags = t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(s.dags, "in"), 0o700))
	s.load(map[string]string{"flows/load.yaml": arrivalFile})
	spawn(t, runner.NewScheduler(runner.SchedulerConfig{
		Store: store, Evaluator: s.eval, Logger: persistencetest.Logger(t), Poll: 10 * time.Minute, DagsDir: s.dags,
	}).Run)
	s.awaitWatch()
	// The watch of the system begins at the end of that look, so the file may come before.
	for i := 0; len(s.runs("load")) == 0; i++ {
		require.Less(t, i, 100)
		s.arrive(fmt.Sprintf("%d.csv", i), "1")
		ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
		<-ctx.Done()
		cancel()
	}
}

// A file that is still written starts nothing, and a workflow that is paused gets runs
// that wait.
func TestFilesThatGrow(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.dags = t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(s.dags, "in"), 0o700))
		s.load(map[string]string{"flows/load.yaml": arrivalFile})
		s.lookForFiles()
		s.awaitWatch()
		_, err := s.control.SetPaused(t.Context(), "load", true, miniairflow.Actor{Name: "ann"})
		require.NoError(t, err)
		file, err := os.Create(filepath.Join(s.dags, "in", "grows.csv"))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		written := 0
		for ctx.Err() == nil {
			<-tick.C
			n, err := file.WriteString("more\n")
			require.NoError(t, err)
			written += n
		}
		require.NoError(t, file.Close())
		s.await("a run", func() bool { return len(s.runs("load")) > 0 })
		runs := s.runs("load")
		require.Equal(t, int64(written), runs[len(runs)-1].Params["size"], "the last run has the whole file")
		require.Equal(t, miniairflow.RunPending, runs[0].Status)
	})
}

// A file that cannot start its run holds up no other, and people are told.
func TestFilesThatStartNone(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.dags = t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(s.dags, "in"), 0o700))
		s.load(map[string]string{"flows/load.yaml": strings.Replace(arrivalFile, "size: {type: integer,", "size: {type: integer, maximum: 10,", 1)})
		s.lookForFiles()
		s.awaitWatch()
		s.arrive("a.csv", "more than ten characters")
		s.arrive("b.csv", "1")
		s.await("a run", func() bool { return len(s.runs("load")) == 1 })
		s.await("what is told", func() bool {
			missed, err := store.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: s.runs("load")[0].WorkflowID})
			require.NoError(t, err)
			return len(missed) == 1 && missed[0].Reason == miniairflow.MissedFile && missed[0].Count == 1 &&
				missed[0].Text == `file ../in/a.csv started none: param "size": 24 is more than maximum 10`
		})
	})
}

// A folder that is away for a while, or empty, is no reason to start the runs of its
// files when it is back; people are told that it is.
func TestFolderThatIsAway(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.dags = t.TempDir()
		in, away := filepath.Join(s.dags, "in"), filepath.Join(s.dags, "away")
		s.load(map[string]string{"flows/load.yaml": arrivalFile})
		s.lookForFiles()
		s.awaitFault("files ../in/*.csv are not looked for: folder ../in: no such file or directory; the watch begins when")
		require.NoError(t, os.Mkdir(away, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(away, "there.csv"), nil, 0o600))
		require.NoError(t, os.Rename(away, in))
		s.awaitWatch()
		s.awaitFault("")
		s.arrive("a.csv", "1")
		s.await("a run", func() bool { return len(s.runs("load")) == 1 })
		workflowID := s.runs("load")[0].WorkflowID
		s.await("that it is noted", func() bool {
			seen, err := store.SeenFiles(t.Context(), workflowID)
			return err == nil && len(seen) == 2
		})

		require.NoError(t, os.Rename(in, away))
		s.awaitFault("files ../in/*.csv are not looked for: folder ../in: no such file or directory")
		s.awaitGone(workflowID)
		missed, err := store.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: workflowID})
		require.NoError(t, err)
		require.Equal(t, 2, missed[0].Count)
		require.Equal(t, "files ../in/*.csv are not looked for: folder ../in: no such file or directory", missed[0].Text)

		require.NoError(t, os.Mkdir(in, 0o700)) // as where nothing is mounted any more
		s.awaitGone(workflowID, "../in/a.csv", "../in/there.csv")
		s.awaitFault("")
		require.NoError(t, os.Remove(in))
		require.NoError(t, os.Rename(away, in))
		s.awaitGone(workflowID)
		s.arrive("b.csv", "1")
		s.await("the run of what came after", func() bool { return len(s.runs("load")) > 1 })
		require.ElementsMatch(t, []string{"../in/a.csv", "../in/b.csv"}, s.startedFiles())
	})
}

// A file that cannot be looked at is passed over, with the others going on, and told of.
func TestFilesThatArePassedOver(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.dags = t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(s.dags, "in"), 0o700))
		loop := filepath.Join(s.dags, "in", "loop.csv")
		require.NoError(t, os.Symlink("loop.csv", loop))
		s.load(map[string]string{"flows/load.yaml": arrivalFile})
		s.lookForFiles()
		s.awaitWatch()
		s.awaitFault("passed over: ../in/loop.csv: too many levels of symbolic links")
		s.arrive("\xff.csv", "1")
		s.arrive("a.csv", "1")
		s.await("the run of the other", func() bool { return len(s.runs("load")) == 1 })
		s.awaitFault("passed over: ../in/loop.csv: too many levels of symbolic links; and 1 more")
		require.NoError(t, os.Remove(loop))
		s.awaitFault("passed over: ../in/\ufffd.csv: its name is not in UTF-8")
	})
}

// Of too many files people are told, and the watch goes on when there are fewer.
func TestTooManyFiles(t *testing.T) {
	store := persistencetest.SQLite(t)
	s := newSystem(t, store)
	s.dags = t.TempDir()
	in, kept, full := filepath.Join(s.dags, "in"), filepath.Join(s.dags, "kept"), filepath.Join(s.dags, "full")
	for _, folder := range []string{in, full} {
		require.NoError(t, os.MkdirAll(folder, 0o700))
	}
	for i := range 10_001 {
		require.NoError(t, os.WriteFile(filepath.Join(full, fmt.Sprintf("%d.csv", i)), nil, 0o600))
	}
	s.load(map[string]string{"flows/load.yaml": arrivalFile})
	s.lookForFiles()
	s.awaitWatch()
	require.NoError(t, os.Rename(in, kept))
	require.NoError(t, os.Rename(full, in))
	s.awaitFault("files ../in/*.csv are not looked for: there are more than 10000: move those away that are done")
	require.NoError(t, os.Rename(in, full))
	require.NoError(t, os.Rename(kept, in))
	s.arrive("a.csv", "1")
	s.await("a run", func() bool { return len(s.runs("load")) == 1 })
}
