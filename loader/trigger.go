package loader

import (
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

var triggerFields = fields[triggersDraft]{
	"after":   func(v value, t *triggersDraft) { t.After = v.after() },
	"webhook": func(v value, t *triggersDraft) { t.Webhook, t.hookParams = v.webhook() },
	"file":    func(v value, t *triggersDraft) { t.File, t.fileParams = v.arrival() },
}

// triggersDraft are triggers whose keys are being read. Their params wait for their types.
type triggersDraft struct {
	miniairflow.Triggers
	hookParams, fileParams *value
}

func (v value) triggers(w *workflowDraft) {
	entries, ok := v.entries("what starts runs, such as {after: extract}")
	if !ok {
		return
	}
	triggerFields.read(entries, "triggers", &w.triggers)
	w.Triggers = &w.triggers.Triggers
}

// webhookDraft is a WebhookTrigger whose keys are being read.
type webhookDraft struct {
	miniairflow.WebhookTrigger
	params *value
}

var webhookFields = fields[webhookDraft]{
	"secret": textField(func(h *webhookDraft) *string { return &h.Secret }),
	"params": func(v value, h *webhookDraft) { h.params = &v },
}

func (v value) webhook() (*miniairflow.WebhookTrigger, *value) {
	entries, ok := v.entries("the name of its secret, such as {secret: DEPLOY_HOOK}")
	if !ok {
		return nil, nil
	}
	h := webhookDraft{}
	webhookFields.read(entries, "webhook", &h)
	return &h.WebhookTrigger, h.params
}

// arrivalDraft is a FileTrigger whose keys are being read.
type arrivalDraft struct {
	miniairflow.FileTrigger
	params *value
}

var arrivalFields = fields[arrivalDraft]{
	"path":       textField(func(a *arrivalDraft) *string { return &a.Path }),
	"stable_for": func(v value, a *arrivalDraft) { a.StableFor = v.duration() },
	"params":     func(v value, a *arrivalDraft) { a.params = &v },
}

// arrival reads a block, or just the path of files.
func (v value) arrival() (*miniairflow.FileTrigger, *value) {
	a := arrivalDraft{FileTrigger: miniairflow.FileTrigger{StableFor: miniairflow.StableForDefault}}
	if v.node.Kind == yaml.ScalarNode && !v.isNull() {
		v.doc.positions[joined(append(v.path, "path"))] = v.at
		a.Path, _ = v.text()
		return &a.FileTrigger, nil
	}
	entries, ok := v.entries("the files that start runs, such as {path: incoming/*.csv}")
	if !ok {
		return nil, nil
	}
	arrivalFields.read(entries, "file", &a)
	return &a.FileTrigger, a.params
}

// giveTriggerParams is giveScheduleParams for what triggers give.
func (w *workflowDraft) giveTriggerParams() {
	if w.triggers.Webhook != nil {
		w.triggers.Webhook.Params = w.givenParams(w.triggers.hookParams)
	}
	if w.triggers.File != nil {
		w.triggers.File.Params = w.givenParams(w.triggers.fileParams)
	}
}

// afterDraft is an AfterTrigger whose keys are being read.
type afterDraft struct {
	miniairflow.AfterTrigger
	all, any *value
}

var afterFields = fields[afterDraft]{
	"all":   func(v value, a *afterDraft) { a.all = &v },
	"any":   func(v value, a *afterDraft) { a.any = &v },
	"match": textField(func(a *afterDraft) *miniairflow.WaitMatch { return &a.Match }),
}

// after reads the name of a workflow, a list, or a block with one.
func (v value) after() *miniairflow.AfterTrigger {
	a := afterDraft{AfterTrigger: miniairflow.AfterTrigger{Match: miniairflow.WaitExact}}
	if v.node.Kind != yaml.MappingNode {
		a.Workflows = v.upstreams(v.path)
		return &a.AfterTrigger
	}
	entries, _ := v.entries("")
	before := v.doc.faults
	afterFields.read(entries, "after", &a)
	switch {
	case a.all != nil && a.any != nil:
		a.any.fail("after has all and any: keep one of them")
	case a.all != nil:
		a.Workflows = a.all.upstreams(v.path)
	case a.any != nil:
		a.Any, a.Workflows = true, a.any.upstreams(v.path)
	case v.doc.faults == before:
		v.fail("after names no workflow: write all: [NAME, NAME] or any: [NAME, NAME]")
	}
	return &a.AfterTrigger
}

var afterWorkflowFields = fields[miniairflow.AfterWorkflow]{
	"workflow": textField(func(w *miniairflow.AfterWorkflow) *string { return &w.Workflow }),
	"status":   textField(func(w *miniairflow.AfterWorkflow) *miniairflow.AfterStatus { return &w.Status }),
}

// upstreams reads workflows that others start after: each a block, or just its name.
// They get the paths that they have in the definition, however the file has them.
func (v value) upstreams(after []string) []miniairflow.AfterWorkflow {
	items := v.items("the name of a workflow, or a list of names: write [extract, load]")
	list := make([]miniairflow.AfterWorkflow, 0, len(items))
	for i, item := range items {
		item.path = slices.Concat(after, []string{"workflows", strconv.Itoa(i)})
		v.doc.positions[joined(item.path)] = item.at
		w := miniairflow.AfterWorkflow{Status: miniairflow.AfterSuccess}
		if item.node.Kind == yaml.MappingNode {
			entries, _ := item.entries("")
			afterWorkflowFields.read(entries, "a workflow of after", &w)
		} else {
			v.doc.positions[joined(append(item.path, "workflow"))] = item.at
			w.Workflow, _ = item.textFor("the name of a workflow, or {workflow: NAME, status: finished}")
		}
		list = append(list, w)
	}
	return list
}
