package action_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// standIn puts a program of that name first in PATH, which notes its arguments,
// and returns the file that it notes them in.
func standIn(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	text := "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"${0%/*}/argv\"\nenv > \"${0%/*}/env\"\n" + script
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return filepath.Join(dir, "argv")
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// distant returns the Input of a script that runs over ssh.
func distant(t *testing.T, text string) action.Input {
	in := script(t, text)
	in.Task.SSH = &miniairflow.SSH{Host: "db1.example.org"}
	return in
}

// lastArgument runs what ssh is to run there, here.
const lastArgument = `for last; do :; done; exec sh -c "$last"`

func TestCommandOverSSH(t *testing.T) {
	noted := standIn(t, "ssh", lastArgument)
	in := distant(t, `printf '%s\n' "$SECRET" "${MINIAIRFLOW_OUTPUT-none}"; cat; exit 0`)
	in.Task.SSH = &miniairflow.SSH{Host: "db1.example.org", User: "etl", Port: 2222, Key: "/keys/my key", KnownHosts: "/keys/known hosts"}
	in.Task.Env = map[string]string{"SECRET": "canary's", "LD_PRELOAD": "/lib/other.so"}
	in.Task.Stdin = "input"
	in.Task.Outputs = map[string]miniairflow.OutputType{"all": miniairflow.OutputString}
	in.Task.OutputFrom = map[string]string{"all": miniairflow.FromStdout}
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason+log)
	require.Equal(t, "canary's\nnone\ninput", result.Outputs["all"])
	argv := lines(t, noted)
	require.Equal(t, []string{"-l", "etl", "--", "db1.example.org", "sh -s"}, argv[len(argv)-5:])
	joined := strings.Join(argv, "\n")
	for _, option := range []string{
		"-o\nStrictHostKeyChecking=yes", "-o\nBatchMode=yes", "-o\nUserKnownHostsFile=\"/keys/known hosts\"", "-o\nGlobalKnownHostsFile=/dev/null",
		"-o\nIdentitiesOnly=yes\n-i\n/keys/my key", "-p\n2222",
	} {
		require.Contains(t, joined, option)
	}
	environment := strings.Join(lines(t, filepath.Join(filepath.Dir(noted), "env")), "\n")
	require.NotContains(t, joined+environment, "canary", "the list of processes shows nothing of the task")
	require.NotContains(t, environment, "LD_PRELOAD")
}

func TestEndsOverSSH(t *testing.T) {
	standIn(t, "ssh", lastArgument)
	result, _ := run(t, distant(t, "exit 3"))
	require.Equal(t, "exit code 3", result.Reason)
	require.Equal(t, 3, *result.ExitCode)
	result, _ = run(t, distant(t, "kill -KILL $$"))
	require.Equal(t, 137, *result.ExitCode, "as shells tell of a signal")
	result, _ = run(t, distant(t, "exit 255"))
	require.Equal(t, "exit code 255: ssh failed, or the command ended with it; the log says which", result.Reason)
}

func TestHostsThatAreOptions(t *testing.T) {
	for _, c := range []struct{ host, user, want string }{
		{"", "", "ssh has no host"},
		{"-oProxyCommand=id", "", `ssh host "-oProxyCommand=id" is not valid`},
		{"me@host", "", `ssh host "me@host" is not valid`},
		{"h", "-x", `ssh user "-x" is not valid`},
	} {
		in := distant(t, "true")
		in.Task.SSH = &miniairflow.SSH{Host: c.host, User: c.user}
		result, _ := run(t, in)
		require.Equal(t, miniairflow.AttemptFailed, result.Status)
		require.Contains(t, result.Reason, c.want)
	}
}
