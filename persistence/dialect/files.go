package dialect

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sauravritesh63/miniairflow"
)

// What one transaction writes at most, so that those who write too do not wait
// long: so many files, and after so many tasks no further one.
const (
	groupFiles = 100
	groupTasks = 2_000
)

// readFiles is how many files are compared with one read.
const readFiles = 500

// File is what the loader found in one file, with what is made of its
// definitions: that is made once, however often the file is planned.
type File struct {
	miniairflow.FileSync
	forms []form
}

// form is a definition as it is stored.
type form struct {
	document []byte
	hash     string
	err      error // why it has no document
	graph    *miniairflow.DAG
}

// NewFiles returns the files in their order.
func NewFiles(files []miniairflow.FileSync) []*File {
	all := make([]*File, len(files))
	for i, f := range files {
		all[i] = &File{FileSync: f, forms: make([]form, len(f.Definitions))}
		for j, d := range f.Definitions {
			made := &all[i].forms[j]
			made.document, made.hash, made.err = encodeDefinition(d.Definition)
		}
	}
	return all
}

func (f *File) hash(i int) string { return f.forms[i].hash }

// form returns the graph and the document of a definition.
func (f *File) form(i int) (*miniairflow.DAG, []byte, error) {
	made := &f.forms[i]
	if made.graph == nil {
		graph, err := miniairflow.NewDAG(f.Definitions[i].Definition)
		if err != nil {
			return nil, nil, err
		}
		made.graph = graph
	}
	return made.graph, made.document, made.err
}

// PlanFiles decides what a sync of files writes, one after the other. The plans
// are for as many of the first files as can be planned by what catalogs tells and
// written together, at least for one: they end before a file that shares a name or
// a path with what is written, and where the tasks become too many.
func PlanFiles(files []*File, catalogs *Catalogs) ([]FilePlan, error) {
	var plans []FilePlan
	written := written{}
	for _, f := range files {
		if written.tasks >= groupTasks || written.concerns(f) {
			break
		}
		plan, err := planFile(f, catalogs)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
		written.add(&plan)
	}
	return plans, nil
}

func planFile(f *File, catalogs *Catalogs) (FilePlan, error) {
	plan, err := PlanFile(f, catalogs.Of(f))
	if err != nil {
		return FilePlan{}, fmt.Errorf("plan file %s: %w", f.Path, err)
	}
	return plan, nil
}

// written is what some plans write.
type written struct {
	names, paths map[string]bool
	tasks        int
}

func (w *written) add(plan *FilePlan) {
	if plan.IsEmpty() {
		return
	}
	if w.names == nil {
		w.names, w.paths = map[string]bool{}, map[string]bool{}
	}
	w.paths[plan.Result.Path] = true
	for _, retired := range plan.Retired {
		w.names[retired.Name] = true
	}
	for _, save := range plan.Saves {
		w.names[save.Workflow.Name] = true
		w.tasks += len(save.Graph.Definition.Tasks) + len(save.Graph.Definition.Files)
	}
}

// concerns reports whether the plan of a file may be another one after this.
func (w *written) concerns(f *File) bool {
	return w.paths[f.Path] || slices.ContainsFunc(f.Definitions, func(d miniairflow.DefinitionAt) bool { return w.names[d.Name] })
}

// SyncFiles is miniairflow.CatalogStore's. read returns what is stored about files.
// write plans the files anew, inside a transaction, and writes the first ones of
// them, as PlanFiles allows. Files without changes cost their share of one read.
func SyncFiles(
	files []miniairflow.FileSync, read func([]*File) (*Catalogs, error), write func([]*File) ([]FilePlan, error),
) ([]miniairflow.FileResult, error) {
	results := make([]miniairflow.FileResult, 0, len(files))
	for some := range slices.Chunk(files, readFiles) {
		batch := NewFiles(some)
		catalogs, err := read(batch)
		if err != nil {
			return results, fmt.Errorf("read catalog: %w", err)
		}
		var changed []*File
		var places []int
		written := written{}
		for _, f := range batch {
			plan, err := planFile(f, catalogs)
			if err != nil {
				return results, err
			}
			if !plan.IsEmpty() || written.concerns(f) {
				changed, places = append(changed, f), append(places, len(results))
			}
			written.add(&plan)
			results = append(results, plan.Result)
		}
		for len(changed) > 0 {
			group := changed[:min(len(changed), groupFiles)]
			plans, err := write(group)
			if err != nil {
				return results, fmt.Errorf("sync %s: %w", describe(group), err)
			}
			for i := range plans {
				results[places[i]] = plans[i].Result
			}
			changed, places = changed[len(plans):], places[len(plans):]
		}
	}
	return results, nil
}

func describe(files []*File) string {
	if len(files) == 1 {
		return "file " + files[0].Path
	}
	return fmt.Sprintf("%d files from %s on", len(files), files[0].Path)
}

// FileKeys returns the paths of the files and the names that they define.
func FileKeys(files []*File) (paths, names []string) {
	names = []string{}
	for _, f := range files {
		paths = append(paths, f.Path)
		for _, d := range f.Definitions {
			names = append(names, d.Name)
		}
	}
	return paths, names
}

// SourceRow is what one row of the store says of a file.
type SourceRow struct {
	Path, Hash string
	IsRetired  bool // the row is a workflow that is
	IsError    bool // the row is an import error
}

// SourceFiles returns what is known of the files of these rows, sorted. A hash
// counts if all of the file's workflows have it, and if there is no error. It does
// not count if the file once had it with a workflow that is retired since: with the
// same content that one comes back.
func SourceFiles(rows []SourceRow) []miniairflow.SourceFile {
	slices.SortFunc(rows, func(a, b SourceRow) int { return cmp.Compare(a.Path, b.Path) })
	files := make([]miniairflow.SourceFile, 0, len(rows))
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Path == rows[0].Path {
			n++
		}
		if hash, isThere := hashOf(rows[:n]); isThere {
			files = append(files, miniairflow.SourceFile{Path: rows[0].Path, Hash: hash})
		}
		rows = rows[n:]
	}
	return files
}

// hashOf returns the hash that counts for the file of these rows, if any. isThere
// is false if they are retired workflows only.
func hashOf(rows []SourceRow) (hash string, isThere bool) {
	past := map[string]bool{}
	isWhole := true
	for _, row := range rows {
		switch {
		case row.IsError:
			isThere, isWhole = true, false
		case row.IsRetired:
			past[row.Hash] = true
		case isThere && row.Hash != hash:
			isWhole = false
		default:
			hash, isThere = row.Hash, true
		}
	}
	if !isWhole || past[hash] {
		hash = ""
	}
	return hash, isThere
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
func (c *Catalogs) Of(file *File) Catalog {
	of := c.byFile[file.Path]
	of.Workflows = slices.Clone(of.Workflows)
	for _, d := range file.Definitions {
		if w, ok := c.byName[d.Name]; ok && !isOwner(file.Path, w) {
			of.Workflows = append(of.Workflows, w)
		}
	}
	return of
}
