package loader

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// globNamesMax bounds the names that the patterns of one workflow file are held to.
const globNamesMax = 20_000

// errManyNames ends a search that takes too long for what files may be.
var errManyNames = fmt.Errorf("it looks at more than %d names: name narrower folders", globNamesMax)

// pattern is a path below a folder in which * and ? stand for what is in a name, […]
// for one of some characters, and a part ** for any number of folders. Names that
// begin with a dot are matched only by parts that do.
type pattern []string

// newPattern returns a pattern, or what is wrong with its text.
func newPattern(text string) (p pattern, problem string) {
	switch {
	case text == "":
		return nil, "is empty: write a path or a pattern, such as scripts/**"
	case path.IsAbs(text):
		return nil, "is absolute: write a path below the folder of the workflow's file"
	case slices.Contains(strings.Split(text, "/"), ".."):
		return nil, "leads out of the folder of the workflow's file: move what tasks need below it"
	}
	for _, part := range strings.Split(path.Clean(text), "/") {
		if _, err := path.Match(part, ""); err != nil {
			return nil, `is no pattern: close the [, or write \[ for a bracket`
		}
		if part == "**" && len(p) > 0 && p[len(p)-1] == "**" {
			continue
		}
		p = append(p, part)
	}
	if strings.HasSuffix(text, "/") || p[len(p)-1] == "**" {
		if p[len(p)-1] != "**" {
			p = append(p, "**")
		}
		p = append(p, "*")
	}
	return p, ""
}

// isLiteral reports whether a part of a pattern is a name.
func isLiteral(part string) bool { return !strings.ContainsAny(part, `*?[\`) }

// matches holds a name to a part of a pattern.
func matches(part, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(part, ".") {
		return false
	}
	ok, err := path.Match(part, name)
	return ok && err == nil
}

// search finds what patterns match in a folder, which it does not leave.
type search struct {
	root   *os.Root
	names  int             // that were looked at
	done   map[string]bool // places in the pattern with folders that were searched for it
	isOver func() bool     // the time is up
	found  []match
}

// match is a file that a pattern matches, or why it cannot be read.
type match struct {
	path  string
	info  fs.FileInfo
	fault string
}

// find returns what a pattern matches, sorted, each once.
func (s *search) find(p pattern) ([]match, error) {
	s.done, s.found = map[string]bool{}, nil
	if err := s.folder(".", p, 0); err != nil {
		return nil, err
	}
	slices.SortFunc(s.found, func(a, b match) int { return strings.Compare(a.path, b.path) })
	return slices.CompactFunc(s.found, func(a, b match) bool { return a.path == b.path }), nil
}

// folder holds what is in a folder to the pattern from part i on.
func (s *search) folder(folder string, p pattern, i int) error {
	key := fmt.Sprintf("%d\x00%s", i, folder)
	if s.done[key] {
		return nil
	}
	s.done[key] = true
	part, isLast := p[i], i == len(p)-1
	if isLiteral(part) {
		return s.step(path.Join(folder, part), p, i, true)
	}
	if part == "**" {
		if err := s.folder(folder, p, i+1); err != nil {
			return err
		}
	}
	entries, err := s.list(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		below := path.Join(folder, name)
		switch {
		case part == "**":
			// Links to folders are not followed here, as in shells: they may lead in a circle.
			if entry.IsDir() && !strings.HasPrefix(name, ".") {
				err = s.folder(below, p, i)
			}
		case !matches(part, name) || !isLast && entry.Type().IsRegular():
		default:
			err = s.step(below, p, i, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list returns the entries of a folder. What is none has none.
func (s *search) list(folder string) ([]fs.DirEntry, error) {
	dir, err := s.root.Open(filepath.FromSlash(folder))
	if err != nil {
		s.unread(folder, err)
		return nil, nil
	}
	defer dir.Close()
	var entries []fs.DirEntry
	for {
		some, err := dir.ReadDir(1_000)
		entries = append(entries, some...)
		if s.names += len(some); s.names > globNamesMax || s.isOver != nil && s.isOver() {
			return nil, errManyNames
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			s.unread(folder, err)
			return nil, nil
		}
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		return entries, nil
	}
}

// unread notes a folder that cannot be read: what is missing must not go unseen.
func (s *search) unread(folder string, err error) {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		s.found = append(s.found, match{path: folder, fault: s.unreachable(folder, err)})
	}
}

// step goes on with a path that part i of the pattern matches.
func (s *search) step(below string, p pattern, i int, isNamed bool) error {
	if s.names++; s.names > globNamesMax {
		return errManyNames
	}
	info, err := s.root.Stat(filepath.FromSlash(below))
	switch {
	case err != nil && isNamed && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil && !isNamed && i < len(p)-1:
	case err != nil:
		s.found = append(s.found, match{path: below, fault: s.unreachable(below, err)})
	case i < len(p)-1:
		if info.IsDir() {
			return s.folder(below, p, i+1)
		}
	case info.IsDir() && isNamed:
		s.found = append(s.found, match{path: below, fault: "is a folder: write " + path.Join(below, "**") + " for all that is in it"})
	case info.IsDir():
	case !info.Mode().IsRegular():
		s.found = append(s.found, match{path: below, fault: "is not a regular file"})
	default:
		s.found = append(s.found, match{path: below, info: info})
	}
	return nil
}

// unreachable says why a path that is there cannot be read.
func (s *search) unreachable(below string, err error) string {
	if info, failure := s.root.Lstat(filepath.FromSlash(below)); failure == nil && info.Mode()&fs.ModeSymlink != 0 && !errors.Is(err, fs.ErrNotExist) {
		return "is a link that leads out of the folder of the workflow's file, or is absolute"
	}
	return fmt.Sprintf("cannot be read: %v", cause(err))
}

// cause returns an error without the path, which messages have already.
func cause(err error) error {
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}
