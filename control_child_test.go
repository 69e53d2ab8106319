package miniairflow_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// caller returns a workflow of one task, which runs another one.
func caller(name, workflow string) *miniairflow.Definition {
	d := persistencetest.Define(name, persistencetest.Task("call"))
	d.Tasks[0].Noop, d.Tasks[0].Workflow = false, &miniairflow.ChildWorkflow{Name: workflow}
	return d
}

// claimer starts what may start and claims one task run of it.
func claimer(t *testing.T, store miniairflow.Store) (claim func() miniairflow.Claim) {
	t.Helper()
	w := miniairflow.Worker{ID: uuid.New(), Name: "w", Hostname: "host", PID: 1, Version: "test", Queues: []string{"default"}, Concurrency: 100}
	require.NoError(t, store.StartSession(t.Context(), w, time.Hour))
	return func() miniairflow.Claim {
		t.Helper()
		_, err := store.StartRuns(t.Context(), 1)
		require.NoError(t, err)
		result, err := store.Exchange(t.Context(), miniairflow.Exchange{SessionID: w.ID, Queues: w.Queues, Limit: 1, Token: uuid.New()})
		require.NoError(t, err)
		require.Len(t, result.Claims, 1)
		return result.Claims[0]
	}
}

func childOf(c miniairflow.Claim, workflow string) miniairflow.ChildRequest {
	return miniairflow.ChildRequest{Parent: c.Run, Seq: c.Seq, Token: c.Token, Workflow: workflow}
}

func TestControl_StartChild(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		persistencetest.MustSync(t, c.Store, persistencetest.Define("gone", persistencetest.Chain(1)...))
		require.NoError(t, c.Store.RetireFile(t.Context(), "gone.yaml"))
		persistencetest.MustTrigger(t, c.Store, persistencetest.MustSync(t, c.Store, caller("parent", "orders")))
		claim := claimer(t, c.Store)()
		for text, change := range map[string]func(*miniairflow.ChildRequest){
			`no workflow is called "order"`:     func(req *miniairflow.ChildRequest) { req.Workflow = "order" },
			"gone.yaml is gone":                 func(req *miniairflow.ChildRequest) { req.Workflow = "gone" },
			"asia is not one of eu, us":         func(req *miniairflow.ChildRequest) { req.Params = map[string]any{"region": "asia"} },
			`did you mean "region"?`:            func(req *miniairflow.ChildRequest) { req.Params = map[string]any{"regoin": "eu"} },
			"parent → parent":                   func(req *miniairflow.ChildRequest) { req.Workflow = "parent" },
			"attempt that starts the child run": func(req *miniairflow.ChildRequest) { req.Token = uuid.New() },
		} {
			req := childOf(claim, "orders")
			change(&req)
			_, err := c.StartChild(t.Context(), req)
			require.ErrorContains(t, err, text)
		}
		req := childOf(claim, "orders")
		req.Params = map[string]any{"region": "us"}
		child, err := c.StartChild(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, "orders#1", child.Label())
		require.Equal(t, claim.Run.LogicalDate, child.LogicalDate)
		require.Equal(t, map[string]any{"region": "us", "at": claim.Run.LogicalDate.Format(time.RFC3339Nano)}, child.Params, "defaults see the logical date")
		again, err := c.StartChild(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, child, again)
	})
}

// Versions may change while runs go on: what no look at files could see is refused
// when a run would begin.
func TestControl_StartChildEnds(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		name := func(level int) string { return fmt.Sprintf("w%d", level) }
		for level := 1; level <= miniairflow.ChildDepthMax+1; level++ {
			persistencetest.MustSync(t, c.Store, caller(name(level), name(level+1)))
		}
		persistencetest.MustTrigger(t, c.Store, persistencetest.MustSync(t, c.Store, caller("w1", "w2")))
		claim := claimer(t, c.Store)
		for level := 1; level < miniairflow.ChildDepthMax; level++ {
			parent := claim()
			require.Equal(t, name(level), parent.Run.WorkflowName)
			_, err := c.StartChild(t.Context(), childOf(parent, name(level+1)))
			require.NoError(t, err)
			if level == 3 {
				_, err := c.StartChild(t.Context(), childOf(parent, "w1"))
				require.ErrorContains(t, err, "w1 → w2 → w3 → w1")
			}
		}
		_, err := c.StartChild(t.Context(), childOf(claim(), name(miniairflow.ChildDepthMax+1)))
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
		require.ErrorContains(t, err, `a run of workflow "w17" would be more than 16 levels below run w1#1`)
	})
}

func TestControl_RunOutputs(t *testing.T) {
	eachControl(t, func(t *testing.T, c *miniairflow.Control) {
		d := persistencetest.Define("handing", persistencetest.Chain(2)...)
		d.Outputs = []miniairflow.WorkflowOutput{
			{Name: "n", Value: "${{ tasks.t0.outputs.n }}"},
			{Name: "text", Type: miniairflow.OutputString, Value: "${{ tasks.t0.outputs.n }} of ${{ run.workflow }}"},
			{Name: "half", Value: "${{ 0.5 }}"},
			{Name: "list", Value: "${{ [9007199254740993, 'a'] }}"},
		}
		run := persistencetest.MustTrigger(t, c.Store, persistencetest.MustSync(t, c.Store, d))
		outputs, err := c.RunOutputs(t.Context(), run)
		require.NoError(t, err)
		require.Nil(t, outputs, "it has not succeeded")
		claim := claimer(t, c.Store)
		finish := func(cl miniairflow.Claim, outputs map[string]any) {
			t.Helper()
			worker, err := c.Store.FindWorkers(t.Context())
			require.NoError(t, err)
			_, err = c.Store.Exchange(t.Context(), miniairflow.Exchange{SessionID: worker[0].ID, Token: uuid.New(), Finishes: []miniairflow.Finish{{
				RunID: cl.RunID, Seq: cl.Seq, Token: cl.Token, Attempt: miniairflow.AttemptSuccess, Next: miniairflow.TaskSuccess, Outputs: outputs,
			}}})
			require.NoError(t, err)
		}
		finish(claim(), map[string]any{"n": int64(7)})
		finish(claim(), nil)
		run, err = c.Store.FindRun(t.Context(), run.ID)
		require.NoError(t, err)
		outputs, err = c.RunOutputs(t.Context(), run)
		require.NoError(t, err)
		require.Equal(t, map[string]any{"n": int64(7), "text": "7 of handing", "half": 0.5, "list": []any{json.Number("9007199254740993"), "a"}}, outputs)
	})
}
