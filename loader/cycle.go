package loader

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// calls returns the tasks of a definition that run workflows, with where they say so.
func (d *document) calls(definition *miniairflow.Definition) []miniairflow.Call {
	var calls []miniairflow.Call
	for i := range definition.Tasks {
		t := &definition.Tasks[i]
		if t.Workflow == nil {
			continue
		}
		section := "tasks"
		if t.Finally {
			section = "finally"
		}
		at := d.find([]string{section, t.Name, "workflow", "name"})
		calls = append(calls, miniairflow.Call{Task: t.Name, Workflow: t.Workflow.Name, Line: at.line, Column: at.column})
	}
	return calls
}

// withoutCycles returns the definitions of the file that do not run themselves
// through each other.
func (f *file) withoutCycles(definitions []miniairflow.DefinitionAt) []miniairflow.DefinitionAt {
	runs := map[string][]string{}
	for _, d := range definitions {
		addRuns(runs, d)
	}
	ways := miniairflow.CallCycles(runs)
	return slices.DeleteFunc(definitions, func(d miniairflow.DefinitionAt) bool {
		found := cycleOf(f.name, d, ways)
		f.problems = append(f.problems, found...)
		return len(found) > 0
	})
}

// addRuns notes what a definition runs, if anything.
func addRuns(runs map[string][]string, d miniairflow.DefinitionAt) {
	if len(d.Calls) > 0 {
		runs[d.Name] = d.Runs()
	}
}

// cycleOf returns the problem of a definition that runs itself on one of the ways, at
// the first task that takes it.
func cycleOf(file string, d miniairflow.DefinitionAt, ways map[string][]string) []miniairflow.ImportError {
	way := ways[d.Name]
	if len(way) < 2 {
		return nil
	}
	for _, call := range d.Calls {
		if call.Workflow == way[1] {
			return []miniairflow.ImportError{{File: file, Line: call.Line, Column: call.Column, Message: miniairflow.CycleMessage(way)}}
		}
	}
	return nil
}

// refuseCycles drops the definitions that run themselves through those of other files.
func (r *Result) refuseCycles() {
	runs := map[string][]string{}
	for _, d := range r.Definitions {
		addRuns(runs, d.DefinitionAt)
	}
	ways := miniairflow.CallCycles(runs)
	r.Definitions = slices.DeleteFunc(r.Definitions, func(d LoadedDefinition) bool {
		found := cycleOf(d.File, d.DefinitionAt, ways)
		r.Problems = append(r.Problems, found...)
		return len(found) > 0
	})
}

// callsLookedUp bounds how many workflows of the store one batch looks up to find
// cycles. One that was not found begins no run: that is refused, too.
const callsLookedUp = 1_000

// refuseCycles makes a problem of each definition of the batch that would run itself
// through others of the batch or of the store. Its file has the rest of its workflows
// as they are, and is looked at again, since the cause may go with another file.
func (s *syncPass) refuseCycles(ctx context.Context, batch []finding) error {
	runs := map[string][]string{}
	for _, file := range batch {
		for _, d := range file.sync.Definitions {
			addRuns(runs, d)
		}
	}
	if len(runs) == 0 {
		return nil
	}
	if err := s.followRuns(ctx, batch, runs); err != nil {
		return err
	}
	ways := miniairflow.CallCycles(runs)
	for i := range batch {
		file := &batch[i].sync
		file.Definitions = slices.DeleteFunc(slices.Clone(file.Definitions), func(d miniairflow.DefinitionAt) bool {
			found := cycleOf(file.Path, d, ways)
			if len(found) > 0 {
				file.Problems, file.Hash = append(file.Problems, found...), ""
				batch[i].state.conflict = fmt.Sprint(found)
			}
			return len(found) > 0
		})
	}
	return nil
}

// followRuns adds what the store knows of the workflows that those in runs lead to.
func (s *syncPass) followRuns(ctx context.Context, batch []finding, runs map[string][]string) error {
	known := map[string]bool{}
	for _, file := range batch {
		for _, d := range file.sync.Definitions {
			known[d.Name] = true
		}
	}
	var open []string
	for _, names := range runs {
		open = append(open, names...)
	}
	for looked := 0; len(open) > 0 && looked < callsLookedUp; open = open[1:] {
		name := open[0]
		if known[name] {
			continue
		}
		known[name] = true
		looked++
		names, err := s.storedRuns(ctx, name)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			runs[name] = names
			open = append(open, names...)
		}
	}
	return nil
}

// storedRuns returns the workflows that the latest version of one in the store runs.
func (s *syncPass) storedRuns(ctx context.Context, name string) ([]string, error) {
	w, err := s.config.Store.FindWorkflowByName(ctx, name)
	switch {
	case errors.Is(err, miniairflow.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find workflow %q: %w", name, err)
	case w.RetiredAt != nil:
		return nil, nil
	}
	g, err := s.config.Store.FindDAG(ctx, w.VersionID)
	if err != nil {
		return nil, fmt.Errorf("find version of workflow %q: %w", name, err)
	}
	return g.Definition.Runs(), nil
}
