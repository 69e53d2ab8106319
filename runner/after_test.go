package runner_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// A chain of workflows, each of which starts after the one before, runs to its end once
// for each run of the first, however many schedulers look and calls fail.
func TestRunsAfterOthers(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, parts := newSystem(t, store), newSystem(t, persistencetest.NewFaulty(store, persistencetest.RandomFaults(1, faultShare)))
		s.load(map[string]string{
			"extract.yaml": "max_active_runs: 10\ntasks: {a: {noop: true}}",
			"load.yaml":    "max_active_runs: 10\ntriggers: {after: extract}\ntasks: {a: {noop: true}}",
			"broken.yaml":  "triggers: {after: extract}\nparams: {n: {default: '${{ vars.nowhere }}'}}\ntasks: {a: {noop: true}}",
			"report.yaml":  "max_active_runs: 10\ntriggers: {after: [extract, load]}\ntasks: {a: {noop: true}}",
		})
		parts.scheduler()
		parts.scheduler()
		parts.worker("w1")
		for range 5 {
			s.trigger("extract", nil)
		}
		s.await("the runs of the last workflow", func() bool { return len(s.runs("report")) == 5 })
		for _, run := range s.runs("report") {
			s.finish(run.ID)
			require.Equal(t, miniairflow.CauseAfter, run.Cause.Kind)
		}
		s.await("the end of all looks", func() bool {
			ends, err := store.AfterEnds(t.Context(), 1)
			return err == nil && len(ends) == 0
		})
		require.Len(t, s.runs("load"), 5)
		require.Len(t, s.runs("report"), 5)
		require.Empty(t, s.runs("broken"))

		broken, err := store.FindWorkflowByName(t.Context(), "broken")
		require.NoError(t, err)
		missed, err := store.FindMissedSlots(t.Context(), miniairflow.MissedFilter{WorkflowID: broken.ID})
		require.NoError(t, err)
		require.Len(t, missed, 1, "people are told")
		require.Equal(t, miniairflow.MissedAfter, missed[0].Reason)
		require.Equal(t, 5, missed[0].Count)
		// While the database does not answer, the run that has ended goes by its id.
		require.Regexp(t, `^run (extract#[1-5]|[0-9a-f-]{36}) started none: default of param "n": .*nowhere`, missed[0].Text)
	})
}
