package persistencetest_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

var by = miniairflow.Actor{Name: "test", Reason: "because"}

// file returns what a loader found in one file.
func file(path string, definitions ...*miniairflow.Definition) miniairflow.FileSync {
	f := miniairflow.FileSync{Path: path}
	for i, d := range definitions {
		f.Definitions = append(f.Definitions, miniairflow.DefinitionAt{Definition: d, Line: 10*i + 1, Column: 7})
	}
	return f
}

func (db *database) syncFiles(files ...miniairflow.FileSync) []miniairflow.FileResult {
	db.Helper()
	results, err := db.SyncFiles(db.Context(), files)
	require.NoError(db, err)
	require.Len(db, results, len(files))
	return results
}

func (db *database) workflow(name string) *miniairflow.Workflow {
	db.Helper()
	w, err := db.FindWorkflowByName(db.Context(), name)
	require.NoError(db, err)
	return w
}

func (db *database) names(filter miniairflow.WorkflowFilter) []string {
	db.Helper()
	page, err := db.FindWorkflows(db.Context(), filter)
	require.NoError(db, err)
	var names []string
	for _, w := range page {
		names = append(names, w.Name)
	}
	return names
}

// fullDefinition sets every field.
func fullDefinition(name string) *miniairflow.Definition {
	exit := miniairflow.Task{
		Name: "load", Description: "Lädt → 数据", DependsOn: []string{"extract"}, TriggerRule: miniairflow.AllDone, When: "${{ params.n > 1 }}",
		Command: &miniairflow.Command{Argv: []string{"load", "${{ params.n }}", `\u0000 is only text`}}, Env: map[string]string{"A": "b"},
		Stdin: "in", WorkingDir: "sub", Outputs: map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger},
		Retry: &miniairflow.RetryPolicy{
			Count: 2, Delay: miniairflow.Duration(1500 * time.Millisecond), Backoff: miniairflow.BackoffExponential,
			MaxDelay: miniairflow.Duration(time.Minute), Jitter: true, OnExitCodes: []int{75}, NotTimeout: true,
		},
		Timeout: miniairflow.Duration(time.Hour), Priority: miniairflow.PriorityHigh, Queue: "gpu", AllowFailure: true,
		Inputs: []string{"extract"},
	}
	first := task("extract")
	first.Noop, first.Command = false, &miniairflow.Command{Script: "echo 'hi'\n", Shell: "bash"}
	first.Artifacts = []miniairflow.ArtifactRule{{Path: "out/*.csv"}, {Path: "größe", Name: "x", Optional: true}}
	return &miniairflow.Definition{
		Name: name, Description: "Ünïcode ✓", Owner: "team", Tags: []string{"etl", "日本"}, Docs: "# Docs", IsActive: true,
		Schedules: []miniairflow.Schedule{{
			Cron: "0 2 * * *", Timezone: "Europe/Berlin", Catchup: miniairflow.CatchupAll,
			CatchupWindow: miniairflow.Duration(12 * time.Hour), Overlap: miniairflow.OverlapSkip,
		}},
		MaxActiveRuns: 2, MaxActiveTasks: 3, Timeout: miniairflow.Duration(2 * time.Hour),
		Params: []miniairflow.Param{{
			Name: "n", Type: miniairflow.ParamInteger, Description: "how many",
			Enum: []any{int64(9007199254740993), int64(2)}, Default: int64(9007199254740993),
		}, {Name: "x", Type: miniairflow.ParamNumber, Default: 1.5}},
		Env: map[string]string{"REGION": "eu"}, Tasks: []miniairflow.Task{first, exit},
	}
}

