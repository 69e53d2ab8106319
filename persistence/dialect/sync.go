package dialect

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// Known is a workflow as it is stored, as far as a sync of files looks at it.
type Known struct {
	ID            uuid.UUID
	Name          string
	Origin        miniairflow.Origin
	SourceFile    string
	Hash          string // of its latest version
	VersionID     uuid.UUID
	VersionNumber int
	IsActive      bool // the file's word
	IsPaused      bool // an operator's word
	IsRetired     bool
}

// Catalog is what is stored about some files, and about the names in them.
type Catalog struct {
	Workflows []Known
	Errors    []miniairflow.ImportError
}

// FilePlan is what a sync of one file has to write.
type FilePlan struct {
	Result        miniairflow.FileResult
	Saves         []Save
	Retired       []Known
	Errors        []miniairflow.ImportError // that the file has from now on, sorted, each once
	ErrorsChanged bool
}

// Save is a workflow to be written with its latest version.
type Save struct {
	Workflow     Known // as it will be
	Definition   *miniairflow.Definition
	Document     []byte
	IsNew        bool // the workflow has no row yet
	IsNewVersion bool
	// ResetCursors is set for a workflow whose schedules stood still: the time
	// of that is never caught up.
	ResetCursors bool
}

// IsEmpty reports whether there is nothing to write.
func (p *FilePlan) IsEmpty() bool {
	return len(p.Saves) == 0 && len(p.Retired) == 0 && !p.ErrorsChanged
}

// PlanFile decides what a sync of file writes. The plan is right for as long as
// nobody else changes what catalog tells.
func PlanFile(file miniairflow.FileSync, catalog Catalog) (FilePlan, error) {
	plan := FilePlan{Result: miniairflow.FileResult{Path: file.Path}}
	byName := make(map[string]Known, len(catalog.Workflows))
	for _, w := range catalog.Workflows {
		byName[w.Name] = w
	}
	inFile := make(map[string]bool, len(file.Definitions))
	for _, d := range file.Definitions {
		if inFile[d.Name] {
			plan.conflict(file.Path, d, "workflow %q is defined twice in this file: rename one", d.Name)
			continue
		}
		inFile[d.Name] = true
		w, found := byName[d.Name]
		if found && !w.IsRetired && !isOwner(file.Path, w) {
			plan.conflict(file.Path, d, "workflow name %q belongs to %s: choose another name", d.Name, ownerText(w))
			continue
		}
		if err := plan.save(file.Path, d, w, found); err != nil {
			return FilePlan{}, err
		}
	}
	if len(file.Problems) == 0 {
		for _, w := range catalog.Workflows {
			if isOwner(file.Path, w) && !w.IsRetired && !inFile[w.Name] {
				plan.Retired = append(plan.Retired, w)
				plan.Result.Retired = append(plan.Result.Retired, w.Name)
			}
		}
	}
	plan.Errors = cleanErrors(file.Path, slices.Concat(file.Problems, plan.Result.Conflicts))
	var stored []miniairflow.ImportError
	for _, e := range catalog.Errors {
		if e.File == file.Path {
			stored = append(stored, e)
		}
	}
	plan.ErrorsChanged = !slices.EqualFunc(plan.Errors, cleanErrors(file.Path, stored), func(a, b miniairflow.ImportError) bool {
		return compareErrors(a, b) == 0
	})
	return plan, nil
}

// save plans the writing of one definition; w is its workflow if there is one.
func (p *FilePlan) save(path string, d miniairflow.DefinitionAt, w Known, found bool) error {
	hash := d.Hash()
	if found && w.Hash == hash && !w.IsRetired {
		return nil
	}
	document, err := EncodeDefinition(d.Definition)
	if invalid := (*miniairflow.Error)(nil); errors.As(err, &invalid) {
		p.conflict(path, d, "%s", invalid.Message)
		return nil
	}
	save := Save{
		Workflow: w, Definition: d.Definition, Document: document,
		IsNew: !found, IsNewVersion: w.Hash != hash, ResetCursors: found && (w.IsRetired || !w.IsActive),
	}
	next := &save.Workflow
	next.Name, next.Origin, next.SourceFile, next.Hash = d.Name, miniairflow.OriginFile, path, hash
	next.IsActive, next.IsRetired = d.IsActive, false
	if save.IsNew {
		if next.ID, err = uuid.NewV7(); err != nil {
			return fmt.Errorf("new id: %w", err)
		}
	}
	if save.IsNewVersion {
		if next.VersionID, err = miniairflow.NewParentID(); err != nil {
			return err
		}
		next.VersionNumber++
	}
	p.Saves = append(p.Saves, save)
	if save.IsNew || w.IsRetired {
		p.Result.Created = append(p.Result.Created, d.Name)
	} else {
		p.Result.Updated = append(p.Result.Updated, d.Name)
	}
	return nil
}

func (p *FilePlan) conflict(path string, d miniairflow.DefinitionAt, format string, args ...any) {
	p.Result.Conflicts = append(p.Result.Conflicts, miniairflow.ImportError{
		File: path, Line: d.Line, Column: d.Column, Message: fmt.Sprintf(format, args...),
	})
}

func isOwner(path string, w Known) bool {
	return w.Origin == miniairflow.OriginFile && w.SourceFile == path
}

func ownerText(w Known) string {
	if w.Origin == miniairflow.OriginFile {
		return w.SourceFile
	}
	return "a workflow that was made through the API"
}

// cleanErrors returns the errors as they are stored: of this file, sorted, each once.
func cleanErrors(path string, list []miniairflow.ImportError) []miniairflow.ImportError {
	clean := make([]miniairflow.ImportError, len(list))
	for i, e := range list {
		e.File, e.Message = path, Text(e.Message)
		clean[i] = e
	}
	slices.SortFunc(clean, compareErrors)
	return slices.CompactFunc(clean, func(a, b miniairflow.ImportError) bool { return compareErrors(a, b) == 0 })
}

func compareErrors(a, b miniairflow.ImportError) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
}

// Runs reports whether the workflow's schedules make runs.
func (k Known) Runs() bool { return k.IsActive && !k.IsPaused && !k.IsRetired }
