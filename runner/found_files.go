package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/sauravritesh63/miniairflow"
)

// foundFilesMax bounds the files that one trigger looks at.
const foundFilesMax = 10_000

// globEscaper makes a pattern of a path that means itself.
var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// wholePattern returns a pattern that is below base unless it is absolute.
func wholePattern(base, pattern string) string {
	if filepath.IsAbs(pattern) {
		return pattern
	}
	return filepath.Join(globEscaper.Replace(base), filepath.FromSlash(pattern))
}

// unreadable says for people that a file which a pattern matches cannot be looked at.
func unreadable(pattern, name string, err error) error {
	reason := err
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		reason = of.Err // the whole path is that of the server
	}
	return &miniairflow.Error{
		Code: miniairflow.CodeInvalid, Message: fmt.Sprintf("%q matches %q, which cannot be looked at: %v", pattern, filepath.Base(name), reason),
	}
}

// findFiles returns the files that a pattern matches, by path: below base, and so named,
// unless it is absolute. Hidden ones are found by a name with a dot only, and those whose
// name is no text are left out.
func findFiles(base, pattern string) ([]miniairflow.FoundFile, error) {
	isAbsolute := filepath.IsAbs(pattern)
	names, err := filepath.Glob(wholePattern(base, pattern))
	if err != nil {
		return nil, fmt.Errorf("match %q: %w", pattern, err)
	}
	isHidden := strings.HasPrefix(filepath.Base(pattern), ".")
	var files []miniairflow.FoundFile
	for _, name := range names {
		if !utf8.ValidString(name) || !isHidden && strings.HasPrefix(filepath.Base(name), ".") {
			continue
		}
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return nil, unreadable(pattern, name, err)
		}
		if len(files) == foundFilesMax {
			return nil, miniairflow.Errorf(miniairflow.CodeInvalid, "%q matches more than %d files: move those away that are done", pattern, foundFilesMax)
		}
		if !isAbsolute {
			if name, err = filepath.Rel(base, name); err != nil {
				return nil, fmt.Errorf("name file: %w", err)
			}
		}
		files = append(files, miniairflow.FoundFile{Path: filepath.ToSlash(name), Size: info.Size(), Modified: info.ModTime().UTC().Truncate(time.Microsecond)})
	}
	return files, nil
}