func TestSyncedWorkflowRoundTrips(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		d := fullDefinition("full")
		before, err := db.Now(t.Context())
		require.NoError(t, err)
		result := db.syncFiles(file("a/full.yaml", d))[0]
		require.Equal(t, miniairflow.FileResult{Path: "a/full.yaml", Created: []string{"full"}}, result)

		w := db.workflow("full")
		v, err := db.FindVersion(t.Context(), w.VersionID)
		require.NoError(t, err)
		require.Equal(t, d, v.Definition)
		require.Equal(t, d.Hash(), v.Hash)
		require.Equal(t, w.ID, v.WorkflowID)
		require.Equal(t, 1, v.Number)
		require.False(t, v.CreatedAt.Before(before))
		require.Equal(t, time.UTC, v.CreatedAt.Location())
		require.Equal(t, &miniairflow.Workflow{
			ID: w.ID, Name: "full", Description: d.Description, Owner: "team", Tags: d.Tags, Origin: miniairflow.OriginFile,
			SourceFile: "a/full.yaml", VersionID: v.ID, VersionNumber: 1, ScheduleCron: "0 2 * * *", IsActive: true, MaxActiveRuns: 2,
			CreatedAt: w.CreatedAt, UpdatedAt: w.CreatedAt,
		}, w)
		same, err := db.FindWorkflow(t.Context(), w.ID)
		require.NoError(t, err)
		require.Equal(t, w, same)

		require.Equal(t, 1, db.number(`SELECT count(*) FROM tasks WHERE name = 'load' AND seq = 1 AND retry_count = 2
			AND retry_delay_seconds = 1.5 AND timeout_seconds = 3600 AND command LIKE '["load",%'`))
		require.Equal(t, 1, db.number(fmt.Sprintf(`SELECT count(*) FROM task_dependencies WHERE task_id = '%s' AND depends_on_task_id = '%s'`,
			miniairflow.MemberID(v.ID, 1), miniairflow.MemberID(v.ID, 0))))
	})
}

func TestUnchangedFileWritesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		f := file("a.yaml", fullDefinition("full"))
		f.Problems = []miniairflow.ImportError{{Line: 3, Column: 1, Message: "wrong"}, {Line: 3, Column: 1, Message: "wrong"}}
		db.syncFiles(f)
		before := db.workflow("full")
		events := db.Bus().SubscribeTopics(miniairflow.TopicCatalog)
		defer events.Close()
		require.Equal(t, miniairflow.FileResult{Path: "a.yaml"}, db.syncFiles(f)[0])
		require.Equal(t, before, db.workflow("full"))
		require.NotContains(t, events.Take(), miniairflow.Event{Topic: miniairflow.TopicCatalog})
	})
}

func TestChangedFileMakesAVersion(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.syncFiles(file("a.yaml", definition("a", task("x"))))
		events := db.Bus().SubscribeTopics(miniairflow.TopicCatalog)
		defer events.Close()
		changed := definition("a", task("x"), task("y", "x"))
		require.Equal(t, []string{"a"}, db.syncFiles(file("a.yaml", changed))[0].Updated)
		require.Contains(t, events.Take(), miniairflow.Event{Topic: miniairflow.TopicCatalog})
		w := db.workflow("a")
		require.Equal(t, 2, w.VersionNumber)
		require.True(t, w.UpdatedAt.After(w.CreatedAt))
		versions, err := db.FindVersions(t.Context(), w.ID, 10)
		require.NoError(t, err)
		require.Len(t, versions, 2)
		require.Equal(t, changed, versions[0].Definition)
		require.Equal(t, 1, versions[1].Number)
		versions, err = db.FindVersions(t.Context(), w.ID, 1)
		require.NoError(t, err)
		require.Len(t, versions, 1)
	})
}

func TestRetireAndComeBack(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		a, b := definition("a", task("x")), definition("b", task("x"))
		db.syncFiles(file("f.yaml", a, b))
		broken := miniairflow.FileSync{Path: "f.yaml", Problems: []miniairflow.ImportError{{Message: "broken"}}}
		require.Empty(t, db.syncFiles(broken)[0].Retired)
		require.Equal(t, []string{"b"}, db.syncFiles(file("f.yaml", a))[0].Retired)
		require.NotNil(t, db.workflow("b").RetiredAt)
		require.Equal(t, []string{"a"}, db.names(miniairflow.WorkflowFilter{}))
		require.Equal(t, []string{"a", "b"}, db.names(miniairflow.WorkflowFilter{IncludeRetired: true}))

		require.NoError(t, db.RetireFile(t.Context(), "f.yaml"))
		require.NotNil(t, db.workflow("a").RetiredAt)
		require.Empty(t, db.sourceFiles())

		// A file that was renamed brings its workflows along, in the version they had.
		require.Equal(t, []string{"a"}, db.syncFiles(file("g.yaml", a))[0].Created)
		w := db.workflow("a")
		require.Nil(t, w.RetiredAt)
		require.Equal(t, "g.yaml", w.SourceFile)
		require.Equal(t, 1, w.VersionNumber)
		require.NoError(t, db.RetireFile(t.Context(), "f.yaml"))
		require.Nil(t, db.workflow("a").RetiredAt)
	})
}

