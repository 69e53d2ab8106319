package persistencetest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// faulted is what is known of the faults of one kind of triggers, but for the times.
type faulted struct {
	Reason miniairflow.MissedReason
	Count  int
	Exact  bool
	Text   string
}

// faulted returns what is known of the faults of a workflow's triggers.
func (db *database) faulted(workflowID uuid.UUID) []faulted {
	db.Helper()
	now, err := db.Now(db.Context())
	require.NoError(db, err)
	var list []faulted
	for _, m := range db.missed(workflowID) {
		require.WithinDuration(db, now, m.First, time.Minute)
		require.False(db, m.Last.Before(m.First))
		list = append(list, faulted{m.Reason, m.Count, m.CountIsExact(), m.Text})
	}
	return list
}

// What the ends of runs could not start is counted once, by who forgets them, in one row
// for each workflow, with the last fault.
func TestFaultsOfAfterEnds(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(definition("extract", task("a")))
		load := db.sync(after("load", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterFinished, "extract")}))
		report := db.sync(after("report", miniairflow.AfterTrigger{Workflows: ends(miniairflow.AfterSuccess, "extract")}))
		w := db.worker("w1")
		look := func() []miniairflow.AfterEnd {
			found, err := db.AfterEnds(t.Context(), 100)
			require.NoError(t, err)
			return found
		}
		forget := func(found []miniairflow.AfterEnd, text string, of ...uuid.UUID) {
			t.Helper()
			faults := map[miniairflow.AfterEnd]string{}
			for i, end := range found {
				for _, id := range of {
					if end.WorkflowID == id {
						faults[end] = fmt.Sprint(text, " ", i)
					}
				}
			}
			require.NoError(t, db.ForgetAfterEnds(t.Context(), found, faults))
		}
		run := w.ran(v, slot, miniairflow.TaskSuccess)
		w.ran(v, slot, miniairflow.TaskSuccess)
		found := look()
		require.Len(t, found, 4)
		for range 2 { // two schedulers, or one whose first answer was lost
			forget(found, "first", load.WorkflowID)
		}
		last := 3 // end of load
		for found[last].WorkflowID != load.WorkflowID {
			last--
		}
		require.Equal(t, []faulted{{miniairflow.MissedAfter, 2, true, fmt.Sprint("first ", last)}}, db.faulted(load.WorkflowID))
		require.Empty(t, db.faulted(report.WorkflowID))

		w.ran(v, slot, miniairflow.TaskSuccess)
		forget(look(), strings.Repeat("ü", 2000)+"\x00", load.WorkflowID, report.WorkflowID)
		require.Equal(t, 3, db.faulted(load.WorkflowID)[0].Count)
		require.Less(t, len(db.faulted(load.WorkflowID)[0].Text), 1010)
		require.Equal(t, 1, db.faulted(report.WorkflowID)[0].Count)

		// The same run ends again, and what was looked at before is not what is forgotten.
		_, err := db.Rerun(t.Context(), miniairflow.Rerun{ID: v.ID, RunID: run.ID, Kind: miniairflow.RerunClear, Seqs: []int{0}, By: by})
		require.NoError(t, err)
		db.startPending()
		w.end(miniairflow.TaskSuccess, w.claim(1)...)
		forget(found, "late", load.WorkflowID)
		require.Equal(t, 3, db.faulted(load.WorkflowID)[0].Count)
		require.Len(t, look(), 2)

		db.change(map[string]string{
			"sqlite":   `UPDATE missed_slots SET slots = 9999`,
			"postgres": `UPDATE missed_slots SET slots = 9999`,
		})
		w.ran(v, slot, miniairflow.TaskFailed)
		forget(look(), "many", load.WorkflowID)
		many := db.faulted(load.WorkflowID)[0]
		require.Equal(t, miniairflow.MissedMax, many.Count)
		require.False(t, many.Exact)

		now, err := db.Now(t.Context())
		require.NoError(t, err)
		deleted, err := db.DeleteMissedSlots(t.Context(), now.Add(-time.Hour), 10)
		require.NoError(t, err)
		require.Zero(t, deleted)
		deleted, err = db.DeleteMissedSlots(t.Context(), now.Add(time.Hour), 10)
		require.NoError(t, err)
		require.Equal(t, 2, deleted)
	})
}

// A file that could not start its run is counted once, however often it is noted.
func TestFaultsOfFiles(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		v := db.sync(arriving("load"))
		now := time.Now().UTC().Truncate(time.Microsecond)
		file := func(path string, size int64) miniairflow.FoundFile {
			return miniairflow.FoundFile{Path: path, Size: size, Modified: now}
		}
		note := func(faults map[string]string, files ...miniairflow.FoundFile) {
			t.Helper()
			for range 2 {
				require.NoError(t, db.NoteFiles(t.Context(), v.WorkflowID, miniairflow.FileNotes{Seen: files, Faults: faults}))
			}
		}
		note(map[string]string{"c": "of c", "a": "of a"}, file("c", 1), file("b", 1), file("a", 1))
		require.Equal(t, []faulted{{miniairflow.MissedFile, 2, true, "of a"}}, db.faulted(v.WorkflowID))
		note(map[string]string{"c": "again"}, file("c", 2))
		require.Equal(t, []faulted{{miniairflow.MissedFile, 3, true, "again"}}, db.faulted(v.WorkflowID))
		note(nil, file("c", 3))
		require.Equal(t, []faulted{{miniairflow.MissedFile, 3, true, "again"}}, db.faulted(v.WorkflowID))
	})
}

// What is wrong with the files of a workflow is known as long as it lasts, and counted
// each time that it begins.
func TestFaultsOfFolders(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := arriving("load")
		v := db.sync(d)
		note := func(fault string) (isNew bool) {
			t.Helper()
			isNew, err := db.NoteFileFault(t.Context(), v.WorkflowID, fault)
			require.NoError(t, err)
			again, err := db.NoteFileFault(t.Context(), v.WorkflowID, fault)
			require.NoError(t, err)
			require.False(t, again)
			watches, err := db.FileTriggers(t.Context())
			require.NoError(t, err)
			require.Len(t, watches, 1)
			require.Len(t, watches[0].Fault, min(len(fault), len(watches[0].Fault)))
			require.Equal(t, fault == "", watches[0].Fault == "")
			return isNew
		}
		require.False(t, note(""))
		require.True(t, note("folder in is not there"))
		require.True(t, note("too many files"))
		require.Equal(t, []faulted{{miniairflow.MissedFile, 2, true, "too many files"}}, db.faulted(v.WorkflowID))
		require.True(t, note(""))
		require.True(t, note(strings.Repeat("ü", 2000)+"\x00"))
		require.Equal(t, 3, db.faulted(v.WorkflowID)[0].Count)

		d.IsActive = false
		db.sync(d)
		d.IsActive = true
		db.sync(d)
		require.False(t, note(""), "it begins anew")
		db.sync(definition("load", task("a")))
		isNew, err := db.NoteFileFault(t.Context(), v.WorkflowID, "late")
		require.NoError(t, err)
		require.False(t, isNew, "nobody watches any more")
		require.Equal(t, 3, db.faulted(v.WorkflowID)[0].Count)
	})
}
