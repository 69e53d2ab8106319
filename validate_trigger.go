package miniairflow

import (
	"slices"
	"strconv"
	"strings"
)

// triggers checks what else starts runs. Whether there are workflows of those names is
// not known here: their files may come later.
func (v *validator) triggers() {
	if after := v.d.After(); after != nil {
		v.after([]string{"triggers", "after"}, after)
	}
	if hook := v.d.Webhook(); hook != nil {
		v.webhook([]string{"triggers", "webhook"}, hook)
	}
	if file := v.d.File(); file != nil {
		v.file([]string{"triggers", "file"}, file)
	}
}

func (v *validator) webhook(at []string, hook *WebhookTrigger) {
	switch {
	case hook.Secret == "":
		v.add(at, "webhook names no secret, so that anybody could start runs: write secret: NAME, and set it with `miniairflow secrets set NAME`")
	case !identifier.MatchString(hook.Secret):
		v.add(sub(at, "secret"), "secret name %s is not valid: up to 128 letters, digits and _, not starting with a digit", show(hook.Secret))
	}
	v.triggerParams(at, hook.Params)
}

// triggerParams checks the values that a trigger gives, and that it gives what each run
// needs.
func (v *validator) triggerParams(at []string, given map[string]any) {
	if v.checks == nil { // there are too many params
		return
	}
	v.givenParams(at, given, sortedKeys(v.checks))
	for i := range v.d.Params {
		p := &v.d.Params[i]
		if _, ok := given[p.Name]; !ok && p.IsRequired() {
			v.add(at, "param %q has no default, and %s gives it no value: add it to params", p.Name, strings.Join(at, "."))
		}
	}
}

func (v *validator) after(at []string, a *AfterTrigger) {
	switch n := len(a.Workflows); {
	case n == 0:
		v.add(at, "after names no workflow: write after: NAME, or a list of names")
	case n > AfterWorkflowsMax:
		v.add(at, "after names %d workflows, but may name at most %d", n, AfterWorkflowsMax)
		return
	}
	first := make(map[string]int, len(a.Workflows))
	for i, w := range a.Workflows {
		at := sub(at, "workflows", strconv.Itoa(i))
		other, isRepeated := first[w.Workflow]
		switch {
		case w.Workflow == "":
			v.add(at, "after does not say whose runs it means: write {workflow: NAME}")
		case !workflowName.MatchString(w.Workflow):
			v.add(sub(at, "workflow"), "workflow name %s is not valid: up to 128 letters, digits, _, - and ., starting with a letter or digit", show(w.Workflow))
		case w.Workflow == v.d.Name:
			v.add(sub(at, "workflow"), "the workflow starts after its own runs, which would never end: %s → %s; name another workflow", w.Workflow, w.Workflow)
		case isRepeated:
			v.add(at, "workflow %q is number %d already: name it once, with status: finished for several ends", w.Workflow, other+1)
		default:
			first[w.Workflow] = i
		}
		oneOf(v, sub(at, "status"), w.Status, AfterStatuses)
	}
	if oneOf(v, sub(at, "match"), a.Match, AfterMatches) && a.Match != WaitExact && len(a.Workflows) == 1 {
		v.add(sub(at, "match"), "match says which runs of several workflows belong together, and after names one: leave it out")
	}
	if i := slices.IndexFunc(v.d.Params, func(p Param) bool { return p.IsRequired() }); i >= 0 {
		v.add([]string{"params", v.d.Params[i].Name},
			"param %q has no default, but the workflow starts after others: such a run has nobody to ask", v.d.Params[i].Name)
	}
}
