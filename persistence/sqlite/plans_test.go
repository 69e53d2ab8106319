package sqlite_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/persistence/sqlite"
)

var (
	largeTable = regexp.MustCompile(`\b(workflow_runs|task_runs|task_attempts|task_queue|task_open|audit_log|backfills|missed_slots|late_marks|after_ends|seen_files|notices|notifications)\b(?: AS)?(?: (\w))?\b`)
	scanOf     = regexp.MustCompile(`^SCAN (\w+)(?: USING(?: COVERING)? INDEX (\w+))?`)
	// SQLite plans for the number that a LIMIT has as a parameter alone, and so parses
	// the statement anew when another one is bound. A sum it does not look at.
	bareLimit = regexp.MustCompile(`LIMIT \?\d*\s*(\)|$)`)
	// mayScan are the indexes that have few rows, or whose order a page follows.
	mayScan = []string{
		"workflow_runs_newest", "workflow_runs_running", "task_runs_rare", "backfills_newest", "backfills_running", "workflow_runs_awaited", "workflow_runs_replacing",
	}
	// firstRows are the texts of pages, and of counts up to a limit, without a condition, or
	// but for a few rows.
	firstRows = regexp.MustCompile(`(?:FROM (?:after_ends|notices)|WHERE true)(?:\s+WHERE id NOT IN \(SELECT value FROM json_each\(\?\)\))?(?: ORDER BY [\w., ]+)? LIMIT \?`)
	// wholeWorkflow is a search that finds all runs of a workflow.
	wholeWorkflow = regexp.MustCompile(`USING (?:COVERING )?INDEX (?:workflow_runs_(?:logical|slot|idempotency|by_workflow)|sqlite_autoindex_workflow_runs_2) \(workflow_id=\?\)`)
)

// TestHotCallsSearch pins how SQLite reads: it asks for the plans of the statements
// that the store itself has used for the hot calls. None goes through a large
// table, and what waits in the queue is read in the order of an index.
func TestHotCallsSearch(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "home.db"), sqlite.Config{})
	require.NoError(t, err)
	for _, call := range persistencetest.HotCalls(t, store) {
		require.NoError(t, call.Do(t.Context(), store), call.Name)
	}
	plans, err := store.Plans(t.Context())
	require.NoError(t, err)
	heads := 0
	for text, steps := range plans {
		require.Empty(t, wholeScans(text, steps), text)
		require.NotRegexp(t, bareLimit, text, "it would be parsed again each time")
		if strings.Contains(text, "FROM task_queue") && strings.Contains(text, "ORDER BY priority DESC") && !strings.Contains(text, "row_number") {
			heads++
			require.NotContains(t, strings.Join(steps, "\n"), "TEMP B-TREE", text)
		}
	}
	require.Equal(t, 4, heads, "those of the claim with and without pools, of the slots, and of a look at pools")

	// The judge itself must see a scan.
	_, err = store.CountTaskRuns(t.Context(), miniairflow.TaskRunFilter{Statuses: []miniairflow.TaskStatus{miniairflow.TaskSuccess}}, 1000)
	require.NoError(t, err)
	plans, err = store.Plans(t.Context())
	require.NoError(t, err)
	scans := 0
	for text, steps := range plans {
		scans += len(wholeScans(text, steps))
	}
	require.Equal(t, 1, scans)
	require.NoError(t, store.Close())
}

// wholeScans returns the steps of a plan that go through a large table, or through all
// runs of a workflow. What only reads the first rows in the order that it asks for does not.
func wholeScans(text string, steps []string) []string {
	isInOrder := !slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, "TEMP B-TREE") })
	if isInOrder && firstRows.MatchString(text) {
		return nil
	}
	var large []string
	for _, found := range largeTable.FindAllStringSubmatch(text, -1) {
		large = append(large, found[1:]...)
	}
	return slices.DeleteFunc(slices.Clone(steps), func(step string) bool {
		if wholeWorkflow.MatchString(step) {
			return isInOrder && strings.Contains(text, "LIMIT")
		}
		scan := scanOf.FindStringSubmatch(step)
		return scan == nil || !slices.Contains(large, scan[1]) || slices.Contains(mayScan, scan[2])
	})
}
