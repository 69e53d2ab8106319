package action

import (
	"bufio"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// remote is a shell that reads what the ssh program sends, as sshd starts one.
type remote struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	output *bufio.Reader
}

// remotely starts what a task runs on another machine, in a shell of this one.
func remotely(t *testing.T, shell string, task *miniairflow.Task, argv ...string) *remote {
	t.Helper()
	in := Input{Task: task, Claim: miniairflow.Claim{Attempt: 1}, Grace: time.Second}
	r := &remote{cmd: exec.Command(shell, "-s")}
	var err error
	r.stdin, err = r.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := r.cmd.StdoutPipe()
	require.NoError(t, err)
	r.output = bufio.NewReader(stdout)
	require.NoError(t, r.cmd.Start())
	_, err = io.WriteString(r.stdin, remoteScript(in, argv))
	require.NoError(t, err)
	return r
}

// end returns what is printed from now on, and the exit code.
func (r *remote) end(t *testing.T) (printed string, code int) {
	t.Helper()
	rest, err := io.ReadAll(r.output)
	require.NoError(t, err)
	_ = r.cmd.Wait()
	return string(rest), r.cmd.ProcessState.ExitCode()
}

// shells are those that may be sh elsewhere, and here.
func shells(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, shell := range []string{"sh", "dash", "bash", "ksh", "mksh"} {
		if _, err := exec.LookPath(shell); err == nil {
			found = append(found, shell)
		}
	}
	require.NotEmpty(t, found)
	return found
}

func TestRemoteCommandGetsAllAsItIs(t *testing.T) {
	odd := "it's \"$HOME\" `id` \\ %s\n\ttab ☃ -"
	for _, shell := range shells(t) {
		task := &miniairflow.Task{
			Name: "t", SSH: &miniairflow.SSH{Host: "h", Dir: "/usr"}, Stdin: odd,
			Env: map[string]string{"TEXT": odd, "PATH": "/nowhere"},
		}
		r := remotely(t, shell, task, "/bin/sh", "-c", `printf '%s|' "$TEXT" "$1" "$PWD" "$MINIAIRFLOW_TASK" "${MINIAIRFLOW_OUTPUT-none}"; /bin/cat; (: <&3) 2>/dev/null && printf 'has the connection'; exit 7`, "-", odd)
		printed, code := r.end(t)
		require.Equal(t, odd+"|"+odd+"|/usr|t|none|"+odd, printed, shell)
		require.Equal(t, 7, code, shell)
	}
}

// When the connection ends, the command does, too, and what it has started.
func TestConnectionThatEndsEndsTheCommand(t *testing.T) {
	for _, shell := range shells(t) {
		for script, want := range map[string]struct {
			printed string
			code    int
		}{
			"trap 'echo ended; exit 3' TERM; echo started; while :; do sleep 0.01; done": {"ended\n", 3},
			"trap '' TERM; echo started; sleep 600; echo over":                           {"", 137},
			"echo started; sleep 600":                                                    {"", 143},
		} {
			r := remotely(t, shell, &miniairflow.Task{SSH: &miniairflow.SSH{Host: "h"}}, "sh", "-c", script)
			line, err := r.output.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "started\n", line)
			require.NoError(t, r.stdin.Close())
			printed, code := r.end(t) // which waits for everybody who holds the output
			require.Equal(t, want.printed, printed, "%s: %s", shell, script)
			require.Equal(t, want.code, code, "%s: %s", shell, script)
		}
	}
}

// Nobody waits for what a command leaves behind.
func TestRemoteProcessesEndWithTheCommand(t *testing.T) {
	for _, shell := range shells(t) {
		r := remotely(t, shell, &miniairflow.Task{SSH: &miniairflow.SSH{Host: "h"}}, "sh", "-c", "sleep 600 & echo started")
		printed, code := r.end(t)
		require.Equal(t, "started\n", printed)
		require.Zero(t, code)
	}
}

func TestRemoteDirectoryThatIsMissing(t *testing.T) {
	r := remotely(t, "sh", &miniairflow.Task{SSH: &miniairflow.SSH{Host: "h", Dir: "/no/such/directory"}}, "echo", "never")
	printed, code := r.end(t)
	require.Empty(t, printed)
	require.Equal(t, 1, code)
}
