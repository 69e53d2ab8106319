package graph_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// A run and the task that has started it name each other, and why the run waits is
// no matter of max_active_runs.
func TestChildRun(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("parent", "call", "other")
		d.Tasks[0].Noop, d.Tasks[0].Command, d.Tasks[0].Workflow = false, nil, &miniairflow.ChildWorkflow{Name: "child"}
		d.Tasks[1].DependsOn = []string{"call"}
		w.save(t, d, workflow("child", "a"))
		w.started(t, "child") // as many as it may have
		parent := w.started(t, "parent")
		w.work(t, 1) // that of the other run
		claim := w.work(t, 1)[0]
		require.Equal(t, parent, claim.RunID)
		v, err := w.store.FindWorkflowByName(t.Context(), "child")
		require.NoError(t, err)
		child, _, err := w.store.CreateRun(t.Context(), miniairflow.NewRun{
			ID: uuid.New(), WorkflowID: v.ID, VersionID: v.VersionID, Type: miniairflow.RunChild, LogicalDate: claim.Run.LogicalDate,
			Parent: &miniairflow.Parent{TaskRunKey: miniairflow.TaskRunKey{RunID: claim.RunID, Seq: claim.Seq}, Token: claim.Token},
		})
		require.NoError(t, err)
		var got struct {
			Parent, Child struct {
				Type, Label string
				Outputs     any
				WaitReason  string
				Parent      *struct {
					Name        string
					WorkflowRun struct{ Label string }
				}
				TaskRuns struct {
					Nodes []struct {
						Name     string
						ChildRun *struct{ Label string }
					}
				}
			}
		}
		const fields = `{ type label outputs waitReason parent { name workflowRun { label } } taskRuns { nodes { name childRun { label } } } }`
		w.ask(t, `query($parent: ID!, $child: ID!) { parent: workflowRun(id: $parent) `+fields+` child: workflowRun(id: $child) `+fields+` }`,
			vars{"parent": parent, "child": child.ID}, &got)
		require.Equal(t, "MANUAL", got.Parent.Type)
		require.Nil(t, got.Parent.Parent)
		require.Len(t, got.Parent.TaskRuns.Nodes, 2)
		require.Equal(t, "child#2", got.Parent.TaskRuns.Nodes[0].ChildRun.Label)
		require.Nil(t, got.Parent.TaskRuns.Nodes[1].ChildRun)
		require.Equal(t, "CHILD", got.Child.Type)
		require.Equal(t, "call", got.Child.Parent.Name)
		require.Equal(t, "parent#1", got.Child.Parent.WorkflowRun.Label)
		require.Equal(t, "waits for a scheduler", got.Child.WaitReason)
	})
}

// Outputs of a run that cannot be computed are told with the reason.
func TestOutputsOfRun(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		good, bad := workflow("good", "a"), workflow("bad", "a")
		good.Outputs = []miniairflow.WorkflowOutput{{Name: "n", Value: "${{ 6 * 7 }}"}}
		bad.Outputs = []miniairflow.WorkflowOutput{{Name: "n", Value: "${{ fromJSON(tasks.a.outputs.text) }}"}}
		w.save(t, good, bad)
		ids := []uuid.UUID{w.started(t, "good"), w.started(t, "bad")}
		var got struct {
			Good, Bad struct{ Outputs, OutputsError any }
		}
		const fields = `{ outputs outputsError }`
		ask := func() {
			w.ask(t, `query($good: ID!, $bad: ID!) { good: workflowRun(id: $good) `+fields+` bad: workflowRun(id: $bad) `+fields+` }`,
				vars{"good": ids[0], "bad": ids[1]}, &got)
		}
		ask()
		require.Nil(t, got.Good.Outputs, "it has not succeeded")
		require.Nil(t, got.Bad.OutputsError, "it has not succeeded")
		for _, claim := range w.work(t, len(ids)) {
			end := succeed(claim)
			end.Outputs = map[string]any{"text": "{"}
			w.work(t, 1, end)
		}
		ask()
		require.Equal(t, map[string]any{"n": 42.0}, got.Good.Outputs)
		require.Nil(t, got.Good.OutputsError)
		require.Nil(t, got.Bad.Outputs)
		require.Contains(t, got.Bad.OutputsError, `run bad#1: output "n"`)
	})
}
