package graph_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// TestWaitReason asks why tasks wait, before there is a worker and after.
func TestWaitReason(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "extract", "load")
		d.Tasks[1].DependsOn = []string{"extract"}
		w.save(t, d)
		id := w.started(t, "etl")

		require.Equal(t, map[string]string{"extract": "no active worker serves queue default", "load": "waits for extract"}, w.waitReasons(t, id))
		w.work(t, 0)
		require.Equal(t, "waits for a free worker of queue default", w.waitReasons(t, id)["extract"])
		claims := w.work(t, 1)
		require.Equal(t, map[string]string{"load": "waits for extract"}, w.waitReasons(t, id), "what runs waits for nothing")
		w.work(t, 0, succeed(claims[0]))
		require.Equal(t, map[string]string{"load": "waits for a free worker of queue default"}, w.waitReasons(t, id))
	})
}

// TestWaitReasonOfLimits asks why tasks wait for a slot, a pool, and a decision.
func TestWaitReasonOfLimits(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		d := workflow("etl", "first", "pooled", "limited", "asked")
		d.MaxActiveTasks = 2
		for i := range d.Tasks {
			d.Tasks[i].DependsOn = nil
		}
		for i := range 2 {
			d.Tasks[i].Pool, d.Tasks[i].PoolSlots = "wh", 1
		}
		d.Tasks[3].DependsOn, d.Tasks[3].TriggerRule = []string{"first"}, miniairflow.OneDone
		w.save(t, d)
		_, err := w.store.SetPool(t.Context(), miniairflow.Pool{Name: "wh", Slots: 1}, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		id := w.started(t, "etl")
		claims := w.work(t, 1)
		require.Equal(t, map[string]string{
			"pooled": "pool wh is full 1/1: held by etl#1/first", "limited": "waits for other tasks of its run: max_active_tasks 2",
			"asked": "waits for first",
		}, w.waitReasons(t, id))
		w.work(t, 0, succeed(claims[0]))
		require.Equal(t, "waits for a scheduler to decide whether it runs", w.waitReasons(t, id)["asked"])
	})
}

// waitReasons returns the wait reasons of a run's tasks, without nulls.
func (w *world) waitReasons(t *testing.T, id uuid.UUID) map[string]string {
	t.Helper()
	var got struct {
		WorkflowRun struct {
			TaskRuns struct {
				Nodes []struct {
					Name       string
					WaitReason *string
				}
			}
		}
	}
	w.ask(t, `query($id: ID!) { workflowRun(id: $id) { taskRuns { nodes { name waitReason } } } }`, vars{"id": id}, &got)
	reasons := map[string]string{}
	for _, task := range got.WorkflowRun.TaskRuns.Nodes {
		if task.WaitReason != nil {
			reasons[task.Name] = *task.WaitReason
		}
	}
	return reasons
}
