package action_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// script returns the Input of a task that runs text with bash.
func script(t *testing.T, text string) action.Input {
	t.Helper()
	return action.Input{
		Claim:       miniairflow.Claim{RunID: uuid.New(), Attempt: 1, Run: &miniairflow.WorkflowRun{Number: 7}},
		Task:        &miniairflow.Task{Name: "t", Command: &miniairflow.Command{Script: text, Shell: "bash"}},
		Dir:         t.TempDir(),
		RunDir:      t.TempDir(),
		ScratchRoot: t.TempDir(),
		Grace:       time.Second,
	}
}

// program returns the Input of a task that executes argv.
func program(t *testing.T, argv ...string) action.Input {
	t.Helper()
	in := script(t, "")
	in.Task.Command = &miniairflow.Command{Argv: argv}
	return in
}

func run(t *testing.T, in action.Input) (action.Result, string) {
	t.Helper()
	var log bytes.Buffer
	result := newRunner(t).Run(t.Context(), in, &log)
	return result, log.String()
}

func TestScriptSucceeds(t *testing.T) {
	result, log := run(t, script(t, "echo out; echo err >&2; echo more"))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Zero(t, *result.ExitCode)
	require.Equal(t, "out\nerr\nmore\n", log)
}

func TestNoop(t *testing.T) {
	in := script(t, "")
	in.Task = &miniairflow.Task{Name: "join", Noop: true}
	result, log := run(t, in)
	require.Equal(t, action.Result{Status: miniairflow.AttemptSuccess}, result)
	require.Empty(t, log)
}

func TestShells(t *testing.T) {
	for name, c := range map[string]struct {
		shell, script string
		code          int
	}{
		"bash stops at the first error":     {"bash", "false; exit 9", 1},
		"bash sees a failure in a pipe":     {"bash", "(exit 4) | true", 4},
		"bash reads no start-up files":      {"bash", "shopt -q login_shell && exit 9; true", 0},
		"bash is the default":               {"", `[ -n "$BASH_VERSION" ]`, 0},
		"sh stops at the first error":       {"sh", "false; exit 9", 1},
		"text is not changed on its way":    {"bash", `[ '${{ x }}' = '$'"{{ x }}" ]`, 0},
		"stdin is empty unless it is given": {"bash", `[ -z "$(cat)" ]`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in := script(t, c.script)
			in.Task.Command.Shell = c.shell
			result, log := run(t, in)
			require.Equal(t, c.code, *result.ExitCode, log)
		})
	}
}

func TestReasonsOfFailure(t *testing.T) {
	noPath := map[string]string{"PATH": "/no/such/directory"}
	for name, c := range map[string]struct {
		change func(*action.Input)
		want   string
	}{
		"exit code":  {func(in *action.Input) { in.Task.Command.Script = "exit 3" }, "exit code 3"},
		"signal":     {func(in *action.Input) { in.Task.Command.Script = "kill -KILL $$" }, "killed by SIGKILL"},
		"no program": {func(in *action.Input) { *in = program(t, "python4") }, "cannot start: program python4 not found in PATH"},
		"no bash":    {func(in *action.Input) { in.Task.Env = noPath }, `cannot start: the shell bash is not in PATH: install bash on this worker, or write "shell: sh" in the task`},
		"no sh":      {func(in *action.Input) { in.Task.Env = noPath; in.Task.Command.Shell = "sh" }, "cannot start: the shell sh is not in PATH"},
		"no dir":     {func(in *action.Input) { in.Dir = "/no/such/directory" }, "cannot start: working directory /no/such/directory does not exist"},
		"no scratch": {func(in *action.Input) { in.ScratchRoot = "/no/such/directory" }, "cannot start: make scratch directory"},
		"NUL in env": {func(in *action.Input) { in.Task.Env = map[string]string{"A": "\x00"} }, `cannot start: environment variable "A" has a NUL byte`},
		"no action":  {func(in *action.Input) { in.Task = &miniairflow.Task{} }, "the task has no action that this worker knows"},
		"too long":   {func(in *action.Input) { *in = program(t, "true", strings.Repeat("x", 16<<20)) }, "cannot start: arguments and environment are longer than the system allows"},
	} {
		t.Run(name, func(t *testing.T) {
			in := script(t, "true")
			c.change(&in)
			result, _ := run(t, in)
			require.Equal(t, miniairflow.AttemptFailed, result.Status)
			require.Contains(t, result.Reason, c.want)
		})
	}
}

// started is a log that tells when the task has printed something.
type started struct {
	bytes.Buffer
	once sync.Once
	c    chan struct{}
}