func TestNameConflict(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		results := db.syncFiles(file("first.yaml", definition("a", task("x"))),
			file("second.yaml", definition("b", task("x")), definition("a", task("y")), definition("b", task("z"))))
		require.Equal(t, []string{"b"}, results[1].Created)
		require.Len(t, results[1].Conflicts, 2)
		require.Equal(t, `second.yaml:11:7: workflow name "a" belongs to first.yaml: choose another name`, results[1].Conflicts[0].String())
		require.Equal(t, 21, results[1].Conflicts[1].Line)
		require.Equal(t, "first.yaml", db.workflow("a").SourceFile)
		found, err := db.FindImportErrors(t.Context())
		require.NoError(t, err)
		require.Len(t, found, 2)
		require.Equal(t, results[1].Conflicts[0].String(), found[0].String())
		require.Equal(t, map[string]string{"first.yaml": "", "second.yaml": ""}, db.sourceFiles())

		// The name is free once its owner has given it up.
		results = db.syncFiles(file("first.yaml"), file("second.yaml", definition("b", task("x")), definition("a", task("y"))))
		require.Equal(t, []string{"a"}, results[0].Retired)
		require.Equal(t, []string{"a"}, results[1].Created)
		require.Empty(t, results[1].Conflicts)
		found, err = db.FindImportErrors(t.Context())
		require.NoError(t, err)
		require.Empty(t, found)
	})
}

func TestImportErrorsKeepTheirSince(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		one, two := miniairflow.ImportError{Line: 2, Column: 1, Message: "one"}, miniairflow.ImportError{Line: 1, Column: 5, Message: "two\x00 \xff"}
		db.syncFiles(miniairflow.FileSync{Path: "b.yaml", Problems: []miniairflow.ImportError{one}})
		first, err := db.FindImportErrors(t.Context())
		require.NoError(t, err)
		require.Len(t, first, 1)
		db.syncFiles(miniairflow.FileSync{Path: "b.yaml", Problems: []miniairflow.ImportError{one, two}}, miniairflow.FileSync{Path: "a.yaml", Problems: []miniairflow.ImportError{one}})
		found, err := db.FindImportErrors(t.Context())
		require.NoError(t, err)
		require.Len(t, found, 3)
		require.Equal(t, "a.yaml", found[0].File)
		require.Equal(t, "two\uFFFD \uFFFD", found[1].Message)
		require.Equal(t, first[0], found[2])
		db.syncFiles(miniairflow.FileSync{Path: "b.yaml"})
		require.NoError(t, db.RetireFile(t.Context(), "a.yaml"))
		found, err = db.FindImportErrors(t.Context())
		require.NoError(t, err)
		require.Empty(t, found)
	})
}

func TestDefinitionThatCannotBeStored(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		bad := definition("bad", task("x"))
		bad.Docs = "a\x00b"
		results := db.syncFiles(file("a.yaml", bad, definition("cycle", task("x", "y"), task("y", "x")), definition("good", task("x"))))
		require.Equal(t, []string{"good"}, results[0].Created)
		require.Len(t, results[0].Conflicts, 2)
		require.Contains(t, results[0].Conflicts[0].Message, "NUL")
	})
}

func TestFindWorkflowsPages(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		var files []miniairflow.FileSync
		for _, name := range []string{"Beta", "alpha", "gamma", "a-1", "a_1"} {
			d := definition(name, task("x"))
			d.Tags, d.IsActive = []string{"tag-" + name, "all"}, name != "gamma"
			files = append(files, file(name+".yaml", d))
		}
		db.syncFiles(files...)
		all := []string{"Beta", "a-1", "a_1", "alpha", "gamma"} // by bytes, on both
		require.Equal(t, all, db.names(miniairflow.WorkflowFilter{}))
		require.Equal(t, all[:2], db.names(miniairflow.WorkflowFilter{Limit: 2}))
		require.Equal(t, all[2:4], db.names(miniairflow.WorkflowFilter{Limit: 2, AfterName: "a-1"}))
		require.Equal(t, []string{"Beta"}, db.names(miniairflow.WorkflowFilter{Search: "bET"}))
		require.Equal(t, []string{"a_1"}, db.names(miniairflow.WorkflowFilter{Search: "_"}))
		require.Empty(t, db.names(miniairflow.WorkflowFilter{Search: "%"}))
		require.Equal(t, []string{"alpha"}, db.names(miniairflow.WorkflowFilter{Tag: "tag-alpha"}))
		paused := true
		require.Equal(t, []string{"gamma"}, db.names(miniairflow.WorkflowFilter{Paused: &paused}))
		count, err := db.CountWorkflows(t.Context(), miniairflow.WorkflowFilter{Tag: "all", AfterName: "b", Limit: 1})
		require.NoError(t, err)
		require.Equal(t, 5, count)
	})
}

