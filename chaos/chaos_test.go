package chaos

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStorm plays one short episode with every fault.
func TestStorm(t *testing.T) {
	if *quotaFlag > 0 {
		t.Skip("TestCampaign plays it")
	}
	e := &episode{Kind: storm, Seed: *seedFlag}
	e.play(t, 1)
	report(t, e)
	for _, name := range faultNames() {
		require.Positive(t, e.Faults[name], "the fault %q has not landed", name)
	}
}

// report prints an episode and fails the test for what was wrong.
func report(t *testing.T, e *episode) {
	t.Helper()
	t.Logf("%s, seed %d, lease %s: %d s, faults %v, %d runs, %d tasks, %d attempts, %d of them lost, %d runs opened again",
		e.Kind, e.Seed, e.Lease, e.Seconds, e.Faults, e.Runs, e.Tasks, e.Attempts, e.Lost, e.Reopened)
	for _, wrong := range e.Wrong {
		t.Errorf("seed %d: %s", e.Seed, wrong)
	}
}
