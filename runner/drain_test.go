package runner_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// untilGo is a script that ends when the witness's file with the end ".go" is there.
const untilGo = `for i in $(seq 1200); do test -e "$WITNESS.go" && exit 0; sleep 0.05; done; exit 1`

// drain asks for the drain of a worker, as an operator does.
func (s *system) drain(name string) {
	s.t.Helper()
	_, err := s.store.DrainWorker(s.t.Context(), name, miniairflow.Actor{Name: "test"})
	require.NoError(s.t, err)
}

// awaitEnd waits until the process has ended by itself.
func (s *system) awaitEnd(p *process) {
	s.t.Helper()
	s.await("the process to end", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	require.NoError(s.t, p.err)
}

// A worker that an operator drains lets its task finish, leaves the one that
// waits to others, and ends.
func TestDrainedWorkerEnds(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, w := newSystem(t, store), newWitness(t)
		s.load(map[string]string{"w.yaml": "max_active_runs: 2\n" + witnessed(untilGo)})
		s.scheduler()
		config := s.config("w1")
		config.Concurrency = 1
		config.DrainTimeout = time.Millisecond // of a signal, and of no drain
		p := spawn(t, runner.NewWorker(config).Run)
		running := s.trigger("w", map[string]any{"witness": w.path})
		s.await("the task to start", func() bool { return len(w.lines()) == 1 })
		waiting := s.trigger("w", map[string]any{"witness": w.path + "2"})
		s.reach(waiting, "a", miniairflow.TaskQueued)
		s.drain("w1")
		s.drain("w1")
		require.NoError(t, os.WriteFile(w.path+".go", nil, 0o600))
		s.awaitEnd(p)
		require.Equal(t, "run: success\na: success [success]\n", s.picture(running))
		require.Equal(t, "run: running\na: queued []\n", s.picture(waiting))
		require.Equal(t, uuid.Nil, s.session("w1"))

		require.NoError(t, os.WriteFile(w.path+"2.go", nil, 0o600))
		s.worker("w2")
		s.finish(waiting)
		require.Equal(t, "run: success\na: success [success]\n", s.picture(waiting))
	})
}

// A worker that loses its session while it drains does not begin another one.
func TestFenceDoesNotEndADrain(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &partly{Store: store}
		s, w := newSystem(t, bad), newWitness(t)
		s.load(map[string]string{"w.yaml": witnessed("sleep 60")})
		s.scheduler()
		p := s.worker("w1")
		id := s.trigger("w", map[string]any{"witness": w.path})
		s.await("the task to start", func() bool { return len(w.lines()) == 1 })
		session := s.session("w1")
		s.drain("w1")
		s.await("the worker to hear of it", bad.told.Load)
		require.NoError(t, store.EndSession(t.Context(), session, ""))
		s.awaitEnd(p)
		require.Equal(t, uuid.Nil, s.session("w1"))
		s.reach(id, "a", miniairflow.TaskQueued)
	})
}

// Workers that are replaced one after another lose no task, and no attempt of one
// that ends within the drain timeout.
func TestRollingRestart(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	s, w := newSystem(t, persistencetest.Open(t, url)), newWitness(t)
	var tasks strings.Builder
	const chains, length = 6, 3
	for c := range chains {
		for i := range length {
			fmt.Fprintf(&tasks, "  t%d_%d:\n    command: sleep 0.2; echo t%d_%d >> \"$WITNESS\"\n", c, i, c, i)
			if i > 0 {
				fmt.Fprintf(&tasks, "    depends_on: [t%d_%d]\n", c, i-1)
			}
		}
	}
	s.load(map[string]string{"w.yaml": `
max_active_runs: 10
params: {witness: {type: string}}
env: {WITNESS: "${{ params.witness }}"}
tasks:
` + tasks.String()})
	s.scheduler()
	start := func(generation, i int) *process {
		own := newSystem(t, persistencetest.Open(t, url)) // as another process has it
		return own.worker(fmt.Sprintf("w%d-%d", i, generation))
	}
	workers := []*process{start(0, 0), start(0, 1), start(0, 2)}
	var runs []uuid.UUID
	for generation := range 2 {
		for i, old := range workers {
			runs = append(runs, s.trigger("w", map[string]any{"witness": w.path}))
			done := len(w.lines())
			s.await("tasks to end", func() bool { return len(w.lines()) > done })
			workers[i] = start(generation+1, i)
			if generation == 0 {
				old.stop(t) // as by SIGTERM
				continue
			}
			s.drain(fmt.Sprintf("w%d-%d", i, generation))
			s.awaitEnd(old)
		}
	}
	for _, id := range runs {
		require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status)
		require.Equal(t, chains*length, strings.Count(s.picture(id), ": success [success]\n"))
	}
	require.Len(t, w.lines(), len(runs)*chains*length)
}
