package miniairflow

import (
	"slices"

	"github.com/google/uuid"
)

// RerunKind is what is done again, or said to be done (T9).
type RerunKind string

// The kinds of a Rerun.
const (
	RerunFailed RerunKind = "retry"  // every task run that failed or was cancelled, and what never ran because of it
	RerunClear  RerunKind = "clear"  // the given task runs, and those below them on request
	RerunMark   RerunKind = "mark"   // the given task runs end as Status, without running
	RerunAnswer RerunKind = "answer" // the given task run, which waits for an approval, ends as Status with Outputs
)

// Rerun is a request to open a run again, or to change how task runs of it
// ended. Attempts stay as they are, and new ones count on from them.
type Rerun struct {
	ID         uuid.UUID // made by the caller: the same request again changes nothing
	RunID      uuid.UUID
	Kind       RerunKind
	Seqs       []int          // for RerunClear, RerunMark and RerunAnswer, any order
	Downstream bool           // RerunClear: also all tasks below
	Status     TaskStatus     // RerunMark and RerunAnswer: success, failed or skipped
	Outputs    map[string]any // RerunAnswer
	Latest     bool           // go on with the workflow's latest version, see FitsVersion; else as it was
	DryRun     bool           // only say what would be done
	By         Actor
}

// RerunResult is what a Rerun did, or would do.
type RerunResult struct {
	Run      *WorkflowRun
	TaskRuns []*TaskRun // that changed, by Seq, as they are now; of a dry run, as they were
	IsRepeat bool       // the same request was done before; TaskRuns is empty
}

// RerunPlan is what a Rerun changes. It covers the whole run, so that nothing
// is counted from what went on before.
type RerunPlan struct {
	Reopen  []int        // become pending, ascending
	Keep    []int        // of Reopen, those with for_each whose items that were a success need not run again, ascending
	Mark    []Ended      // become terminal, ascending
	Added   []int        // that the run did not have, ascending: g is of a later version. Those left out of the run are skipped, the others pending
	States  []TaskStatus // of all task runs afterwards
	Reopens bool         // the run itself is opened again: it was over
}

// IsEmpty reports whether there is nothing to do.
func (p RerunPlan) IsEmpty() bool { return !p.opens() && len(p.Mark) == 0 }

// opens reports whether a task run is to be done.
func (p RerunPlan) opens() bool {
	return len(p.Reopen) > 0 || slices.ContainsFunc(p.Added, func(seq int) bool { return p.States[seq] == TaskPending })
}

// PlanRerun decides what req does to a run whose task runs have the given states
// (by Seq) and that goes on with g: its own graph, or that of a later version which
// fits (see FitsVersion). over says that the run is terminal. Nothing to do is an
// empty plan. Errors are CodeConflict for task runs that run now, but for
// RerunMark, which ends their attempts, and for marks of tasks of finally whose
// turn has not come; and CodeInvalid for a wrong request.
func PlanRerun(g *DAG, states []TaskStatus, over bool, req Rerun) (RerunPlan, error) {
	plan := RerunPlan{States: slices.Clone(states)}
	if err := checkRerun(g, req); err != nil {
		return RerunPlan{}, err
	}
	for seq := len(states); seq < len(g.Upstream); seq++ {
		state := TaskPending
		if g.IsLeftOut(seq) {
			state = TaskSkipped
		}
		plan.Added, plan.States = append(plan.Added, seq), append(plan.States, state)
	}
	switch req.Kind {
	case RerunMark:
		for _, seq := range req.Seqs {
			if plan.States[seq] == TaskWaiting && isBusy(g, seq, TaskWaiting) {
				return RerunPlan{}, Errorf(CodeConflict, "items of task %q are on their way: cancel the run first", g.Definition.Tasks[seq].Name)
			}
		}
		plan.mark(g, req)
	case RerunAnswer:
		if err := plan.answer(g, req); err != nil {
			return RerunPlan{}, err
		}
	case RerunClear:
		plan.reopen(withBelow(g, req.Seqs, func(int) bool { return req.Downstream }))
	default:
		var seeds []int
		for seq, s := range states {
			if s == TaskFailed || s == TaskCancelled || s == TaskUpstreamFailed {
				seeds = append(seeds, seq)
			}
		}
		plan.reopen(withBelow(g, seeds, plan.neverRan))
	}
	if plan.opens() {
		// What ends the run has to be done after the new end, too.
		plan.reopen(finalsOf(g))
	}
	var busy []string
	for _, seq := range plan.Reopen {
		if seq < len(states) && isBusy(g, seq, states[seq]) {
			busy = append(busy, g.Definition.Tasks[seq].Name)
		}
	}
	if len(busy) > 0 {
		return RerunPlan{}, Errorf(CodeConflict, "still running: %s; wait for the end, or cancel the run first", listSome(busy))
	}
	if name := plan.markedEarly(g); name != "" {
		return RerunPlan{}, Errorf(CodeConflict, "task %q is of finally and has not had its turn: mark it when all other tasks have ended", name)
	}
	slices.Sort(plan.Reopen)
	if req.Kind == RerunFailed {
		plan.keepItems(g)
	}
	slices.SortFunc(plan.Mark, func(a, b Ended) int { return a.Seq - b.Seq })
	plan.Reopens = over && plan.opens()
	return plan, nil
}

