package expression

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	miniairflow "github.com/sauravritesh63/miniairflow"
)

const (
	// statusesReadMax bounds the tasks of whose statuses all combinations are tried.
	statusesReadMax = 4
	// triesMax bounds the combinations that are tried for one definition.
	triesMax = 30_000
)

// answers warns of a `when` that reads nothing but how tasks ended, and has only one
// answer whenever the trigger rule of its task asks it.
func (c *checker) answers(i int, path []string) {
	t := &c.d.Tasks[i]
	if c.upstream == nil || !strings.Contains(t.When, "."+fieldStatus) {
		return
	}
	q := c.question(i)
	rule := cmp.Or(t.TriggerRule, miniairflow.AllSuccess)
	a, ok := c.try(q, rule)
	switch {
	case !ok || a.mayBeTrue && a.mayBeFalse || !a.mayBeTrue && !a.mayBeFalse:
	case !a.mayBeTrue:
		c.warn(path, "when is never true%s: %s%s", a.where(), a.why(q, rule), c.wayOut(q, rule))
	default:
		c.warn(path, "when is always true: %s: remove it", a.why(q, rule))
	}
}

// question is a condition about the statuses of tasks.
type question struct {
	when     string
	names    []string // of the tasks that it reads; nil: it reads something else, too, or too many
	isDirect []bool   // whether the trigger rule counts them
	upstream int      // how many tasks the rule counts
}

func (c *checker) question(i int) question {
	q := question{when: c.d.Tasks[i].When, upstream: len(c.upstream.dag.Upstream[i])}
	s, err := only(q.when)
	if err != nil {
		return q
	}
	e, err := parseSafely(s.source)
	if err != nil || slices.ContainsFunc(e.references, func(r reference) bool { return r.root != rootTasks || r.field != fieldStatus }) {
		return q
	}
	names := map[string]bool{}
	for _, r := range e.references {
		names[r.name] = true
	}
	if len(names) > statusesReadMax {
		return q
	}
	q.names = slices.Sorted(maps.Keys(names))
	for _, name := range q.names {
		q.isDirect = append(q.isDirect, slices.Contains(c.upstream.dag.Upstream[i], c.tasks[name]))
	}
	return q
}

// answer is what a condition can be.
type answer struct {
	mayBeTrue, mayBeFalse bool
	mayBeTrueInPart       bool                              // in a run that leaves some of the tasks out
	ends                  []map[miniairflow.TaskStatus]bool // by task that is read: what it can be when the condition is asked
}

// leftOut stands for a task that is not in the run: it is skipped, and no rule counts it.
const leftOut miniairflow.TaskStatus = ""

// try asks the condition with every combination of statuses that the rule lets
// through. ok is false if that is too much, or no question of statuses alone.
func (c *checker) try(q question, rule miniairflow.TriggerRule) (a answer, ok bool) {
	if len(q.names) == 0 {
		return a, false
	}
	choices := append(slices.Clone(miniairflow.TaskStatuses), leftOut)
	picks, picked := make([]int, len(q.names)), make([]miniairflow.TaskStatus, len(q.names))
	for range q.names {
		a.ends = append(a.ends, map[miniairflow.TaskStatus]bool{})
	}
	for isMore := true; isMore && (!a.mayBeTrue || !a.mayBeFalse); isMore = next(picks, len(choices)) {
		if c.tried++; c.tried > triesMax {
			return a, false
		}
		for place, pick := range picks {
			picked[place] = choices[pick]
		}
		if !c.mayAsk(q, rule, picked) {
			continue
		}
		yes, err := c.engine.Bool(q.when, scopeOf(q, picked))
		if err != nil {
			return a, false
		}
		a.note(picked, yes)
	}
	return a, true
}

// next counts up the digits of a number; ok is false after the last one.
func next(digits []int, base int) (ok bool) {
	for place := range digits {
		if digits[place]++; digits[place] < base {
			return true
		}
		digits[place] = 0
	}
	return false
}

// mayAsk reports whether the rule lets a task run whose upstream tasks stand so.
func (c *checker) mayAsk(q question, rule miniairflow.TriggerRule, picked []miniairflow.TaskStatus) bool {
	counts, open := miniairflow.UpstreamCounts{Total: q.upstream}, 0
	for place, status := range picked {
		switch {
		case !q.isDirect[place]:
		case status == leftOut:
			counts.Total--
		case status.IsTerminal():
			counts = counts.Add(miniairflow.OutcomeOf(status, c.d.Tasks[c.tasks[q.names[place]]].AllowFailure))
		default:
			open++
		}
	}
	return rule.MayRun(counts, open)
}

func scopeOf(q question, picked []miniairflow.TaskStatus) miniairflow.Scope {
	tasks := make(map[string]miniairflow.TaskScope, len(picked))
	for place, status := range picked {
		tasks[q.names[place]] = miniairflow.TaskScope{Status: cmp.Or(status, miniairflow.TaskSkipped)}
	}
	return miniairflow.Scope{Tasks: tasks}
}

func (a *answer) note(picked []miniairflow.TaskStatus, yes bool) {
	a.mayBeFalse = a.mayBeFalse || !yes
	if slices.Contains(picked, leftOut) {
		a.mayBeTrueInPart = a.mayBeTrueInPart || yes
		return
	}
	a.mayBeTrue = a.mayBeTrue || yes
	for place, status := range picked {
		a.ends[place][status] = true
	}
}

// where says in which runs a condition is never true.
func (a *answer) where() string {
	if a.mayBeTrueInPart {
		return " in a run of all tasks"
	}
	return ""
}

// why says what the tasks can be when the rule lets the condition be asked.
func (a *answer) why(q question, rule miniairflow.TriggerRule) string {
	var limits []string
	for place, name := range q.names {
		if ends := a.ends[place]; len(ends) < len(miniairflow.TaskStatuses) {
			limits = append(limits, fmt.Sprintf("%q is %s", name, endsAsText(ends)))
		}
	}
	if len(limits) == 0 {
		return "a task ends as " + endsAsText(map[miniairflow.TaskStatus]bool{
			miniairflow.TaskSuccess: true, miniairflow.TaskFailed: true, miniairflow.TaskCancelled: true,
			miniairflow.TaskSkipped: true, miniairflow.TaskUpstreamFailed: true,
		})
	}
	return fmt.Sprintf("with trigger_rule: %s it is asked only when %s", rule, enumerated(limits, "and"))
}

func endsAsText(ends map[miniairflow.TaskStatus]bool) string {
	var words []string
	isOpen := false
	for _, status := range miniairflow.TaskStatuses {
		switch {
		case !ends[status]:
		case status.IsTerminal():
			words = append(words, string(status))
		default:
			isOpen = true
		}
	}
	if isOpen {
		words = append(words, "not over yet")
	}
	return enumerated(words, "or")
}

// wayOut returns the end of a message about a condition that is never true: the rule
// with which it can be, if that is the common one.
func (c *checker) wayOut(q question, rule miniairflow.TriggerRule) string {
	if rule == miniairflow.AllDone {
		return ""
	}
	if a, ok := c.try(q, miniairflow.AllDone); !ok || !a.mayBeTrue {
		return ""
	}
	return "; set trigger_rule: all_done, which asks it after every end"
}
