package persistencetest_test

import (
	"flag"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/sauravritesh63/miniairflow"
)

// randomChecks is how many sequences TestRandomCalls plays on each database; for
// more: go test ./persistence/persistencetest -run TestRandomCalls -rapid.checks=1000.
const randomChecks = 25

// TestRandomCalls plays random sequences of store calls by several workers and
// schedulers, with lost replies, late results and crashes. After each call the
// database must be consistent, and in the end every run must end.
func TestRandomCalls(t *testing.T) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(randomChecks)))
	}
	for dialect, open := range map[string]func(testing.TB) *database{"sqlite": openSQLite, "postgres": openPostgres} {
		t.Run(dialect, func(t *testing.T) {
			var db *database
			rapid.Check(t, func(rt *rapid.T) {
				if db == nil {
					db = open(t)
				}
				g := &game{database: &database{testCase: rt, Store: db.Store, raw: db.raw}, rt: rt}
				db = nil // what a failed sequence leaves behind must not fail the next one
				g.play()
				db = g.database
			})
		})
	}
}

// play draws a definition and calls, and then ends what they began.
func (g *game) play() {
	g.version = g.sync(g.definition())
	g.add()
	steps := []func(){
		g.add, g.startRuns, g.exchange, g.exchange, g.exchange, g.repeat, g.late,
		g.crash, g.reap, g.promote, g.look, g.apply, g.apply, g.cancel,
	}
	for range rapid.IntRange(1, 25).Draw(g.rt, "steps") {
		steps[rapid.IntRange(0, len(steps)-1).Draw(g.rt, "step")]()
		g.check()
	}
	g.finish()
}

// game is one random sequence.
type game struct {
	*database
	rt       *rapid.T
	version  *miniairflow.WorkflowVersion
	runs     []uuid.UUID
	workers  []*player
	previous *miniairflow.Exchange // may be sent again: its reply was lost
	lost     []miniairflow.Claim   // of crashed workers, whose results come late
	seen     []miniairflow.Decisions
}

// player is a worker and what it holds.
type player struct {
	*worker
	claims []miniairflow.Claim
}

// definition draws a small DAG.
func (g *game) definition() *miniairflow.Definition {
	var tasks []miniairflow.Task
	for i := range rapid.IntRange(1, 7).Draw(g.rt, "tasks") {
		t := task(fmt.Sprintf("t%d", i))
		for up := range i {
			if rapid.IntRange(0, 2).Draw(g.rt, "edge") == 0 {
				t.DependsOn = append(t.DependsOn, tasks[up].Name)
			}
		}
		t.TriggerRule = rapid.SampledFrom(append(miniairflow.TriggerRules, miniairflow.AllSuccess, miniairflow.AllSuccess)).Draw(g.rt, "rule")
		t.When = rapid.SampledFrom([]string{"", "", "", "true", "false"}).Draw(g.rt, "when")
		t.Priority = miniairflow.Priority(rapid.IntRange(0, 3).Draw(g.rt, "priority"))
		t.AllowFailure = rapid.IntRange(0, 3).Draw(g.rt, "allow_failure") == 0
		tasks = append(tasks, t)
	}
	d := definition("w"+uuid.NewString(), tasks...)
	d.MaxActiveTasks = rapid.IntRange(1, 4).Draw(g.rt, "max_active_tasks")
	d.MaxActiveRuns = rapid.IntRange(1, 2).Draw(g.rt, "max_active_runs")
	return d
}

func (g *game) add() { g.runs = append(g.runs, g.trigger(g.version).ID) }

func (g *game) startRuns() {
	_, err := g.StartRuns(g.Context(), 2)
	require.NoError(g, err)
}

