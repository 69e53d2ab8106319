package persistencetest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// manyFiles are more files than one transaction writes.
const manyFiles = 250

// The files of one call share transactions.
func TestFilesAreWrittenTogether(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		files := make([]miniairflow.FileSync, manyFiles)
		for i := range files {
			name := fmt.Sprintf("w%03d", i)
			d := definition(name, task("x"), task("y", "x"))
			d.Schedules = []miniairflow.Schedule{{Cron: "0 2 * * *", Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue}}
			files[i] = file(name+".yaml", d)
			files[i].Hash = "one"
		}
		times := func(column string) int {
			t.Helper()
			return db.number(fmt.Sprintf(`SELECT count(DISTINCT %s) FROM workflows`, column))
		}
		for _, result := range db.syncFiles(files...) {
			require.Len(t, result.Created, 1)
		}
		require.LessOrEqual(t, times("created_at"), 3)
		require.Equal(t, manyFiles, db.number(`SELECT count(*) FROM workflow_versions`))
		require.Equal(t, 2*manyFiles, db.number(`SELECT count(*) FROM tasks`))
		require.Equal(t, manyFiles, db.number(`SELECT count(*) FROM task_dependencies`))
		require.Equal(t, manyFiles, db.number(`SELECT count(*) FROM schedules`))
		for path, hash := range db.sourceFiles() {
			require.Equal(t, "one", hash, path)
		}

		for i := range files {
			files[i].Definitions[0].Docs = "changed"
		}
		files[7].Hash = ""
		db.syncFiles(files...)
		require.LessOrEqual(t, times("updated_at"), 3)
		require.Equal(t, 2*manyFiles, db.number(`SELECT count(*) FROM workflow_versions`))
		require.Empty(t, db.sourceFiles()[files[7].Path])
		require.Equal(t, "one", db.sourceFiles()[files[8].Path])
	})
}

// Files of one call do to each other what they would do one after the other.
func TestFilesTogetherAreFilesInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 40 {
			files := randomFiles(random)
			together := db.syncFiles(within("all-", files)...)
			for i, f := range within("one-", files) {
				require.Equal(t, without("one-", db.syncFiles(f)), without("all-", together[i:i+1]))
			}
			require.Equal(t, db.catalogBelow("one-"), db.catalogBelow("all-"))
		}
	})
}

// randomFiles returns files that contend for a few names.
func randomFiles(random *rand.Rand) []miniairflow.FileSync {
	files := make([]miniairflow.FileSync, 1+random.IntN(6))
	for i := range files {
		f := &files[i]
		f.Path = fmt.Sprintf("f%d.yaml", random.IntN(4))
		f.Hash = []string{"", "one", "two"}[random.IntN(3)]
		for _, name := range []string{"a", "b", "c"} {
			if random.IntN(3) > 0 {
				continue
			}
			d := definition(name, task("x"))
			d.IsActive, d.Docs = random.IntN(4) > 0, []string{"", "other"}[random.IntN(2)]
			if random.IntN(2) == 0 {
				d.Schedules = []miniairflow.Schedule{{
					Cron: fmt.Sprintf("%d 2 * * *", random.IntN(2)), Timezone: "UTC", Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue,
				}}
			}
			f.Definitions = append(f.Definitions, miniairflow.DefinitionAt{Definition: d, Line: 1, Column: 1})
		}
		if random.IntN(5) == 0 {
			f.Problems = []miniairflow.ImportError{{Line: random.IntN(2), Message: "broken"}}
		}
	}
	return files
}

// within returns the files with other paths and names.
func within(prefix string, files []miniairflow.FileSync) []miniairflow.FileSync {
	moved := slices.Clone(files)
	for i := range moved {
		moved[i].Path = prefix + moved[i].Path
		moved[i].Definitions = slices.Clone(moved[i].Definitions)
		for j := range moved[i].Definitions {
			d := *moved[i].Definitions[j].Definition
			d.Name = prefix + d.Name
			moved[i].Definitions[j].Definition = &d
		}
	}
	return moved
}

// without is the text of a value as it is without a prefix.
func without(prefix string, value any) string {
	return strings.ReplaceAll(fmt.Sprintf("%+v", value), prefix, "")
}

// catalogBelow returns what is stored of the names and paths with a prefix.
func (db *database) catalogBelow(prefix string) (found []string) {
	db.Helper()
	workflows, err := db.FindWorkflows(db.Context(), miniairflow.WorkflowFilter{Search: prefix, IncludeRetired: true})
	require.NoError(db, err)
	for _, w := range workflows {
		schedules := db.number(fmt.Sprintf(`SELECT count(*) FROM schedules WHERE workflow_id = '%s'`, w.ID))
		running := db.number(fmt.Sprintf(`SELECT count(*) FROM schedules WHERE workflow_id = '%s' AND is_active`, w.ID))
		found = append(found, without(prefix, []any{
			w.Name, w.SourceFile, w.VersionNumber, w.IsActive, w.RetiredAt != nil, w.ScheduleCron, schedules, running,
		}))
	}
	problems, err := db.FindImportErrors(db.Context())
	require.NoError(db, err)
	for _, p := range problems {
		if strings.HasPrefix(p.File, prefix) {
			found = append(found, without(prefix, p.String()))
		}
	}
	for path, hash := range db.sourceFiles() {
		if strings.HasPrefix(path, prefix) {
			found = append(found, without(prefix, []string{path, hash}))
		}
	}
	slices.Sort(found)
	return found
}
