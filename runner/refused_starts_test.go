package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// refusing is a store that refuses the runs of some causes, as one that meets a time limit.
type refusing struct {
	miniairflow.Store
	bad  map[string]bool // details of causes
	over atomic.Bool
}

func (r *refusing) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	if r.bad[run.Cause.Detail] && !r.over.Load() {
		return nil, false, miniairflow.Errorf(miniairflow.CodeUnavailable, "it takes too long")
	}
	return r.Store.CreateRun(ctx, run)
}

// An end of which the database refuses the start again and again holds up no other, and
// is not forgotten.
func TestRefusedStartsAfterOthers(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &refusing{Store: store, bad: map[string]bool{"extract#1": true, "extract#2": true}}
		s := newSystem(t, bad)
		s.load(map[string]string{
			"extract.yaml": "max_active_runs: 10\ntasks: {a: {noop: true}}",
			"load.yaml":    "max_active_runs: 10\ntriggers: {after: extract}\ntasks: {a: {noop: true}}",
		})
		for range 4 {
			s.trigger("extract", nil)
		}
		s.scheduler()
		s.worker("w1")
		s.await("the runs after the others", func() bool { return len(s.runs("load")) == 2 })
		s.await("that these ends are forgotten, and no others", func() bool {
			ends, err := store.AfterEnds(t.Context(), 10)
			require.NoError(t, err)
			return len(ends) == 2
		})
		bad.over.Store(true)
		s.await("the runs after all", func() bool { return len(s.runs("load")) == 4 })
	})
}

// A file of which the database refuses the start again and again holds up no other, and
// starts its run when it can.
func TestRefusedStartsOfFiles(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &refusing{Store: store, bad: map[string]bool{"../in/a.csv": true, "../in/b.csv": true}}
		s := newSystem(t, bad)
		s.dags = t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(s.dags, "in"), 0o700))
		s.load(map[string]string{"flows/load.yaml": arrivalFile})
		s.lookForFiles()
		s.awaitWatch()
		for _, name := range []string{"a.csv", "b.csv", "c.csv", "d.csv"} {
			s.arrive(name, "1")
		}
		s.await("the runs of the others", func() bool { return len(s.runs("load")) == 2 })
		require.ElementsMatch(t, []string{"../in/c.csv", "../in/d.csv"}, s.startedFiles())
		bad.over.Store(true)
		s.await("the runs of all", func() bool { return len(s.runs("load")) == 4 })
	})
}
