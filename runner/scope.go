package runner

import (
	"context"
	"fmt"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// loadScope returns what the templates may read: the run, its parameters, and
// the results of just those tasks that they name, which are read from the store
// only if there are any.
func loadScope(ctx context.Context, store miniairflow.TaskStore, eval miniairflow.Evaluator, g *miniairflow.DAG, run *miniairflow.WorkflowRun, templates []string) (miniairflow.Scope, error) {
	scope := miniairflow.Scope{Params: run.Params, Run: runScope(run)}
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
		name := g.Definition.Tasks[r.Seq].Name
		scope.Tasks[name] = miniairflow.TaskScope{Status: r.Status, Outputs: r.Outputs, ExitCode: r.ExitCode}
	}
	return scope, nil
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
