package loader

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

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

// afters returns the workflows after which a definition starts, with where it says so.
func (d *document) afters(definition *miniairflow.Definition) []miniairflow.Call {
	after := definition.After()
	if after == nil {
		return nil
	}
	var calls []miniairflow.Call
	for i, w := range after.Workflows {
		at := d.find([]string{"triggers", "after", "workflows", strconv.Itoa(i), "workflow"})
		calls = append(calls, miniairflow.Call{Workflow: w.Workflow, Line: at.line, Column: at.column})
	}
	return calls
}

// withoutCycles returns the definitions of the file that do not start themselves
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

// addRuns notes what a definition runs, and that it starts after others, if so.
func addRuns(runs map[string][]string, d miniairflow.DefinitionAt) {
	if len(d.Calls) > 0 {
		runs[d.Name] = append(runs[d.Name], d.Runs()...)
	}
	for _, upstream := range d.After {
		runs[upstream.Workflow] = append(runs[upstream.Workflow], d.Name)
	}
}

// cycleOf returns the problem of a definition that starts itself on one of the ways, at
// the first task that takes it, or where it says after whom it starts, if it does.
func cycleOf(file string, d miniairflow.DefinitionAt, ways map[string][]string) []miniairflow.ImportError {
	way := ways[d.Name]
	if len(way) < 2 {
		return nil
	}
	place := miniairflow.Call{Line: d.Line, Column: d.Column}
	if i := slices.IndexFunc(d.After, func(c miniairflow.Call) bool { return c.Workflow == way[len(way)-2] }); i >= 0 {
		place = d.After[i]
	}
	if i := slices.IndexFunc(d.Calls, func(c miniairflow.Call) bool { return c.Workflow == way[1] }); i >= 0 {
		place = d.Calls[i]
	}
	return []miniairflow.ImportError{{File: file, Line: place.Line, Column: place.Column, Message: miniairflow.CycleMessage(way)}}
}

// refuseCycles drops the definitions that start themselves through those of other files.
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

// refuseCycles makes a problem of each definition of the batch that would start itself
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

// followRuns adds what the store knows of the workflows that those in runs lead to:
// what they run, and who starts after them. What is in the batch says so itself.
func (s *syncPass) followRuns(ctx context.Context, batch []finding, runs map[string][]string) error {
	isInBatch := map[string]bool{}
	for _, file := range batch {
		for _, d := range file.sync.Definitions {
			isInBatch[d.Name] = true
		}
	}
	open := slices.Collect(maps.Keys(runs))
	for _, names := range runs {
		open = append(open, names...)
	}
	seen := map[string]bool{}
	for ; len(open) > 0 && len(seen) < callsLookedUp; open = open[1:] {
		name := open[0]
		if seen[name] {
			continue
		}
		seen[name] = true
		followers, err := s.config.Store.Followers(ctx, []string{name}, callsLookedUp)
		if err != nil {
			return fmt.Errorf("find who starts after workflow %q: %w", name, err)
		}
		names := slices.DeleteFunc(followers[name], func(follower string) bool { return isInBatch[follower] })
		if !isInBatch[name] {
			stored, err := s.storedRuns(ctx, name)
			if err != nil {
				return err
			}
			names = append(names, stored...)
		}
		if len(names) > 0 {
			runs[name] = append(runs[name], names...)
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
