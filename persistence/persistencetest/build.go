package persistencetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Task returns a task that does nothing, after the given ones.
func Task(name string, dependsOn ...string) miniairflow.Task {
	return miniairflow.Task{
		Name: name, DependsOn: dependsOn, TriggerRule: miniairflow.AllSuccess, Noop: true,
		Priority: miniairflow.PriorityNormal, Queue: miniairflow.QueueDefault,
	}
}

// Wide returns n tasks, t0 and so on, that wait for nothing.
func Wide(n int) []miniairflow.Task {
	tasks := make([]miniairflow.Task, n)
	for i := range tasks {
		tasks[i] = Task(fmt.Sprintf("t%d", i))
	}
	return tasks
}

// Chain returns n tasks, t0 and so on, each after the one before it.
func Chain(n int) []miniairflow.Task {
	tasks := Wide(n)
	for i := 1; i < n; i++ {
		tasks[i].DependsOn = []string{tasks[i-1].Name}
	}
	return tasks
}

// FanOut returns a task "first", n tasks t0 and so on after it, and a task
// "last" after all of those.
func FanOut(n int) []miniairflow.Task {
	tasks := []miniairflow.Task{Task("first")}
	last := Task("last")
	for _, t := range Wide(n) {
		t.DependsOn = []string{"first"}
		last.DependsOn = append(last.DependsOn, t.Name)
		tasks = append(tasks, t)
	}
	return append(tasks, last)
}

// Define returns an active workflow of these tasks, without a schedule.
func Define(name string, tasks ...miniairflow.Task) *miniairflow.Definition {
	return &miniairflow.Definition{
		Name: name, IsActive: true, MaxActiveRuns: miniairflow.MaxActiveRunsDefault, MaxActiveTasks: miniairflow.MaxActiveTasksDefault, Tasks: tasks,
	}
}

// MustSync writes a definition, as found in the file <name>.yaml, and returns
// its latest version.
func MustSync(t testing.TB, store miniairflow.Store, d *miniairflow.Definition) *miniairflow.WorkflowVersion {
	t.Helper()
	results, err := store.SyncFiles(t.Context(), []miniairflow.FileSync{{
		Path: d.Name + ".yaml", Definitions: []miniairflow.DefinitionAt{{Definition: d, Line: 1, Column: 1}},
	}})
	require.NoError(t, err)
	require.Empty(t, results[0].Conflicts)
	w, err := store.FindWorkflowByName(t.Context(), d.Name)
	require.NoError(t, err)
	v, err := store.FindVersion(t.Context(), w.VersionID)
	require.NoError(t, err)
	return v
}

// NewRun returns a manual run of a version, to be created.
func NewRun(t testing.TB, v *miniairflow.WorkflowVersion) miniairflow.NewRun {
	t.Helper()
	id, err := miniairflow.NewParentID()
	require.NoError(t, err)
	return miniairflow.NewRun{ID: id, WorkflowID: v.WorkflowID, VersionID: v.ID, Type: miniairflow.RunManual, By: miniairflow.Actor{Name: "test"}}
}

// MustTrigger creates a manual run of a version.
func MustTrigger(t testing.TB, store miniairflow.Store, v *miniairflow.WorkflowVersion) *miniairflow.WorkflowRun {
	t.Helper()
	r, created, err := store.CreateRun(t.Context(), NewRun(t, v))
	require.NoError(t, err)
	require.True(t, created)
	return r
}