func checkRerun(g *DAG, req Rerun) error {
	if req.Kind == RerunFailed {
		return nil
	}
	if len(req.Seqs) == 0 {
		return Errorf(CodeInvalid, "no task is named: say which")
	}
	for _, seq := range req.Seqs {
		if task, _, ok := g.Place(seq); ok && IsItem(seq) {
			return Errorf(CodeInvalid, "an item cannot be changed by itself: name the task %q; a retry of the run does again those of its items that failed",
				g.Definition.Tasks[task].Name)
		}
		if seq < 0 || seq >= len(g.Upstream) {
			return Errorf(CodeInvalid, "the run has no task at place %d", seq)
		}
		if g.IsLeftOut(seq) {
			return Errorf(CodeConflict, "task %q was %s: trigger a run that executes it", g.Definition.Tasks[seq].Name, g.LeftOutReason())
		}
	}
	if req.Kind != RerunClear && req.Status != TaskSuccess && req.Status != TaskFailed && req.Status != TaskSkipped {
		return Errorf(CodeInvalid, "a task run cannot be marked %s: use success, failed or skipped", show(string(req.Status)))
	}
	return nil
}

// isBusy reports whether a task run, or an item of it, is on its way.
func isBusy(g *DAG, seq int, s TaskStatus) bool {
	return s == TaskRunning || s == TaskWaiting && g.Definition.Tasks[seq].ForEach != nil
}

// keepItems finds the task runs with for_each that are opened again while nothing
// above them is: their items see what they saw before.
func (p *RerunPlan) keepItems(g *DAG) {
	if len(g.Fans) == 0 {
		return
	}
	isNew := make([]bool, len(g.Upstream)) // or below one that is
	for _, seq := range g.Order {
		_, opened := slices.BinarySearch(p.Reopen, seq)
		above := slices.ContainsFunc(g.Upstream[seq], func(up int) bool { return isNew[up] })
		isNew[seq] = opened || above
		if opened && !above && g.Definition.Tasks[seq].ForEach != nil {
			p.Keep = append(p.Keep, seq)
		}
	}
	slices.Sort(p.Keep)
}

// mark sets the states of the given task runs. What never ran below one that
// stops being a failure gets its turn.
func (p *RerunPlan) mark(g *DAG, req Rerun) {
	var healed []int
	for _, seq := range sortedSeqs(req.Seqs) {
		was := p.States[seq]
		if was == req.Status {
			continue
		}
		p.Mark = append(p.Mark, Ended{Seq: seq, Status: req.Status})
		p.States[seq] = req.Status
		if was.IsTerminal() && req.Status != TaskFailed {
			healed = append(healed, g.Downstream[seq]...)
		}
	}
	healed = slices.DeleteFunc(sortedSeqs(healed), func(seq int) bool { return !p.neverRan(seq) })
	p.reopen(slices.DeleteFunc(withBelow(g, healed, p.neverRan), func(seq int) bool { return slices.Contains(req.Seqs, seq) }))
}

// answer ends the wait of the one task run that the request names.
func (p *RerunPlan) answer(g *DAG, req Rerun) error {
	for _, seq := range req.Seqs {
		t := &g.Definition.Tasks[seq]
		switch state := p.States[seq]; {
		case t.Approval == nil:
			return Errorf(CodeConflict, "task %q asks for no approval", t.Name)
		case state == TaskRunning || state == TaskQueued:
			return Errorf(CodeConflict, "task %q is about to ask: try again", t.Name)
		case state != TaskWaiting:
			return Errorf(CodeConflict, "task %q is %s: it waits for no answer", t.Name, state)
		}
	}
	p.mark(g, req)
	return nil
}

// markedEarly names a task of finally that would end before its turn, if there
// is one: when others have yet to end, or when the plan itself opens it again.
func (p *RerunPlan) markedEarly(g *DAG) string {
	waits := slices.ContainsFunc(p.States[:g.Mains], func(s TaskStatus) bool { return !s.IsTerminal() })
	for _, m := range p.Mark {
		if g.IsFinal(m.Seq) && (waits || p.States[m.Seq] != m.Status) {
			return g.Definition.Tasks[m.Seq].Name
		}
	}
	return ""
}

// reopen makes task runs pending that are not.
func (p *RerunPlan) reopen(seqs []int) {
	for _, seq := range seqs {
		if p.States[seq] != TaskPending {
			p.States[seq] = TaskPending
			p.Reopen = append(p.Reopen, seq)
		}
	}
}

