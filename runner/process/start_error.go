//go:build linux || darwin

package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// StartFailure says why a command could not start.
type StartFailure string

// The reasons.
const (
	ProgramMissing     StartFailure = "program_missing"     // no such program
	NotExecutable      StartFailure = "not_executable"      // there, but no program, or its interpreter is missing
	DirectoryMissing   StartFailure = "directory_missing"   // no such working directory
	PermissionDenied   StartFailure = "permission_denied"   // to the program or the working directory
	ArgumentsTooLong   StartFailure = "arguments_too_long"  // more than the system passes to a program
	InvalidArgument    StartFailure = "invalid_argument"    // empty, or with a NUL byte
	ResourcesExhausted StartFailure = "resources_exhausted" // processes, memory or file descriptors
	TooLate            StartFailure = "too_late"            // Spec.NotAfter was over
	StartUnknown       StartFailure = "unknown"             // anything else; Err says what
)

var errTooLate = errors.New("the command may not be started any more")

// StartError says why a command could not start. Nothing of it ran.
type StartError struct {
	Kind StartFailure
	Text string // for people: what and where
	Err  error  // from the system; may be nil
}

// Error returns Text.
func (e *StartError) Error() string { return e.Text }

// Unwrap returns the system's error.
func (e *StartError) Unwrap() error { return e.Err }

func startError(kind StartFailure, err error, format string, args ...any) *StartError {
	return &StartError{Kind: kind, Err: err, Text: fmt.Sprintf(format, args...)}
}

// resolve checks what no system call would name and finds the program. A path
// with a slash is left to the child, which is in Dir by then.
func (s *Spec) resolve() (string, error) {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return "", startError(InvalidArgument, nil, "the command is empty")
	}
	for i, arg := range s.Argv {
		if strings.ContainsRune(arg, 0) {
			return "", startError(InvalidArgument, nil, "argument %d has a NUL byte, which no program can receive", i)
		}
	}
	search := ""
	for _, entry := range s.Env {
		name, value, _ := strings.Cut(entry, "=")
		if strings.ContainsRune(entry, 0) {
			return "", startError(InvalidArgument, nil, "environment variable %q has a NUL byte, which no program can receive", name)
		}
		if name == "PATH" {
			search = value
		}
	}
	if !filepath.IsAbs(s.Dir) || strings.ContainsRune(s.Dir, 0) {
		return "", startError(InvalidArgument, nil, "working directory %q is not an absolute path", s.Dir)
	}
	name := s.Argv[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	return s.search(name, filepath.SplitList(search))
}

// search looks for name in dirs; a relative one counts from Dir.
func (s *Spec) search(name string, dirs []string) (string, error) {
	forbidden := ""
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(s.Dir, dir)
		}
		path := filepath.Join(dir, name)
		access := unix.Access(path, unix.X_OK)
		if access != nil && !errors.Is(access, unix.EACCES) {
			continue // it is not there, which most directories answer
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if access == nil {
			return path, nil
		}
		forbidden = path
	}
	if forbidden != "" {
		return "", startError(PermissionDenied, syscall.EACCES, "program %s is not executable: chmod +x %s", name, forbidden)
	}
	return "", startError(ProgramMissing, syscall.ENOENT, "program %s not found in PATH", name)
}

// explain finds out what err of starting path is about: the system does not
// tell the program from the working directory.
func (s *Spec) explain(path string, err error) *StartError {
	if errors.Is(err, errTooLate) {
		return startError(TooLate, err, "it is too late to start the command")
	}
	if e := s.explainDir(); e != nil {
		return e
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(err, syscall.E2BIG):
		return startError(ArgumentsTooLong, err, "arguments and environment are longer than the system allows: put the data into a file or stdin")
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return startError(ResourcesExhausted, err, "the system is out of processes, memory or file descriptors: %v", err)
	case errors.Is(statErr, os.ErrNotExist), errors.Is(statErr, syscall.ENOTDIR):
		return startError(ProgramMissing, err, "program %s does not exist", path)
	case statErr == nil && info.IsDir():
		return startError(NotExecutable, err, "%s is a directory, not a program", path)
	case errors.Is(err, syscall.ENOENT):
		return startError(NotExecutable, err, "program %s cannot run: the interpreter that its first line or its header names is missing", path)
	case errors.Is(err, syscall.ENOEXEC):
		return startError(NotExecutable, err, "%s is neither a program of this system nor a script that begins with #!", path)
	case errors.Is(err, os.ErrPermission):
		return startError(PermissionDenied, err, "permission denied for program %s: is it executable (chmod +x)?", path)
	default:
		return startError(StartUnknown, err, "program %s: %v", path, err)
	}
}

func (s *Spec) explainDir() *StartError {
	info, err := os.Stat(s.Dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return startError(DirectoryMissing, err, "working directory %s does not exist", s.Dir)
	case err == nil && !info.IsDir(), errors.Is(err, syscall.ENOTDIR):
		return startError(DirectoryMissing, syscall.ENOTDIR, "working directory %s is not a directory", s.Dir)
	case errors.Is(err, os.ErrPermission), err == nil && unix.Access(s.Dir, unix.X_OK) != nil:
		return startError(PermissionDenied, syscall.EACCES, "permission denied for working directory %s", s.Dir)
	default:
		return nil
	}
}
