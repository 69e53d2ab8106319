package action_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// meddler keeps files, and does something to them meanwhile.
type meddler struct {
	action.Files
	path    string
	meddle  func(path string) error
	dropped bool
}

func (m *meddler) Keep(_ context.Context, _ string, r io.Reader, _ int64) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	return m.meddle(m.path)
}

func (m *meddler) Kept(context.Context) error { return nil }
func (m *meddler) Drop(context.Context)       { m.dropped = true }

// A file that somebody writes to while it is kept fails the attempt.
func TestArtifactThatChanges(t *testing.T) {
	for name, meddle := range map[string]func(path string) error{
		"longer":  func(path string) error { return os.WriteFile(path, []byte("longer"), 0o600) },
		"written": func(path string) error { return os.WriteFile(path, []byte("efgh"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			in := script(t, "printf abcd > x; touch -d 2001-01-01 x")
			in.Task.Artifacts = []miniairflow.ArtifactRule{{Path: "x"}}
			files := &meddler{path: in.Dir + "/x", meddle: meddle}
			in.Files, in.FileLimits = files, action.FileLimits{Bytes: 10, Files: 1}
			result, log := run(t, in)
			require.Equal(t, miniairflow.AttemptFailed, result.Status)
			require.Equal(t, `artifacts: "x": it changed while it was read: end what writes it before the command ends`, result.Reason)
			require.Contains(t, log, result.Reason)
			require.True(t, files.dropped)
		})
	}
}

// keeper brings one file, and keeps what it is given.
type keeper struct {
	brought string // the folder
	kept    map[string]string
}

func (k *keeper) Bring(_ context.Context, dir string) error {
	k.brought = dir
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "given"), []byte("given"), 0o600)
}

func (k *keeper) Keep(_ context.Context, name string, r io.Reader, _ int64) error {
	data, err := io.ReadAll(r)
	k.kept[name] = string(data)
	return err
}

func (*keeper) Kept(context.Context) error { return nil }
func (*keeper) Drop(context.Context)       {}

// A container finds its inputs where they are mounted, and what it writes to the run
// directory is kept. The folder of the inputs is gone after it.
func TestArtifactsOfAContainer(t *testing.T) {
	noted := standIn(t, "docker", `for arg; do case "$arg" in
--volume=*:/miniairflow/inputs:ro) from=${arg#--volume=}; from=${from%:/miniairflow/inputs:ro};;
--volume=*:/miniairflow/run) to=${arg#--volume=}; to=${to%:/miniairflow/run};;
esac; done
cp "$from/given" "$to/x"
`)
	in := contained(t, "true")
	in.Task.Inputs, in.Task.Artifacts = []string{"build"}, []miniairflow.ArtifactRule{{Path: "$MINIAIRFLOW_RUN_DIR/x"}}
	files := &keeper{kept: map[string]string{}}
	in.Files, in.FileLimits = files, action.FileLimits{Bytes: 10, Files: 1}
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, log)
	require.Equal(t, map[string]string{"x": "given"}, files.kept)
	require.Contains(t, lines(t, noted), "--env=MINIAIRFLOW_INPUTS=/miniairflow/inputs")
	require.NoDirExists(t, files.brought)
}