// neverRan reports whether the task run ended because of others.
func (p *RerunPlan) neverRan(seq int) bool {
	s := p.States[seq]
	return s == TaskSkipped || s == TaskUpstreamFailed || s == TaskCancelled
}

// withBelow returns seqs and the tasks below them, following only those that
// follow accepts; ascending, each once.
func withBelow(g *DAG, seqs []int, follow func(seq int) bool) []int {
	seen := make(map[int]bool, len(seqs))
	found := sortedSeqs(seqs)
	for _, seq := range found {
		seen[seq] = true
	}
	for i := 0; i < len(found); i++ {
		for _, down := range g.Downstream[found[i]] {
			if !seen[down] && follow(down) {
				seen[down] = true
				found = append(found, down)
			}
		}
	}
	slices.Sort(found)
	return found
}

func finalsOf(g *DAG) []int {
	var seqs []int
	for seq := g.Mains; seq < len(g.Upstream); seq++ {
		if !g.IsLeftOut(seq) {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

func sortedSeqs(seqs []int) []int {
	sorted := slices.Clone(seqs)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// UpstreamOf counts how the upstream tasks of task i stand, given the states of
// all task runs. It is what the counts of a run that was never changed by hand
// have come to; a root counts nobody.
func (g *DAG) UpstreamOf(i int, states []TaskStatus) UpstreamCounts {
	counts := UpstreamCounts{Total: len(g.Upstream[i])}
	if g.IsRoot(i) {
		return counts
	}
	for _, up := range g.Upstream[i] {
		if s := states[up]; s.IsTerminal() {
			counts = counts.Add(OutcomeOf(s, g.Definition.Tasks[up].AllowFailure))
		}
	}
	return counts
}

// Due returns, for a run that goes on from the given states, which of the
// pending task runs may start at once and which need a decision of Advance; the
// others wait for their upstream tasks. Tasks of finally are due when all others
// have ended. States that are not those of the tasks of g are a CodeInternal.
func (g *DAG) Due(states []TaskStatus) (ready, asks []int, err error) {
	if len(states) != len(g.Upstream) {
		return nil, nil, Errorf(CodeInternal, "the run has %d task runs, and its version %d tasks", len(states), len(g.Upstream))
	}
	from, to := 0, g.Mains
	if !slices.ContainsFunc(states[:g.Mains], func(s TaskStatus) bool { return !s.IsTerminal() }) {
		from, to = g.Mains, len(states)
	}
	for i := from; i < to; i++ {
		if states[i] != TaskPending {
			continue
		}
		counts := g.UpstreamOf(i, states)
		switch {
		case g.IsFast(i) && (g.IsRoot(i) || counts.Success == counts.Total):
			ready = append(ready, i)
		case g.IsRoot(i) || g.Definition.Tasks[i].TriggerRule.Decide(counts) != VerdictWait:
			asks = append(asks, i)
		}
	}
	return ready, asks, nil
}

// FitsVersion reports whether a run of g can go on with the version of next: its
// task runs and their attempts keep their places, so the tasks of g must be the
// first ones of next under the same names, with nothing but new tasks behind
// them. Behind tasks of finally only more of these can be new, since they come
// after all others. The error is CodeConflict and says what is in the way.
func FitsVersion(g, next *DAG) error {
	for i := range g.Definition.Tasks {
		name, other := g.Definition.Tasks[i].Name, ""
		if i < len(next.Definition.Tasks) {
			other = next.Definition.Tasks[i].Name
		}
		if other == name && (g.Definition.Tasks[i].ForEach == nil) != (next.Definition.Tasks[i].ForEach == nil) {
			return Errorf(CodeConflict, "in the latest version task %q has for_each and in the run's own not, or the other way round:"+
				" rerun the run as it was, or trigger a new one", name)
		}
		if other == name && g.IsLeftOut(i) != next.IsLeftOut(i) {
			return Errorf(CodeConflict, "in the latest version %s chooses other tasks, such as %q: rerun the run as it was, or trigger a new one", g.Selection, name)
		}
		if other == name && next.IsFinal(i) == g.IsFinal(i) {
			continue
		}
		if _, known := g.Seq(other); g.IsFinal(i) && i < next.Mains && !known {
			return Errorf(CodeConflict, "the latest version has the new task %q before %q of finally, which would lose its place, and with it"+
				" its attempts and logs: rerun the run as it was, or trigger a new one", other, name)
		}
		return Errorf(CodeConflict,
			"the latest version has not task %q at its place %d: rerun the run as it was, or trigger a new one", name, i+1)
	}
	return nil
}

// Seq returns the place of the task with that name.
func (g *DAG) Seq(name string) (seq int, found bool) {
	seq = slices.IndexFunc(g.Definition.Tasks, func(t Task) bool { return t.Name == name })
	return seq, seq >= 0
}