func (s *started) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.c) })
	return s.Buffer.Write(p)
}

func TestInterruption(t *testing.T) {
	for name, c := range map[string]struct {
		cause  error
		status miniairflow.AttemptStatus
		reason string
	}{
		"timeout":  {action.ErrTimedOut, miniairflow.AttemptTimedOut, "timed out after 10m0s"},
		"deadline": {context.DeadlineExceeded, miniairflow.AttemptTimedOut, "timed out after 10m0s"},
		"cancel":   {action.ErrCancelled, miniairflow.AttemptCancelled, "cancelled"},
		"wrapped":  {fmt.Errorf("run: %w", action.ErrCancelled), miniairflow.AttemptCancelled, "cancelled"},
		"no cause": {nil, miniairflow.AttemptCancelled, "cancelled"},
		"lost":     {action.ErrLost, miniairflow.AttemptLost, "the worker lost the attempt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := script(t, "trap 'echo cleaning up; exit 0' TERM; printf up; while :; do sleep 0.05; done")
			in.Task.Timeout = miniairflow.Duration(10 * time.Minute)
			ctx, cancel := context.WithCancelCause(t.Context())
			log := &started{c: make(chan struct{})}
			go func() {
				<-log.c
				cancel(c.cause)
			}()
			result := newRunner(t).Run(ctx, in, log)
			require.Equal(t, c.status, result.Status)
			require.Equal(t, c.reason, result.Reason)
			require.Nil(t, result.ExitCode)
			require.True(t, strings.HasSuffix(log.String(), "cleaning up\nminiairflow: "+c.reason+"\n"), log.String())
			left, err := os.ReadDir(in.ScratchRoot)
			require.NoError(t, err)
			require.Empty(t, left)

			again := newRunner(t).Run(ctx, in, failingLog{t})
			require.Equal(t, c.status, again.Status, "nothing starts when it is over already")
		})
	}
}

// The grace of a task ends when others may run it, whatever it was ended for.
func TestTakenTaskHasNoGrace(t *testing.T) {
	for name, cause := range map[string]error{"lost": action.ErrLost, "cancelled before": action.ErrCancelled} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, taken := script(t, "trap 'echo asked' TERM; printf up; while :; do sleep 0.05; done"), make(chan struct{})
			in.Grace, in.Taken = time.Hour, taken
			ctx, cancel := context.WithCancelCause(t.Context())
			log := &started{c: make(chan struct{})}
			go func() {
				<-log.c
				cancel(cause)
				close(taken)
			}()
			began := time.Now()
			newRunner(t).Run(ctx, in, log)
			require.Less(t, time.Since(began), in.Grace)
		})
	}
}

// Past its fence a worker starts nothing.
func TestNothingStartsTooLate(t *testing.T) {
	in := script(t, "echo up")
	in.NotAfter = func() time.Time { return time.Now().Add(-time.Second) }
	result := newRunner(t).Run(t.Context(), in, failingLog{t})
	require.Equal(t, miniairflow.AttemptLost, result.Status)
	in.NotAfter = lateWhenAsked(2)
	result = newRunner(t).Run(t.Context(), in, failingLog{t})
	require.Equal(t, miniairflow.AttemptLost, result.Status, "the worker stood still between its own look and the start")
	in.NotAfter = func() time.Time { return time.Now().Add(time.Hour) }
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status)
	require.Equal(t, "up\n", log)
}

// lateWhenAsked returns a fence that is over when it is asked for the nth time.
func lateWhenAsked(n int) func() time.Time {
	return func() time.Time {
		if n--; n <= 0 {
			return time.Now().Add(-time.Second)
		}
		return time.Now().Add(time.Hour)
	}
}

// failingLog fails the test when something is printed.
type failingLog struct{ t *testing.T }

func (f failingLog) Write(p []byte) (int, error) {
	require.Fail(f.t, "nothing should run", string(p))
	return len(p), nil
}

func TestScratchIsPrivateAndRemoved(t *testing.T) {
	in := script(t, `mkdir -p "$TMPDIR/a/b"; touch "$TMPDIR/a/b/c"; chmod -R a-w "$TMPDIR/a"; ls -ld "$TMPDIR" | cut -c1-10; mktemp`)
	result, log := run(t, in)
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, log)
	lines := strings.Split(log, "\n")
	require.Equal(t, "drwx------", lines[0])
	require.Contains(t, lines[1], in.ScratchRoot)
	left, err := os.ReadDir(in.ScratchRoot)
	require.NoError(t, err)
	require.Empty(t, left)
}

