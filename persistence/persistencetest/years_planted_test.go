package persistencetest_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// slotDefects are defects that lose a slot, or do it twice.
var slotDefects = []struct {
	name string
	change
}{
	{"a cursor moves though another has moved it", change{
		"persistence/sqlite/schedules.go", `AND next_at IS ?6 AND since = ?7`, `AND (next_at IS ?6 OR true) AND since = ?7`,
	}},
	{"what an edit leaves out is not kept", change{
		"persistence/dialect/missed.go", `if hashes[c.Schedules.Name()] != c.Hash {`, `if len(hashes) < 0 {`,
	}},
	{"a schedule that goes on owes nothing of its first hour", change{"missed.go", `return t.next(c.Since)`, `return t.next(c.Since.Add(time.Hour))`}},
	{"what finds no room is not kept", change{
		"fire.go", `left, runs = append(left, leaveOutRuns(runs[:first], MissedQueueFull)...), runs[first:]`, `runs = runs[first:]`,
	}},
	{"what is older than the window is not kept", change{"schedule.go", `plan.Left = ts.missed(c, t, first, fire, keep.older)`, `plan.Left = nil`}},
	{"a backfill makes runs of what the schedule is about to come to", change{"backfill_plan.go", `case view.Place.isAhead(d.Slot):`, `case view.Place.isAhead(d.Slot) && d.Run != nil:`}},
	{"a workflow that is taken away goes on from where it was", change{
		"persistence/sqlite/sync.go", `next_at = NULL, since = ?2 WHERE`, `next_at = NULL, since = since + 0 * ?2 WHERE`,
	}},
}

// TestPlantedSlotDefects shows that TestYearsOfSlots can fail: it finds each of the defects.
func TestPlantedSlotDefects(t *testing.T) {
	if isRace {
		t.Skip("compiles the tests once for each defect: the run without the race detector does it")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, d := range slotDefects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			out, err := plant(t, root, d.change).playYears()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "the defect is not found: %s", out)
			require.Contains(t, string(out), "--- FAIL: TestYearsOfSlots/sqlite", "it fails for another reason")
		})
	}
}

// playYears plays simulated years on SQLite.
func (p planted) playYears() (out []byte, err error) {
	return exec.Command(string(p), "-test.run", "TestYearsOfSlots$/sqlite", "-test.timeout=25m", "-years.n=10").CombinedOutput()
}
