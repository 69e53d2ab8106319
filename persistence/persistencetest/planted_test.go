package persistencetest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// defect is a mistake that someone could make: a text of a file, and what it
// becomes.
type defect struct {
	name    string
	dialect string // that shows it
	file    string // below the module's root
	old     string // occurs once
	new     string
}

// defects are mistakes that TestRandomCalls must find, each by itself.
var defects = []defect{
	{
		"a result without the token of its attempt is taken", "sqlite", "persistence/sqlite/exchange.go",
		`DELETE FROM task_open WHERE workflow_run_id = ? AND seq = ? AND token = ?`,
		`DELETE FROM task_open WHERE workflow_run_id = ? AND seq = ? AND (token = ? OR true)`,
	},
	{
		"a session that is over is not refused", "sqlite", "persistence/sqlite/exchange.go",
		`case status == miniairflow.WorkerInactive:`, `case status == "":`,
	},
	{
		"a draining worker takes new tasks", "sqlite", "persistence/sqlite/exchange.go",
		`state.mayClaim = status == miniairflow.WorkerActive && leaseUntil > t.now`, `state.mayClaim = leaseUntil > t.now`,
	},
	{
		"a worker claims though its lease has run out", "sqlite", "persistence/sqlite/exchange.go",
		`state.mayClaim = status == miniairflow.WorkerActive && leaseUntil > t.now`, `state.mayClaim = status == miniairflow.WorkerActive`,
	},
	{
		"a retry does not wait for its delay", "sqlite", "persistence/sqlite/exchange.go",
		`finishedAt, retryAt = nil, t.now+f.Delay.Microseconds()`, `finishedAt, retryAt = nil, t.now-3_600_000_000`,
	},
	{
		"the end of a run is told to nobody", "sqlite", "persistence/dialect/notices.go",
		`if r.isOver() {`, `if r.isOver() && r.TimedOut {`,
	},
	{
		"each look is a new attempt", "sqlite", "persistence/sqlite/claim.go",
		`CASE t.status WHEN 'waiting' THEN t.attempt ELSE t.attempt + 1 END`, `t.attempt + 1`,
	},
	{
		"what waits when its run is cancelled leaves no history", "sqlite", "persistence/sqlite/waits.go",
		`AND is_rare AND status = 'waiting'`, `AND is_rare AND status = 'pending'`,
	},
	{
		"the end of a child run wakes nobody", "sqlite", "persistence/sqlite/children.go",
		`AND q.state = 'delayed' AND q.due_at > ?2`, `AND q.state = 'ready'`,
	},
	{
		"a task gets a second child run", "sqlite", "persistence/sqlite/children.go",
		`JOIN task_waits s ON s.child_run_id = r.id WHERE`, `JOIN task_waits s ON s.child_run_id = r.id WHERE false AND`,
	},
	{
		"a cancelled run looks on", "sqlite", "persistence/dialect/finish.go",
		`f.Next == miniairflow.TaskUpForRetry || f.Next == miniairflow.TaskWaiting`, `f.Next == miniairflow.TaskUpForRetry`,
	},
	{
		"the same exchange again claims more", "sqlite", "persistence/sqlite/claim.go",
		`if worker.hasClaimed {`, `if worker.hasClaimed && worker.hasPooled {`,
	},
	{
		"a claim takes tasks of paused runs", "sqlite", "persistence/sqlite/claim.go",
		`WHERE state = 'ready' AND pool = '' AND queue = ?`, `WHERE state IN ('ready', 'paused') AND pool = '' AND queue = ?`,
	},
	{
		"a task that has failed in the queue keeps its slot", "sqlite", "persistence/sqlite/expiry.go",
		`m.freed++`, `m.freed += 0`,
	},
	{
		"sessions are reaped by the clock", "sqlite", "persistence/sqlite/reap.go",
		`WHERE w.id = o.session_id AND w.status <> 'inactive')`,
		`WHERE w.id = o.session_id AND w.status <> 'inactive' AND w.lease_until > unixepoch() * 1000000)`,
	},
	{
		"losses are not counted", "sqlite", "persistence/sqlite/reap.go", `SELECT s.losses + 1,`, `SELECT max(s.losses, 1),`,
	},
	{
		"more runs than max_active_runs start", "sqlite", "persistence/sqlite/start.go",
		`- (SELECT count(*) FROM workflow_runs WHERE workflow_id = ?1 AND status = 'running' AND type NOT IN ('child', 'backfill'))))`, `- 0))`,
	},
	{
		"a backfill has more runs under way than it may", "sqlite", "persistence/dialect/backfill.go", `b.Concurrency-b.Open`, `b.Concurrency`,
	},
	{
		"a backfill goes over its dates again", "sqlite", "persistence/sqlite/backfills.go", `SET cursor_at = ?2, created`, `SET cursor_at = coalesce(cursor_at, ?2), created`,
	},
	{
		"a backfill is over before its last run", "sqlite", "persistence/dialect/backfill.go", `b.Remaining() == 0 && b.Open == 0`, `b.Remaining() == 0`,
	},
	{
		"tasks of a backfill have the priority of others", "sqlite", "persistence/dialect/start.go",
		`return miniairflow.PriorityBackfill`, `return task.Priority`,
	},
	{
		"a child starts after its first upstream task", "sqlite", "persistence/dialect/run.go",
		`case d.Fast && c.Upstream.Success == c.Upstream.Total:`, `case d.Fast && c.Upstream.Success > 0:`,
	},
	{
		"a child that needs a decision is forgotten", "sqlite", "persistence/dialect/run.go",
		`case d.Ask || c.Upstream.Done() == c.Upstream.Total:`, `case d.Ask:`,
	},
	{
		"a slot of the run is not given back", "sqlite", "persistence/dialect/run.go",
		`func (r *Run) Free(slots int) { r.Change.Active -= slots }`, `func (r *Run) Free(slots int) { r.Change.Active -= slots / 2 }`,
	},
	{
		"a run ends before its last task", "sqlite", "persistence/dialect/run.go",
		`return r.Status == miniairflow.RunRunning && r.Stored.Done+r.Change.Done == r.TaskCount
}`, `return r.Status == miniairflow.RunRunning && r.Stored.Done+r.Change.Done >= r.TaskCount-1
}`,
	},
	{
		"a cancellation is forgotten by retries", "sqlite", "persistence/dialect/run.go",
		`return r.CancelRequested && r.Outcome == "" }`, `return false }`,
	},
	{
		"a cancelled run skips its tasks of finally", "sqlite", "persistence/dialect/run.go",
		`r.Outcome == "" && r.Graph.HasFinals()`, `r.Outcome == "" && !r.CancelRequested && r.Graph.HasFinals()`,
	},
	{
		"a cancelled run stays paused", "sqlite", "persistence/sqlite/runs.go",
		`reason = ?4, paused_at = NULL, changed = ?5`, `reason = ?4, changed = ?5`,
	},
	{
		"a pool is overshot", "sqlite", "persistence/dialect/claim.go", `left[c.Pool] -= c.Slots`, `left[c.Pool] -= 0`,
	},
	{
		"a task of another queue is overtaken in its pool", "sqlite", "persistence/sqlite/pools.go", `free[pool]+1)`, `0)`,
	},
	{
		"nothing comes forward", "sqlite", "persistence/dialect/share.go", `return r.regrouped - min(0, r.Change.Active)`, `return r.regrouped`,
	},
	{
		"a later task overtakes in the queue", "sqlite", "persistence/dialect/claim.go",
		`cmp.Compare(a.SortKey, b.SortKey))`, `cmp.Compare(b.SortKey, a.SortKey))`,
	},
	{
		"a payment is repeated after a loss", "sqlite", "retry.go", `case onLost == LostFail, losses+1 >= LossesMax:`, `case losses+1 >= LossesMax:`,
	},
	{
		"what has ended keeps the dependencies of an earlier version", "sqlite", "persistence/sqlite/rerun.go",
		`if state == miniairflow.TaskPending || r.adopts() {`, `if state == miniairflow.TaskPending {`,
	},
	{
		"a rerun that was done is done again", "postgres", "persistence/postgres/rerun.go",
		`SELECT EXISTS (SELECT 1 FROM audit_log WHERE request_id = $1)`, `SELECT EXISTS (SELECT 1 FROM audit_log WHERE request_id = $1 AND false)`,
	},
	{
		"items are let go twice for one that has ended", "sqlite", "persistence/sqlite/items.go",
		`		count := f.Release(m.run.Graph.TaskAt(c.Seq).ForEach.MaxParallel)`, `		count := c.Release`,
	},
	{
		"a late decision takes the request about the items away", "sqlite", "persistence/sqlite/decisions.go",
		`t.seq = d.seq AND t.status = 'waiting')` + "`", `t.seq = d.seq AND t.status = 'nothing')` + "`",
	},
	{
		"an answer is not kept", "sqlite", "persistence/sqlite/rerun.go", `outputs = coalesce(?7, outputs)`, `outputs = nullif(outputs, ?7)`,
	},
	{
		"a run that others wait for in vain does not start", "sqlite", "persistence/sqlite/pasts.go",
		`WHERE p.workflow_id = ?1 AND p.reason <> '')`, `WHERE p.workflow_id = ?1 AND p.reason = '?')`,
	},
	{
		"what was approved counts as cancelled", "postgres", "persistence/dialect/finish.go",
		`case isMarked && req.Kind == miniairflow.RerunAnswer:`, `case isMarked && req.Kind == miniairflow.RerunFailed:`,
	},
	{
		"a task whose items run ends with a cancellation", "sqlite", "persistence/sqlite/runs.go",
		`if m.asks, err = waitingForItems(ctx, t, m.run.ID); err != nil {`, `if _, err = waitingForItems(ctx, t, m.run.ID); err != nil {`,
	},
	{
		"a decision is written to a later generation", "sqlite", "persistence/sqlite/decisions.go",
		`if err != nil || run.Generation != generation {`, `if err != nil {`,
	},
	{
		"a cursor moves though another has moved it", "postgres", "persistence/postgres/schedules.go",
		`AND c.next_at IS NOT DISTINCT FROM u.from_at AND c.is_active`, `AND c.is_active`,
	},
	{
		"a beat that has moved is fenced", "postgres", "persistence/postgres/workers.go",
		`WHERE id = $1 AND beat = $2 AND status`, `WHERE id = $1 AND beat >= $2 - 1000 AND status`,
	},
	{
		"an upstream task that was skipped counts twice", "sqlite", "persistence/sqlite/settle.go",
		`SET up_success = t.up_success + d.success,`, `SET up_success = t.up_success + d.success + d.skipped,`,
	},
	{
		"a run starts after others that have not ended", "sqlite", "control_after.go", `Statuses: other.Status.Statuses(), `, ``,
	},
	{
		"what is late is told at each look", "sqlite", "persistence/dialect/late.go",
		`if !slices.Contains(isNew, m.Task) {`, `if !slices.Contains(isNew, m.Task) && len(isNew) > len(marks) {`,
	},
	{
		"a lost result is called stale", "postgres", "persistence/postgres/exchange.go",
		`stale[i] = !slices.Contains(stored, held)`, `stale[i] = held.Seq >= 0 || !slices.Contains(stored, held)`,
	},
}

