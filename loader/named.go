package loader

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// layout is what the last look at the whole folder has found beside files.
type layout struct {
	folders  map[string]bool // as events name them
	hasLinks bool            // symbolic links that are followed
}

func newLayout(found *scanned) *layout {
	l := &layout{folders: make(map[string]bool, len(found.folders)), hasLinks: found.hasLinks}
	for _, folder := range found.folders {
		l.folders[folder] = true
	}
	return l
}

// lookAt returns the files that events have named, and those that wait for names
// of others. ok is false if only a look at the whole folder tells what has
// changed: a file is gone, a folder came or went, others take something from it,
// the folder had a problem, or there are links, which may lead to whatever has changed.
func (l *Loader) lookAt(names map[string]bool) (files []scannedFile, ok bool) {
	if l.known == nil || l.layout == nil || l.surroundings == nil || l.layout.hasLinks || l.complaint != "" {
		return nil, false
	}
	for path := range l.contested {
		names[filepath.Join(l.config.Dir, filepath.FromSlash(path))] = true
	}
	l.nameCarriers(names)
	for name := range names {
		file, isFile, ok := l.lookAtOne(filepath.Clean(name))
		if !ok {
			return nil, false
		}
		if isFile {
			files = append(files, file)
		}
	}
	slices.SortFunc(files, comparePaths)
	return files, true
}

// nameCarriers adds the files that carry something from where one of the names is.
func (l *Loader) nameCarriers(names map[string]bool) {
	var carriers []string
	for path, known := range l.known {
		if known.carries == nil {
			continue
		}
		file := filepath.Join(l.config.Dir, filepath.FromSlash(path))
		for name := range names {
			if _, isBelow := pathBelow(filepath.Dir(file), name); isBelow {
				carriers = append(carriers, file)
				break
			}
		}
	}
	for _, file := range carriers {
		names[file] = true
	}
}

// lookAtOne is lookAt for one name. What is no workflow file, and no folder of
// them, does not count.
func (l *Loader) lookAtOne(name string) (file scannedFile, isFile, ok bool) {
	below, err := filepath.Rel(l.config.Dir, name)
	if err != nil || l.layout.folders[name] || !l.layout.folders[filepath.Dir(name)] {
		return scannedFile{}, false, false
	}
	base, path := filepath.Base(name), filepath.ToSlash(below)
	if isAroundFile(path) {
		return scannedFile{}, false, false
	}
	_, isKnown := l.known[path]
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return scannedFile{}, false, !isKnown
	case err != nil:
		return scannedFile{}, false, false
	case info.Mode().IsRegular():
		return scannedFile{path: path, stamp: stampOf(info), takes: l.surroundings.takenBy(path)}, isWorkflowPath(path), true
	default:
		return scannedFile{}, false, !isKnown && !isWorkflowFile(base) && !isWorkflowFolder(base)
	}
}
