package miniairflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

func TestWaitReason(t *testing.T) {
	at := time.Date(2026, 11, 22, 11, 32, 5, 0, time.FixedZone("CET", 3600))
	upstream := func(status ...miniairflow.TaskStatus) (runs []*miniairflow.TaskRun) {
		for i, s := range status {
			runs = append(runs, &miniairflow.TaskRun{Name: string(rune('a' + i)), Status: s})
		}
		return runs
	}
	const p, s = miniairflow.TaskPending, miniairflow.TaskSuccess
	w := miniairflow.Waiting{Task: &miniairflow.Task{Retry: miniairflow.RetryPolicy{Count: 3}}, MaxActiveTasks: 16, Queues: []string{"default"}}
	for name, c := range map[string]struct {
		run      miniairflow.TaskRun
		upstream []*miniairflow.TaskRun
		want     string
	}{
		"Upstream":     {miniairflow.TaskRun{Status: p}, upstream(s, p, miniairflow.TaskRunning, miniairflow.TaskFailed), "waits for b, c"},
		"ManyUpstream": {miniairflow.TaskRun{Status: p}, upstream(p, p, p, p, p, p, p), "waits for a, b, c, d, e and 2 more"},
		"NoSlot":       {miniairflow.TaskRun{Status: p}, upstream(s), "waits for other tasks of its run: max_active_tasks 16"},
		"NoWorker":     {miniairflow.TaskRun{Status: miniairflow.TaskQueued, Queue: "gpu"}, nil, "no active worker serves queue gpu"},
		"Queued":       {miniairflow.TaskRun{Status: miniairflow.TaskQueued, Queue: "default"}, nil, "waits for a free worker of queue default"},
		"Retry":        {miniairflow.TaskRun{Status: miniairflow.TaskUpForRetry, Failures: 2, NextRetryAt: &at}, nil, "retry 2 of 3 at 10:32:05 UTC"},
		"Running":      {miniairflow.TaskRun{Status: miniairflow.TaskRunning}, upstream(s), ""},
		"Over":         {miniairflow.TaskRun{Status: s}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := w
			w.Upstream = c.upstream
			require.Equal(t, c.want, miniairflow.WaitReason(&c.run, w))
		})
	}
}