func TestNothingThere(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		for name, find := range map[string]func() error{
			"workflow":   func() error { _, err := db.FindWorkflow(t.Context(), uuid.New()); return err },
			"name":       func() error { _, err := db.FindWorkflowByName(t.Context(), "no\x00 such"); return err },
			"version":    func() error { _, err := db.FindVersion(t.Context(), uuid.New()); return err },
			"pause":      func() error { _, err := db.SetPaused(t.Context(), uuid.New(), true, by); return err },
			"run":        func() error { _, err := db.FindRun(t.Context(), uuid.New()); return err },
			"run number": func() error { _, err := db.FindRunByNumber(t.Context(), uuid.New(), 0); return err },
			"changes":    func() error { _, err := db.RunChanges(t.Context(), uuid.New(), 0); return err },
			"task run":   func() error { _, err := db.FindTaskRun(t.Context(), uuid.New(), 0); return err },
		} {
			require.ErrorIs(t, find(), miniairflow.ErrNotFound, name)
		}
	})
}

func TestSetPaused(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		db.syncFiles(file("a.yaml", definition("a", task("x"))))
		id := db.workflow("a").ID
		first, err := db.SetPaused(t.Context(), id, true, by)
		require.NoError(t, err)
		require.NotNil(t, first.PausedAt)
		again, err := db.SetPaused(t.Context(), id, true, by)
		require.NoError(t, err)
		require.Equal(t, first, again)
		// No reload touches the pause.
		db.syncFiles(file("a.yaml", definition("a", task("x"), task("y"))))
		require.Equal(t, first.PausedAt, db.workflow("a").PausedAt)
		lifted, err := db.SetPaused(t.Context(), id, false, by)
		require.NoError(t, err)
		require.Nil(t, lifted.PausedAt)
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'pause_workflow' AND actor = 'test' AND reason = 'because'`))
		require.Equal(t, 1, db.number(`SELECT count(*) FROM audit_log WHERE action = 'unpause_workflow'`))
	})
}

func TestTryLease(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		try := func(holder uuid.UUID, ttl time.Duration) bool {
			ok, err := db.TryLease(t.Context(), "loader", holder, ttl)
			require.NoError(t, err)
			return ok
		}
		a, b := uuid.New(), uuid.New()
		require.True(t, try(a, time.Hour))
		require.False(t, try(b, time.Hour))
		require.True(t, try(a, 0)) // given up
		require.True(t, try(b, time.Hour))
		require.False(t, try(a, time.Hour))

		var wg sync.WaitGroup
		var mu sync.Mutex
		holders := 0
		for range 8 {
			wg.Go(func() {
				ok, err := db.TryLease(t.Context(), "other", uuid.New(), time.Hour)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && ok {
					holders++
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, holders)
	})
}

func TestSyncFromTwoGoroutines(t *testing.T) {
	onEach(t, func(t *testing.T, db *database) {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				for n := range 10 {
					name := fmt.Sprintf("w%d", n)
					_, err := db.SyncFiles(t.Context(), []miniairflow.FileSync{file(fmt.Sprintf("%d/%s.yaml", i%2, name), definition(name, task("x")))})
					if err != nil {
						errs[i] = err
					}
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.Len(t, db.names(miniairflow.WorkflowFilter{}), 10)
		require.Equal(t, 10, db.number(`SELECT count(*) FROM workflow_versions`))
		require.Equal(t, 10, db.number(`SELECT count(*) FROM import_errors`)) // each name has one owner
	})
}
