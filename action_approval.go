package miniairflow

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Approval is the action of a task that asks people: it waits, holding no slot,
// until somebody approves or rejects it (see Control.AnswerApproval).
type Approval struct {
	Message   string        `json:"message"`              // a template
	Fields    []Param       `json:"fields,omitempty"`     // that the answer has to fill in
	Approvers []string      `json:"approvers,omitempty"`  // names of tokens whose holders may answer; empty: everybody
	OnReject  WaitOnTimeout `json:"on_reject,omitempty"`  // empty: WaitFail
	OnTimeout WaitOnTimeout `json:"on_timeout,omitempty"` // empty: WaitFail
}

// Kind implements Action.
func (a *Approval) Kind() ActionKind { return ActionApproval }

func (a *Approval) copyInto(t *Task) {
	copied := *a
	t.Approval = &copied
}

func (a *Approval) eachTemplate(visit visitTemplate) error {
	return eachText(&a.Message, visit, string(ActionApproval), "message")
}

// ApprovalOutputs are the outputs of every approval: approved or rejected, who
// answered, and the fields.
var ApprovalOutputs = map[string]OutputType{"decision": OutputString, "by": OutputString, "fields": OutputObject}

// The values of the output decision.
const (
	DecisionApproved = "approved"
	DecisionRejected = "rejected"
)

// approversMax bounds Approvers.
const approversMax = 50

// admits reports whether somebody of this name may answer.
func (a *Approval) admits(name string) bool {
	return len(a.Approvers) == 0 || slices.Contains(a.Approvers, name)
}

// outcome returns what an answer makes of the task run.
func (a *Approval) outcome(approve bool) TaskStatus {
	switch {
	case approve:
		return TaskSuccess
	case a.OnReject == WaitSkip:
		return TaskSkipped
	default:
		return TaskFailed
	}
}

// answer checks the fields of an answer and returns the outputs that it makes. A
// rejection has no fields.
func (a *Approval) answer(approve bool, fields map[string]any, by Actor) (map[string]any, error) {
	outputs := map[string]any{"decision": DecisionRejected, "by": by.Name, "fields": map[string]any{}}
	if !approve {
		return outputs, nil
	}
	resolved, err := ResolveParams(a.Fields, fields, RunScope{}, nil)
	if err != nil {
		return nil, err
	}
	outputs["decision"], outputs["fields"] = DecisionApproved, resolved
	return outputs, nil
}

// validate checks the fields as the params of a workflow are.
func (a *Approval) validate(v *validator, at []string, t *Task) {
	if strings.TrimSpace(a.Message) == "" {
		v.add(at, "task %q asks nothing: give its approval a message", t.Name)
	}
	if a.OnReject != "" {
		oneOf(v, sub(at, "on_reject"), a.OnReject, WaitOnTimeouts)
	}
	if a.OnTimeout != "" {
		oneOf(v, sub(at, "on_timeout"), a.OnTimeout, WaitOnTimeouts)
		if t.Timeout == 0 {
			v.add(sub(at, "on_timeout"), "task %q has on_timeout, but no timeout: add timeout to the task, such as timeout: 2d", t.Name)
		}
	}
	a.validateApprovers(v, sub(at, "approvers"), t)
	if !maps.Equal(t.Outputs, ApprovalOutputs) {
		v.add(sub(taskPath(t), "outputs"), "task %q is an approval, which has the outputs decision, by and fields: leave outputs out", t.Name)
	}
	fields := &validator{d: &Definition{Params: a.Fields}}
	fields.params()
	for _, p := range fields.problems {
		p.Path = sub(at, append([]string{"fields"}, p.Path[1:]...)...)
		p.Message = strings.ReplaceAll(strings.Replace(p.Message, "param name", "field name", 1), "param \"", "field \"")
		v.problems = append(v.problems, p)
	}
}

func (a *Approval) validateApprovers(v *validator, at []string, t *Task) {
	if len(a.Approvers) > approversMax {
		v.add(at, "task %q has %d approvers, but may have at most %d", t.Name, len(a.Approvers), approversMax)
		return
	}
	for i, name := range a.Approvers {
		at := sub(at, strconv.Itoa(i))
		switch {
		case name != ServerActor && CheckTokenName(name) != nil:
			v.add(at, "approver %s is no name of a token: up to 128 letters, digits, _, -, ., + and @", show(name))
		case slices.Contains(a.Approvers[:i], name):
			v.add(at, "approver %q is here twice: remove one", name)
		}
	}
}
