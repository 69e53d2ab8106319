package persistencetest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
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

// seen returns the files that a workflow has seen, those that are there, and the paths of
// those that are gone.
func (db *database) seen(workflowID uuid.UUID) (files []miniairflow.FoundFile, gone []string) {
	db.Helper()
	found, err := db.SeenFiles(db.Context(), workflowID)
	require.NoError(db, err)
	now, err := db.Now(db.Context())
	require.NoError(db, err)
	for _, f := range found {
		if f.GoneAt == nil {
			files = append(files, f.FoundFile)
			continue
		}
		require.WithinDuration(db, now, *f.GoneAt, time.Minute)
		gone = append(gone, f.Path)
	}
	return files, gone
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
		requireSeen := func(gone []string, want ...miniairflow.FoundFile) {
			t.Helper()
			there, away := db.seen(v.WorkflowID)
			require.Equal(t, want, there)
			require.Equal(t, gone, away)
		}
		note := func(notes miniairflow.FileNotes) {
			t.Helper()
			require.NoError(t, db.NoteFiles(t.Context(), v.WorkflowID, notes))
		}
		watch := func(hash string, files ...miniairflow.FoundFile) {
			t.Helper()
			require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, hash, files))
		}
		require.Equal(t, map[string]string{"load": ""}, db.hashes())
		note(miniairflow.FileNotes{Seen: []miniairflow.FoundFile{file("old", 1)}})
		watch("one", file("b", 1), file("a", 1<<40))
		require.Equal(t, map[string]string{"load": "one"}, db.hashes())
		requireSeen(nil, file("a", 1<<40), file("b", 1))

		note(miniairflow.FileNotes{Seen: []miniairflow.FoundFile{file("b", 2), file("c", 3)}, Gone: []string{"a", "never"}, Forgotten: []string{"b"}})
		note(miniairflow.FileNotes{})
		requireSeen([]string{"a"}, file("b", 2), file("c", 3))
		note(miniairflow.FileNotes{Seen: []miniairflow.FoundFile{file("a", 1<<40)}, Gone: []string{"c"}})
		requireSeen([]string{"c"}, file("a", 1<<40), file("b", 2))
		note(miniairflow.FileNotes{Gone: []string{"a"}, Forgotten: []string{"c"}})
		requireSeen([]string{"a"}, file("b", 2))

		again := arriving("load")
		again.Description = "a new version goes on with what was seen"
		db.sync(again)
		require.Equal(t, map[string]string{"load": "one"}, db.hashes())

		again.IsActive = false
		db.sync(again)
		require.Empty(t, db.hashes(), "it stands still")
		db.sync(arriving("load"))
		require.Equal(t, map[string]string{"load": ""}, db.hashes(), "it begins anew")
		watch("two")
		require.NoError(t, db.RetireFile(t.Context(), "load.yaml"))
		require.Empty(t, db.hashes())
		db.sync(arriving("load"))
		require.Equal(t, map[string]string{"load": ""}, db.hashes(), "it begins anew")

		watch("three", file("a", 1))
		db.sync(definition("load", task("a")))
		require.Empty(t, db.hashes())
		requireSeen(nil)
		watch("four", file("a", 1))
		requireSeen(nil) // nobody watches any more
	})
}

// A watch of many files that does not begin as a whole has not begun.
func TestWatchOfManyFiles(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(arriving("load"))
		many := func(from, to int) []miniairflow.FoundFile {
			var files []miniairflow.FoundFile
			for i := from; i < to; i++ {
				files = append(files, miniairflow.FoundFile{Path: fmt.Sprintf("%05d", i), Size: 1, Modified: slot})
			}
			return files
		}
		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "one", many(0, 1200)))
		there, _ := db.seen(v.WorkflowID)
		require.Equal(t, many(0, 1200), there)

		db.change(map[string]string{
			"sqlite":   `CREATE TRIGGER refuse BEFORE INSERT ON seen_files WHEN NEW.path = '02100' BEGIN SELECT RAISE(ABORT, 'refused'); END`,
			"postgres": `ALTER TABLE seen_files ADD CONSTRAINT refuse CHECK (path <> '02100')`,
		})
		require.Error(t, db.WatchFiles(t.Context(), v.WorkflowID, "two", many(1000, 2300)))
		require.NotContains(t, []string{"one", "two", ""}, db.hashes()["load"])
		there, _ = db.seen(v.WorkflowID)
		require.Equal(t, many(1000, 2000), there, "it works in parts")
		db.change(map[string]string{"sqlite": `DROP TRIGGER refuse`, "postgres": `ALTER TABLE seen_files DROP CONSTRAINT refuse`})
		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "two", many(1000, 2300)))
		there, _ = db.seen(v.WorkflowID)
		require.Equal(t, many(1000, 2300), there)
		require.Equal(t, "two", db.hashes()["load"])
	})
}

// Of two watches that begin at once one begins, with its own files alone.
func TestWatchesThatBeginAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(arriving("load"))
		of := func(name string) []miniairflow.FoundFile {
			files := make([]miniairflow.FoundFile, 1100)
			for i := range files {
				files[i] = miniairflow.FoundFile{Path: fmt.Sprintf("%05d-%s", i, name), Size: 1, Modified: slot}
			}
			return files
		}
		for range 3 {
			var both sync.WaitGroup
			var faults [2]error
			for i, name := range []string{"one", "two"} {
				both.Go(func() { faults[i] = db.WatchFiles(t.Context(), v.WorkflowID, name, of(name)) })
			}
			both.Wait()
			require.NoError(t, errors.Join(faults[:]...))
			there, _ := db.seen(v.WorkflowID)
			require.Equal(t, of(db.hashes()["load"]), there)
		}
	})
}

// What is found of a file goes into every database, up to the bounds.
func TestSeenFilesAtTheBounds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(arriving("load"))
		long := make([]byte, miniairflow.FilePathMax)
		for i := range long {
			long[i] = byte('!' + rand.N(90)) // an index keeps a text smaller that repeats itself
		}
		files := []miniairflow.FoundFile{
			{Path: "\x01'\"\n", Size: 1<<63 - 1, Modified: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
			{Path: string(long), Modified: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
		}
		require.NoError(t, db.WatchFiles(t.Context(), v.WorkflowID, "one", files))
		require.NoError(t, db.NoteFiles(t.Context(), v.WorkflowID, miniairflow.FileNotes{Seen: files, Faults: map[string]string{files[0].Path: "a fault"}}))
		there, _ := db.seen(v.WorkflowID)
		require.ElementsMatch(t, files, there)
		require.Empty(t, db.faulted(v.WorkflowID))
	})
}
