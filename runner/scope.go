package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// scopeStore is what scopes are read from.
type scopeStore interface {
	miniairflow.TaskStore
	miniairflow.VarStore
}

// loadScope returns what the templates may read: the run, its parameters, and
// the variables and the results of just those tasks that they name, which are
// read from the store only if there are any.
func loadScope(ctx context.Context, store scopeStore, eval miniairflow.Evaluator, g *miniairflow.DAG, run *miniairflow.WorkflowRun, templates []string) (miniairflow.Scope, error) {
	scope := miniairflow.Scope{Params: run.Params, Run: runScope(run)}
	if names := namesRead(eval.Vars, templates); len(names) > 0 {
		var err error
		if scope.Vars, err = store.ReadVars(ctx, names); err != nil {
			return scope, fmt.Errorf("read %d variables: %w", len(names), err)
		}
	}
	seqs := tasksRead(g, eval, templates)
	if len(seqs) == 0 {
		return scope, nil
	}
	results, err := store.TaskResults(ctx, run.ID, seqs)
	if err != nil {
		return scope, fmt.Errorf("read results of %d tasks: %w", len(seqs), err)
	}
	scope.Tasks = make(map[string]miniairflow.TaskScope, len(results))
	for _, r := range results {
		task := &g.Definition.Tasks[r.Seq]
		result := miniairflow.TaskScope{Status: r.Status, Outputs: r.Outputs, ExitCode: r.ExitCode}
		if task.ForEach != nil {
			if result.Items, err = itemOutputs(ctx, store, run, r.Seq); err != nil {
				return scope, fmt.Errorf("read results of task %q: %w", task.Name, err)
			}
		}
		scope.Tasks[task.Name] = result
	}
	return scope, nil
}

// itemOutputs returns the outputs of the items of a task; none, and not nil, if it
// had no items.
func itemOutputs(ctx context.Context, store miniairflow.TaskStore, run *miniairflow.WorkflowRun, seq int) ([]map[string]any, error) {
	found, err := store.ItemOutputs(ctx, run.ID, seq, miniairflow.ItemOutputsMax)
	if invalid := (*miniairflow.Error)(nil); errors.As(err, &invalid) && invalid.Code == miniairflow.CodeInvalid {
		return nil, &hopeless{err}
	}
	return append([]map[string]any{}, found...), err
}

// itemScope returns what the templates of an item may read beside the rest.
func itemScope(item json.RawMessage, index int) (*miniairflow.ItemScope, error) {
	decoder := json.NewDecoder(bytes.NewReader(item))
	decoder.UseNumber()
	scope := &miniairflow.ItemScope{Index: index}
	if err := decoder.Decode(&scope.Value); err != nil {
		return nil, fmt.Errorf("read item %d: %w", index, err)
	}
	return scope, nil
}

// namesRead returns the names that reads finds in the templates, sorted.
func namesRead(reads func(template string) []string, templates []string) []string {
	var names []string
	for _, template := range templates {
		names = append(names, reads(template)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// tasksRead returns the places of the tasks that the templates name, ascending.
func tasksRead(g *miniairflow.DAG, eval miniairflow.Evaluator, templates []string) []int {
	names := map[string]bool{}
	for _, template := range templates {
		for _, name := range eval.Tasks(template) {
			names[name] = true
		}
	}
	if len(names) == 0 {
		return nil
	}
	var seqs []int
	for i := range g.Definition.Tasks {
		if names[g.Definition.Tasks[i].Name] {
			seqs = append(seqs, i)
		}
	}
	return slices.Clip(seqs)
}

// runScope is `run` as templates see it.
func runScope(r *miniairflow.WorkflowRun) miniairflow.RunScope {
	return miniairflow.RunScope{
		ID: r.ID, Number: r.Number, Workflow: r.WorkflowName, Type: r.Type, LogicalDate: r.LogicalDate,
		DataIntervalStart: r.DataIntervalStart, DataIntervalEnd: r.DataIntervalEnd, RunAfter: r.RunAfter, Status: r.Outcome,
	}
}
