package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// What the critical path is found by.
const (
	criticalByTimeout = "timeout" // the timeouts, and the durations of waits
	criticalByWait    = "wait"    // the durations of waits, and then the number of tasks
	criticalByCount   = "count"   // the number of tasks
)

// critical finds the critical path: by the timeouts if there are some and every
// task that takes time has one, else by what waits take at least, and then by the
// number of tasks.
func (v *explainView) critical(g *miniairflow.DAG) {
	tasks := g.Definition.Tasks
	v.CriticalPathBy = criticalBy(tasks)
	takes := criticalTime[v.CriticalPathBy]
	path := g.CriticalPath(func(t *miniairflow.Task) int64 {
		if v.CriticalPathBy == criticalByTimeout {
			return int64(takes(t))
		}
		return int64(takes(t)) + 1 // a nanosecond for each task
	})
	v.CriticalPath = taskNames(g.Definition, path)
	if v.CriticalPathBy == criticalByCount {
		return
	}
	total := miniairflow.Duration(0)
	for _, i := range path {
		total += takes(&tasks[i])
	}
	v.CriticalTime = total.String()
}

// criticalTime is what a task takes, by what the critical path is found by.
var criticalTime = map[string]func(*miniairflow.Task) miniairflow.Duration{
	criticalByCount: func(*miniairflow.Task) miniairflow.Duration { return 0 },
	criticalByWait:  waitsAtLeast,
	criticalByTimeout: func(t *miniairflow.Task) miniairflow.Duration {
		if t.Timeout > 0 {
			return t.Timeout
		}
		return waitsAtLeast(t)
	},
}

func criticalBy(tasks []miniairflow.Task) string {
	isUnbounded := func(t miniairflow.Task) bool { return t.Timeout == 0 && !t.Noop && waitsAtLeast(&t) == 0 }
	hasTimeout := func(t miniairflow.Task) bool { return t.Timeout > 0 }
	waits := func(t miniairflow.Task) bool { return waitsAtLeast(&t) > 0 }
	switch {
	case slices.ContainsFunc(tasks, hasTimeout) && !slices.ContainsFunc(tasks, isUnbounded):
		return criticalByTimeout
	case slices.ContainsFunc(tasks, waits):
		return criticalByWait
	default:
		return criticalByCount
	}
}

// waitsAtLeast returns how long a task waits for certain, once it has started.
func waitsAtLeast(t *miniairflow.Task) miniairflow.Duration {
	if t.Wait == nil {
		return 0
	}
	return t.Wait.Duration
}

func (v *explainView) criticalWords() string {
	switch v.CriticalPathBy {
	case criticalByTimeout:
		return "the timeouts of its tasks, in all " + v.CriticalTime + " without retries"
	case criticalByWait:
		return "how long it waits, in all " + v.CriticalTime + " at least, and then the number of tasks"
	default:
		return "the number of tasks"
	}
}

// waits says in words what a task waits for, and what else decides whether it runs.
func waits(t *miniairflow.Task) string {
	text := "starts with the run"
	switch {
	case t.Finally && (len(t.DependsOn) == 0 || t.TriggerRule == miniairflow.Always):
		text = "starts when all tasks above have ended, however"
	case len(t.DependsOn) == 0:
	case t.TriggerRule == miniairflow.Always:
		text += ": its trigger rule always waits for nobody"
	case len(t.DependsOn) == 1 && t.TriggerRule == miniairflow.AllSuccess:
		text = "waits for " + t.DependsOn[0] + " to succeed"
	default:
		text = fmt.Sprintf("waits for %s; runs when %s", strings.Join(t.DependsOn, ", "), t.TriggerRule.Meaning())
	}
	if t.DependsOnPast {
		text += "; in a scheduled run also waits for itself in the run before"
	}
	if t.When != "" {
		text += fmt.Sprintf("; skipped unless %s", t.When)
	}
	if t.ForEach != nil {
		text += "; runs once for each item of its for_each"
		if t.ForEach.MaxParallel > 0 {
			text += fmt.Sprintf(", at most %d at a time", t.ForEach.MaxParallel)
		}
	}
	if t.Workflow != nil {
		text += "; runs the workflow " + t.Workflow.Name
	}
	if len(t.Inputs) > 0 {
		text += "; is given the artifacts of " + strings.Join(t.Inputs, ", ")
	}
	if then := waitsThen(t); then != "" {
		text += "; then " + then
		if t.Timeout > 0 {
			text += ", for at most " + t.Timeout.String()
		}
	}
	return text
}

// waitsThen says what a task waits for once it has started; empty: it does something.
func waitsThen(t *miniairflow.Task) string {
	switch w := t.Wait; {
	case t.Approval != nil:
		who := "somebody approves or rejects"
		if len(t.Approval.Approvers) > 0 {
			who = strings.Join(t.Approval.Approvers, " or ") + " approves or rejects"
		}
		return "waits until " + who + ": " + t.Approval.Message
	case w == nil:
		return ""
	case w.Duration > 0:
		return "waits " + w.Duration.String()
	case w.Until != "":
		return "waits until " + w.Until
	case w.File != "":
		text := "waits for the file " + w.File
		if w.StableFor > 0 {
			text += " to be unchanged for " + w.StableFor.String()
		}
		return text + looksEvery(w)
	case w.Run != nil:
		return "waits for " + runWaitedFor(w.Run) + " to succeed" + looksEvery(w)
	case w.HTTP != nil:
		return "waits until " + w.HTTP.URL + " answers as expected" + looksEvery(w)
	default:
		return "waits until its command ends with exit code 0" + looksEvery(w)
	}
}

func looksEvery(w *miniairflow.Wait) string {
	return ", with a look every " + w.LookEvery().Round(time.Millisecond).String()
}

func runWaitedFor(r *miniairflow.WaitRun) string {
	which := map[miniairflow.WaitMatch]string{
		miniairflow.WaitExact:   "the run of " + r.Workflow + " with the same logical date",
		miniairflow.WaitSameDay: "a run of " + r.Workflow + " on the same day",
		miniairflow.WaitLatest:  "the latest run of " + r.Workflow,
	}[r.Match]
	if r.Task != "" {
		return "task " + r.Task + " in " + which
	}
	return which
}

// promises returns the deadlines of a workflow and its tasks, and who is told of what.
func promises(d *miniairflow.Definition) []string {
	words := promisesOf("a run", d.Deadline, d.Notify)
	for i := range d.Tasks {
		t := &d.Tasks[i]
		words = append(words, promisesOf("task "+t.Name, t.Deadline, t.Notify)...)
	}
	return words
}

// promisesOf returns those of a workflow or a task, which who names.
func promisesOf(who string, deadline *miniairflow.Deadline, told miniairflow.Notices) []string {
	var words []string
	switch {
	case deadline == nil:
	case deadline.IsUsual:
		words = append(words, who+" is late after twice the time that it usually takes")
	case deadline.Clock != "":
		words = append(words, who+" is late after "+deadline.Clock+", by the clocks of the schedule")
	default:
		words = append(words, who+" is late "+strings.TrimPrefix(deadline.String(), "+")+" after the run may start")
	}
	for _, event := range miniairflow.NotificationEvents {
		var labels []string
		for i := range told[event] {
			labels = append(labels, told[event][i].Label())
		}
		if len(labels) > 0 {
			words = append(words, event.Key()+" of "+who+" tells "+strings.Join(labels, ", "))
		}
	}
	return words
}
