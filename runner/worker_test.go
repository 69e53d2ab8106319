package runner_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// witnessed is a workflow whose one task notes its start in the file named by
// the parameter, then does what the script says, once; a second try succeeds at once.
func witnessed(script string) string {
	return `
params: {witness: {type: string}}
env: {WITNESS: "${{ params.witness }}"}
tasks:
  a:
    command: |
      echo "start $$" >> "$WITNESS"
      test "$(grep -c start "$WITNESS")" = 1 || exit 0
      ` + script
}

// alive reports whether the process that wrote a "start" line still runs.
func alive(t *testing.T, line string) bool {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "start "))
	require.NoError(t, err)
	return syscall.Kill(pid, 0) == nil
}

// A cancel reaches a process that ignores SIGTERM, and its whole tree.
func TestCancelEndsProcesses(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, w := newSystem(t, store), newWitness(t)
		s.load(map[string]string{"w.yaml": witnessed(`trap '' TERM; sleep 60 & sleep 60; wait`)})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("w", map[string]any{"witness": w.path})
		s.await("the task to start", func() bool { return len(w.lines()) == 1 })
		_, err := s.control.CancelRun(t.Context(), id, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunCancelled, s.finish(id).Status)
		require.False(t, alive(t, w.lines()[0]))
		require.Equal(t, "run: cancelled\na: cancelled [cancelled]\n", s.picture(id))
	})
}

// A worker that is told to stop lets its tasks finish.
func TestDrainLetsTasksFinish(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, w := newSystem(t, store), newWitness(t)
		s.load(map[string]string{"w.yaml": witnessed(`for i in $(seq 1200); do test -e "$WITNESS.go" && exit 0; sleep 0.05; done; exit 1`)})
		s.scheduler()
		p := s.worker("w1")
		id := s.trigger("w", map[string]any{"witness": w.path})
		s.await("the task to start", func() bool { return len(w.lines()) == 1 })
		p.cancel()
		waiting := s.trigger("w", map[string]any{"witness": w.path})
		require.NoError(t, os.WriteFile(w.path+".go", nil, 0o600))
		<-p.ended
		require.NoError(t, p.err)
		require.Equal(t, "run: success\na: success [success]\n", s.picture(id))
		require.False(t, s.run(waiting).IsTerminal(), "a draining worker takes nothing new")
		sessions, err := store.Sessions(t.Context())
		require.NoError(t, err)
		require.Empty(t, sessions.Workers)
	})
}

// What does not finish in time is ended, is not failed by that, and runs again
// elsewhere without waiting for a lease.
func TestDrainTimeoutGivesTasksBack(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, w := newSystem(t, store), newWitness(t)
		s.load(map[string]string{"w.yaml": witnessed(`sleep 60`)})
		s.scheduler()
		config := s.config("w1")
		config.DrainTimeout = 100 * time.Millisecond
		p := spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("w", map[string]any{"witness": w.path})
		s.await("the task to start", func() bool { return len(w.lines()) == 1 })
		p.stop(t)
		require.False(t, alive(t, w.lines()[0]))
		require.Equal(t, "worker w1 was stopped before the task ended", s.loss(id, 0))
		s.worker("w2")
		s.finish(id)
		require.Equal(t, "run: success\na: success [lost success]\n", s.picture(id))
	})
}

// Abort ends a drain at once.
func TestAbort(t *testing.T) {
	s, w := newSystem(t, persistencetest.SQLite(t)), newWitness(t)
	s.load(map[string]string{"w.yaml": witnessed(`sleep 60`)})
	s.scheduler()
	config := s.config("w1")
	config.DrainTimeout = time.Hour
	worker := runner.NewWorker(config)
	p := spawn(t, worker.Run)
	s.trigger("w", map[string]any{"witness": w.path})
	s.await("the task to start", func() bool { return len(w.lines()) == 1 })
	p.cancel()
	worker.Abort()
	worker.Abort()
	p.stop(t)
	require.False(t, alive(t, w.lines()[0]))
}

