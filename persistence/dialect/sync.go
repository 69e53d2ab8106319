package dialect

import (
	"cmp"
	"encoding/json"
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
	Graph        *miniairflow.DAG
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
	return plan, nil
}

// save plans the writing of one definition; w is its workflow if there is one.
func (p *FilePlan) save(path string, d miniairflow.DefinitionAt, w Known, found bool) error {
	hash := d.Hash()
	if found && w.Hash == hash && !w.IsRetired {
		return nil
	}
	graph, err := miniairflow.NewDAG(d.Definition)
	var document []byte
	if err == nil {
		document, err = EncodeDefinition(d.Definition)
	}
	if invalid := (*miniairflow.Error)(nil); errors.As(err, &invalid) {
		p.conflict(path, d, "%s", invalid.Message)
		return nil
	}
	if err != nil {
		return err
	}
	save := Save{
		Workflow: w, Graph: graph, Document: document,
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

// TaskRows are the rows of tasks and task_dependencies of one version, by column.
type TaskRows struct {
	IDs, Upstreams, Downstreams []uuid.UUID // Upstreams and Downstreams are pairs
	Seqs, RetryCounts           []int
	Names, Commands             []string
	RetryDelays, Timeouts       []float64 // seconds
}

// NewTaskRows returns the rows of the version with that graph.
func NewTaskRows(versionID uuid.UUID, graph *miniairflow.DAG) (TaskRows, error) {
	var rows TaskRows
	for seq := range graph.Definition.Tasks {
		t := &graph.Definition.Tasks[seq]
		command, err := commandText(t.Command)
		if err != nil {
			return TaskRows{}, fmt.Errorf("task %q: %w", t.Name, err)
		}
		id := miniairflow.MemberID(versionID, seq)
		rows.IDs = append(rows.IDs, id)
		rows.Seqs = append(rows.Seqs, seq)
		rows.Names = append(rows.Names, t.Name)
		rows.Commands = append(rows.Commands, command)
		rows.RetryCounts = append(rows.RetryCounts, t.Retry.Count)
		rows.RetryDelays = append(rows.RetryDelays, t.Retry.Delay.Seconds())
		rows.Timeouts = append(rows.Timeouts, t.Timeout.Seconds())
		for _, up := range graph.Upstream[seq] {
			rows.Downstreams = append(rows.Downstreams, id)
			rows.Upstreams = append(rows.Upstreams, miniairflow.MemberID(versionID, up))
		}
	}
	return rows, nil
}

// commandText returns a script as it is, and arguments as a JSON list.
func commandText(c *miniairflow.Command) (string, error) {
	switch {
	case c == nil:
		return "", nil
	case c.Script != "":
		return Text(c.Script), nil
	}
	argv, err := json.Marshal(c.Argv)
	if err != nil {
		return "", fmt.Errorf("encode command: %w", err)
	}
	return Text(string(argv)), nil
}

// ScheduleRows are the rows of schedules of one version, by column.
type ScheduleRows struct {
	Names, Specs, Hashes []string
	Params               string // the same for all
}

// NewScheduleRows returns the rows of a definition's schedules.
func NewScheduleRows(d *miniairflow.Definition) (ScheduleRows, error) {
	params, err := json.Marshal(d.Params)
	if err != nil {
		return ScheduleRows{}, fmt.Errorf("encode params: %w", err)
	}
	rows := ScheduleRows{Names: []string{}, Params: string(params)}
	for _, s := range d.Schedules {
		spec, err := json.Marshal(s)
		if err != nil {
			return ScheduleRows{}, fmt.Errorf("encode schedule %q: %w", s.Name(), err)
		}
		rows.Names = append(rows.Names, s.Name())
		rows.Specs = append(rows.Specs, string(spec))
		rows.Hashes = append(rows.Hashes, s.Hash())
	}
	return rows, nil
}

// KnownFiles returns the paths and hashes of the files of which the store has all
// after their sync, and nothing else.
func KnownFiles(files []miniairflow.FileSync, results []miniairflow.FileResult) (paths, hashes []string) {
	for i, f := range files {
		if f.Hash != "" && len(f.Problems) == 0 && len(results[i].Conflicts) == 0 {
			paths, hashes = append(paths, f.Path), append(hashes, f.Hash)
		}
	}
	return paths, hashes
}

// FileKeys returns the paths of the files and the names that they define.
func FileKeys(files []miniairflow.FileSync) (paths, names []string) {
	names = []string{}
	for _, f := range files {
		paths = append(paths, f.Path)
		for _, d := range f.Definitions {
			names = append(names, d.Name)
		}
	}
	return paths, names
}

// Catalogs is what is stored about many files, found by file.
type Catalogs struct {
	byName map[string]Known
	byFile map[string]Catalog
}

// NewCatalogs sorts workflows and import errors by their file.
func NewCatalogs(workflows []Known, importErrors []miniairflow.ImportError) *Catalogs {
	c := &Catalogs{byName: make(map[string]Known, len(workflows)), byFile: map[string]Catalog{}}
	for _, w := range workflows {
		c.byName[w.Name] = w
		if w.Origin == miniairflow.OriginFile {
			of := c.byFile[w.SourceFile]
			of.Workflows = append(of.Workflows, w)
			c.byFile[w.SourceFile] = of
		}
	}
	for _, e := range importErrors {
		of := c.byFile[e.File]
		of.Errors = append(of.Errors, e)
		c.byFile[e.File] = of
	}
	return c
}

// Of returns what is stored about one file and the names in it.
func (c *Catalogs) Of(file miniairflow.FileSync) Catalog {
	of := c.byFile[file.Path]
	of.Workflows = slices.Clone(of.Workflows)
	for _, d := range file.Definitions {
		if w, ok := c.byName[d.Name]; ok && !isOwner(file.Path, w) {
			of.Workflows = append(of.Workflows, w)
		}
	}
	return of
}
