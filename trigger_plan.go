package miniairflow

import (
	"fmt"
	"regexp"
	"strings"
)

// TriggerPlan is what a run would do, see PlanTrigger.
type TriggerPlan struct {
	Workflow  string
	Params    map[string]any // with the defaults
	Selection *Selection     // nil: all tasks
	Tasks     []PlannedTask  // in the order in which they may start
	Warnings  []string       // what chosen tasks miss of those that are not: which task, what, and what to do
}

// PlannedTask is a task of a TriggerPlan.
type PlannedTask struct {
	Seq     int
	Name    string
	Level   int // from 1: those of one level wait for none of the same level; 0 of a task that is not chosen
	Finally bool
	Verdict PlanVerdict
	Why     string // in words
}

// PlanVerdict says what is known of a task before its run exists.
type PlanVerdict string

// The verdicts. Tasks are taken to succeed.
const (
	PlanRuns      PlanVerdict = "runs"
	PlanDepends   PlanVerdict = "depends"    // decided when the run has come so far
	PlanSkipped   PlanVerdict = "skipped"    // by its `when`, or by that of tasks above it
	PlanNotChosen PlanVerdict = "not_chosen" // by the selection
)

// PlanVerdicts lists all of them.
var PlanVerdicts = []PlanVerdict{PlanRuns, PlanDepends, PlanSkipped, PlanNotChosen}

// PlanTasks says of each task of g, the shape of a run, whether it would run and
// why, in topological order and level by level; tasks that are not chosen come
// last. when computes a condition that needs nothing of the run to come; known is
// false for one that does.
func PlanTasks(g *DAG, when func(condition string) (ok, known bool)) []PlannedTask {
	verdicts := make([]PlanVerdict, len(g.Upstream))
	planned := make([]PlannedTask, len(g.Upstream))
	for _, seq := range g.Order {
		t := &g.Definition.Tasks[seq]
		planned[seq] = PlannedTask{Seq: seq, Name: t.Name, Finally: t.Finally, Verdict: PlanNotChosen}
		if g.IsLeftOut(seq) {
			planned[seq].Why = g.LeftOutReason()
		} else {
			planned[seq].Verdict, planned[seq].Why = g.planTask(seq, verdicts, when)
		}
		verdicts[seq] = planned[seq].Verdict
	}
	var chosen, others []PlannedTask
	level := 0
	for _, seqs := range g.Levels() {
		isFirst := true
		for _, seq := range seqs {
			if g.IsLeftOut(seq) {
				others = append(others, planned[seq])
				continue
			}
			if isFirst {
				level, isFirst = level+1, false
			}
			planned[seq].Level = level
			chosen = append(chosen, planned[seq])
		}
	}
	return append(chosen, others...)
}

// planTask decides about one task, after those above it.
func (g *DAG) planTask(seq int, verdicts []PlanVerdict, when func(string) (ok, known bool)) (PlanVerdict, string) {
	t := &g.Definition.Tasks[seq]
	verdict, why := g.planRule(seq, verdicts)
	if verdict == PlanSkipped || t.When == "" {
		return verdict, why
	}
	switch ok, known := when(t.When); {
	case !known:
		return PlanDepends, why + "; when is decided at run time: " + t.When
	case !ok:
		return PlanSkipped, "when is false: " + t.When
	default:
		return verdict, why + "; when is true: " + t.When
	}
}

// planRule applies the trigger rule of a task to what is known of those above it.
func (g *DAG) planRule(seq int, verdicts []PlanVerdict) (PlanVerdict, string) {
	t := &g.Definition.Tasks[seq]
	if g.IsRoot(seq) {
		if t.Finally {
			return PlanRuns, "when all other tasks have ended"
		}
		return PlanRuns, "starts with the run"
	}
	counts, isOpen := UpstreamCounts{Total: len(g.Upstream[seq])}, false
	names := make([]string, len(g.Upstream[seq]))
	for i, up := range g.Upstream[seq] {
		names[i] = g.Definition.Tasks[up].Name
		switch verdicts[up] {
		case PlanRuns:
			counts.Success++
		case PlanSkipped:
			counts.Skipped++
		default:
			isOpen = true
		}
	}
	why := fmt.Sprintf("after %s, when %s", listSome(names), t.TriggerRule.Meaning())
	if len(names) == 1 && t.TriggerRule == AllSuccess {
		why = fmt.Sprintf("after the success of %s", names[0])
	}
	switch t.TriggerRule.Decide(counts) {
	case VerdictRun:
		return PlanRuns, why
	case VerdictWait:
		return PlanDepends, why
	}
	if isOpen || counts.Success > 0 && t.TriggerRule.maySucceedByFailure() {
		return PlanDepends, why
	}
	return PlanSkipped, fmt.Sprintf("trigger rule %s: %s", t.TriggerRule, counts)
}

// maySucceedByFailure reports whether the failure of a task that is taken to
// succeed could let the rule run its task.
func (r TriggerRule) maySucceedByFailure() bool { return r == AllFailed || r == OneFailed }

// beyondParams finds names in an expression that stand for what only a run has. A
// word of a text that is spelled so merely leaves a condition undecided.
var beyondParams = regexp.MustCompile(`\b(run|tasks|item|index|env|vars|secrets)\b`)

// knownWhen computes conditions from the params alone.
func knownWhen(eval Evaluator, params map[string]any) func(condition string) (ok, known bool) {
	return func(condition string) (ok, known bool) {
		if eval == nil || beyondParams.MatchString(condition) {
			return false, false
		}
		ok, err := eval.Bool(condition, Scope{Params: params})
		return ok, err == nil
	}
}

// NewTriggerPlan returns what a run of the definition would do, with params that
// are resolved. Errors are those of DAG.Select.
func NewTriggerPlan(d *Definition, s *Selection, params map[string]any, eval Evaluator) (*TriggerPlan, error) {
	g, err := NewDAG(d)
	if err != nil {
		return nil, err
	}
	if g, err = g.Select(s); err != nil {
		return nil, err
	}
	plan := &TriggerPlan{Workflow: d.Name, Params: params, Selection: g.Selection, Tasks: PlanTasks(g, knownWhen(eval, params))}
	plan.Warnings = g.missing(plan.Tasks, eval)
	return plan, nil
}

// Words returns the verdict as people read it.
func (v PlanVerdict) Words() string { return strings.ReplaceAll(string(v), "_", " ") }
