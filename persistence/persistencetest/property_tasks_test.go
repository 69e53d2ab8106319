package persistencetest_test

import (
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// drawTasks draws a small DAG of so many tasks of a workflow, which are named by their places.
func (g *game) drawTasks(workflow string, mains, finals int) []miniairflow.Task {
	var tasks []miniairflow.Task
	for i := range mains + finals {
		t := task(fmt.Sprintf("t%d", i))
		first := 0
		if t.Finally = i >= mains; t.Finally {
			first = mains
		}
		for up := first; up < i; up++ {
			if g.one(3, "edge") {
				t.DependsOn = append(t.DependsOn, tasks[up].Name)
			}
		}
		if g.one(2, "other rule") {
			t.TriggerRule = pick(g, "rule", miniairflow.TriggerRules)
		}
		t.When = pick(g, "when", []string{"", "", "", "true", "false"})
		t.Priority = miniairflow.Priority(rapid.IntRange(0, 3).Draw(g.rt, "priority"))
		t.AllowFailure = g.one(4, "allow_failure")
		t.DependsOnPast = !t.Finally && g.one(5, "depends_on_past")
		t.Queue = pick(g, "queue", []string{"default", "gpu"})
		if g.one(2, "pooled") {
			t.Pool, t.PoolSlots = pick(g, "pool", pools), rapid.IntRange(1, 3).Draw(g.rt, "slots")
		}
		if g.one(2, "retries") {
			t.Retry = &miniairflow.RetryPolicy{Count: 2, Delay: retryDelay}
		}
		if g.one(3, "exit codes") {
			policy := t.RetryPolicy()
			policy.NeverOn = &miniairflow.ExitCodes{neverCode}
			t.SkipOn, t.Retry = &miniairflow.ExitCodes{skipCode}, &policy
		}
		if g.one(4, "expires") {
			t.QueueTimeout = miniairflow.Duration(2 * time.Hour)
		}
		if g.one(3, "waits") {
			t.Noop, t.Wait = false, &miniairflow.Wait{Duration: retryDelay}
		} else if callee := g.callee(workflow); callee != "" {
			t.Noop, t.Workflow = false, &miniairflow.ChildWorkflow{Name: callee}
		}
		if t.Wait == nil && t.Workflow == nil && g.one(4, "asks") {
			t.Noop, t.Approval, t.Outputs = false, &miniairflow.Approval{Message: "go on?"}, miniairflow.ApprovalOutputs
		}
		if t.Approval == nil && g.one(3, "items") {
			t.ForEach = &miniairflow.ForEach{
				List: json.RawMessage(pick(g, "list", []string{"[]", "[1]", "[1,2]", "[1,2,3,4]", `[1,"failed",3]`, `["skipped",2]`})), MaxParallel: rapid.IntRange(0, 2).Draw(g.rt, "max_parallel"),
			}
		}
		if g.one(3, "payment") {
			t.OnLost = miniairflow.LostFail
		}
		tasks = append(tasks, t)
	}
	return tasks
}

// skipCode and neverCode are exit codes that mean something to some tasks.
const (
	skipCode  = 99
	neverCode = 2
)

// retryDelay is that of all retries: nothing is due by itself.
const retryDelay = miniairflow.Duration(2 * time.Hour)
