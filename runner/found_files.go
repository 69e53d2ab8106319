package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

const (
	// foundFilesMax bounds the files that one trigger looks at.
	foundFilesMax = 10_000
	// foundNamesMax bounds the names of files and folders that it matches on the way.
	foundNamesMax = 2 * foundFilesMax
	// namesAtOnce is how many names of a folder are read at once.
	namesAtOnce = 1000
)

// lookError ends a look. Whatever other errors it meets concern a file or a folder.
type lookError string

func (e lookError) Error() string { return string(e) }

// fileLook is what a look for the files of a pattern has found.
type fileLook struct {
	base       string // the folder below which files are named; empty: they have absolute names
	files      []miniairflow.FoundFile
	folders    []string // that were looked into for files
	passedOver []string // files and folders, and why, as people read it
	// err says why nothing is known: the first folder is not there, or cannot be read, or
	// there is too much. What was seen before may be there all the same.
	err error
	// isPart says that some of what was passed over may be found by the next look.
	isPart bool

	count int // of the names that were matched
}

// findFiles looks for the files that a pattern matches: below base, and so named, unless
// it is absolute. A * finds no hidden ones.
func findFiles(base, pattern string) *fileLook {
	l := &fileLook{base: base}
	folder := base
	pattern = filepath.Clean(filepath.FromSlash(pattern))
	if filepath.IsAbs(pattern) {
		l.base, folder = "", filepath.VolumeName(pattern)+string(filepath.Separator)
		pattern = pattern[len(folder):]
	}
	parts := strings.Split(pattern, string(filepath.Separator))
	for len(parts) > 1 && !isPattern(parts[0]) {
		folder, parts = filepath.Join(folder, parts[0]), parts[1:]
	}
	err := l.walk(folder, parts)
	if l.err = err; err != nil && !isOver(err) {
		l.err = fmt.Errorf("folder %s: %w", l.name(folder), reasonOf(err))
	}
	slices.SortFunc(l.files, func(a, b miniairflow.FoundFile) int { return cmp.Compare(a.Path, b.Path) })
	return l
}

// fault says for people what is wrong; empty: nothing is.
func (l *fileLook) fault(pattern string) string {
	switch more := len(l.passedOver) - 1; {
	case l.err != nil:
		return fmt.Sprintf("files %s are not looked for: %s", pattern, l.err)
	case more > 0:
		return fmt.Sprintf("passed over: %s; and %d more", l.passedOver[0], more)
	case more == 0:
		return "passed over: " + l.passedOver[0]
	}
	return ""
}

// walk looks below a folder for what parts of a pattern match. Its error is that of the
// folder, or one that ends the look.
func (l *fileLook) walk(folder string, parts []string) error {
	names, err := namesIn(folder, parts[0])
	if err != nil {
		return err
	}
	if len(parts) == 1 {
		l.folders = append(l.folders, folder)
	}
	for _, name := range names {
		if l.count++; l.count > foundNamesMax {
			return tooManyNames()
		}
		child := filepath.Join(folder, name)
		if len(parts) == 1 {
			err = l.add(child)
		} else {
			err = l.walk(child, parts[1:])
		}
		if err := l.passOver(child, err); err != nil {
			return err
		}
	}
	return nil
}

// add adds a file. Whatever else has such a name is none.
func (l *fileLook) add(file string) error {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	name := l.name(file)
	switch {
	case len(l.files) == foundFilesMax:
		return lookError(fmt.Sprintf("there are more than %d: move those away that are done", foundFilesMax))
	case !utf8.ValidString(name):
		return errors.New("its name is not in UTF-8")
	case len(name) > miniairflow.FilePathMax:
		return fmt.Errorf("its path is longer than %d bytes", miniairflow.FilePathMax)
	}
	l.files = append(l.files, miniairflow.FoundFile{Path: name, Size: info.Size(), Modified: knownTime(info.ModTime())})
	return nil
}

// passOver notes that a file or a folder is left out for an error. Those that are not
// there, or are something else, nobody has asked for.
func (l *fileLook) passOver(path string, err error) error {
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil
	case isOver(err):
		return err
	}
	var failed *fs.PathError
	lasts := errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENAMETOOLONG)
	l.isPart = l.isPart || errors.As(err, &failed) && !lasts
	l.passedOver = append(l.passedOver, fmt.Sprintf("%s: %s", strings.ToValidUTF8(l.name(path), "\ufffd"), reasonOf(err)))
	return nil
}

// name returns the name of a file or a folder as people write it.
func (l *fileLook) name(path string) string {
	if l.base != "" {
		if name, err := filepath.Rel(l.base, path); err == nil {
			path = name
		}
	}
	return filepath.ToSlash(path)
}

// namesIn returns the names in a folder that a part of a pattern matches.
func namesIn(folder, part string) ([]string, error) {
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "look into", Path: folder, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return nil, err
	}
	if !isPattern(part) {
		return []string{part}, nil
	}
	dir, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var matching []string
	for {
		names, err := dir.Readdirnames(namesAtOnce)
		for _, name := range names {
			if strings.HasPrefix(name, ".") && !strings.HasPrefix(part, ".") {
				continue
			}
			switch isOne, err := filepath.Match(part, name); {
			case err != nil:
				return nil, lookError(fmt.Sprintf("%q is no pattern: %s", part, err))
			case isOne && len(matching) == foundNamesMax:
				return nil, tooManyNames()
			case isOne:
				matching = append(matching, name)
			}
		}
		if errors.Is(err, io.EOF) {
			slices.Sort(matching)
			return matching, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// isOver reports whether an error ends a look.
func isOver(err error) bool {
	var over lookError
	return errors.As(err, &over)
}

func tooManyNames() error {
	return lookError(fmt.Sprintf("the path matches more than %d names of files and folders: move those away that are done, or write fewer * into it", foundNamesMax))
}

// isPattern reports whether a part of a path stands for others than itself.
func isPattern(part string) bool { return strings.ContainsAny(part, `*?[\`) }

// reasonOf returns the reason of an error without what was tried, and with which path.
func reasonOf(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// knownTime returns a time that a file may have as it is kept: in whole microseconds,
// and of a year that all can write.
func knownTime(t time.Time) time.Time {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch t = t.UTC().Truncate(time.Microsecond); {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}