// preferred are the choices and moves, see -property.often, with which a defect that
// shows in one sequence of a hundred is found in a few.
var preferred = map[string]string{
	"a task whose items run ends with a cancellation":             "items,cancel",
	"what has ended keeps the dependencies of an earlier version": "edit",
	"items are let go twice for one that has ended":               "items",
	"an upstream task that was skipped counts twice":              "other rule",
	"a run starts after others that have not ended":               "follows",
	"what is late is told at each look":                           "deadlines",
	"a cancelled run looks on":                                    "waits,cancel",
	"a payment is repeated after a loss":                          "payment,lose worker",
	"a decision is written to a later generation":                 "decide late,rerun",
}

// TestPlantedDefects shows that TestRandomCalls can fail: it finds each of the
// defects. The sources stay as they are; the compiler gets others in their place.
func TestPlantedDefects(t *testing.T) {
	if isRace {
		t.Skip("compiles the tests once for each defect: the run without the race detector does it")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for name := range preferred {
		require.True(t, slices.ContainsFunc(defects, func(d defect) bool { return d.name == name }), "no defect %q", name)
	}
	var found atomic.Int32
	t.Run("all", func(t *testing.T) {
		for _, d := range defects {
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				d.find(t, root)
				found.Add(1)
			})
		}
	})
	t.Logf("%d of %d planted defects found", found.Load(), len(defects))
}

