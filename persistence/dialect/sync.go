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
	SourceHash    string // of the file, when it was last synced without a problem
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
	// Hash is that of a file of which the store has all after this, and nothing else.
	// HashChanged says that this is news for a workflow that is not written.
	Hash        string
	HashChanged bool
}

// Save is a workflow to be written with its latest version.
type Save struct {
	Workflow     Known // as it will be
	Graph        *miniairflow.DAG
	Document     []byte
	Commit       *miniairflow.Commit // of a new version; nil: none
	IsNew        bool                // the workflow has no row yet
	IsNewVersion bool
	// ResetCursors is set for a workflow whose schedules stood still, or will: the time
	// of that is never caught up.
	ResetCursors bool
	StoodFor     miniairflow.MissedReason // why they did before; empty: they did not
}

// IsEmpty reports whether there is nothing to write.
func (p *FilePlan) IsEmpty() bool {
	return len(p.Saves) == 0 && len(p.Retired) == 0 && !p.ErrorsChanged && !p.HashChanged
}

// PlanFile decides what a sync of file writes. The plan is right for as long as
// nobody else changes what catalog tells.
func PlanFile(file *File, catalog Catalog) (FilePlan, error) {
	plan := FilePlan{Result: miniairflow.FileResult{Path: file.Path}}
	byName := make(map[string]Known, len(catalog.Workflows))
	for _, w := range catalog.Workflows {
		byName[w.Name] = w
	}
	inFile := make(map[string]bool, len(file.Definitions))
	for i, d := range file.Definitions {
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
		if err := plan.save(file, i, w, found); err != nil {
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
		slices.Sort(plan.Result.Retired)
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
	plan.noteHash(file, inFile, catalog)
	return plan, nil
}

// noteHash plans that the workflows of a file, all of which are as it says, are
// known by its hash. A workflow that is written without one is known by none.
func (p *FilePlan) noteHash(file *File, inFile map[string]bool, catalog Catalog) {
	if file.Hash == "" || len(file.Problems) > 0 || len(p.Result.Conflicts) > 0 {
		return
	}
	p.Hash = file.Hash
	saved := make(map[string]bool, len(p.Saves))
	for i := range p.Saves {
		w := &p.Saves[i].Workflow
		w.SourceHash, saved[w.Name] = file.Hash, true
	}
	p.HashChanged = slices.ContainsFunc(catalog.Workflows, func(w Known) bool {
		return inFile[w.Name] && !saved[w.Name] && w.SourceHash != file.Hash
	})
}

// save plans the writing of one definition; w is its workflow if there is one.
func (p *FilePlan) save(file *File, i int, w Known, found bool) error {
	path, d := file.Path, file.Definitions[i]
	hash := file.hash(i)
	if found && w.Hash == hash && !w.IsRetired {
		return nil
	}
	graph, document, err := file.form(i)
	if invalid := (*miniairflow.Error)(nil); errors.As(err, &invalid) {
		p.conflict(path, d, "%s", invalid.Message)
		return nil
	}
	if err != nil {
		return err
	}
	save := Save{
		Workflow: w, Graph: graph, Document: document, Commit: file.Commit,
		IsNew: !found, IsNewVersion: w.Hash != hash, ResetCursors: found && (w.IsRetired || !w.IsActive || !d.IsActive),
	}
	if found {
		save.StoodFor = w.standsFor()
	}
	next := &save.Workflow
	next.Name, next.Origin, next.SourceFile, next.SourceHash, next.Hash = d.Name, miniairflow.OriginFile, path, "", hash
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

// Writes are the plans of some files, by what is to be written.
type Writes struct {
	Saves         []Save
	Retired       []Known
	Errors        []FilePlan // of the files whose errors change
	Paths, Hashes []string   // of the files whose hash is to be noted
}

// NewWrites returns what the plans write.
func NewWrites(plans []FilePlan) *Writes {
	w := &Writes{}
	for _, plan := range plans {
		w.Saves, w.Retired = append(w.Saves, plan.Saves...), append(w.Retired, plan.Retired...)
		if plan.ErrorsChanged {
			w.Errors = append(w.Errors, plan)
		}
		if plan.HashChanged {
			w.Paths, w.Hashes = append(w.Paths, plan.Result.Path), append(w.Hashes, plan.Hash)
		}
	}
	return w
}

// IsEmpty reports whether there is nothing to write.
func (w *Writes) IsEmpty() bool {
	return len(w.Saves) == 0 && len(w.Retired) == 0 && len(w.Errors) == 0 && len(w.Paths) == 0
}
