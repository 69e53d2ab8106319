package loader

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// folderDefaults are what a defaults file says: what tasks start from, and what
// workflows have that do not say it themselves.
type folderDefaults struct {
	taskDraft
	owner, timezone string
	notify          miniairflow.Notices // of workflows
}

var folderFields = withFields(withFields(liftedDefaults(), noticeFields(func(f *folderDefaults) *miniairflow.Notices { return &f.notify })), fields[folderDefaults]{
	"owner":    textField(func(f *folderDefaults) *string { return &f.owner }),
	"timezone": textField(func(f *folderDefaults) *string { return &f.timezone }),
})

// liftedDefaults are the keys of defaults in a workflow file.
func liftedDefaults() fields[folderDefaults] {
	lifted := fields[folderDefaults]{}
	for name, field := range defaultFields {
		lifted[name] = func(v value, f *folderDefaults) { field(v, &f.taskDraft) }
	}
	return lifted
}

// plainBase is what tasks start from where no file says anything.
func plainBase() taskDraft {
	return taskDraft{shell: miniairflow.ShellDefault, Task: miniairflow.Task{
		TriggerRule: miniairflow.AllSuccess,
		Priority:    miniairflow.PriorityNormal,
		Queue:       miniairflow.QueueDefault,
	}}
}

// ParseDefaults checks a defaults file by itself. An empty one says nothing.
func ParseDefaults(name string, data []byte, limits Limits) []miniairflow.ImportError {
	return nothingAround().readDefaults(name, data, limits)
}

// readDefaults lays a defaults file over what counts already. After a problem it is
// of no use.
func (a *around) readDefaults(shown string, data []byte, limits Limits) []miniairflow.ImportError {
	f := newFile(shown, limits)
	f.guard(func() {
		if d, root := f.single(data, "a defaults file", []string{"defaults"}); d != nil {
			a.layDefaults(d, root)
		}
	})
	return f.sorted()
}

func (a *around) layDefaults(d *document, root value) {
	read := folderDefaults{taskDraft: a.base, owner: a.owner, timezone: a.timezone, notify: a.notify}
	entries, _ := root.entries("the keys that all tasks below share, such as `timeout: 30m`")
	folderFields.read(entries, "defaults.yaml", &read)
	read.own = nil
	d.checkDefaults(read)
	a.base, a.owner, a.timezone, a.notify = read.taskDraft, read.owner, read.timezone, read.notify
	a.sources = maps.Clone(a.sources)
	if a.sources == nil {
		a.sources = map[string]string{}
	}
	for key, place := range d.positions {
		a.sources[key] = placed(d.name, place)
	}
}

// guard turns a panic of what reads the file into a problem of it.
func (f *file) guard(read func()) {
	defer func() {
		if cause := recover(); cause != nil {
			f.fail(position{}, "the file cannot be read: %v", cause)
		}
	}()
	read()
}

// single returns the one document of a file, under a path; nil if it is empty or has
// a problem with which it is not to be read on.
func (f *file) single(data []byte, what string, path []string) (*document, value) {
	text, ok := f.clean(data)
	if !ok {
		return nil, value{}
	}
	f.lines = splitLines(text)
	trees, _ := f.decode()
	if len(trees) > 1 {
		f.fail(at(trees[1]), "%s has one document: remove what follows the ---", what)
	}
	if len(trees) != 1 || f.halted {
		return nil, value{}
	}
	d := f.document(trees[0])
	if !d.checkTree(trees[0]) {
		return nil, value{}
	}
	return d, value{doc: d, node: trees[0], at: d.start, path: path}
}

