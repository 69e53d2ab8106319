package persistencetest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// errNoPrograms is what a test fails with where PostgreSQL is not installed.
var errNoPrograms = errors.New("these tests need PostgreSQL's server programs (initdb, postgres): install them with " +
	"`apt-get install postgresql-15` or a newer one (Debian, Ubuntu), `brew install postgresql@17` (macOS), or put their directory on PATH")

// programPlaces are the directories where packages put the server programs that
// they keep off PATH.
var programPlaces = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // PostgreSQL's own RPMs
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
}

// findPrograms returns the directory of initdb and postgres: the one on PATH,
// the one that pg_config names, or the newest of the usual places.
func findPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link on PATH leads to a directory that holds all programs.
		if resolved, err := filepath.EvalSymlinks(path); err == nil && hasPrograms(filepath.Dir(resolved)) {
			return filepath.Dir(resolved), nil
		}
		if hasPrograms(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		if dir := strings.TrimSpace(string(out)); hasPrograms(dir) {
			return dir, nil
		}
	}
	for _, pattern := range programPlaces {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		found = slices.DeleteFunc(found, func(dir string) bool { return !hasPrograms(dir) })
		if len(found) > 0 {
			return slices.MaxFunc(found, func(a, b string) int { return majorVersion(a) - majorVersion(b) }), nil
		}
	}
	return "", errNoPrograms
}

// hasPrograms reports whether dir holds the programs that a server needs.
func hasPrograms(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// majorVersion returns the first number in a directory's name, 0 without one.
func majorVersion(dir string) int {
	digits := strings.FieldsFunc(dir, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}