// What an attempt left as it was is given to the next one; what it has touched in
// any way is removed.
func TestUntouchedScratchIsGivenOn(t *testing.T) {
	const show = "; echo $TMPDIR; ls -A $TMPDIR; cat $MINIAIRFLOW_OUTPUT"
	for name, c := range map[string]struct {
		script string
		isKept bool
	}{
		"untouched":                  {"true", true},
		"used and emptied":           {"echo x >$TMPDIR/f; rm $TMPDIR/f", true},
		"a file":                     {"touch $TMPDIR/.f", false},
		"opened to others":           {"chmod 755 $TMPDIR", false},
		"gone":                       {"rmdir $TMPDIR", false},
		"another in its place":       {"rmdir $TMPDIR; ln -s / $TMPDIR", false},
		"outputs":                    {"echo a=b >$MINIAIRFLOW_OUTPUT", false},
		"outputs gone":               {"rm $MINIAIRFLOW_OUTPUT", false},
		"outputs by another name":    {"ln $MINIAIRFLOW_OUTPUT $MINIAIRFLOW_RUN_DIR/o", false},
		"outputs opened":             {"chmod 666 $MINIAIRFLOW_OUTPUT", false},
		"a process that is left":     {"sleep 60 &", false},
		"killed":                     {"kill -9 $$", true},
		"failed":                     {"trap 'exit 1' EXIT", true},
		"another place for outputs":  {"mv $MINIAIRFLOW_OUTPUT $TMPDIR/", false},
		"a directory in their place": {"rm $MINIAIRFLOW_OUTPUT; mkdir $MINIAIRFLOW_OUTPUT", false},
	} {
		t.Run(name, func(t *testing.T) {
			runner := newRunner(t)
			play := func(in action.Input) (action.Result, string) {
				var log bytes.Buffer
				return runner.Run(t.Context(), in, &log), log.String()
			}
			first := script(t, "echo $TMPDIR; "+c.script)
			_, log := play(first)
			before, _, _ := strings.Cut(log, "\n")
			kept, err := os.ReadDir(first.ScratchRoot)
			require.NoError(t, err)
			require.Equal(t, c.isKept, len(kept) > 0)
			second := script(t, "true"+show)
			second.ScratchRoot = first.ScratchRoot
			result, log := play(second)
			require.Equal(t, miniairflow.AttemptSuccess, result.Status, log)
			after, rest, _ := strings.Cut(log, "\n")
			require.Empty(t, rest, "it is empty either way")
			require.NotEqual(t, before, after, "nobody finds it by its old name")
			left, err := os.ReadDir(first.ScratchRoot)
			require.NoError(t, err)
			require.Len(t, left, 2, "that of the second is the only one")
			third := script(t, "true"+show)
			_, log = play(third)
			require.Contains(t, log, third.ScratchRoot, "below another root there is another one")
		})
	}
}

// What became of a spare directory while nobody used it does not reach an attempt.
func TestSpoiltSpareIsNotGivenOut(t *testing.T) {
	for name, spoil := range map[string]func(dir, output string) error{
		"removed":         func(dir, _ string) error { return os.Remove(dir) },
		"outputs removed": func(_, output string) error { return os.Remove(output) },
		"written":         func(_, output string) error { return os.WriteFile(output, []byte("a=b\n"), 0o600) },
		"filled":          func(dir, _ string) error { return os.WriteFile(dir+"/f", nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			runner := newRunner(t)
			in := script(t, "echo $TMPDIR; echo $MINIAIRFLOW_OUTPUT; ls -A $TMPDIR; cat $MINIAIRFLOW_OUTPUT")
			for range 2 {
				var log bytes.Buffer
				result := runner.Run(t.Context(), in, &log)
				require.Equal(t, miniairflow.AttemptSuccess, result.Status, log.String())
				require.Empty(t, result.Outputs)
				paths := strings.Fields(log.String())
				require.Len(t, paths, 2, "directory and outputs are empty")
				spare, err := filepath.Glob(in.ScratchRoot + "/attempt-*[0-9a-z]")
				require.NoError(t, err)
				spare = slices.DeleteFunc(spare, func(path string) bool { return strings.HasSuffix(path, ".output") })
				require.Len(t, spare, 1)
				require.NoError(t, spoil(spare[0], spare[0]+".output"))
			}
		})
	}
}

func TestBackgroundProcessDoesNotHoldTheTask(t *testing.T) {
	result, log := run(t, script(t, "sleep 60 & printf done"))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status)
	require.Equal(t, "done\nminiairflow: background processes kept the output open after the command had ended; what they print is no longer recorded\n", log)
}
