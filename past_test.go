package miniairflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestPastReason(t *testing.T) {
	for _, c := range []struct {
		run  miniairflow.RunStatus
		task miniairflow.TaskStatus // empty: it has no such task
		want string
	}{
		{run: miniairflow.RunRunning, task: miniairflow.TaskSuccess},
		{run: miniairflow.RunFailed, task: miniairflow.TaskSkipped},
		{run: miniairflow.RunPending},
		{run: miniairflow.RunPending, task: miniairflow.TaskPending, want: "it has not started"},
		{run: miniairflow.RunRunning, task: miniairflow.TaskRunning, want: "load is running"},
		{run: miniairflow.RunRunning, task: miniairflow.TaskFailed, want: "load failed"},
		{run: miniairflow.RunCancelled, task: miniairflow.TaskCancelled, want: "load was cancelled"},
		{run: miniairflow.RunFailed, task: miniairflow.TaskUpstreamFailed, want: "load is upstream_failed"},
	} {
		past := miniairflow.Past{
			Run:    &miniairflow.WorkflowRun{WorkflowName: "etl", Number: 141, Status: c.run, LogicalDate: time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)},
			States: map[string]miniairflow.TaskStatus{"other": miniairflow.TaskFailed},
		}
		if c.task != "" {
			past.States["load"] = c.task
		}
		want := c.want
		if want != "" {
			want = "waits for etl#141 of 2026-11-25: " + want
		}
		require.Equal(t, want, past.Reason("load"), "%+v", c)
	}
	require.Empty(t, miniairflow.Past{}.Reason("load"), "no run is before it")
}