// exchange lets a worker end some of what it holds and claim more.
func (g *game) exchange() {
	if len(g.workers) < 2 {
		g.workers = append(g.workers, &player{worker: g.worker(uuid.NewString())})
	}
	p := rapid.SampledFrom(g.workers).Draw(g.rt, "worker")
	n := rapid.IntRange(0, len(p.claims)).Draw(g.rt, "finishes")
	var finishes []miniairflow.Finish
	for _, c := range p.claims[:n] {
		status := rapid.SampledFrom([]miniairflow.TaskStatus{
			miniairflow.TaskSuccess, miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskUpForRetry, miniairflow.TaskCancelled,
		}).Draw(g.rt, "end")
		finishes = append(finishes, finish(c, status))
	}
	request := p.request(rapid.IntRange(0, 3).Draw(g.rt, "limit"), finishes...)
	result, err := g.Exchange(g.Context(), request)
	require.NoError(g, err)
	require.NotContains(g, result.Stale, true)
	p.claims = append(p.claims[n:], result.Claims...)
	g.previous = &request
}

// repeat sends the last exchange again.
func (g *game) repeat() {
	if g.previous == nil {
		return
	}
	request := *g.previous
	request.Limit = 0 // what it claimed may have ended since
	result, err := g.Exchange(g.Context(), request)
	if err == nil {
		require.NotContains(g, result.Stale, true, "it was stored the first time")
	} else {
		require.ErrorIs(g, err, miniairflow.ErrFenced)
	}
}

// late lets results of crashed workers arrive after all.
func (g *game) late() {
	for _, c := range g.lost {
		for _, p := range g.workers {
			reaped := g.number(fmt.Sprintf(`SELECT count(*) FROM task_attempts WHERE token = '%s' AND workflow_run_id = '%s' AND seq = %d`, c.Token, c.RunID, c.Seq)) > 0
			result := p.exchange(0, finish(c, miniairflow.TaskSuccess))
			require.Equal(g, reaped, result.Stale[0])
			break
		}
	}
	if len(g.workers) > 0 {
		g.lost = nil
	}
}

func (g *game) crash() {
	if len(g.workers) == 0 {
		return
	}
	p := g.workers[0]
	require.NoError(g, g.EndSession(g.Context(), p.id))
	g.lost = append(g.lost, p.claims...)
	g.workers = g.workers[1:]
}

func (g *game) reap() {
	_, err := g.Reap(g.Context(), rapid.IntRange(1, 5).Draw(g.rt, "reap"))
	require.NoError(g, err)
}

func (g *game) promote() {
	_, _, err := g.PromoteRetries(g.Context(), rapid.IntRange(1, 5).Draw(g.rt, "promote"))
	require.NoError(g, err)
}

// look reads open requests, to be answered at some later time.
func (g *game) look() {
	undecided, err := g.Undecided(g.Context(), 5)
	require.NoError(g, err)
	for _, id := range undecided {
		decisions, err := g.LoadDecisions(g.Context(), id, rapid.IntRange(1, 3).Draw(g.rt, "nodes"))
		require.NoError(g, err)
		g.seen = append(g.seen, decisions)
	}
}

// apply answers what some scheduler has read, perhaps long ago.
func (g *game) apply() {
	g.look()
	if len(g.seen) == 0 {
		return
	}
	i := rapid.IntRange(0, len(g.seen)-1).Draw(g.rt, "seen")
	require.NoError(g, g.ApplyChanges(g.Context(), g.seen[i].Run.ID, g.changes(g.seen[i])))
}

func (g *game) cancel() {
	if rapid.IntRange(0, 3).Draw(g.rt, "really") > 0 {
		return
	}
	_, err := g.CancelRun(g.Context(), miniairflow.Cancel{RunID: rapid.SampledFrom(g.runs).Draw(g.rt, "run")})
	require.NoError(g, err)
}

// finish goes on until all runs are over; it must not take for ever.
func (g *game) finish() {
	for len(g.workers) > 0 {
		g.crash()
	}
	w := g.worker(uuid.NewString())
	for range 100 {
		_, err := g.Reap(g.Context(), 100)
		require.NoError(g, err)
		g.startRuns()
		_, _, err = g.PromoteRetries(g.Context(), 100)
		require.NoError(g, err)
		g.decide()
		w.drain(nil)
		g.check()
		if g.allTerminal() {
			require.NoError(g, g.EndSession(g.Context(), w.id))
			return
		}
	}
	require.Fail(g, "a run hangs")
}

func (g *game) allTerminal() bool {
	for _, id := range g.runs {
		if !g.run(id).IsTerminal() {
			return false
		}
	}
	return true
}