// failedAfter is what rapid says of a failure. Some come only with the right
// times: it cannot repeat them, but has found them all the same.
var failedAfter = regexp.MustCompile(`\[rapid\] (failed after \d+ tests|flaky test)`)

// find compiles the tests with the defect and requires that they find it.
func (d *defect) find(t *testing.T, root string) {
	t.Helper()
	changes := []change{{d.file, d.old, d.new}}
	if d.file == smallShare.file {
		changes = append(changes, smallShare)
	}
	out, err := plant(t, root, changes...).playSequences(d.dialect, 1000, preferred[d.name])
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "the defect is not found: %s", out)
	after := failedAfter.FindSubmatch(out)
	require.NotNil(t, after, "it fails for another reason: %s", out)
	t.Logf("found: %s", after[1])
}

// smallShare makes the share of a run so small that the runs of the random
// sequences have rows behind it.
var smallShare = change{"persistence/dialect/share.go", "const ShareMax = 256", "const ShareMax = 2"}

// TestRandomCallsWithASmallShare is TestRandomCalls for runs with rows that go
// behind those of others and come forward.
func TestRandomCallsWithASmallShare(t *testing.T) {
	if isRace {
		t.Skip("compiles the tests anew: the run without the race detector does it")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	tests := plant(t, root, smallShare)
	for dialect, sequences := range map[string]int{"sqlite": 20, "postgres": 10} {
		out, err := tests.playSequences(dialect, sequences, "")
		require.NoError(t, err, "%s", out)
	}
}

// change is a text of a source file, which occurs once in it, and another for it.
type change struct{ file, old, new string }

// planted are the compiled tests of this package, with changes.
type planted string

// plant compiles the tests with changes. The sources stay as they are.
func plant(t *testing.T, root string, changes ...change) planted {
	t.Helper()
	dir := t.TempDir()
	sources, replace := map[string]string{}, map[string]string{}
	for _, c := range changes {
		path := filepath.Join(root, c.file)
		source, known := sources[path]
		if !known {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			source = string(content)
			replace[path] = filepath.Join(dir, fmt.Sprintf("planted%d.go", len(sources)))
		}
		require.Equal(t, 1, strings.Count(source, c.old), "%s has changed: plant anew", c.file)
		sources[path] = strings.Replace(source, c.old, c.new, 1)
		require.NoError(t, os.WriteFile(replace[path], []byte(sources[path]), 0o600))
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	require.NoError(t, err)
	overlayFile, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "tests")
	require.NoError(t, os.WriteFile(overlayFile, overlay, 0o600))
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlayFile, "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return planted(binary)
}

// playSequences plays so many random sequences, with more of what is preferred.
func (p planted) playSequences(dialect string, sequences int, preferred string) (out []byte, err error) {
	run := exec.Command(string(p), "-test.run", "TestRandomCalls$/"+dialect, "-test.timeout=25m",
		fmt.Sprintf("-rapid.checks=%d", sequences), "-property.often="+preferred, "-rapid.shrinktime=0s", "-rapid.nofailfile")
	return run.CombinedOutput()
}
