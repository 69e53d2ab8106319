package miniairflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// Each sentence that says why a task run waits.
func TestWaitReason(t *testing.T) {
	now := time.Date(2026, 11, 22, 11, 32, 0, 0, time.FixedZone("CET", 3600))
	soon, past := now.Add(5*time.Second), now.Add(-time.Second)
	const pending, queued, retry = miniairflow.TaskPending, miniairflow.TaskQueued, miniairflow.TaskUpForRetry
	running := &miniairflow.WorkflowRun{Status: miniairflow.RunRunning}
	pooled := miniairflow.TaskRun{Status: queued, Queue: "default", Pool: "wh", PoolSlots: 2}
	dueInPool := pooled
	dueInPool.Status, dueInPool.Failures, dueInPool.NextRetryAt = retry, 2, &past
	pool := func(slots, used, waiting int, holders ...string) *miniairflow.Pool {
		p := &miniairflow.Pool{Name: "wh", Slots: slots, Used: used, Waiting: waiting}
		for _, h := range holders {
			p.Holders = append(p.Holders, miniairflow.PoolHolder{Run: "etl#1", Task: h})
		}
		return p
	}
	for name, c := range map[string]struct {
		run  miniairflow.TaskRun
		w    miniairflow.Waiting
		want string
	}{
		"Upstream":     {miniairflow.TaskRun{Status: pending}, miniairflow.Waiting{Upstream: []string{"b", "c"}}, "waits for b, c"},
		"ManyUpstream": {miniairflow.TaskRun{Status: pending}, miniairflow.Waiting{Upstream: []string{"a", "b", "c", "d", "e", "f", "g"}}, "waits for a, b, c, d, e and 2 more"},
		"NoSlot":       {miniairflow.TaskRun{Status: pending}, miniairflow.Waiting{State: miniairflow.TaskState{IsLimited: true}}, "waits for other tasks of its run: max_active_tasks 16"},
		"Look": {
			miniairflow.TaskRun{Status: miniairflow.TaskWaiting, Reason: "waits for file x", NextRetryAt: &soon},
			miniairflow.Waiting{},
			"waits for file x; next look at 2026-11-22 10:32:05 UTC",
		},
		"Approval": {
			miniairflow.TaskRun{Status: miniairflow.TaskWaiting, Reason: "waits for approval: Load it?", NextRetryAt: &soon},
			miniairflow.Waiting{Task: &miniairflow.Task{Approval: &miniairflow.Approval{}}},
			"waits for approval: Load it?",
		},
		"Undecided":   {miniairflow.TaskRun{Status: pending}, miniairflow.Waiting{State: miniairflow.TaskState{IsAsked: true}}, "waits for a scheduler to decide whether it runs"},
		"Finally":     {miniairflow.TaskRun{Status: pending, Finally: true}, miniairflow.Waiting{}, "waits for the end of all other tasks"},
		"Next":        {miniairflow.TaskRun{Status: pending}, miniairflow.Waiting{}, "is about to start"},
		"RunPending":  {miniairflow.TaskRun{Status: pending}, miniairflow.Waiting{Run: &miniairflow.WorkflowRun{Status: miniairflow.RunPending}}, "waits for the start of its run"},
		"RunPaused":   {miniairflow.TaskRun{Status: queued}, miniairflow.Waiting{Run: &miniairflow.WorkflowRun{Status: miniairflow.RunRunning, PausedAt: &past}}, "run is paused"},
		"NoWorker":    {miniairflow.TaskRun{Status: queued, Queue: "gpu"}, miniairflow.Waiting{}, "no active worker serves queue gpu"},
		"Queued":      {miniairflow.TaskRun{Status: queued, Queue: "default"}, miniairflow.Waiting{}, "waits for a free worker of queue default"},
		"NoPool":      {pooled, miniairflow.Waiting{}, "pool wh does not exist: declare it in pools.yaml, or use `miniairflow pools set wh --slots N`"},
		"SmallPool":   {pooled, miniairflow.Waiting{Pool: pool(1, 0, 1)}, "pool wh has 1 slots, but the task needs 2"},
		"FullPool":    {pooled, miniairflow.Waiting{Pool: pool(4, 4, 1, "a", "b")}, "pool wh is full 4/4: held by etl#1/a, etl#1/b"},
		"TightPool":   {pooled, miniairflow.Waiting{Pool: pool(4, 3, 1, "a")}, "pool wh has too few free slots 3/4: held by etl#1/a"},
		"Turn":        {pooled, miniairflow.Waiting{Pool: pool(4, 1, 3)}, "waits for its turn in pool wh, in which 3 tasks wait, or for a free worker of queue default"},
		"Room":        {pooled, miniairflow.Waiting{Pool: pool(4, 1, 1)}, "waits for a free worker of queue default"},
		"Retry":       {miniairflow.TaskRun{Status: retry, Failures: 2, NextRetryAt: &soon}, miniairflow.Waiting{}, "retry 2 of 3 at 10:32:05 UTC"},
		"RetryIsDue":  {miniairflow.TaskRun{Status: retry, Failures: 2, NextRetryAt: &past, Queue: "gpu"}, miniairflow.Waiting{}, "no active worker serves queue gpu"},
		"RetryInPool": {dueInPool, miniairflow.Waiting{Pool: pool(2, 2, 1, "a")}, "pool wh is full 2/2: held by etl#1/a"},
		"RetryNoSlot": {miniairflow.TaskRun{Status: retry, NextRetryAt: &past}, miniairflow.Waiting{State: miniairflow.TaskState{IsLimited: true}}, "waits for other tasks of its run: max_active_tasks 16"},
		"Running":     {miniairflow.TaskRun{Status: miniairflow.TaskRunning}, miniairflow.Waiting{Upstream: []string{"a"}}, ""},
		"Items": {
			miniairflow.TaskRun{Status: miniairflow.TaskWaiting, Reason: "waits for its 10 items"},
			miniairflow.Waiting{FanOut: &miniairflow.FanOut{Total: 10, Held: 2, Success: 3, Failed: 1}},
			"waits for its items: 4 of 10 ended",
		},
		"HeldItem": {
			miniairflow.TaskRun{Status: pending, Seq: miniairflow.FirstItem + 3},
			miniairflow.Waiting{Task: &miniairflow.Task{ForEach: &miniairflow.ForEach{MaxParallel: 4}}},
			"waits for other items of its task: max_parallel 4",
		},
		"Over": {miniairflow.TaskRun{Status: miniairflow.TaskSuccess}, miniairflow.Waiting{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.w
			if w.Task == nil {
				w.Task = &miniairflow.Task{Retry: &miniairflow.RetryPolicy{Count: 3}}
			}
			w.MaxActiveTasks = 16
			w.Queues, w.Now = []string{"default"}, now
			if w.Run == nil {
				w.Run = running
			}
			require.Equal(t, c.want, miniairflow.WaitReason(&c.run, w))
		})
	}
}

