package runner_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// Slots read the variables of their params when they are fired. A variable that is
// missing costs the runs of its own schedule, and none of another.
func TestSchedulesReadVariables(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{
			"there.yaml":   "schedule: {cron: \"* * * * *\", catchup: all}\nmax_active_runs: 10\nparams: {region: {type: string, enum: [eu, us], default: \"${{ vars.REGION }}\"}}\ntasks: {a: {noop: true}}",
			"missing.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\nparams: {region: {type: string, default: \"${{ vars.NOTHING }}\"}}\ntasks: {a: {noop: true}}",
			"without.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\nmax_active_runs: 10\ntasks: {a: {noop: true}}",
		})
		_, err := s.control.SetVar(t.Context(), "REGION", "us", nil, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		s.missed(2)
		s.scheduler()
		s.await("the runs of two schedules", func() bool { return len(s.runs("there")) >= 3 && len(s.runs("without")) >= 3 })
		for _, run := range s.runs("there") {
			require.Equal(t, map[string]any{"region": "us"}, run.Params)
		}
		require.Empty(t, s.runs("missing"))
	})
}

// A change of a variable reaches the runs that are made after it, and a value that
// the param does not take makes none.
func TestTriggerReadsVariables(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.load(map[string]string{"w.yaml": "params: {limit: {type: integer, maximum: 10, default: \"${{ vars.LIMIT }}\"}}\ntasks: {a: {noop: true}}"})
		people := miniairflow.Actor{Name: "test"}
		trigger := func() error {
			_, err := s.control.TriggerWorkflow(t.Context(), miniairflow.TriggerRequest{Workflow: "w", By: people})
			return err
		}
		require.ErrorContains(t, trigger(), "there is no variable LIMIT: set it with `miniairflow vars set LIMIT VALUE`")
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(trigger()))
		for _, limit := range []any{3, "7"} {
			_, err := s.control.SetVar(t.Context(), "LIMIT", limit, nil, people)
			require.NoError(t, err)
			require.NoError(t, trigger())
		}
		_, err := s.control.SetVar(t.Context(), "LIMIT", 11, nil, people)
		require.NoError(t, err)
		require.ErrorContains(t, trigger(), "10")
		runs := s.runs("w")
		require.Len(t, runs, 2)
		require.EqualValues(t, 3, runs[0].Params["limit"])
		require.EqualValues(t, 7, runs[1].Params["limit"])
	})
}
