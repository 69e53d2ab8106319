package loader

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// Bounds of the files that others take something from, of one workflow folder.
const (
	aroundFilesMax = 1_000
	aroundBytesMax = 16 << 20
)

// defaultsFiles are the names under which a folder says what the tasks of the
// workflows below it have in common.
var defaultsFiles = []string{"defaults.yaml", "defaults.yml"}

// templatesFolder is the name of a folder that has templates of tasks, and no workflows.
const templatesFolder = "templates"

// isTemplate reports whether a path is that of a file in a templates folder.
func isTemplate(below string) bool {
	folder := path.Dir(below)
	return path.Base(folder) == templatesFolder && !isBelowTemplates(folder) && isWorkflowFile(path.Base(below))
}

// isUnread reports whether a file looks like a template but is in a folder below one
// of templates, where nobody finds it.
func isUnread(below string) bool {
	return isBelowTemplates(below) && !isTemplate(below) && isWorkflowFile(path.Base(below))
}

// unread is what such a file is told.
const unread = "nothing reads a template in a folder of its own: move it up into templates/"

// isBelowTemplates reports whether a path leads through a templates folder.
func isBelowTemplates(below string) bool {
	return strings.Contains(below, templatesFolder) && slices.Contains(strings.Split(path.Dir(below), "/"), templatesFolder)
}

// envFileName tells files with environment variables from what editors leave beside
// them, such as .env.swp, .env~ and .#prod.env.
var envFileName = regexp.MustCompile(`^(\.env(\.[A-Za-z0-9_-]+)?|[^.].*\.env)$`)

// isEnvFile reports whether a file has environment variables, by its base name.
func isEnvFile(name string) bool {
	return strings.Contains(name, ".env") && envFileName.MatchString(name) && !slices.Contains(swapFiles, path.Ext(name))
}

// swapFiles are the extensions of what an editor keeps while it has a file open.
var swapFiles = []string{".swp", ".swo", ".swx", ".tmp"}

// isAroundFile reports whether workflow files may take something from a file, by its
// path below the folder.
func isAroundFile(below string) bool {
	if isBelowTemplates(below) {
		return isWorkflowFile(path.Base(below))
	}
	base := below[strings.LastIndexByte(below, '/')+1:]
	return slices.Contains(defaultsFiles, base) || isEnvFile(base)
}

// around is what a workflow file takes from other files: those of its folder and of
// the folders above it, the nearest first. It never changes.
type around struct {
	root      *surroundings
	base      taskDraft // what every task starts from
	owner     string
	timezone  string
	notify    miniairflow.Notices  // of workflows that do not say it themselves
	sources   map[string]string    // by joined path of defaults, the place that says so
	templates map[string]*template // by name
	isBroken  bool                 // a defaults file that counts here has a problem
	digest    string               // of the files that count here; empty: there are none
}

// nothingAround is for files that stand alone.
func nothingAround() *around {
	return &around{base: plainBase(), timezone: "UTC", root: &surroundings{}}
}

// surroundings are what all files of a workflow folder take from others.
type surroundings struct {
	shown    string             // before paths in problems and messages
	arounds  map[string]*around // by folder that has such files, and for the root
	env      map[string]envFile // by path
	onDemand func(below string) envFile
	problems map[string][]miniairflow.ImportError // by path, of defaults and templates
	newest   time.Time                            // when one of the files was changed last
	digest   string                               // of all the files
	envSum   string                               // of those with variables; never empty once they are read
}

// of returns what counts for a file, by its path below the root.
func (s *surroundings) of(below string) *around {
	for folder := path.Dir(below); ; folder = path.Dir(folder) {
		if found, ok := s.arounds[folder]; ok {
			return found
		}
		if folder == "." || folder == "/" {
			return nothingAround()
		}
	}
}

// taken names what a file takes from others, to know when that has changed.
type taken struct {
	around string // the digest of the defaults and templates that count for it; empty: none
	env    string // the digest of all files with variables; empty: it names none
}