// A worker whose name another one has waits until that one is gone.
func TestSecondWorkerOfANameWaits(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		first := s.worker("same")
		session := func() uuid.UUID {
			sessions, err := store.Sessions(t.Context())
			require.NoError(t, err)
			if len(sessions.Workers) == 0 {
				return uuid.Nil
			}
			require.Len(t, sessions.Workers, 1)
			return sessions.Workers[0].ID
		}
		s.await("the first session", func() bool { return session() != uuid.Nil })
		id := session()
		s.worker("same")
		first.stop(t)
		s.await("the second session", func() bool { return session() != id && session() != uuid.Nil })
	})
}

// The run's directory is shared by its tasks and goes with the run, scratch
// directories go with their attempts, and leftovers of a dead process go too.
func TestDirectoriesAreRemoved(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": `
tasks:
  a: {command: 'echo > "$MINIAIRFLOW_RUN_DIR/x" && echo > "$MINIAIRFLOW_SCRATCH/y" && test "$TMPDIR" = "$MINIAIRFLOW_SCRATCH"'}
  b: {depends_on: [a], command: 'test -e "$MINIAIRFLOW_RUN_DIR/x" && test ! -e "$MINIAIRFLOW_SCRATCH/y"'}`})
		config := s.config("w1")
		runs, scratch := filepath.Join(config.Home, "runs"), filepath.Join(config.Home, "scratch")
		for _, left := range []string{filepath.Join(runs, uuid.NewString()), filepath.Join(scratch, "of-another", "left")} {
			require.NoError(t, os.MkdirAll(left, 0o700))
		}
		s.scheduler()
		p := spawn(t, runner.NewWorker(config).Run)
		require.Equal(t, miniairflow.RunSuccess, s.finish(s.trigger("w", nil)).Status)
		empty := func(dir string) func() bool {
			return func() bool {
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				return len(entries) == 0
			}
		}
		s.await("the run directories to go", empty(runs))
		p.stop(t)
		s.await("the scratch directories to go", empty(scratch))
	})
}

// The whole output of a task is in the store when its end is.
func TestLogIsCompleteAtTheEnd(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": "tasks: {a: {command: seq 20000}}"})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("w", nil)
		s.finish(id)
		size, err := store.LogSize(t.Context(), miniairflow.AttemptKey{RunID: id, Seq: 0, Attempt: 1})
		require.NoError(t, err)
		require.Equal(t, int64(108894), size)
	})
}

// Tasks go only to workers that serve their queue.
func TestQueues(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": `
tasks:
  plain: {noop: true}
  special: {noop: true, queue: gpu}`})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("w", nil)
		s.reach(id, "plain", miniairflow.TaskSuccess)
		require.Equal(t, miniairflow.TaskQueued, s.tasks(id)["special"].Status)
		config := s.config("w2")
		config.Queues = []string{"gpu"}
		spawn(t, runner.NewWorker(config).Run)
		require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status)
	})
}

// Settings that cannot work are refused before anything starts.
func TestWorkerRefusesSettings(t *testing.T) {
	s := newSystem(t, persistencetest.SQLite(t))
	for _, change := range []func(*runner.WorkerConfig){
		func(c *runner.WorkerConfig) { c.Lease = c.Heartbeat },
		func(c *runner.WorkerConfig) { c.Grace = c.Lease },
		func(c *runner.WorkerConfig) { c.Heartbeat = c.Fence },
		func(c *runner.WorkerConfig) { c.Concurrency = -1 },
	} {
		config := s.config("w1")
		change(&config)
		err := runner.NewWorker(config).Run(t.Context())
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
	}
}

// A worker that stops leaves nothing in its log that people would have to act upon.
func TestQuietLife(t *testing.T) {
	s := newSystem(t, persistencetest.SQLite(t))
	s.load(map[string]string{"w.yaml": "tasks: {a: {noop: true}}"})
	s.scheduler()
	var log bytes.Buffer
	config := s.config("w1")
	config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	worker := runner.NewWorker(config)
	p := spawn(t, worker.Run)
	s.finish(s.trigger("w", nil))
	require.True(t, worker.Healthy())
	p.stop(t)
	require.Empty(t, log.String())
}
