package miniairflow

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Control holds every operation that people ask for, one place for GraphQL and
// the commands. Its methods may be called from any goroutine.
type Control struct {
	Store     Store
	Evaluator Evaluator
	Vault     Vault // seals secrets; nil: there are none
}

// TriggerRequest asks for a run.
type TriggerRequest struct {
	Workflow    string // its name
	Params      map[string]any
	LogicalDate time.Time // zero: now. One in the past or future does not change when the run starts
	// DataIntervalStart is that of the run; zero: LogicalDate.
	DataIntervalStart time.Time
	Selection         Selection // of the tasks to execute; the zero value: all
	IdempotencyKey    string    // a second trigger with the same key returns the first run; up to IdempotencyKeyMax bytes
	Cause             Cause     // see CauseOf
	By                Actor
}

// IdempotencyKeyMax bounds TriggerRequest.IdempotencyKey.
const IdempotencyKeyMax = 255

// TriggerWorkflow checks the parameters and creates a run. A paused workflow
// gets one too: it waits until the pause is lifted. Errors: ErrNotFound,
// CodeConflict for a retired workflow, CodeInvalid with Field "params.<name>"
// for a parameter, "only", "from" or "until" for the selection, and
// "idempotencyKey" for a key that is no text of that length.
func (c *Control) TriggerWorkflow(ctx context.Context, req TriggerRequest) (*WorkflowRun, error) {
	run, _, err := c.newRun(ctx, req)
	if err != nil {
		return nil, err
	}
	r, _, err := c.Store.CreateRun(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("create run of workflow %q: %w", req.Workflow, err)
	}
	return r, nil
}

// PlanTrigger says what the run would do that TriggerWorkflow creates for the
// request, and creates none. Its errors are those of TriggerWorkflow.
func (c *Control) PlanTrigger(ctx context.Context, req TriggerRequest) (*TriggerPlan, error) {
	run, definition, err := c.newRun(ctx, req)
	if err != nil {
		return nil, err
	}
	return NewTriggerPlan(definition, run.Selection, run.Params, c.Evaluator)
}

// newRun returns the run that the request asks for, and what it is a run of.
func (c *Control) newRun(ctx context.Context, req TriggerRequest) (NewRun, *Definition, error) {
	if err := checkIdempotencyKey(req.IdempotencyKey); err != nil {
		return NewRun{}, nil, err
	}
	w, err := c.findWorkflow(ctx, req.Workflow)
	if err != nil {
		return NewRun{}, nil, err
	}
	if w.RetiredAt != nil {
		return NewRun{}, nil, Errorf(CodeConflict, "workflow %q is retired: its file %s is gone", w.Name, w.SourceFile)
	}
	v, err := c.Store.FindVersion(ctx, w.VersionID)
	if err != nil {
		return NewRun{}, nil, fmt.Errorf("find version of workflow %q: %w", w.Name, err)
	}
	id, err := NewParentID()
	if err != nil {
		return NewRun{}, nil, err
	}
	now, err := c.Store.Now(ctx)
	if err != nil {
		return NewRun{}, nil, fmt.Errorf("read the database's time: %w", err)
	}
	logical := req.LogicalDate
	if logical.IsZero() {
		logical = now
	}
	start := req.DataIntervalStart
	if start.IsZero() {
		start = logical
	}
	run := NewRun{
		ID: id, WorkflowID: w.ID, VersionID: v.ID, Type: RunManual, Cause: req.Cause, LogicalDate: logical,
		DataIntervalStart: start, IdempotencyKey: req.IdempotencyKey, By: req.By,
	}
	scope := RunScope{ID: id, Workflow: w.Name, Type: RunManual, LogicalDate: logical, DataIntervalStart: start, DataIntervalEnd: logical, RunAfter: now}
	eval, err := EvaluatorOfDefaults(ctx, c.Evaluator, c.Store, v.Definition.Params)
	if err != nil {
		return NewRun{}, nil, err
	}
	if run.Params, err = ResolveParams(v.Definition.Params, req.Params, scope, eval); err != nil {
		return NewRun{}, nil, err
	}
	if run.Selection, err = c.selectionOf(ctx, v.ID, req.Selection); err != nil {
		return NewRun{}, nil, err
	}
	return run, v.Definition, nil
}

// selectionOf checks a selection; nil chooses all tasks.
func (c *Control) selectionOf(ctx context.Context, versionID uuid.UUID, s Selection) (*Selection, error) {
	if s.IsEmpty() {
		return nil, nil
	}
	g, err := c.Store.FindDAG(ctx, versionID)
	if err != nil {
		return nil, fmt.Errorf("find tasks of version %s: %w", versionID, err)
	}
	if _, err := g.Select(&s); err != nil {
		return nil, err
	}
	return &s, nil
}

func checkIdempotencyKey(key string) error {
	if len(key) <= IdempotencyKeyMax && utf8.ValidString(key) && !strings.ContainsRune(key, 0) {
		return nil
	}
	e := Errorf(CodeInvalid, "the idempotency key must be text of up to %d bytes, without NUL", IdempotencyKeyMax)
	e.Field = "idempotencyKey"
	return e
}

// SetPaused sets or lifts the operator's pause of a workflow. It is idempotent.
func (c *Control) SetPaused(ctx context.Context, workflow string, paused bool, by Actor) (*Workflow, error) {
	w, err := c.findWorkflow(ctx, workflow)
	if err != nil {
		return nil, err
	}
	if w, err = c.Store.SetPaused(ctx, w.ID, paused, by); err != nil {
		return nil, fmt.Errorf("set pause of workflow %q: %w", workflow, err)
	}
	return w, nil
}

// findWorkflow finds a workflow by its name, and names it in the error.
func (c *Control) findWorkflow(ctx context.Context, name string) (*Workflow, error) {
	w, err := c.Store.FindWorkflowByName(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil, Errorf(CodeNotFound, "no workflow is called %q%s", name, c.whyUnknown(ctx, name))
	}
	if err != nil {
		return nil, fmt.Errorf("find workflow %q: %w", name, err)
	}
	return w, nil
}

// namesCompared bounds the names that an unknown one is compared with.
const namesCompared = 200

// whyUnknown returns what may help somebody who named a workflow that is not there:
// an error of the file that would be it, or the name that was probably meant. It is a
// hint: without an answer of the store there is none.
func (c *Control) whyUnknown(ctx context.Context, name string) string {
	faults, err := c.Store.FindImportErrors(ctx)
	if err != nil {
		return ""
	}
	for _, f := range faults {
		if strings.TrimSuffix(path.Base(f.File), path.Ext(f.File)) == name {
			return "; its file has an error: " + f.String()
		}
	}
	workflows, err := c.Store.FindWorkflows(ctx, WorkflowFilter{Limit: namesCompared})
	if err != nil {
		return ""
	}
	names := make([]string, len(workflows))
	for i, w := range workflows {
		names[i] = w.Name
	}
	return DidYouMean(name, names)
}
