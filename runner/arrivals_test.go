package runner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		s.await("the watch", func() bool {
			watches, err := store.FileTriggers(t.Context())
			return err == nil && len(watches) == 1 && watches[0].Hash != ""
		})
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
		s.await("that what is gone is forgotten", func() bool {
			seen, err := store.SeenFiles(t.Context(), run.WorkflowID)
			return err == nil && len(seen) == 2
		})
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
	s.await("the watch", func() bool {
		watches, err := store.FileTriggers(t.Context())
		return err == nil && len(watches) == 1 && watches[0].Hash != ""
	})
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
		s.await("the watch", func() bool {
			watches, err := store.FileTriggers(t.Context())
			return err == nil && len(watches) == 1 && watches[0].Hash != ""
		})
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
		s.await("the watch", func() bool {
			watches, err := store.FileTriggers(t.Context())
			return err == nil && len(watches) == 1 && watches[0].Hash != ""
		})
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

// Of files that cannot be looked at people are told, once, and the watch goes on when
// they can.
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
	require.NoError(t, os.Symlink("loop.csv", filepath.Join(in, "loop.csv")))
	s.load(map[string]string{"flows/load.yaml": arrivalFile})
	s.lookForFiles()
	s.await("the watch", func() bool {
		watches, err := store.FileTriggers(t.Context())
		return err == nil && len(watches) == 1 && watches[0].Hash != ""
	})
	require.NoError(t, os.Rename(in, kept))
	require.NoError(t, os.Rename(full, in))
	told := func() []*miniairflow.MissedSlots {
		missed, err := store.FindMissedSlots(t.Context(), miniairflow.MissedFilter{})
		require.NoError(t, err)
		return missed
	}
	s.await("what is told", func() bool { return len(told()) == 1 })
	require.Equal(t, `files started none: "../in/*.csv" matches more than 10000 files: move those away that are done`, told()[0].Text)
	require.NoError(t, os.Rename(in, full))
	require.NoError(t, os.Rename(kept, in))
	s.arrive("a.csv", "1")
	s.await("a run", func() bool { return len(s.runs("load")) == 1 })
	require.Equal(t, 1, told()[0].Count)
}
