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
