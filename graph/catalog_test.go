package graph_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// catalogUpdate is an event of catalogUpdated.
type catalogUpdate struct {
	ChangedWorkflows []struct {
		Name      string
		IsPaused  bool
		RetiredAt *string
	}
	ImportErrors []struct{ File, Message string }
}

const watchCatalogQuery = `subscription { catalogUpdated { changedWorkflows { name isPaused retiredAt } importErrors { file message } } }`

func nextCatalog(t *testing.T, s *source) catalogUpdate {
	t.Helper()
	a, ok := s.next()
	require.True(t, ok)
	require.Empty(t, a.Errors)
	var data struct{ CatalogUpdated catalogUpdate }
	require.NoError(t, json.Unmarshal(a.Data, &data))
	return data.CatalogUpdated
}

// sync stores what the loader would have found in a file.
func (w *world) sync(t *testing.T, file miniairflow.FileSync) {
	t.Helper()
	_, err := w.store.SyncFiles(t.Context(), []miniairflow.FileSync{file})
	require.NoError(t, err)
}

// TestCatalogIsWatched: whoever keeps the catalog open hears of every file that
// comes, breaks, is mended and goes, and of every pause.
func TestCatalogIsWatched(t *testing.T) {
	eachTransport(t, func(t *testing.T, w *world, open func(*testing.T, string, vars) *source) {
		w.save(t, workflow("old-"+uuid.NewString(), "a"))
		s := open(t, watchCatalogQuery, nil)
		first := nextCatalog(t, s)
		require.Empty(t, first.ChangedWorkflows, "what is there already is asked for")

		name := "new-" + uuid.NewString()
		w.save(t, workflow(name, "a"))
		update := nextCatalog(t, s)
		require.Len(t, update.ChangedWorkflows, 1)
		require.Equal(t, name, update.ChangedWorkflows[0].Name)

		path := name + ".yaml"
		w.sync(t, miniairflow.FileSync{Path: path, Problems: []miniairflow.ImportError{{File: path, Line: 1, Message: "unknown key"}}})
		update = nextCatalog(t, s)
		require.Empty(t, update.ChangedWorkflows, "the last good version goes on")
		require.Len(t, update.ImportErrors, 1)
		require.Equal(t, path, update.ImportErrors[0].File)

		var got any
		w.ask(t, `mutation($n: String!) { pauseWorkflow(input: {workflow: $n}) { userErrors { message } } }`, vars{"n": name}, &got)
		update = nextCatalog(t, s)
		require.Len(t, update.ChangedWorkflows, 1)
		require.True(t, update.ChangedWorkflows[0].IsPaused)
		require.Len(t, update.ImportErrors, 1, "each update has all of them")

		require.NoError(t, w.store.RetireFile(t.Context(), path))
		update = nextCatalog(t, s)
		require.Len(t, update.ChangedWorkflows, 1)
		require.NotNil(t, update.ChangedWorkflows[0].RetiredAt)
		require.Empty(t, update.ImportErrors)
	})
}

// TestManyChangedWorkflowsComeInPieces also reads a catalog of several pages.
func TestManyChangedWorkflowsComeInPieces(t *testing.T) {
	w := newWorld(t, persistencetest.SQLite(t))
	s := w.socket(t, watchCatalogQuery, nil)
	require.Empty(t, nextCatalog(t, s).ChangedWorkflows)
	const many = 450
	file := miniairflow.FileSync{Path: "many.yaml"}
	for i := range many {
		d := workflow(fmt.Sprintf("w%03d", i), "a")
		file.Definitions = append(file.Definitions, miniairflow.DefinitionAt{Definition: d, Line: i + 1, Column: 1})
	}
	w.sync(t, file)
	var names []string
	for len(names) < many {
		update := nextCatalog(t, s)
		require.NotEmpty(t, update.ChangedWorkflows)
		require.LessOrEqual(t, len(update.ChangedWorkflows), 200)
		for _, changed := range update.ChangedWorkflows {
			names = append(names, changed.Name)
		}
	}
	require.Len(t, names, many)
	require.IsIncreasing(t, names)
}

// TestManyActiveRunsAreReadInPages: hundreds of runs that wait cost a watcher of
// all runs a few calls and not one for each, and an old one is not forgotten.
func TestManyActiveRunsAreReadInPages(t *testing.T) {
	store := &countingStore{Store: persistencetest.SQLite(t), calls: map[string]int{}}
	w := newWorld(t, store)
	w.save(t, workflow("backfill", "a"))
	oldest := w.trigger(t, "backfill")
	s := w.socket(t, `subscription { workflowRunsUpdated { id status } }`, nil)
	next := func() (id uuid.UUID, status string) {
		a, ok := s.next()
		require.True(t, ok)
		var data struct {
			WorkflowRunsUpdated struct {
				ID     uuid.UUID
				Status string
			}
		}
		require.NoError(t, json.Unmarshal(a.Data, &data))
		return data.WorkflowRunsUpdated.ID, data.WorkflowRunsUpdated.Status
	}
	last := oldest
	for range 450 {
		last = w.trigger(t, "backfill")
	}
	for id := uuid.Nil; id != last; {
		id, _ = next()
	}
	store.take()
	var got any
	w.ask(t, `mutation($id: ID!) { cancelWorkflowRun(input: {id: $id}) { userErrors { message } } }`, vars{"id": oldest}, &got)
	id, status := next()
	require.Equal(t, oldest, id)
	require.Equal(t, "CANCELLED", status)
	require.LessOrEqual(t, store.take()["FindRun"], 5, "no call for each run")
}