// takenBy returns what a file may take from others, by its path below the root.
func (s *surroundings) takenBy(below string) taken {
	if s == nil {
		return taken{}
	}
	if len(s.arounds) == 1 { // as in most folders, of which all files are asked for
		return taken{around: s.arounds["."].digest, env: s.envSum}
	}
	return taken{around: s.of(below).digest, env: s.envSum}
}

// of returns what of it a file of that content takes.
func (t taken) of(data []byte) taken {
	if !bytes.Contains(data, []byte("env_file")) {
		t.env = ""
	}
	return t
}

// mark is what the hash of a file is of behind its bytes: nothing if it takes nothing.
func (t taken) mark() string {
	if t == (taken{}) {
		return ""
	}
	return "\x00" + t.around + "\x00" + t.env
}

// aroundFile is a file that others take something from, not read yet.
type aroundFile struct {
	below, real string
	refused     string
}

// readSurroundings reads the files. Those beyond the bounds are refused. It returns
// those of before if nothing has changed since; nil: there are none.
func readSurroundings(shown string, files []aroundFile, limits Limits, before *surroundings) *surroundings {
	s := &surroundings{
		shown: shown, arounds: map[string]*around{}, env: map[string]envFile{},
		problems: map[string][]miniairflow.ImportError{},
	}
	slices.SortFunc(files, comparePrecedence)
	root := nothingAround()
	root.root = s
	s.arounds["."] = root
	whole, env := sha256.New(), sha256.New()
	inFolders := map[string][]readFile{}
	var folders []string
	left := aroundBytesMax
	for i, file := range files {
		read := file.readWithin(i, left, limits)
		left -= len(read.data)
		if read.changed.After(s.newest) {
			s.newest = read.changed
		}
		entry := fmt.Sprintf("%s\x00%s\x00%s\n", read.below, read.sum(), read.refused)
		whole.Write([]byte(entry))
		switch {
		case isEnvFile(path.Base(file.below)):
			env.Write([]byte(entry))
			s.env[file.below] = envFile{data: read.data, refused: read.refused}
			continue
		case isUnread(file.below):
			s.problems[file.below] = []miniairflow.ImportError{{File: s.show(file.below), Message: read.refused}}
			continue
		}
		folder := path.Dir(file.below)
		if isBelowTemplates(file.below) {
			folder = path.Dir(folder)
		}
		if inFolders[folder] == nil {
			folders = append(folders, folder)
		}
		inFolders[folder] = append(inFolders[folder], read)
	}
	s.digest, s.envSum = hex.EncodeToString(whole.Sum(nil)), hex.EncodeToString(env.Sum(nil))
	if before != nil && before.digest == s.digest {
		return before
	}
	slices.SortFunc(folders, func(a, b string) int { return strings.Compare(depthFirst(a), depthFirst(b)) })
	for _, folder := range folders {
		s.arounds[folder] = s.folder(s.above(folder), inFolders[folder], limits)
	}
	return s
}

// comparePrecedence puts defaults and templates before env files, so that no number of
// these, which only count where they are named, leaves those out.
func comparePrecedence(a, b aroundFile) int {
	isEnvA, isEnvB := isEnvFile(path.Base(a.below)), isEnvFile(path.Base(b.below))
	if isEnvA != isEnvB && isEnvA {
		return 1
	}
	if isEnvA != isEnvB {
		return -1
	}
	return strings.Compare(a.below, b.below)
}

// readWithin reads a file if it and the i before it are within the bounds, of which
// left bytes are left.
func (f aroundFile) readWithin(i, left int, limits Limits) readFile {
	if isUnread(f.below) {
		f.refused = unread
	}
	if i >= aroundFilesMax || left <= 0 {
		f.refused = fmt.Sprintf("the folder has more than %d defaults, templates and env files, or more than %d bytes of them: remove some", aroundFilesMax, aroundBytesMax)
	}
	most := limits.Bytes
	if isEnvFile(path.Base(f.below)) {
		most = envBytesMax
	}
	return f.read(min(most, left))
}

