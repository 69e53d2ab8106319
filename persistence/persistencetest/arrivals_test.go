package persistencetest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// arriving returns a workflow whose runs files start.
func arriving(name string) *miniairflow.Definition {
	d := definition(name, task("a"))
	d.Triggers = &miniairflow.Triggers{File: &miniairflow.FileTrigger{Path: "in/*.csv"}}
	return d
}

// hashes returns the hashes of the watches that there are, by workflow.
func (db *database) hashes() map[string]string {
	db.Helper()
	watches, err := db.FileTriggers(db.Context())
	require.NoError(db, err)
	found := map[string]string{}
	for _, w := range watches {
		found[w.Name] = w.Hash
	}
	return found
}

// The files that a workflow has seen are kept as long as it is watching.
func TestSeenFiles(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(arriving("load"))
		db.sync(definition("other", task("a")))
		now := time.Now().UTC().Truncate(time.Microsecond)
		file := func(path string, size int64) miniairflow.FoundFile {
			return miniairflow.FoundFile{Path: path, Size: size, Modified: now}
		}
		seen := func() []miniairflow.FoundFile {
			files, err := db.SeenFiles(t.Context(), v.WorkflowID)
			require.NoError(t, err)
			return files
		}
		require.Equal(t, map[string]string{"load": ""}, db.hashes())
		require.NoError(t, db.NoteFiles(t.Context(), v.WorkflowID, []miniairflow.FoundFile{file("old", 1)}, nil, nil))
		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "one", []miniairflow.FoundFile{file("b", 1), file("a", 1<<40)}))
		require.Equal(t, map[string]string{"load": "one"}, db.hashes())
		require.Equal(t, []miniairflow.FoundFile{file("a", 1<<40), file("b", 1)}, seen())

		require.NoError(t, db.NoteFiles(t.Context(), v.WorkflowID, []miniairflow.FoundFile{file("b", 2), file("c", 3)}, []string{"a", "never"}, nil))
		require.NoError(t, db.NoteFiles(t.Context(), v.WorkflowID, nil, nil, nil))
		require.Equal(t, []miniairflow.FoundFile{file("b", 2), file("c", 3)}, seen())

		again := arriving("load")
		again.Description = "a new version goes on with what was seen"
		db.sync(again)
		require.Equal(t, map[string]string{"load": "one"}, db.hashes())

		again.IsActive = false
		db.sync(again)
		require.Empty(t, db.hashes(), "it stands still")
		db.sync(arriving("load"))
		require.Equal(t, map[string]string{"load": ""}, db.hashes(), "it begins anew")
		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "two", nil))
		require.NoError(t, db.RetireFile(t.Context(), "load.yaml"))
		require.Empty(t, db.hashes())
		db.sync(arriving("load"))
		require.Equal(t, map[string]string{"load": ""}, db.hashes(), "it begins anew")

		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "three", []miniairflow.FoundFile{file("a", 1)}))
		db.sync(definition("load", task("a")))
		require.Empty(t, db.hashes())
		require.Empty(t, seen())
		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "four", []miniairflow.FoundFile{file("a", 1)}))
		require.Empty(t, seen(), "nobody watches any more")
	})
}
