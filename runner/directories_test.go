package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestWorkingDir(t *testing.T) {
	dags, run := t.TempDir(), filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.MkdirAll(filepath.Join(dags, "team", "scripts"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dags, "team", "etl.yaml"), nil, 0o600))
	for name, test := range map[string]struct{ file, dir, want, wrong string }{
		"folder of the file":      {file: "team/etl.yaml", want: filepath.Join(dags, "team")},
		"file at the top":         {file: "etl.yaml", want: dags},
		"below the folder":        {file: "team/etl.yaml", dir: "scripts", want: filepath.Join(dags, "team", "scripts")},
		"up and down again":       {file: "team/etl.yaml", dir: "scripts/../scripts", want: filepath.Join(dags, "team", "scripts")},
		"no file":                 {want: run},
		"out of the folder":       {file: "team/etl.yaml", dir: "../other", wrong: "leads out of the folder"},
		"absolute":                {file: "team/etl.yaml", dir: "/etc", wrong: "leads out of the folder"},
		"file outside":            {file: "../etl.yaml", wrong: "is not below"},
		"missing":                 {file: "team/etl.yaml", dir: "nowhere", wrong: "does not exist on this worker"},
		"missing, without file":   {dir: "nowhere", wrong: "does not exist on this worker"},
		"a file where dir is":     {file: "team/etl.yaml", dir: "etl.yaml", wrong: "is not a directory"},
		"a checkout is missing":   {file: "elsewhere/etl.yaml", wrong: "--dags"},
		"below a file, not a dir": {file: "team/etl.yaml", dir: "etl.yaml/x", wrong: "working directory"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := workingDir(dags, test.file, test.dir, run)
			if test.wrong != "" {
				require.ErrorContains(t, err, test.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestRunDirs(t *testing.T) {
	dirs, id := newRunDirs(filepath.Join(t.TempDir(), "runs")), uuid.New()
	none, err := dirs.all()
	require.NoError(t, err)
	require.Empty(t, none)

	path, err := dirs.path(id)
	require.NoError(t, err)
	require.NoError(t, dirs.enter(id))
	require.NoError(t, dirs.enter(id))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	dirs.settled(id)
	require.Empty(t, dirs.takeQuiet(), "it is in use")
	dirs.leave(id)
	require.NoError(t, dirs.remove(id))
	require.DirExists(t, path, "it is in use")
	dirs.leave(id)

	dirs.settled(id)
	require.Equal(t, []uuid.UUID{id}, dirs.takeQuiet())
	require.Empty(t, dirs.takeQuiet())
	all, err := dirs.all()
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{id}, all)
	require.NoError(t, dirs.remove(id))
	require.NoDirExists(t, path)
	require.NoError(t, dirs.remove(id), "twice is no error")
	require.Empty(t, dirs.users)
}

func TestRunDirsFinishARemoval(t *testing.T) {
	dirs := newRunDirs(t.TempDir())
	trash := filepath.Join(dirs.root, trashPrefix+uuid.NewString())
	require.NoError(t, os.MkdirAll(filepath.Join(trash, "deep"), 0o700))
	_, err := dirs.all()
	require.NoError(t, err)
	require.NoDirExists(t, trash)
}
