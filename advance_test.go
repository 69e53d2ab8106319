package miniairflow_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

// drawDAG generates a graph of up to twelve tasks with random rules, conditions
// ("yes", "no" or "broken") and tolerance of failure, in any file order.
func drawDAG(t *rapid.T) *miniairflow.DAG {
	count := rapid.IntRange(1, 12).Draw(t, "tasks")
	rank := rapid.Permutation(seqs(count)).Draw(t, "rank") // edges go from lower to higher rank
	d := &miniairflow.Definition{Name: "w"}
	for i := range count {
		task := miniairflow.Task{
			Name:         fmt.Sprintf("t%d", i),
			TriggerRule:  rapid.SampledFrom(miniairflow.TriggerRules).Draw(t, "rule"),
			When:         rapid.SampledFrom([]string{"", "", "", "yes", "no", "broken"}).Draw(t, "when"),
			AllowFailure: rapid.IntRange(0, 4).Draw(t, "allow") == 0,
		}
		for up := range count {
			if rank[up] < rank[i] && rapid.IntRange(0, 2).Draw(t, "edge") == 0 {
				task.DependsOn = append(task.DependsOn, fmt.Sprintf("t%d", up))
			}
		}
		d.Tasks = append(d.Tasks, task)
	}
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	return g
}

func seqs(count int) []int {
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	return all
}

func evaluateWhen(t *miniairflow.Task) (bool, error) {
	if t.When == "broken" {
		return false, errors.New("it is broken")
	}
	return t.When == "yes", nil
}

// reference decides a whole run with nothing but the meaning of the rules: it
// looks at all upstream ends of a task at once, after all of them.
func reference(g *miniairflow.DAG, ends []miniairflow.TaskStatus) []miniairflow.TaskStatus {
	status := make([]miniairflow.TaskStatus, len(ends))
	for _, seq := range g.Order {
		task := &g.Definition.Tasks[seq]
		c := miniairflow.UpstreamCounts{Total: len(g.Upstream[seq])}
		for _, up := range g.Upstream[seq] {
			c = c.Add(miniairflow.OutcomeOf(status[up], g.Definition.Tasks[up].AllowFailure))
		}
		switch task.TriggerRule.Decide(c) {
		case miniairflow.VerdictSkip:
			status[seq] = miniairflow.TaskSkipped
		case miniairflow.VerdictUpstreamFailed:
			status[seq] = miniairflow.TaskUpstreamFailed
		default:
			status[seq] = ends[seq]
			switch task.When {
			case "no":
				status[seq] = miniairflow.TaskSkipped
			case "broken":
				status[seq] = miniairflow.TaskFailed
			}
		}
	}
	return status
}

// simulation moves a run as a store does. With fast, fast tasks are queued by
// Fanout's bookkeeping alone.
type simulation struct {
	g      *miniairflow.DAG
	nodes  []miniairflow.Node
	asked  map[int]bool
	queued []int
	fast   bool
}

func newSimulation(g *miniairflow.DAG, fast bool) *simulation {
	s := &simulation{g: g, asked: map[int]bool{}, fast: fast}
	for i := range g.Upstream {
		s.nodes = append(s.nodes, miniairflow.Node{Seq: i, Status: miniairflow.TaskPending, Upstream: miniairflow.UpstreamCounts{Total: len(g.Upstream[i])}})
		if g.IsRoot(i) {
			if fast && g.IsFast(i) {
				s.queue(i)
			} else {
				s.asked[i] = true
			}
		}
	}
	return s
}

func (s *simulation) queue(seq int) {
	s.nodes[seq].Status = miniairflow.TaskQueued
	s.queued = append(s.queued, seq)
}

// end writes the ends of task runs and does what Fanout says.
func (s *simulation) end(ended ...miniairflow.Ended) {
	for _, e := range ended {
		s.nodes[e.Seq].Status = e.Status
	}
	for _, d := range s.g.Fanout(ended) {
		n := &s.nodes[d.Seq]
		n.Upstream.Success += d.Success
		n.Upstream.Failed += d.Failed
		n.Upstream.Skipped += d.Skipped
		switch {
		case n.Status != miniairflow.TaskPending:
		case s.fast && d.Fast && n.Upstream.Success == d.Total:
			s.queue(d.Seq)
		case n.Upstream.Done() == d.Total || d.Ask:
			s.asked[d.Seq] = true
		}
	}
}

