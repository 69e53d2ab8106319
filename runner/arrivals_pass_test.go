package runner

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// meddled is a store of which a test changes calls.
type meddled struct {
	miniairflow.Store
	createRun func(run *miniairflow.NewRun) error
	findDAG   func(versionID uuid.UUID)
}

func (m *meddled) CreateRun(ctx context.Context, run miniairflow.NewRun) (*miniairflow.WorkflowRun, bool, error) {
	if m.createRun != nil {
		if err := m.createRun(&run); err != nil {
			return nil, false, err
		}
	}
	return m.Store.CreateRun(ctx, run)
}

func (m *meddled) FindDAG(ctx context.Context, versionID uuid.UUID) (*miniairflow.DAG, error) {
	if m.findDAG != nil {
		m.findDAG(versionID)
	}
	return m.Store.FindDAG(ctx, versionID)
}

func arrivalsOf(t *testing.T, store miniairflow.Store, log *bytes.Buffer) *arrivals {
	t.Helper()
	a := newArrivals(&miniairflow.Control{Store: store}, slog.New(slog.NewTextHandler(log, nil)), "dags")
	t.Cleanup(a.events.close)
	return a
}

// watching makes a workflow that watches a folder.
func watching(t *testing.T, store miniairflow.Store, name, folder string) *miniairflow.WorkflowVersion {
	t.Helper()
	d := persistencetest.Define(name, persistencetest.Task("a"))
	d.Triggers = &miniairflow.Triggers{File: &miniairflow.FileTrigger{Path: folder + "/*"}}
	return persistencetest.MustSync(t, store, d)
}

func arriveIn(t *testing.T, folder string, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
}

func requirePass(t *testing.T, a *arrivals, want time.Duration) {
	t.Helper()
	wait, err := a.pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, wait)
}

func requireRuns(t *testing.T, store miniairflow.Store, want int) {
	t.Helper()
	count, err := store.CountRuns(t.Context(), miniairflow.RunFilter{}, 1000)
	require.NoError(t, err)
	require.Equal(t, want, count)
}

// What is wrong with one workflow, or with its folder, delays no other, and is logged once.
func TestTroubleWithOneWatch(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, inner miniairflow.Store) {
		folder, log := t.TempDir(), &bytes.Buffer{}
		bad := watching(t, inner, "a-panics", folder)
		watching(t, inner, "b-has-no-folder", filepath.Join(folder, "gone"))
		good := watching(t, inner, "c-goes-on", folder)
		store := &meddled{Store: inner, findDAG: func(id uuid.UUID) {
			if id == bad.ID {
				panic("it cannot be read")
			}
		}}
		a := arrivalsOf(t, store, log)
		requirePass(t, a, time.Millisecond) // it has the lease
		requirePass(t, a, time.Millisecond) // the watch begins
		arriveIn(t, folder, "a", "b")
		requirePass(t, a, unknown)
		requireRuns(t, store, 2)
		watches, err := store.FileTriggers(t.Context())
		require.NoError(t, err)
		require.Len(t, watches, 3)
		require.Contains(t, watches[1].Fault, "no such file or directory")
		require.Empty(t, watches[2].Fault)
		require.Equal(t, good.WorkflowID, watches[2].WorkflowID)
		for _, line := range []string{"cannot be looked for, tried again later", "Not all files are found", "Watch of files begins"} {
			require.Equal(t, 1, strings.Count(log.String(), line), log)
		}

		store.findDAG = nil
		requirePass(t, a, time.Millisecond)
		require.Contains(t, log.String(), "Files of a workflow are looked for again")
		require.Equal(t, 2, strings.Count(log.String(), "Watch of files begins"))
	})
}

// A watch that the database does not let begin has not begun.
func TestWatchThatDoesNotBegin(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		folder, log := t.TempDir(), &bytes.Buffer{}
		watching(t, store, "load", folder)
		refuses := true
		faulty := persistencetest.NewFaulty(store, func(call string) persistencetest.Fault {
			if refuses && call == "WatchFiles" {
				return persistencetest.FaultTimeout
			}
			return ""
		})
		a := arrivalsOf(t, faulty, log)
		requirePass(t, a, time.Millisecond)
		requirePass(t, a, runRetryDelay)
		require.NotContains(t, log.String(), "Watch of files begins")
		arriveIn(t, folder, "a")
		refuses = false
		requirePass(t, a, time.Millisecond)
		requirePass(t, a, unknown)
		require.Contains(t, log.String(), "Watch of files begins")
		requireRuns(t, store, 0)
	})
}

// A scheduler whose lease has run out knows nothing any more: another one may have
// worked meanwhile.
func TestLeaseOfFilesRunsOut(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		folder, log := t.TempDir(), &bytes.Buffer{}
		workflowID := watching(t, store, "load", folder).WorkflowID
		first, second := arrivalsOf(t, store, log), arrivalsOf(t, store, log)
		requirePass(t, first, time.Millisecond)
		requirePass(t, first, time.Millisecond)
		requirePass(t, first, unknown)
		require.Contains(t, first.watches, workflowID)
		requirePass(t, second, unknown)

		end := func(a *arrivals) { // as after a while without a pass
			t.Helper()
			_, err := store.TryLease(t.Context(), arrivalsLease, a.holder, 0)
			require.NoError(t, err)
			a.heldAt = a.heldAt.Add(-arrivalsLeaseFor)
		}
		end(first)
		requirePass(t, second, time.Millisecond)
		arriveIn(t, folder, "a")
		requirePass(t, second, unknown)
		requireRuns(t, store, 1)
		end(second)
		requirePass(t, first, time.Millisecond)
		require.Empty(t, first.watches)
		requirePass(t, first, unknown)
		require.Contains(t, first.watches[workflowID].seen, folder+"/a")
		requirePass(t, second, unknown)
		require.Empty(t, second.watches)
	})
}

// A pass that takes long ends when another scheduler has the lease.
func TestLeaseOfFilesRunsOutInAPass(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, inner miniairflow.Store) {
		folder := t.TempDir()
		watching(t, inner, "load", folder)
		store := &meddled{Store: inner}
		a := arrivalsOf(t, store, &bytes.Buffer{})
		requirePass(t, a, time.Millisecond)
		requirePass(t, a, time.Millisecond)
		for i := range arrivalsNoted + 1 {
			arriveIn(t, folder, fmt.Sprint(i))
		}
		store.createRun = func(*miniairflow.NewRun) error {
			store.createRun = nil
			_, err := inner.TryLease(t.Context(), arrivalsLease, a.holder, 0)
			require.NoError(t, err)
			held, err := inner.TryLease(t.Context(), arrivalsLease, uuid.New(), time.Hour)
			require.NoError(t, err)
			require.True(t, held)
			a.heldAt = a.heldAt.Add(-arrivalsLeaseFor)
			return nil
		}
		requirePass(t, a, unknown)
		requireRuns(t, inner, arrivalsNoted)
		require.Empty(t, a.watches)
	})
}
