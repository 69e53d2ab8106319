package miniairflow

import (
	"fmt"
	"slices"
	"strings"
)

// missing says what the tasks that may run take of tasks which the selection leaves
// out: these have neither outputs nor artifacts in a new run. Without an evaluator
// outputs are not told of.
func (g *DAG) missing(planned []PlannedTask, eval Evaluator) []string {
	if g.left == nil {
		return nil
	}
	left := make(map[string]bool, len(g.left))
	for seq := range g.left {
		left[g.Definition.Tasks[seq].Name] = g.left[seq]
	}
	var warnings []string
	for _, p := range planned {
		if p.Verdict == PlanSkipped || p.Verdict == PlanNotChosen {
			continue
		}
		t := &g.Definition.Tasks[p.Seq]
		for _, name := range t.Inputs {
			if left[name] {
				warnings = append(warnings, missingWarning(t.Name, "takes the artifacts", name, "there are none"))
			}
		}
		for _, o := range t.outputsRead(eval) {
			if left[o.Task] {
				warnings = append(warnings, missingWarning(t.Name, fmt.Sprintf("reads the output %q", o.Key), o.Task, "it is null"))
			}
		}
	}
	return warnings
}

func missingWarning(task, takes, of, then string) string {
	return fmt.Sprintf("task %q %s of %q, which is not chosen: %s in a new run; choose %s as well, or clear %s in a run that has it (miniairflow runs clear RUN %s)",
		task, takes, of, then, of, task, task)
}

// outputsRead returns the outputs of other tasks that t reads, each once.
func (t *Task) outputsRead(eval Evaluator) []OutputOf {
	if eval == nil {
		return nil
	}
	texts := []string{t.When}
	if t.ForEach != nil {
		texts = append(texts, t.ForEach.Key)
		for _, template := range t.ForEach.Templates() {
			texts = append(texts, template.Text)
		}
	}
	for _, template := range t.Templates() {
		texts = append(texts, template.Text)
	}
	var read []OutputOf
	for _, text := range texts {
		if !strings.Contains(text, "${{") {
			continue
		}
		for _, o := range eval.Outputs(text) {
			if !slices.Contains(read, o) {
				read = append(read, o)
			}
		}
	}
	return read
}
