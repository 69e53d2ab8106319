package miniairflow

import (
	"slices"
	"strings"
	"time"
)

func (w *Wait) validate(v *validator, at []string, t *Task) {
	w.validateKind(v, at, t)
	v.duration(sub(at, "duration"), w.Duration)
	v.duration(sub(at, "stable_for"), w.StableFor)
	v.duration(sub(at, "interval"), w.Interval)
	switch {
	case w.StableFor != 0 && w.File == "":
		v.add(sub(at, "stable_for"), "task %q has stable_for, but waits for no file: add file, or remove stable_for", t.Name)
	case w.Interval != 0 && w.IsTimer():
		v.add(sub(at, "interval"), "task %q waits for a time, which needs no interval: remove it", t.Name)
	case w.Interval > 0 && w.Interval.Std() < WaitIntervalMin:
		v.add(sub(at, "interval"), "interval is %s, but must be at least %s: each look costs a commit", w.Interval, WaitIntervalMin)
	}
	if w.Run != nil {
		w.Run.validate(v, sub(at, "run"), t)
	}
	if t.Timeout > 0 && w.Duration > t.Timeout {
		v.add(at, "task %q waits for %s, but its timeout ends it after %s: give the task a longer timeout", t.Name, w.Duration, t.Timeout)
	}
	if w.OnTimeout != "" {
		oneOf(v, sub(at, "on_timeout"), w.OnTimeout, WaitOnTimeouts)
		if t.Timeout == 0 {
			v.add(sub(at, "on_timeout"), "task %q has on_timeout, but no timeout: add timeout to the task, such as timeout: 2h", t.Name)
		}
	}
	if len(t.Outputs) > 0 && w.Command == nil && w.HTTP == nil {
		v.add(sub(taskPath(t), "outputs"), "task %q waits and writes no outputs: leave outputs out, or wait for a command or an http answer", t.Name)
	}
	if w.Until != "" && !strings.Contains(w.Until, "${{") {
		if _, err := time.Parse(time.RFC3339, w.Until); err != nil {
			v.add(sub(at, "until"), "until is %s, which is no time: write it as 2026-01-31T06:00:00Z", show(w.Until))
		}
	}
	v.noNUL(sub(at, "file"), w.File)
	if len(v.d.Files) > 0 && w.File != "" && !strings.HasPrefix(w.File, "/") && !strings.HasPrefix(w.File, "${{") {
		// Each look has copies of its own, in which nothing ever arrives.
		v.add(sub(at, "file"), "file %s is relative, but tasks of a workflow with files run among copies of them: write an absolute path", show(w.File))
	}
}

// validateKind checks that a wait waits for exactly one thing.
func (w *Wait) validateKind(v *validator, at []string, t *Task) {
	var kinds []string
	for kind, isSet := range map[string]bool{
		"duration": w.Duration != 0, "until": w.Until != "", "file": w.File != "", "run": w.Run != nil, "http": w.HTTP != nil, "command": w.Command != nil,
	} {
		if isSet {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	switch len(kinds) {
	case 0:
		v.add(at, "task %q does not say what it waits for: give it a duration, until, file, run, http or command", t.Name)
	case 1:
		w.validatePart(v, at, t)
	default:
		v.add(at, "task %q waits for %s: keep one, and write a task for each of the others", t.Name, strings.Join(kinds, " and "))
	}
}

// validate checks which run a task waits for. Whether there is such a workflow is not
// known here: its file may come later.
func (r *WaitRun) validate(v *validator, at []string, t *Task) {
	switch {
	case r.Workflow == "":
		v.add(at, "task %q does not say of which workflow it waits for a run: write {workflow: NAME}", t.Name)
	case !workflowName.MatchString(r.Workflow):
		v.add(sub(at, "workflow"), "workflow name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(r.Workflow))
	case r.Workflow == v.d.Name && r.Match != WaitSameDay:
		v.add(sub(at, "workflow"), "task %q waits for a run of its own workflow, which is its own run: name another workflow, or write match: same_day", t.Name)
	}
	if r.Task != "" && !taskName.MatchString(r.Task) {
		v.add(sub(at, "task"), "task name %s is not valid: up to 128 letters, digits, _ and -, starting with a letter or _", show(r.Task))
	}
	oneOf(v, sub(at, "match"), r.Match, WaitMatches)
}

// validatePart checks the action that says whether the wait is over.
func (w *Wait) validatePart(v *validator, at []string, t *Task) {
	if w.Command != nil {
		w.Command.validate(v, sub(at, "command"), t)
	}
	if w.HTTP != nil {
		w.HTTP.validate(v, sub(at, "http"), t)
	}
}

func (w *Wait) copyInto(t *Task) {
	copied := *w
	if w.Command != nil {
		part := Task{}
		w.Command.copyInto(&part)
		copied.Command = part.Command
	}
	if w.HTTP != nil {
		part := Task{}
		w.HTTP.copyInto(&part)
		copied.HTTP = part.HTTP
	}
	t.Wait = &copied
}

func (w *Wait) eachTemplate(visit visitTemplate) error {
	visit = under(string(ActionWait), visit)
	if err := eachText(&w.Until, visit, "until"); err != nil {
		return err
	}
	if err := eachText(&w.File, visit, "file"); err != nil {
		return err
	}
	if w.HTTP != nil {
		return w.HTTP.eachTemplate(visit)
	}
	if w.Command != nil {
		return w.Command.eachTemplate(visit)
	}
	return nil
}