// depthFirst makes a key of a folder by which those above it come first.
func depthFirst(folder string) string {
	if folder == "." {
		return ""
	}
	return strings.ReplaceAll(folder, "/", "\x00")
}

// above returns what a folder takes from those above it.
func (s *surroundings) above(folder string) *around {
	if folder == "." {
		return s.arounds["."]
	}
	return s.of(folder)
}

// folder returns what counts in a folder with files of its own.
func (s *surroundings) folder(parent *around, files []readFile, limits Limits) *around {
	a := *parent
	sum := sha256.New()
	sum.Write([]byte(parent.digest))
	defaults := ""
	templates := map[string]string{} // of this folder, files by name
	for _, file := range files {
		fmt.Fprintf(sum, "\n%s\x00%s\x00%s", file.below, file.sum(), file.refused)
		shown := s.show(file.below)
		if file.refused != "" {
			s.problems[file.below] = []miniairflow.ImportError{{File: shown, Message: file.refused}}
			a.isBroken = a.isBroken || !isTemplate(file.below)
			continue
		}
		var problems []miniairflow.ImportError
		switch {
		case isTemplate(file.below) && templates[baseName(file.below)] != "":
			problems = []miniairflow.ImportError{{File: shown, Message: "the folder has the template as " + templates[baseName(file.below)] + " as well: keep one of them"}}
		case isTemplate(file.below):
			templates[baseName(file.below)] = path.Base(file.below)
			problems = a.readTemplate(shown, file.data, limits)
		case defaults != "":
			problems = []miniairflow.ImportError{{File: shown, Message: "the folder has a " + defaults + " as well: keep one of them"}}
			a.isBroken = true
		default:
			defaults = path.Base(file.below)
			problems = a.readDefaults(shown, file.data, limits)
			a.isBroken = a.isBroken || len(problems) > 0
		}
		if len(problems) > 0 {
			s.problems[file.below] = problems
		}
	}
	a.digest = hex.EncodeToString(sum.Sum(nil))
	return &a
}

// show returns a path below the root as messages have it.
func (s *surroundings) show(below string) string { return path.Join(s.shown, below) }

// isYoung reports whether one of the files may still be being written.
func (s *surroundings) isYoung(quiet time.Duration) bool {
	age := time.Since(s.newest)
	return age >= 0 && age < quiet
}

// readFile is an aroundFile that was read, or why it was not.
type readFile struct {
	aroundFile
	data    []byte
	changed time.Time
}

func (f aroundFile) read(most int) readFile {
	read := readFile{aroundFile: f}
	if f.refused != "" {
		return read
	}
	data, found, err := appendBounded(nil, f.real, syscall.O_NOFOLLOW, max(most, 0), func(stamp) bool { return true })
	read.changed = found.modified
	switch {
	case err != nil:
		read.refused = unreadable(err)
	case len(data) > most:
		read.refused = fmt.Sprintf("the file is larger than the limit of %d bytes", most)
	default:
		read.data = data
	}
	return read
}

func (f readFile) sum() string {
	sum := sha256.Sum256(f.data)
	return hex.EncodeToString(sum[:])
}

// chainAround returns what a single file takes from the folders from root down to its
// own, without a look at any other.
func chainAround(root, below string, limits Limits) *surroundings {
	var files []aroundFile
	folder := "."
	for _, name := range append([]string{"."}, strings.Split(path.Dir(below), "/")...) {
		folder = path.Join(folder, name)
		files = append(files, aroundFilesIn(root, folder)...)
	}
	slices.SortFunc(files, comparePrecedence)
	files = slices.Compact(files)
	s := readSurroundings(filepath.ToSlash(root), files, limits, nil)
	s.onDemand = func(below string) envFile {
		file := aroundFile{below: below, real: filepath.Join(root, filepath.FromSlash(below))}
		read := linked(root, file).read(envBytesMax)
		return envFile{data: read.data, refused: read.refused}
	}
	return s
}