// decide calls Advance with a random part of the run for a random part of the
// open requests, and writes the changes.
func (s *simulation) decide(t *rapid.T) {
	var part []miniairflow.Node
	var asked []int
	for seq, n := range s.nodes {
		isAsked := s.asked[seq] && rapid.Bool().Draw(t, "asked")
		if isAsked {
			asked = append(asked, seq)
		}
		if isAsked || rapid.Bool().Draw(t, "in part") {
			part = append(part, n)
		}
	}
	before := append([]miniairflow.Node(nil), part...)
	changes := miniairflow.Advance(s.g, part, asked, miniairflow.Conditions{When: evaluateWhen})
	require.Equal(t, before, part, "the nodes belong to the caller")
	for _, seq := range asked {
		delete(s.asked, seq)
	}
	for _, c := range changes {
		require.True(t, c.To == miniairflow.TaskPending || miniairflow.TaskPending.CanTransition(c.To))
		require.Equal(t, miniairflow.TaskPending, s.nodes[c.Seq].Status)
		switch {
		case c.To == miniairflow.TaskQueued:
			s.queue(c.Seq)
		case c.To.IsTerminal():
			require.NotEmpty(t, c.Reason)
			s.end(miniairflow.Ended{Seq: c.Seq, Status: c.To})
		}
	}
}

// requireNothingOverlooked checks that no pending task could be decided: what
// can be is queued already or has been asked for.
func (s *simulation) requireNothingOverlooked(t *rapid.T) {
	for seq, n := range s.nodes {
		if n.Status == miniairflow.TaskPending {
			require.Equal(t, miniairflow.VerdictWait, s.g.Definition.Tasks[seq].TriggerRule.Decide(n.Upstream), "task %d", seq)
		}
	}
}

// play runs to the end in random order and returns the final states.
func (s *simulation) play(t *rapid.T, ends []miniairflow.TaskStatus) []miniairflow.TaskStatus {
	for len(s.queued) > 0 || len(s.asked) > 0 {
		if len(s.asked) == 0 {
			s.requireNothingOverlooked(t)
		}
		if len(s.asked) > 0 && (len(s.queued) == 0 || rapid.Bool().Draw(t, "decide")) {
			s.decide(t)
			continue
		}
		i := rapid.IntRange(0, len(s.queued)-1).Draw(t, "ends next")
		seq := s.queued[i]
		s.queued = append(s.queued[:i], s.queued[i+1:]...)
		s.end(miniairflow.Ended{Seq: seq, Status: ends[seq]})
	}
	status := make([]miniairflow.TaskStatus, len(s.nodes))
	for seq, n := range s.nodes {
		require.True(t, n.Status.IsTerminal(), "task %d of %+v hangs as %s", seq, s.g.Definition.Tasks, n.Status)
		status[seq] = n.Status
	}
	return status
}

func TestAdvanceAndFanoutEqualTheReferenceInEveryOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawDAG(t)
		ends := rapid.SliceOfN(rapid.SampledFrom([]miniairflow.TaskStatus{
			miniairflow.TaskSuccess, miniairflow.TaskSuccess, miniairflow.TaskFailed, miniairflow.TaskCancelled,
		}), len(g.Order), len(g.Order)).Draw(t, "ends")
		want := reference(g, ends)
		require.Equal(t, want, newSimulation(g, true).play(t, ends), "with the fast path")
		require.Equal(t, want, newSimulation(g, false).play(t, ends), "without it")
	})
}

func TestAdvanceFellsABranchInOneCall(t *testing.T) {
	d := &miniairflow.Definition{}
	for i := range 5 {
		task := miniairflow.Task{Name: fmt.Sprintf("t%d", i), TriggerRule: miniairflow.AllSuccess}
		if i > 0 {
			task.DependsOn = []string{fmt.Sprintf("t%d", i-1)}
		}
		d.Tasks = append(d.Tasks, task)
	}
	g, err := miniairflow.NewDAG(d)
	require.NoError(t, err)
	part := []miniairflow.Node{{Seq: 1, Status: miniairflow.TaskPending, Upstream: miniairflow.UpstreamCounts{Total: 1, Failed: 1}, Generation: 7}}
	for seq := 2; seq < 5; seq++ {
		part = append(part, miniairflow.Node{Seq: seq, Status: miniairflow.TaskPending, Upstream: miniairflow.UpstreamCounts{Total: 1}})
	}
	changes := miniairflow.Advance(g, part, []int{1}, miniairflow.Conditions{When: evaluateWhen})
	require.Len(t, changes, 4)
	for i, c := range changes {
		require.Equal(t, miniairflow.TaskUpstreamFailed, c.To)
		require.Equal(t, fmt.Sprintf("trigger rule all_success: 1 of 1 upstream tasks ended: 0 success, 1 failed (t%d)", i), c.Reason)
	}
	require.Equal(t, int64(7), changes[0].Generation)
}

