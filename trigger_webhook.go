package miniairflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// WebhookTrigger starts a run for each request to /hooks/NAME of who knows a secret.
type WebhookTrigger struct {
	Secret string         `json:"secret"`           // the name of a secret
	Params map[string]any `json:"params,omitempty"` // texts may be templates over the request, see EventScope
}

// EventScope is what the templates of triggers see of an event, beside variables.
type EventScope struct {
	Body    any            // of a request, as JSON has it; numbers may be json.Number
	Headers map[string]any // some of its headers, by their names in lower case
	Query   map[string]any // the first of each of its query parameters
	File    *FoundFile
}

// Delivery is a request to a webhook, of somebody who knows its secret.
type Delivery struct {
	Workflow string
	ID       string // what it is known by: the same again starts no second run; empty: it is not
	Name     string // what its sender calls it, for people; may be empty
	Event    EventScope
}

// webhookActor is who asks for the runs of webhooks.
const webhookActor = "webhook"

// deliveryShown bounds the part of a delivery's name that a cause shows, in bytes.
const deliveryShown = 100

// Webhook returns what starts runs of d for requests; nil if nothing does.
func (d *Definition) Webhook() *WebhookTrigger {
	if d.Triggers == nil {
		return nil
	}
	return d.Triggers.Webhook
}

// FindWebhook returns the webhook of a workflow. The error is the same ErrNotFound
// for one that has none, that is retired, and that is not there: who asks may be anybody.
func (c *Control) FindWebhook(ctx context.Context, workflow string) (*WebhookTrigger, error) {
	_, hook, err := c.findWebhook(ctx, workflow)
	return hook, err
}

func (c *Control) findWebhook(ctx context.Context, workflow string) (*Workflow, *WebhookTrigger, error) {
	none := Errorf(CodeNotFound, "no workflow has a webhook here")
	if !workflowName.MatchString(workflow) {
		return nil, nil, none
	}
	w, err := c.Store.FindWorkflowByName(ctx, workflow)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, nil, fmt.Errorf("find workflow %q: %w", workflow, err)
	}
	if err == nil && w.RetiredAt == nil {
		g, err := c.Store.FindDAG(ctx, w.VersionID)
		if err != nil {
			return nil, nil, fmt.Errorf("find version of workflow %q: %w", workflow, err)
		}
		if hook := g.Definition.Webhook(); hook != nil {
			return w, hook, nil
		}
	}
	return nil, nil, none
}

// Deliver creates the run that a delivery starts, or returns the one that it has
// started already. A workflow that is paused or not active gets one too, as by
// TriggerWorkflow, whose errors it has; hold says why that run waits, see Workflow.Hold.
// CodeInvalid also where a param cannot be computed from the request.
func (c *Control) Deliver(ctx context.Context, d Delivery) (run *WorkflowRun, hold string, err error) {
	w, hook, err := c.findWebhook(ctx, d.Workflow)
	if err != nil {
		return nil, "", err
	}
	params, err := c.eventParams(ctx, hook.Params, &d.Event)
	if err != nil {
		return nil, "", err
	}
	req := TriggerRequest{
		Workflow: d.Workflow, Params: params, Cause: Cause{Kind: CauseWebhook}, By: Actor{Name: webhookActor},
	}
	if d.ID != "" {
		if err := checkIdempotencyKey(d.ID); err != nil {
			return nil, "", err
		}
		sum := sha256.Sum256([]byte(d.ID)) // which has room for the prefix, and shows no signature
		req.IdempotencyKey = "webhook:" + hex.EncodeToString(sum[:])
	}
	if d.Name != "" {
		req.Cause.Detail = "delivery " + d.Name[:min(len(d.Name), deliveryShown)]
	}
	if run, err = c.TriggerWorkflow(ctx, req); err != nil {
		return nil, "", err
	}
	if run.Status == RunPending { // it may have been started before
		hold = w.Hold()
	}
	return run, hold, nil
}

// eventParams computes the params that a trigger gives. One that is null is not given.
func (c *Control) eventParams(ctx context.Context, params map[string]any, event *EventScope) (map[string]any, error) {
	scope := Scope{Event: event}
	var names []string
	for _, value := range params {
		if text, ok := value.(string); ok {
			names = append(names, c.Evaluator.Vars(text)...)
		}
	}
	if len(names) > 0 {
		var err error
		if scope.Vars, err = c.Store.ReadVars(ctx, names); err != nil {
			return nil, fmt.Errorf("read %d variables: %w", len(names), err)
		}
	}
	given := make(map[string]any, len(params))
	for _, name := range sortedKeys(params) {
		text, isText := params[name].(string)
		if !isText || !strings.Contains(text, "${{") {
			given[name] = params[name]
			continue
		}
		encoded, err := c.Evaluator.JSON(text, scope)
		if err == nil && encoded == "null" {
			continue
		}
		if err == nil {
			given[name], err = c.Evaluator.Text(text, scope)
		}
		if err != nil {
			return nil, paramError(name, "param %q: %v", name, err)
		}
	}
	return given, nil
}
