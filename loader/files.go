package loader

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sauravritesh63/miniairflow"
)

// extensions of workflow files.
var extensions = []string{".yaml", ".yml"}

// otherFiles are files beside the workflows that are none, by base name
// without the extension.
var otherFiles = []string{"pools", "defaults"}

// isWorkflowFile reports whether a file of a workflow folder is a workflow
// file, by its base name.
func isWorkflowFile(name string) bool {
	base := baseName(name)
	return base != path.Base(name) && !strings.HasPrefix(name, ".") &&
		!strings.HasSuffix(base, ".test") && !slices.Contains(otherFiles, base)
}

// isWorkflowPath is isWorkflowFile for a path below a workflow folder.
func isWorkflowPath(below string) bool {
	return isWorkflowFile(path.Base(below)) && !isBelowTemplates(below)
}

// isWorkflowFolder reports whether a folder below a workflow folder is read, by
// its base name.
func isWorkflowFolder(name string) bool { return !strings.HasPrefix(name, ".") }

// baseName returns the last element of a path without a workflow file's extension.
func baseName(file string) string {
	base := path.Base(filepath.ToSlash(file))
	for _, extension := range extensions {
		if trimmed, ok := strings.CutSuffix(base, extension); ok {
			return trimmed
		}
	}
	return base
}

// Result is what LoadPath found.
type Result struct {
	Files       int // that were read
	Definitions []LoadedDefinition
	Problems    []miniairflow.ImportError // sorted by place; File as the path was given
	Warnings    []miniairflow.ImportError // of the definitions, likewise

	owners map[string]LoadedDefinition // by name
	around map[[2]string]*surroundings // by root and folder below it
	isTold map[string]bool             // files of which others take something, with problems
}

// home is a file and the folder down from which it takes something.
type home struct{ file, root, below string }

// homeOf finds the home of a file that was named, or found in a folder that was.
func homeOf(file, root, named string) home {
	for _, folder := range []string{root, named} {
		if folder == "" || folder == file {
			continue
		}
		if below, ok := pathBelow(folder, file); ok {
			return home{file, folder, below}
		}
	}
	return home{file, filepath.Dir(file), filepath.Base(file)}
}

// pathBelow returns the path of a file below a folder, with slashes.
func pathBelow(folder, file string) (below string, ok bool) {
	from, err := filepath.Abs(folder)
	if err != nil {
		return "", false
	}
	to, err := filepath.Abs(file)
	if err != nil {
		return "", false
	}
	below, err = filepath.Rel(from, to)
	return filepath.ToSlash(below), err == nil && filepath.IsLocal(below) && below != "."
}

// LoadedDefinition is a definition with the file that it comes from.
type LoadedDefinition struct {
	miniairflow.DefinitionAt
	File string

	root string // the folder down from which the file takes something
}

// LoadPath reads the workflows of files and folders. A folder gives all of its
// workflow files, as a Loader of it would read them; a file that is named is
// read whatever it is called. A name that two files have is a problem of the
// second one. The error is CodeNotFound for a path that is not there, and
// CodeInvalid for a folder without a workflow file.
func LoadPath(paths []string, limits Limits) (Result, error) {
	return LoadPathBelow("", paths, limits)
}

// LoadPathBelow is LoadPath with the folder of the workflows: what lies in it takes
// the defaults, templates and variables of all folders from root down, as a Loader of
// root would read it. Other files take those of the folder that is named, or of their own.
func LoadPathBelow(root string, paths []string, limits Limits) (Result, error) {
	result := Result{owners: map[string]LoadedDefinition{}, around: map[[2]string]*surroundings{}, isTold: map[string]bool{}}
	seen := map[string]bool{}
	for _, name := range paths {
		_, problems, _, err := LoadPools(name, limits)
		if err != nil && !errors.Is(err, syscall.ENOTDIR) {
			return Result{}, fmt.Errorf("read pools of %q: %w", name, err)
		}
		result.Problems = append(result.Problems, problems...)
		files, err := filesBelow(name)
		if err != nil {
			return Result{}, err
		}
		for _, file := range files {
			if seen[file] {
				continue
			}
			seen[file] = true
			result.load(homeOf(file, root, name), limits.withDefaults())
		}
	}
	result.refuseCycles()
	for _, d := range result.Definitions {
		result.Warnings = append(result.Warnings, d.Warnings...)
	}
	result.doubtCalls()
	result.doubtNames(paths)
	slices.SortStableFunc(result.Warnings, comparePlaces)
	slices.SortStableFunc(result.Problems, comparePlaces)
	result.Problems = slices.Compact(result.Problems) // defaults that are named, and taken by others
	return result, nil
}