// Which ones have failed is known where all have.
func TestAdvanceNamesWhatFailed(t *testing.T) {
	g := flow(t)
	reason := func(failed int) string {
		part := []miniairflow.Node{{Seq: 3, Status: miniairflow.TaskPending, Upstream: miniairflow.UpstreamCounts{Total: 2, Success: 2 - failed, Failed: failed}}}
		return miniairflow.Advance(g, part, []int{3}, miniairflow.Conditions{})[0].Reason
	}
	require.Equal(t, "trigger rule all_success: 2 of 2 upstream tasks ended: 0 success, 2 failed (b, c)", reason(2))
	require.Equal(t, "trigger rule all_success: 2 of 2 upstream tasks ended: 1 success, 1 failed", reason(1))
}

func TestAdvanceDoesNotFollowWhen(t *testing.T) {
	g, err := miniairflow.NewDAG(&miniairflow.Definition{Tasks: []miniairflow.Task{
		{Name: "a", When: "no", TriggerRule: miniairflow.AllSuccess},
		{Name: "b", DependsOn: []string{"a"}, TriggerRule: miniairflow.AllSuccess},
	}})
	require.NoError(t, err)
	part := []miniairflow.Node{{Seq: 0, Status: miniairflow.TaskPending}, {Seq: 1, Status: miniairflow.TaskPending, Upstream: miniairflow.UpstreamCounts{Total: 1}}}
	changes := miniairflow.Advance(g, part, []int{0}, miniairflow.Conditions{When: evaluateWhen})
	require.Equal(t, []miniairflow.Change{{Seq: 0, To: miniairflow.TaskSkipped, Reason: "when is false: no"}}, changes)
}

func TestRunResult(t *testing.T) {
	require.Equal(t, miniairflow.RunSuccess, miniairflow.RunResult(false, false, 0))
	require.Equal(t, miniairflow.RunFailed, miniairflow.RunResult(false, false, 2))
	require.Equal(t, miniairflow.RunCancelled, miniairflow.RunResult(true, false, 2))
	require.Equal(t, miniairflow.RunFailed, miniairflow.RunResult(true, true, 0))
}

func TestOrderIsTopologicalAndKeepsTheFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawDAG(t)
		place := make([]int, len(g.Order))
		for i, seq := range g.Order {
			place[seq] = i
		}
		inOrder := true
		for seq, ups := range g.Upstream {
			for _, up := range ups {
				require.Less(t, place[up], place[seq])
				require.Contains(t, g.Downstream[up], seq)
				inOrder = inOrder && up < seq
			}
		}
		if inOrder {
			require.Equal(t, seqs(len(g.Order)), g.Order, "a file in order stays as it is")
		}
	})
}

func TestCycleText(t *testing.T) {
	task := func(name string, ups ...string) miniairflow.Task {
		return miniairflow.Task{Name: name, DependsOn: ups}
	}
	tests := map[string][]miniairflow.Task{
		"a → b → c → a":     {task("start"), task("a", "c", "start"), task("b", "a"), task("c", "b"), task("end", "c")},
		"x → x":             {task("x", "x")},
		"one → two → one":   {task("zero", "two"), task("one", "two"), task("two", "one")},
		"p → s → r → q → p": {task("p", "q"), task("q", "r"), task("r", "s"), task("s", "p")},
	}
	for want, tasks := range tests {
		_, err := miniairflow.NewDAG(&miniairflow.Definition{Tasks: tasks})
		require.EqualError(t, err, "tasks wait for each other: "+want)
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err))
	}
	_, err := miniairflow.NewDAG(&miniairflow.Definition{Tasks: []miniairflow.Task{task("a", "b")}})
	require.ErrorContains(t, err, "unknown task")
	_, err = miniairflow.NewDAG(&miniairflow.Definition{Tasks: []miniairflow.Task{task("a"), task("b", "a", "a")}})
	require.ErrorContains(t, err, "twice")
}
