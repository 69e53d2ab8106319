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

// isWorkflowFolder reports whether a folder below a workflow folder is read, by
// its base name.
func isWorkflowFolder(name string) bool {
	return name != "templates" && !strings.HasPrefix(name, ".")
}

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
}

// LoadedDefinition is a definition with the file that it comes from.
type LoadedDefinition struct {
	miniairflow.DefinitionAt
	File string
}

// LoadPath reads the workflows of files and folders. A folder gives all of its
// workflow files, as a Loader of it would read them; a file that is named is
// read whatever it is called. A name that two files have is a problem of the
// second one. The error is CodeNotFound for a path that is not there, and
// CodeInvalid for a folder without a workflow file.
func LoadPath(paths []string, limits Limits) (Result, error) {
	var result Result
	owners := map[string]LoadedDefinition{}
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
			result.load(file, limits.withDefaults(), owners)
		}
	}
	slices.SortStableFunc(result.Problems, comparePlaces)
	return result, nil
}

func (r *Result) load(file string, limits Limits, owners map[string]LoadedDefinition) {
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
	definitions, problems := Parse(shown, data, limits)
	r.Problems = append(r.Problems, problems...)
	for _, definition := range definitions {
		loaded := LoadedDefinition{DefinitionAt: definition, File: shown}
		if owner, taken := owners[definition.Name]; taken {
			r.Problems = append(r.Problems, miniairflow.ImportError{
				File: shown, Line: definition.Line, Column: definition.Column,
				Message: fmt.Sprintf("the name %q is taken by the workflow at %s:%d", definition.Name, owner.File, owner.Line),
			})
			continue
		}
		owners[definition.Name] = loaded
		r.Definitions = append(r.Definitions, loaded)
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
	found, err := scan(name, plainFile.stat)
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
