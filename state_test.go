package miniairflow_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// The names are stored and are part of the API: they never change.
func TestNamesOfStates(t *testing.T) {
	require.Equal(t, "[pending running success failed cancelled skipped]", fmt.Sprint(miniairflow.RunStatuses))
	require.Equal(t, "[pending queued running waiting up_for_retry success failed cancelled skipped upstream_failed]", fmt.Sprint(miniairflow.TaskStatuses))
	require.Equal(t, "[running success failed timed_out cancelled lost]", fmt.Sprint(miniairflow.AttemptStatuses))
	require.Equal(t, "[active draining inactive]", fmt.Sprint(miniairflow.WorkerStatuses))
	require.Equal(t, "[all_success all_failed all_done all_done_min_one_success all_skipped one_failed one_success one_done none_failed none_failed_min_one_success none_skipped always]", fmt.Sprint(miniairflow.TriggerRules))
	require.Equal(t, "[scheduled manual]", fmt.Sprint([]miniairflow.RunType{miniairflow.RunScheduled, miniairflow.RunManual}))
	require.Equal(t, "[low normal high critical]", fmt.Sprint([]miniairflow.Priority{0, 1, 2, 3}))
	require.Equal(t, "backfill", miniairflow.PriorityBackfill.String())
	require.Equal(t, "unknown", miniairflow.Priority(-2).String())
}

// status is what all state types share.
type status[S any] interface {
	comparable
	CanTransition(next S) bool
}

// checkTable checks that the terminal states are the given ones, that they have
// no way out, and that every state can be reached from the first.
func checkTable[S status[S]](t *testing.T, states []S, terminal func(S) bool, wantTerminal ...S) {
	t.Helper()
	reached := map[S]bool{states[0]: true}
	for range states {
		for _, from := range states {
			for _, to := range states {
				if reached[from] && from.CanTransition(to) {
					reached[to] = true
				}
			}
		}
	}
	for _, s := range states {
		require.True(t, reached[s], "%v is never reached", s)
		require.False(t, s.CanTransition(s), "%v to itself", s)
		require.Equal(t, slices.Contains(wantTerminal, s), terminal(s), "%v", s)
		for _, next := range states {
			if terminal(s) {
				require.False(t, s.CanTransition(next), "%v is terminal, but goes to %v", s, next)
			}
		}
	}
}

func TestStateTables(t *testing.T) {
	checkTable(t, miniairflow.RunStatuses, miniairflow.RunStatus.IsTerminal,
		miniairflow.RunSuccess, miniairflow.RunFailed, miniairflow.RunCancelled, miniairflow.RunSkipped)
	checkTable(t, miniairflow.TaskStatuses, miniairflow.TaskStatus.IsTerminal,
		miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskCancelled, miniairflow.TaskSkipped, miniairflow.TaskUpstreamFailed)
	checkTable(t, miniairflow.AttemptStatuses, miniairflow.AttemptStatus.IsTerminal,
		miniairflow.AttemptSuccess, miniairflow.AttemptFailed, miniairflow.AttemptTimedOut, miniairflow.AttemptCancelled, miniairflow.AttemptLost)
	checkTable(t, miniairflow.WorkerStatuses, func(s miniairflow.WorkerStatus) bool { return s == miniairflow.WorkerInactive }, miniairflow.WorkerInactive)
	require.False(t, miniairflow.RunStatus("paused").IsTerminal(), "what nobody knows is not over")
	require.False(t, miniairflow.TaskStatus("").IsTerminal())
	require.False(t, miniairflow.AttemptStatus("frozen").IsTerminal())
	for _, s := range miniairflow.TaskStatuses {
		require.Equal(t, !s.IsTerminal(), s.CanTransition(miniairflow.TaskCancelled), "%s can be cancelled exactly while it is open", s)
	}
}
