package miniairflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// ChildRequest asks for the child run of a task.
type ChildRequest struct {
	Parent   *WorkflowRun
	Seq      int       // of the task in Parent
	Task     string    // its name
	Token    uuid.UUID // of the claim of its attempt
	Workflow string
	Params   map[string]any
}

// StartChild creates the child run of a task, or returns the one that the task has
// already, see RunStore.CreateRun. It runs the latest version, with the logical date
// and the data interval of its parent. Errors: ErrNotFound and CodeConflict as those
// of TriggerWorkflow, also when the attempt is over; CodeInvalid for a parameter, for
// a workflow that is running above its parent, and for more than ChildDepthMax levels.
func (c *Control) StartChild(ctx context.Context, req ChildRequest) (*WorkflowRun, error) {
	w, err := c.findWorkflow(ctx, req.Workflow)
	if err != nil {
		return nil, err
	}
	if w.RetiredAt != nil {
		return nil, Errorf(CodeConflict, "workflow %q is retired: its file %s is gone", w.Name, w.SourceFile)
	}
	if err := c.checkAncestors(ctx, w, req.Parent); err != nil {
		return nil, err
	}
	v, err := c.Store.FindVersion(ctx, w.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of workflow %q: %w", w.Name, err)
	}
	id, err := NewParentID()
	if err != nil {
		return nil, err
	}
	now, err := c.Store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the database's time: %w", err)
	}
	run := NewRun{
		ID: id, WorkflowID: w.ID, VersionID: v.ID, Type: RunChild,
		LogicalDate: req.Parent.LogicalDate, DataIntervalStart: req.Parent.DataIntervalStart,
		Cause:  Cause{Kind: CauseChild, Detail: "of " + req.Parent.Label() + ", task " + req.Task, By: req.Parent.Cause.By},
		Parent: &Parent{TaskRunKey: TaskRunKey{RunID: req.Parent.ID, Seq: req.Seq}, Token: req.Token},
	}
	scope := RunScope{
		ID: id, Workflow: w.Name, Type: RunChild, LogicalDate: run.LogicalDate,
		DataIntervalStart: run.DataIntervalStart, DataIntervalEnd: run.LogicalDate, RunAfter: now,
	}
	eval, err := EvaluatorOfDefaults(ctx, c.Evaluator, c.Store, v.Definition.Params)
	if err != nil {
		return nil, err
	}
	if run.Params, err = ResolveParams(v.Definition.Params, req.Params, scope, eval); err != nil {
		return nil, fmt.Errorf("workflow %q: %w", w.Name, err)
	}
	child, _, err := c.Store.CreateRun(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("create run of workflow %q: %w", w.Name, err)
	}
	return child, nil
}

// checkAncestors refuses a child run of a workflow that is running above it, and one
// that would be too deep. A run above whose row is gone ends the way up.
func (c *Control) checkAncestors(ctx context.Context, w *Workflow, parent *WorkflowRun) error {
	way := []string{w.Name}
	for level := parent; level != nil; {
		way = append(way, level.WorkflowName)
		if level.WorkflowID == w.ID {
			slices.Reverse(way)
			return Errorf(CodeInvalid, "%s", CycleMessage(way))
		}
		if len(way) > ChildDepthMax {
			return Errorf(CodeInvalid, "a run of workflow %q would be more than %d levels below run %s", w.Name, ChildDepthMax, level.Label())
		}
		if level.Parent == nil {
			return nil
		}
		above, err := c.Store.FindRun(ctx, level.Parent.RunID)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find parent of run %s: %w", level.Label(), err)
		}
		level = above
	}
	return nil
}

// RunOutputs returns the outputs that its workflow declares, of a run that has
// succeeded; nil of another one, and of one without. They follow from the version and
// from the results of the tasks, both of which are kept as long as the run. The error
// is CodeInvalid where one of them cannot be computed.
func (c *Control) RunOutputs(ctx context.Context, run *WorkflowRun) (map[string]any, error) {
	if run.Status != RunSuccess {
		return nil, nil
	}
	g, err := c.Store.FindDAG(ctx, run.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of run %s: %w", run.Label(), err)
	}
	if len(g.Definition.Outputs) == 0 {
		return nil, nil
	}
	scope, err := c.outputScope(ctx, g, run)
	if err != nil {
		return nil, err
	}
	outputs, err := WorkflowOutputs(g.Definition, scope, c.Evaluator)
	if err != nil {
		return nil, Errorf(CodeInvalid, "run %s: %v", run.Label(), err)
	}
	return outputs, nil
}

// outputScope returns what the outputs of a workflow may read: the run, its
// parameters, and the results of the tasks that they name.
func (c *Control) outputScope(ctx context.Context, g *DAG, run *WorkflowRun) (Scope, error) {
	scope := Scope{Params: run.Params, Tasks: map[string]TaskScope{}, Run: RunScope{
		ID: run.ID, Number: run.Number, Workflow: run.WorkflowName, Type: run.Type, LogicalDate: run.LogicalDate,
		DataIntervalStart: run.DataIntervalStart, DataIntervalEnd: run.DataIntervalEnd, RunAfter: run.RunAfter,
	}}
	var seqs []int
	for i := range g.Definition.Outputs {
		for _, name := range c.Evaluator.Tasks(g.Definition.Outputs[i].Value) {
			if seq, found := g.Seq(name); found {
				seqs = append(seqs, seq)
			}
		}
	}
	slices.Sort(seqs)
	if seqs = slices.Compact(seqs); len(seqs) == 0 {
		return scope, nil
	}
	results, err := c.Store.TaskResults(ctx, run.ID, seqs)
	if err != nil {
		return scope, fmt.Errorf("read results of run %s: %w", run.Label(), err)
	}
	for _, r := range results {
		task, result := &g.Definition.Tasks[r.Seq], TaskScope{Status: r.Status, Outputs: r.Outputs, ExitCode: r.ExitCode}
		if task.ForEach != nil {
			items, err := c.Store.ItemOutputs(ctx, run.ID, r.Seq, ItemOutputsMax)
			if err != nil {
				return scope, fmt.Errorf("read results of task %q of run %s: %w", task.Name, run.Label(), err)
			}
			result.Items = append([]map[string]any{}, items...) // not nil: it has items, if none
		}
		scope.Tasks[task.Name] = result
	}
	return scope, nil
}
