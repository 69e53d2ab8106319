package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// plant writes files of these names below a new folder, with the folders they are in.
func plant(t *testing.T, names ...string) (base string) {
	t.Helper()
	base = t.TempDir()
	for _, name := range names {
		file := filepath.Join(base, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, nil, 0o600))
	}
	return base
}

func paths(files []miniairflow.FoundFile) []string {
	var list []string
	for _, f := range files {
		list = append(list, f.Path)
	}
	return list
}

func TestFindFiles(t *testing.T) {
	base := plant(t, "flows[1]/x.csv", "in/b.csv", "in/a.csv", "in/.hidden.csv", "in/a.txt", "in/sub.csv/c.csv", "in/.git/c.csv", "in/[1].csv", "other/b.csv")
	require.NoError(t, os.Symlink("nowhere", filepath.Join(base, "in", "dangling.csv")))
	flows := filepath.Join(base, "flows[1]")
	tests := []struct {
		pattern string
		want    []string
		folders []string
	}{
		{"../in/*.csv", []string{"../in/[1].csv", "../in/a.csv", "../in/b.csv"}, []string{"in"}},
		{"../in/?.csv", []string{"../in/a.csv", "../in/b.csv"}, []string{"in"}},
		{"../in/.*.csv", []string{"../in/.hidden.csv"}, []string{"in"}},
		{`../in/\[1].csv`, []string{"../in/[1].csv"}, []string{"in"}},
		{"../in/*/*.csv", []string{"../in/sub.csv/c.csv"}, []string{"in/sub.csv"}},
		{"../*/b.csv", []string{"../in/b.csv", "../other/b.csv"}, []string{"flows[1]", "in", "other"}},
		{"*.csv", []string{"x.csv"}, []string{"flows[1]"}},
		{"x.csv", []string{"x.csv"}, []string{"flows[1]"}},
		{"y.csv", nil, []string{"flows[1]"}},
		{".//../in//b.*", []string{"../in/b.csv"}, []string{"in"}},
		{base + "/in/a.*", []string{base + "/in/a.csv", base + "/in/a.txt"}, []string{"in"}},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			l := findFiles(flows, tt.pattern)
			require.NoError(t, l.err)
			require.Empty(t, l.fault(tt.pattern))
			require.Equal(t, tt.want, paths(l.files))
			var folders []string
			for _, folder := range l.folders {
				name, err := filepath.Rel(base, folder)
				require.NoError(t, err)
				folders = append(folders, name)
			}
			require.Equal(t, tt.folders, folders)
		})
	}
}

// What nobody can look at is told, and the first folder must be there.
func TestFindFilesWithFaults(t *testing.T) {
	deep := strings.Repeat("d", 250)
	for range 8 {
		deep = filepath.Join(deep, strings.Repeat("d", 250))
	}
	base := plant(t, "in/a.csv", "flows/x", filepath.Join(deep, "a.csv"))
	require.NoError(t, os.Symlink("loop", filepath.Join(base, "loop")))
	tests := []struct {
		pattern, want string
		isOver        bool
	}{
		{"gone/*.csv", "files gone/*.csv are not looked for: folder gone: no such file or directory", true},
		{"gone/a.csv", "files gone/a.csv are not looked for: folder gone: no such file or directory", true},
		{"gone/*/a.csv", "files gone/*/a.csv are not looked for: folder gone: no such file or directory", true},
		{"in/a.csv/*", "files in/a.csv/* are not looked for: folder in/a.csv: not a directory", true},
		{"loop/*", "files loop/* are not looked for: folder loop: too many levels of symbolic links", true},
		{"in/[/]", `files in/[/] are not looked for: "[" is no pattern: syntax error in pattern`, true},
		{"*/a.csv", "passed over: loop: too many levels of symbolic links", false},
		{"lo*", "passed over: loop: too many levels of symbolic links", false},
		{deep + "/*", fmt.Sprintf("passed over: %s/a.csv: its path is longer than 2048 bytes", deep), false},
		{"in/*/gone/*", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			l := findFiles(base, tt.pattern)
			require.Equal(t, tt.want, l.fault(tt.pattern))
			require.Equal(t, tt.isOver, l.err != nil)
			require.False(t, l.isPart)
		})
	}
	require.Equal(t, []string{"in/a.csv"}, paths(findFiles(base, "*/a.csv").files))
}

// There is no end of what a folder may have.
func TestFindTooManyFiles(t *testing.T) {
	base := t.TempDir()
	for i := range foundFilesMax {
		require.NoError(t, os.WriteFile(filepath.Join(base, fmt.Sprintf("%d.csv", i)), nil, 0o600))
	}
	l := findFiles(base, "*.csv")
	require.Empty(t, l.fault("*.csv"))
	require.Len(t, l.files, foundFilesMax)
	require.NoError(t, os.WriteFile(filepath.Join(base, "x.csv"), nil, 0o600))
	require.Equal(t, "files *.csv are not looked for: there are more than 10000: move those away that are done", findFiles(base, "*.csv").fault("*.csv"))
	l.count = foundNamesMax
	require.ErrorContains(t, l.walk(base, []string{"*.csv"}), "the path matches more than 20000 names of files and folders")
}

// A file of any time can be kept.
func TestKnownTimes(t *testing.T) {
	at := time.Date(2027, 1, 2, 3, 4, 5, 6789, time.FixedZone("", 3600))
	require.Equal(t, "2027-01-02T02:04:05.000006Z", knownTime(at).Format(time.RFC3339Nano))
	require.Equal(t, "9999-12-31T23:59:59Z", knownTime(time.Unix(1<<60, 0)).Format(time.RFC3339Nano))
	require.Equal(t, "0001-01-01T00:00:00Z", knownTime(time.Unix(-1<<60, 0)).Format(time.RFC3339Nano))
}
