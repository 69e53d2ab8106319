package action_test

import (
	"archive/tar"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// TestRealEngine runs containers with each engine that answers on this machine.
func TestRealEngine(t *testing.T) {
	answered := false
	for _, engine := range miniairflow.ContainerEngines {
		if err := exec.CommandContext(t.Context(), engine, "info").Run(); err != nil {
			t.Logf("%s does not answer: %v", engine, err)
			continue
		}
		answered = true
		image := importImage(t, engine)
		t.Run(engine, func(t *testing.T) { testEngine(t, engine, image) })
	}
	if !answered {
		t.Skip("neither docker nor podman answers here: the command line is tested with a program in their place")
	}
}

// importImage gives an engine an image with nothing but the program contained.
func importImage(t *testing.T, engine string) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "contained")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "testdata/contained/main.go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	told, err := build.CombinedOutput()
	require.NoError(t, err, string(told))
	content, err := os.ReadFile(program)
	require.NoError(t, err)
	file, err := os.Create(filepath.Join(dir, "image.tar"))
	require.NoError(t, err)
	defer file.Close()
	archive := tar.NewWriter(file)
	require.NoError(t, archive.WriteHeader(&tar.Header{Name: "contained", Mode: 0o755, Size: int64(len(content))}))
	_, err = archive.Write(content)
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	image := "localhost/miniairflow-test:" + strings.ToLower(filepath.Base(filepath.Dir(dir)))
	told, err = exec.CommandContext(t.Context(), engine, "import", file.Name(), image).CombinedOutput()
	require.NoError(t, err, string(told))
	t.Cleanup(func() {
		told, err := exec.Command(engine, "rmi", "--force", image).CombinedOutput()
		require.NoError(t, err, string(told))
	})
	return image
}

func testEngine(t *testing.T, engine, image string) {
	inside := func(t *testing.T, args ...string) action.Input {
		in := contained(t, append([]string{"/contained"}, args...)...)
		in.Task.Container = &miniairflow.Container{Image: image, Engine: engine, Pull: "never"}
		return in
	}
	t.Run("what goes in and comes out", func(t *testing.T) {
		in := inside(t, "tell", "$(id)", "two\nlines")
		in.Task.Container.User = "1234"
		in.Task.Env = map[string]string{"GREETING": `a "b" '$c'`}
		in.Task.Stdin = "input\n"
		in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
		require.NoError(t, os.Chmod(in.RunDir, 0o777)) //nolint:gosec // for the user in the container
		result, log := run(t, in)
		require.Equal(t, miniairflow.AttemptSuccess, result.Status, "%s\n%s", result.Reason, log)
		require.Equal(t, "input\na \"b\" '$c' uid 1234\n$(id)\ntwo\nlines\n", log)
		require.Equal(t, map[string]any{"rows": int64(42)}, result.Outputs)
		left, err := os.ReadFile(filepath.Join(in.RunDir, "left"))
		require.NoError(t, err)
		require.Equal(t, "from inside", string(left))
	})
	t.Run("its exit code", func(t *testing.T) {
		result, log := run(t, inside(t, "dance"))
		require.Equal(t, "exit code 9", result.Reason)
		require.Contains(t, log, "dance means nothing to it")
	})
	t.Run("no image", func(t *testing.T) {
		in := inside(t, "tell")
		in.Task.Container.Image = "localhost/miniairflow-test:none"
		result, _ := run(t, in)
		require.Equal(t, 125, *result.ExitCode)
	})
	for _, does := range []string{"wait", "hang"} {
		t.Run(does+" until it is cancelled", func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			log := &started{c: make(chan struct{})}
			go func() {
				<-log.c
				cancel(action.ErrCancelled)
			}()
			in := inside(t, does)
			in.Grace = time.Second
			result := newRunner(t).Run(ctx, in, log)
			require.Equal(t, miniairflow.AttemptCancelled, result.Status, result.Reason)
			if does == "wait" {
				require.Contains(t, log.String(), "terminated", "the command is told")
			}
		})
	}
	left, err := exec.CommandContext(t.Context(), engine, "ps", "--all", "--quiet", "--filter", "name=miniairflow-", "--filter", "ancestor="+image).Output()
	require.NoError(t, err)
	require.Empty(t, string(left), "no container is left")
}
