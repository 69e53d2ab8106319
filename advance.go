package miniairflow

import (
	"fmt"
	"slices"
)

// Node is a task run as Advance sees it.
type Node struct {
	Seq        int
	Status     TaskStatus
	Upstream   UpstreamCounts
	Generation int64   // of its request for a decision; 0 if none is open
	Fan        *FanOut // of one that waits for its items; else nil
}

// Change is one decision: task run Seq, still pending, becomes To. With To
// pending it only says that the request of that Generation was answered: the
// task run waits for more upstream tasks. One with for_each becomes waiting with
// its Items, and is later decided about as one that waits for them.
type Change struct {
	Seq        int
	To         TaskStatus // pending, queued, waiting, success, skipped, upstream_failed, failed or cancelled
	Reason     string     // of one that stays pending: what it waits for in the past; empty: for upstream tasks
	Generation int64
	OfItems    bool   // it is about a task run that waits for its items, and not about a pending one
	Items      []Item // that the task run gets, by Index; nil: it has them already, or none
	Release    int    // how many of its items that are held back may start now
}

// Ended is a task run that has just become terminal.
type Ended struct {
	Seq    int
	Status TaskStatus
}

// Conditions computes what Advance asks about a task that its trigger rule lets
// run. An error fails that task run with the error's text.
type Conditions struct {
	Past  func(t *Task) string          // of a task that depends on the past: see Past.Reason; nil: none does
	When  func(t *Task) (bool, error)   // of a task that has one, and of its items if it is the same for all
	Items func(t *Task) ([]Item, error) // of a task with for_each
}

// Advance decides for each pending node of asked whether it is queued, skipped
// or failed, and follows the ends that this makes through the other nodes of
// part, in topological order, so that a whole branch falls in one call. Nodes
// that part lacks are left out: the store asks for them again when it writes the
// changes. Verdicts are final (see Verdict), so the counts may be older than
// the write; the write itself checks that the task run is still pending.
//
// All nodes of part must come from one snapshot (one TaskStore.LoadNodes): a
// node read as pending and its child read later could count the same end twice.
// An end that `when` or for_each made is not followed before it is written: with
// upstream tasks still running, somebody else may have read other results and won.
//
// This is the only place that applies trigger rules and `when`, but for the
// fast path, see Fanout.
func Advance(g *DAG, part []Node, asked []int, conditions Conditions) []Change {
	nodes := make(map[int]*Node, len(part))
	for _, n := range part {
		nodes[n.Seq] = &n
	}
	isAsked := make(map[int]bool, len(asked))
	for _, seq := range asked {
		isAsked[seq] = true
	}
	var changes []Change
	for _, seq := range g.Order {
		n := nodes[seq]
		if n == nil || !isAsked[seq] {
			continue
		}
		if n.Fan != nil && n.Status == TaskWaiting {
			changes = append(changes, decideItems(&g.Definition.Tasks[seq], n, g.Definition.FailFast))
			continue
		}
		if n.Status != TaskPending {
			continue
		}
		c, final := decide(&g.Definition.Tasks[seq], n, conditions)
		if c.To == TaskUpstreamFailed {
			c.Reason += g.failedUpstream(seq, n.Upstream)
		}
		changes = append(changes, c)
		if !final || !c.To.IsTerminal() {
			continue
		}
		outcome := OutcomeOf(c.To, g.Definition.Tasks[seq].AllowFailure)
		for _, down := range g.Downstream[seq] {
			if child := nodes[down]; child != nil {
				child.Upstream = child.Upstream.Add(outcome)
				isAsked[down] = true
			}
		}
	}
	return changes
}

// failedUpstream names the upstream tasks of a task, in brackets, where all of them
// have failed: only the counts of the others are known.
func (g *DAG) failedUpstream(seq int, counts UpstreamCounts) string {
	if counts.Failed < len(g.Upstream[seq]) {
		return ""
	}
	names := make([]string, len(g.Upstream[seq]))
	for i, up := range g.Upstream[seq] {
		names[i] = g.Definition.Tasks[up].Name
	}
	return " (" + listSome(names) + ")"
}

// decide applies the trigger rule and, if it lets the task run, its `when` and its
// for_each. final is false for what these said.
func decide(t *Task, n *Node, conditions Conditions) (c Change, final bool) {
	c = Change{Seq: n.Seq, To: TaskPending, Generation: n.Generation}
	switch t.TriggerRule.Decide(n.Upstream) {
	case VerdictWait:
		return c, true
	case VerdictSkip:
		c.To, c.Reason = TaskSkipped, fmt.Sprintf("trigger rule %s: %s", t.TriggerRule, n.Upstream)
		return c, true
	case VerdictUpstreamFailed:
		c.To, c.Reason = TaskUpstreamFailed, fmt.Sprintf("trigger rule %s: %s", t.TriggerRule, n.Upstream)
		return c, true
	}
	if t.DependsOnPast && conditions.Past != nil {
		if c.Reason = conditions.Past(t); c.Reason != "" {
			return c, true
		}
	}
	c.To = TaskQueued
	if t.When != "" {
		switch ok, err := conditions.When(t); {
		case err != nil:
			c.To, c.Reason = TaskFailed, fmt.Sprintf("when: %v", err)
			return c, false
		case !ok:
			c.To, c.Reason = TaskSkipped, "when is false: "+t.When
			return c, false
		}
	}
	if t.ForEach != nil {
		items, err := conditions.Items(t)
		return fanOut(t, c, items, err), false
	}
	return c, t.When == ""
}