// checkDefaults finds what a task with nothing but these defaults would be told.
// Templates wait for the workflows, since only these say what there is to read.
func (d *document) checkDefaults(read folderDefaults) {
	probe := d.probe(read.taskDraft)
	probe.Schedules = []miniairflow.Schedule{{
		Cron: "0 0 * * *", Timezone: read.timezone, Catchup: miniairflow.CatchupLatest, Overlap: miniairflow.OverlapQueue,
	}}
	probe.Notify = read.notify
	for _, problem := range probe.Validate() {
		switch {
		case problem.Path[0] == "schedule":
			problem.Path = []string{"defaults", "timezone"}
		case isOfNotices(problem.Path):
			problem.Path = append([]string{"defaults"}, problem.Path...)
		}
		if !d.follows(problem.Path) && !d.follows(append([]string{"defaults"}, problem.Path[min(2, len(problem.Path)):]...)) {
			d.fail(d.placeOf(problem), "%s", problem.Message)
		}
	}
}

// probe returns a workflow of one task, to check the task by itself.
func (d *document) probe(draft taskDraft) *miniairflow.Definition {
	t := draft.Task
	t.Name = "task"
	if len(t.Actions()) == 0 {
		t.Command = &miniairflow.Command{Script: "true"}
	}
	if t.Command != nil && t.Command.Script != "" {
		t.Command.Shell = draft.shell
	}
	if t.Pool == "" {
		t.PoolSlots = 0
	} else if t.PoolSlots == 0 {
		t.PoolSlots = 1
	}
	t.Group, t.DependsOn = "", nil
	return &miniairflow.Definition{
		Name: "probe", IsActive: true, MaxActiveRuns: miniairflow.MaxActiveRunsDefault, MaxActiveTasks: miniairflow.MaxActiveTasksDefault,
		Tasks: []miniairflow.Task{t},
	}
}

// source says which other file a problem comes from, where the workflow file itself
// has nothing at its path: " (from sub/defaults.yaml:3:5)".
func (d *document) source(problem miniairflow.Problem) string {
	if _, ok := placeIn(d.positions, problem.Path); ok {
		return ""
	}
	if isOfNotices(problem.Path) {
		problem.Path = append([]string{"", ""}, problem.Path...) // as if of a task
	}
	if len(problem.Path) < 3 {
		return ""
	}
	for _, list := range []struct {
		places map[string]string
		path   []string
	}{{d.sources, problem.Path}, {d.around.sources, append([]string{"defaults"}, problem.Path[2:]...)}} {
		for n := len(list.path); n > len(list.path)-2 && n > 1; n-- {
			if place, ok := list.places[joined(list.path[:n])]; ok {
				return " (from " + place + ")"
			}
		}
	}
	return ""
}

// aroundFilesIn lists the defaults and templates of a folder below root.
func aroundFilesIn(root, folder string) []aroundFile {
	var files []aroundFile
	places := []string{folder, path.Join(folder, templatesFolder)}
	for i := 0; i < len(places) && i < foldersAgainMax; i++ {
		place := places[i]
		real := filepath.Join(root, filepath.FromSlash(place))
		entries, err := os.ReadDir(real)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && place == folder {
			continue // the workflow file tells that it cannot be read
		}
		for _, entry := range entries {
			below := path.Join(place, entry.Name())
			if entry.IsDir() && place != folder && isWorkflowFolder(entry.Name()) {
				places = append(places, below) // its files are told that nobody reads them
			}
			if !isAroundFile(below) || isEnvFile(entry.Name()) || entry.IsDir() {
				continue
			}
			files = append(files, linked(root, aroundFile{below: below, real: filepath.Join(real, entry.Name())}))
		}
	}
	return files
}

// linked follows the symbolic links of a file, if they stay below root.
func linked(root string, file aroundFile) aroundFile {
	target, err := filepath.EvalSymlinks(root)
	if err == nil {
		file.real, err = filepath.EvalSymlinks(file.real)
	}
	if err != nil {
		file.refused = unreadable(err)
	} else if inside, err := filepath.Rel(target, file.real); err != nil || !filepath.IsLocal(inside) {
		file.refused = leavesFolder
	}
	return file
}

// leavesFolder is what a link is told that leads elsewhere.
const leavesFolder = "the symbolic link leaves the workflow folder"

// placed returns a place in a file as problems have it.
func placed(file string, at position) string {
	return strings.TrimSuffix(miniairflow.ImportError{File: file, Line: at.line, Column: at.column}.String(), ": ")
}