// Each sentence that says why a run waits.
func TestRunWaitReason(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	active := &miniairflow.Workflow{IsActive: true, MaxActiveRuns: 2}
	paused := &miniairflow.Workflow{IsActive: true, MaxActiveRuns: 2, PausedAt: &now}
	for name, c := range map[string]struct {
		run      miniairflow.WorkflowRun
		workflow *miniairflow.Workflow
		running  []string
		want     string
	}{
		"Over":      {miniairflow.WorkflowRun{Status: miniairflow.RunFailed, PausedAt: &now}, active, nil, ""},
		"Running":   {miniairflow.WorkflowRun{Status: miniairflow.RunRunning}, active, nil, ""},
		"Paused":    {miniairflow.WorkflowRun{Status: miniairflow.RunRunning, PausedAt: &now}, active, nil, "run is paused"},
		"Later":     {miniairflow.WorkflowRun{Status: miniairflow.RunPending, RunAfter: now.Add(time.Hour)}, active, nil, "waits for its time: 2026-11-22T11:00:00Z"},
		"Workflow":  {miniairflow.WorkflowRun{Status: miniairflow.RunPending, RunAfter: now}, paused, nil, "workflow is paused"},
		"Limit":     {miniairflow.WorkflowRun{Status: miniairflow.RunPending, RunAfter: now}, active, []string{"etl#1", "etl#2"}, "run waits: max_active_runs 2 (running: etl#1, etl#2)"},
		"Started":   {miniairflow.WorkflowRun{Status: miniairflow.RunPending, RunAfter: now, WorkflowName: "etl", Number: 2}, active, []string{"etl#1", "etl#2"}, ""},
		"Scheduler": {miniairflow.WorkflowRun{Status: miniairflow.RunPending, RunAfter: now}, active, []string{"etl#1"}, "waits for a scheduler"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, miniairflow.RunWaitReason(&c.run, c.workflow, c.running, now))
		})
	}
}
