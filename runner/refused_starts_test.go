package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
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

// heldStarts is a store in which somebody holds one workflow. It notes for which
// workflows runs were to be made.
type heldStarts struct {
	miniairflow.Store
	held uuid.UUID

	mu    sync.Mutex
	tried []uuid.UUID
}

func (h *heldStarts) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried = append(h.tried, run.WorkflowID)
	if run.WorkflowID == h.held {
		return nil, false, &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "busy", Err: miniairflow.ErrLocked}
	}
	return h.Store.CreateRun(ctx, run)
}

// Of the ends for a workflow that somebody holds one waits, and not all of them one after
// the other: those for others come soon.
func TestStartsOfAHeldWorkflowWaitTogether(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{
			"extract.yaml": "tasks: {a: {noop: true}}",
			"free.yaml":    "triggers: {after: [{workflow: extract, status: cancelled}]}\ntasks: {a: {noop: true}}",
			"held.yaml":    "triggers: {after: [{workflow: extract, status: cancelled}]}\ntasks: {a: {noop: true}}",
		})
		const n = 10
		for range n {
			_, err := s.control.CancelRun(t.Context(), s.trigger("extract", nil), miniairflow.Actor{Name: "test"})
			require.NoError(t, err)
		}
		held, err := store.FindWorkflowByName(t.Context(), "held")
		require.NoError(t, err)
		busy := &heldStarts{Store: store, held: held.ID}
		s.store = busy
		s.scheduler()
		s.await("the runs of the other", func() bool { return len(s.runs("free")) == n })
		busy.mu.Lock()
		defer busy.mu.Unlock()
		waits := 0
		for _, id := range busy.tried[:n+1] {
			if id == held.ID {
				waits++
			}
		}
		require.Equal(t, 1, waits)
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