func (r *Result) load(h home, limits Limits) {
	file := h.file
	r.Files++
	shown := filepath.ToSlash(file)
	data, err := readBounded(file, limits.Bytes)
	if err != nil {
		r.Problems = append(r.Problems, miniairflow.ImportError{File: shown, Message: unreadable(err)})
		return
	}
	if slices.Contains(poolsFiles, filepath.Base(file)) {
		_, problems := ParsePools(shown, data, limits)
		r.Problems = append(r.Problems, problems...)
		return
	}
	if isAroundFile(h.below) {
		r.Problems = append(r.Problems, parseOther(shown, h.below, data, limits)...)
		return
	}
	around := r.aroundOf(h, limits)
	definitions, problems, _ := parseTimed(source{name: shown, below: h.below, around: around.of(h.below), carrier: newCarrier(h.root, h.below)}, data, limits)
	r.Problems = append(r.Problems, problems...)
	for _, definition := range definitions {
		loaded := LoadedDefinition{DefinitionAt: definition, File: shown, root: h.root}
		if owner, taken := r.owners[definition.Name]; taken {
			r.Problems = append(r.Problems, miniairflow.ImportError{
				File: shown, Line: definition.Line, Column: definition.Column,
				Message: fmt.Sprintf("the name %q is taken by the workflow at %s:%d", definition.Name, owner.File, owner.Line),
			})
			continue
		}
		r.owners[definition.Name] = loaded
		r.Definitions = append(r.Definitions, loaded)
	}
}

// aroundOf returns what the files of a folder take from others, and tells once what
// is wrong with that.
func (r *Result) aroundOf(h home, limits Limits) *surroundings {
	key := [2]string{h.root, path.Dir(h.below)}
	if found, ok := r.around[key]; ok {
		return found
	}
	found := chainAround(h.root, h.below, limits)
	r.around[key] = found
	for _, problems := range found.problems {
		if file := problems[0].File; !r.isTold[file] {
			r.isTold[file] = true
			r.Problems = append(r.Problems, problems...)
		}
	}
	return found
}

// parseOther checks a file that workflow files take something from.
func parseOther(shown, below string, data []byte, limits Limits) []miniairflow.ImportError {
	alone := nothingAround()
	switch {
	case isUnread(below):
		return []miniairflow.ImportError{{File: shown, Message: unread}}
	case isEnvFile(path.Base(below)):
		var problems []miniairflow.ImportError
		_, found := parseEnv(string(data))
		for _, p := range found {
			problems = append(problems, miniairflow.ImportError{File: shown, Line: p.at.line, Column: p.at.column, Message: p.text})
		}
		return problems
	case slices.Contains(defaultsFiles, path.Base(below)):
		return alone.readDefaults(shown, data, limits)
	default:
		return alone.readTemplate(shown, data, limits)
	}
}

// filesBelow returns the workflow files of a folder, sorted, or the file itself.
func filesBelow(name string) ([]string, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, miniairflow.Errorf(miniairflow.CodeNotFound, "there is no file or folder %q", name)
	case err != nil:
		return nil, fmt.Errorf("read %q: %w", name, err)
	case !info.IsDir():
		return []string{name}, nil
	}
	found, err := scan(name, nil, plainFile.stat)
	if err != nil {
		return nil, err
	}
	if len(found.files) == 0 {
		return nil, miniairflow.Errorf(miniairflow.CodeInvalid, "the folder %q has no workflow file (*.yaml, *.yml)", name)
	}
	var files []string
	for _, file := range found.files {
		files = append(files, filepath.Join(name, filepath.FromSlash(file.path)))
	}
	return files, nil
}

var errNotRegular = errors.New("it is not a regular file")

// unreadable says why a file cannot be read, without the path, which the
// problem has.
func unreadable(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Sprintf("the file cannot be read: %v", err)
}
