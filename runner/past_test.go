package runner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// A task whose past has failed waits until that is done again, with the real parts.
func TestDependsOnPast(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		seen := newWitness(t)
		s.load(map[string]string{"daily.yaml": fmt.Sprintf(`
max_active_runs: 2
env: {SEEN: %q, NUMBER: "${{ run.number }}"}
tasks:
  load:
    depends_on_past: true
    command: |
      echo "$NUMBER" >> "$SEEN"
      test "$NUMBER" != 1 -o "$(wc -l < "$SEEN")" -gt 1
  report: {command: echo report, depends_on: [load]}
`, seen.path)})
		w, err := store.FindWorkflowByName(t.Context(), "daily")
		require.NoError(t, err)
		var runs []*miniairflow.WorkflowRun
		for day := range 2 {
			id, err := miniairflow.NewParentID()
			require.NoError(t, err)
			run, _, err := store.CreateRun(t.Context(), miniairflow.NewRun{
				ID: id, WorkflowID: w.ID, VersionID: w.VersionID, Type: miniairflow.RunScheduled,
				ScheduleName: "@daily UTC", LogicalDate: time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC),
			})
			require.NoError(t, err)
			runs = append(runs, run)
		}
		s.scheduler()
		s.worker("w1")
		require.Equal(t, miniairflow.RunFailed, s.finish(runs[0].ID).Status)
		s.await("the reason of the second", func() bool {
			found, err := store.TaskStates(t.Context(), runs[1].ID, []int{0})
			require.NoError(t, err)
			return len(found) == 1 && found[0].Past == "waits for daily#1 of 2026-01-01: load failed"
		})
		require.Equal(t, []string{"1"}, seen.lines())
		_, err = s.control.Rerun(t.Context(), miniairflow.RerunRequest{RunID: runs[0].ID, Kind: miniairflow.RerunFailed, By: miniairflow.Actor{Name: "test"}})
		require.NoError(t, err)
		require.Equal(t, miniairflow.RunSuccess, s.finish(runs[1].ID).Status)
		require.Equal(t, []string{"1", "1", "2"}, seen.lines())
	})
}
