package miniairflow

import "slices"

// Triggers say what else but a schedule or a person starts runs of a workflow.
type Triggers struct {
	After   *AfterTrigger   `json:"after,omitempty"`
	Webhook *WebhookTrigger `json:"webhook,omitempty"`
	File    *FileTrigger    `json:"file,omitempty"`
}

// AfterTrigger starts a run when runs of other workflows are over. Of one workflow,
// each run starts one. Of several, each logical date starts one, or with WaitSameDay
// each day of UTC: when each of them has a run for it that ended as it is to, or with
// Any the first one has.
type AfterTrigger struct {
	Workflows []AfterWorkflow `json:"workflows"`
	Any       bool            `json:"any,omitempty"`
	Match     WaitMatch       `json:"match"` // exact or same_day
}

// AfterWorkflow is a workflow whose runs start others.
type AfterWorkflow struct {
	Workflow string      `json:"workflow"`
	Status   AfterStatus `json:"status"`
}

// AfterStatus says how a run has to end to start another one.
type AfterStatus string

// The ends that start a run.
const (
	AfterSuccess   AfterStatus = "success"
	AfterFailed    AfterStatus = "failed"
	AfterCancelled AfterStatus = "cancelled"
	AfterFinished  AfterStatus = "finished" // any of them
)

// AfterStatuses lists all of them, the default first.
var AfterStatuses = []AfterStatus{AfterSuccess, AfterFailed, AfterCancelled, AfterFinished}

// AfterMatches lists the ways in which runs of several workflows belong together, the
// default first.
var AfterMatches = []WaitMatch{WaitExact, WaitSameDay}

// AfterWorkflowsMax bounds the workflows of one AfterTrigger.
const AfterWorkflowsMax = 50

// Statuses returns the states of the runs that are meant.
func (s AfterStatus) Statuses() []RunStatus {
	if s == AfterFinished {
		return []RunStatus{RunSuccess, RunFailed, RunCancelled}
	}
	return []RunStatus{RunStatus(s)}
}

// After returns what starts runs of d after those of other workflows; nil if nothing does.
func (d *Definition) After() *AfterTrigger {
	if d.Triggers == nil {
		return nil
	}
	return d.Triggers.After
}

// wants reports whether a run of that workflow, which ended so, may start one.
func (a *AfterTrigger) wants(workflow string, status RunStatus) bool {
	return slices.ContainsFunc(a.Workflows, func(w AfterWorkflow) bool {
		return w.Workflow == workflow && slices.Contains(w.Status.Statuses(), status)
	})
}

// key returns what the run that run starts is known by, so that there is one.
func (a *AfterTrigger) key(run *WorkflowRun) string {
	const micros = "2006-01-02T15:04:05.000000Z"
	switch {
	case len(a.Workflows) == 1:
		return "after:" + run.ID.String()
	case a.Match == WaitSameDay:
		return "after:" + run.LogicalDate.UTC().Format("2006-01-02")
	default:
		return "after:" + run.LogicalDate.UTC().Format(micros)
	}
}