// String returns the counts as a phrase: "2 of 3 upstream tasks ended: 1 success, 1 failed".
func (c UpstreamCounts) String() string {
	s := fmt.Sprintf("%d of %d upstream tasks ended: %d success", c.Done(), c.Total, c.Success)
	if c.Failed > 0 {
		s += fmt.Sprintf(", %d failed", c.Failed)
	}
	if c.Skipped > 0 {
		s += fmt.Sprintf(", %d skipped", c.Skipped)
	}
	return s
}

// IsRoot reports whether task i waits for no upstream task: it is decided when
// its run starts or, if it is of finally, when all others have ended.
func (g *DAG) IsRoot(i int) bool {
	return len(g.Upstream[i]) == 0 || g.Definition.Tasks[i].TriggerRule == Always
}

// IsFast reports whether task i needs no Advance on its good path: the store
// itself may queue it once every upstream task counts as a success (for a root:
// at the start of the run).
func (g *DAG) IsFast(i int) bool {
	t := &g.Definition.Tasks[i]
	return !t.HasCondition() && (t.TriggerRule == AllSuccess || t.TriggerRule == Always || len(g.Upstream[i]) == 0)
}

// Roots returns the tasks that are decided at the start of a run: those which
// need no Advance, and those which do. After the others have ended, Finals does
// the same for the tasks of finally.
func (g *DAG) Roots() (fast, asks []int) { return g.roots(0, g.Mains) }

// Finals is Roots for the tasks of finally.
func (g *DAG) Finals() (fast, asks []int) { return g.roots(g.Mains, len(g.Upstream)) }

func (g *DAG) roots(from, to int) (fast, asks []int) {
	for i := from; i < to; i++ {
		switch {
		case !g.IsRoot(i), g.IsLeftOut(i):
		case g.IsFast(i):
			fast = append(fast, i)
		default:
			asks = append(asks, i)
		}
	}
	return fast, asks
}

// IsFinal reports whether task i, or the item at place i of a run, is of finally.
func (g *DAG) IsFinal(i int) bool {
	if IsItem(i) {
		return g.TaskAt(i).Finally
	}
	return i >= g.Mains
}

// Delta is what the ends of some task runs mean for one downstream task run
// that is still pending: add the counts, then
//   - if Fast and every upstream task now counts as a success: it may be queued;
//   - else if all upstream tasks have ended, or Ask: a decision is needed.
type Delta struct {
	Seq     int
	Success int
	Failed  int
	Skipped int
	Total   int // all upstream tasks of the task run
	Fast    bool
	Ask     bool
}

// Fanout returns one Delta for each task downstream of ended, in ascending
// order of Seq. It is the fast path of Advance: pure bookkeeping that the store
// does in the transaction that ends a task run.
func (g *DAG) Fanout(ended []Ended) []Delta {
	deltas := map[int]*Delta{}
	for _, e := range ended {
		if IsItem(e.Seq) {
			continue // its task has its own end
		}
		outcome := OutcomeOf(e.Status, g.Definition.Tasks[e.Seq].AllowFailure)
		for _, down := range g.Downstream[e.Seq] {
			if g.IsRoot(down) {
				continue // decided at the start
			}
			d := deltas[down]
			if d == nil {
				d = &Delta{Seq: down, Total: len(g.Upstream[down]), Fast: g.IsFast(down)}
				deltas[down] = d
			}
			switch outcome {
			case OutcomeSuccess:
				d.Success++
			case OutcomeFailed:
				d.Failed++
			case OutcomeSkipped:
				d.Skipped++
			}
			d.Ask = d.Ask || g.Definition.Tasks[down].TriggerRule.EarlyOutcomes()&outcome != 0
		}
	}
	return sortedDeltas(deltas)
}

// RunResult returns how a run ends whose task runs are all terminal, or, before
// its tasks of finally begin, its outcome so far (their run.status). failed
// counts task runs that count as failed and are not tolerated. A task of finally
// that fails makes a good run fail; none makes a bad one good.
func RunResult(cancelRequested, timedOut bool, failed int) RunStatus {
	switch {
	case timedOut:
		return RunFailed
	case cancelRequested:
		return RunCancelled
	case failed > 0:
		return RunFailed
	default:
		return RunSuccess
	}
}

// sortedDeltas returns the deltas in lock order: by ascending Seq.
func sortedDeltas(bySeq map[int]*Delta) []Delta {
	deltas := make([]Delta, 0, len(bySeq))
	for _, d := range bySeq {
		deltas = append(deltas, *d)
	}
	slices.SortFunc(deltas, func(a, b Delta) int { return a.Seq - b.Seq })
	return deltas
}

// CountsAsFailed reports whether the end of a task run makes its run fail: it
// failed, or was never done because of others or a cancellation, and has not
// allow_failure. A run that is a success has done, or rightly skipped, everything:
// also one of which only some task runs were done again.
func (g *DAG) CountsAsFailed(e Ended) bool {
	switch e.Status {
	case TaskFailed, TaskUpstreamFailed, TaskCancelled:
		return !g.Definition.Tasks[e.Seq].AllowFailure
	}
	return false
}
