package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/loader"
)

// onTop returns the workflows that no other one of them runs.
func onTop(definitions []loader.LoadedDefinition) []loader.LoadedDefinition {
	run := map[string]bool{}
	for _, d := range definitions {
		for _, name := range d.Runs() {
			run[name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(definitions), func(d loader.LoadedDefinition) bool { return run[d.Name] })
}

// childrenOf returns the workflows that tasks of d run, directly or through others, as
// far as the file of d and those of its folder have them. Where one is missed, what is
// wrong with other files is told: it may be in one of them, or else in the database.
func childrenOf(c *config, std stdio, path string, d loader.LoadedDefinition) ([]loader.LoadedDefinition, error) {
	if len(d.Calls) == 0 {
		return nil, nil
	}
	folder, err := loader.LoadPathBelow(c.Dags, []string{path, filepath.Dir(path)}, c.limits())
	if miniairflow.ErrorCode(err) == miniairflow.CodeInvalid { // the file is called as no workflow file is
		folder, err = loader.LoadPathBelow(c.Dags, []string{path}, c.limits())
	}
	if err != nil {
		return nil, err
	}
	known := make(map[string]loader.LoadedDefinition, len(folder.Definitions))
	for _, one := range folder.Definitions {
		known[one.Name] = one
	}
	if _, isGood := known[d.Name]; !isGood { // it is part of a cycle
		problems := slices.DeleteFunc(folder.Problems, func(p miniairflow.ImportError) bool { return p.File != d.File })
		return nil, fileError(loader.ParseError(problems))
	}
	seen := map[string]bool{d.Name: true}
	var children []loader.LoadedDefinition
	for open := d.Runs(); len(open) > 0; open = open[1:] {
		child, found := known[open[0]]
		if !found && len(folder.Problems) > 0 {
			fmt.Fprintf(std.err, "no good file here has the workflow %s; these files have errors:\n%v\n", open[0], loader.ParseError(folder.Problems))
			folder.Problems = nil // told once
		}
		if !found || seen[child.Name] {
			continue
		}
		seen[child.Name] = true
		children = append(children, child)
		open = append(open, child.Runs()...)
	}
	return children, nil
}

// withChildren returns the definitions of a workflow and of those that it runs.
func withChildren(first loader.LoadedDefinition, children []loader.LoadedDefinition) []*miniairflow.Definition {
	all := []*miniairflow.Definition{first.Definition}
	for _, d := range children {
		all = append(all, d.Definition)
	}
	return all
}

// syncOf returns what the store is told of a workflow that is run here, and of those
// that it runs: each with its own file, below the folder of the first one.
func syncOf(r fileRun) ([]miniairflow.FileSync, error) {
	files := []miniairflow.FileSync{{Path: filepath.Base(r.path)}}
	for _, d := range slices.Concat([]loader.LoadedDefinition{r.definition}, r.children) {
		below, err := filepath.Rel(filepath.Dir(r.path), d.File)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(files, func(f miniairflow.FileSync) bool { return f.Path == filepath.ToSlash(below) })
		if at < 0 {
			at = len(files)
			files = append(files, miniairflow.FileSync{Path: filepath.ToSlash(below)})
		}
		definition := *d.Definition
		definition.IsActive, definition.Schedules = true, nil // asked for by hand, and only once
		files[at].Definitions = append(files[at].Definitions, miniairflow.DefinitionAt{Definition: &definition, Line: d.Line, Column: d.Column})
	}
	return files, nil
}

// saveFiles stores what the workflows of a folder carry, which comes before them.
func (p *process) saveFiles(ctx context.Context, folder string, files []miniairflow.FileSync) error {
	for _, file := range files {
		path := filepath.Join(folder, filepath.FromSlash(file.Path))
		for _, d := range file.Definitions {
			if err := loader.SaveFiles(ctx, p.store, path, d.Files); err != nil {
				return fmt.Errorf("store files of workflow %q: %w", d.Name, err)
			}
		}
	}
	return nil
}
