package action_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// contained returns the Input of a program that runs in a container.
func contained(t *testing.T, argv ...string) action.Input {
	in := program(t, argv...)
	in.Task.Container = &miniairflow.Container{Image: "alpine:3.22"}
	return in
}

func TestCommandInAContainer(t *testing.T) {
	noted := standIn(t, "docker", "cat\n")
	in := contained(t, "sh", "-c", `echo "$SECRET"`)
	in.Task.Container = &miniairflow.Container{
		Image: "registry.example.org/tool:1", Mounts: []string{"./data:/data:ro", "/srv:/srv", "cache:/cache"},
		User: "1000:1000", Workdir: "/srv", Pull: "always",
	}
	in.Task.Env = map[string]string{"SECRET": "canary", "PATH": "/image/bin", "DOCKER_HOST": "tcp://other"}
	in.Task.Stdin = "input"
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, "input", log)
	argv := lines(t, noted)
	require.Equal(t, []string{"run", "--rm", "--init"}, argv[:3])
	for _, option := range []string{
		"--pull=always", "--interactive", "--user=1000:1000", "--workdir=/srv",
		"--volume=" + filepath.Join(in.Dir, "data") + ":/data:ro", "--volume=/srv:/srv", "--volume=cache:/cache", "--volume=" + in.RunDir + ":/miniairflow/run",
		"--env=SECRET", "--env=PATH=/image/bin", "--env=DOCKER_HOST=tcp://other", "--env=MINIAIRFLOW_TASK=t", "--env=MINIAIRFLOW_OUTPUT=/miniairflow/output",
	} {
		require.Contains(t, argv, option)
	}
	require.Equal(t, []string{"--entrypoint=sh", "registry.example.org/tool:1", "-c", `echo "$SECRET"`}, argv[len(argv)-4:])
	require.False(t, slices.ContainsFunc(argv, func(arg string) bool {
		return strings.Contains(arg, "canary") || strings.HasPrefix(arg, "--env=MINIAIRFLOW_SCRATCH")
	}))
	environment := lines(t, filepath.Join(filepath.Dir(noted), "env"))
	require.Contains(t, environment, "SECRET=canary")
	require.NotContains(t, environment, "DOCKER_HOST=tcp://other", "the engine's own settings stay its own")
	require.NotContains(t, environment, "PATH=/image/bin")
}

// A stand-in that mounts the outputs file as an engine would.
func TestOutputsOfAContainer(t *testing.T) {
	standIn(t, "podman", `for arg; do case "$arg" in --volume=*:/miniairflow/output) file=${arg#--volume=}; echo rows=42 >> "${file%:*}";; esac; done
`)
	in := contained(t, "true")
	in.Task.Container.Engine, in.Task.Container.User = "podman", "nobody"
	in.Task.Outputs = map[string]miniairflow.OutputType{"rows": miniairflow.OutputInteger}
	result, _ := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Equal(t, map[string]any{"rows": int64(42)}, result.Outputs)
}

func TestContainersThatDoNotStart(t *testing.T) {
	standIn(t, "docker", "exit 125\n")
	result, _ := run(t, contained(t, "true"))
	require.Equal(t, "exit code 125: the container could not be started, or the command ended with it; the log says which", result.Reason)
	in := contained(t, "true")
	in.Task.Container.Image = "--privileged"
	result, _ = run(t, in)
	require.Contains(t, result.Reason, `container image "--privileged" is not valid`)
	t.Setenv("PATH", t.TempDir())
	result, _ = run(t, contained(t, "true"))
	require.Equal(t, "cannot start: neither docker nor podman is in PATH: install one of them on this worker", result.Reason)
	in = contained(t, "true")
	in.Task.Container.Engine = "podman"
	result, _ = run(t, in)
	require.Equal(t, "cannot start: program podman not found in PATH", result.Reason)
}

// What its command line has perhaps not ended, be it that it was itself ended by
// force, is removed by name.
func TestStoppedContainerIsRemoved(t *testing.T) {
	t.Run("by force", func(t *testing.T) { testRemoved(t, "trap '' TERM", 1) })
	t.Run("by itself", func(t *testing.T) { testRemoved(t, "trap 'exit 143' TERM", time.Minute) })
}

func testRemoved(t *testing.T, trap string, grace time.Duration) {
	witness := filepath.Join(t.TempDir(), "removed")
	standIn(t, "docker", `if [ "$1" = rm ]; then echo "$@" > `+witness+`; exit 0; fi
`+trap+`
echo started
while :; do sleep 0.01; done
`)
	ctx, cancel := context.WithCancelCause(t.Context())
	log := &started{c: make(chan struct{})}
	go func() {
		<-log.c
		cancel(action.ErrCancelled)
	}()
	in := contained(t, "true")
	in.Grace = grace
	result := newRunner(t).Run(ctx, in, log)
	require.Equal(t, miniairflow.AttemptCancelled, result.Status)
	removed := lines(t, witness)[0]
	require.True(t, strings.HasPrefix(removed, "rm --force miniairflow-"), removed)
}

// The command line of a real engine understands the arguments, even where no
// engine runs.
func TestRealEngineUnderstandsTheArguments(t *testing.T) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skip("docker is not installed")
	}
	if os.Getenv("DOCKER_HOST") == "" {
		t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/none.sock")
	}
	in := contained(t, "true")
	in.AllowEnv = []string{"DOCKER_HOST"}
	in.Task.Container = &miniairflow.Container{
		Image: "alpine:3.22", Mounts: []string{"./data:/data:ro", "cache:/cache"}, User: "1:1", Workdir: "/", Pull: "never",
	}
	in.Task.Stdin = "x"
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptFailed, result.Status, docker)
	require.NotContains(t, log, "unknown flag")
	require.NotContains(t, log, "invalid")
	require.Contains(t, log, "daemon")
}
