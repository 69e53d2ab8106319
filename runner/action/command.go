package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

// command runs a script or a program as a child process.
type command struct {
	logger *slog.Logger
}

// Run implements Runner.
func (c *command) Run(ctx context.Context, in Input, log io.Writer) Result {
	notes := &noteWriter{w: log}
	private, err := c.makePrivate(in)
	if err != nil {
		return cannotStart(notes, err)
	}
	defer c.remove(ctx, private.root)

	child, err := process.Start(process.Spec{
		Argv:   argv(in),
		Env:    environment(in, os.Environ(), private),
		Dir:    in.Dir,
		Stdin:  in.Stdin,
		Output: notes,
	})
	if err != nil {
		return cannotStart(notes, explainShell(in.Task.Command, err))
	}
	stopped := stopWith(ctx, child, in.Grace)
	exit := child.Wait()
	if exit.LeftBehind {
		notes.note("background processes kept the output open after the command had ended; what they print is no longer recorded")
	}
	if stopped {
		result := interrupted(ctx, in.Task)
		notes.note(result.Reason)
		return result
	}
	return finish(in.Task, exit, private.output, notes)
}

// stopWith waits for the end of child, and stops it when ctx is done first. A
// command that has ended by then keeps its own result.
func stopWith(ctx context.Context, child *process.Process, grace time.Duration) (stopped bool) {
	select {
	case <-child.Done():
		return false
	case <-ctx.Done():
	}
	select {
	case <-child.Done():
		return false
	default:
		child.Stop(grace)
		return true
	}
}

// finish turns the end of a process that nobody stopped into a Result.
func finish(task *miniairflow.Task, exit process.Exit, output string, notes *noteWriter) Result {
	if exit.Signal != 0 {
		return failed("killed by " + signalName(exit.Signal))
	}
	code := exit.Code
	if code != 0 {
		return Result{Status: miniairflow.AttemptFailed, Reason: fmt.Sprintf("exit code %d", code), ExitCode: &code}
	}
	outputs, err := readOutputs(output, task.Outputs)
	if err != nil {
		notes.note(err.Error())
		return Result{Status: miniairflow.AttemptFailed, Reason: err.Error(), ExitCode: &code}
	}
	return Result{Status: miniairflow.AttemptSuccess, ExitCode: &code, Outputs: outputs}
}

// argv returns what is executed. A script goes to its shell as one argument:
// nothing is ever put into its text.
func argv(in Input) []string {
	cmd := in.Task.Command
	switch {
	case cmd.Script == "":
		return in.Argv
	case cmd.Shell == "sh":
		return []string{"sh", "-e", "-c", cmd.Script}
	default:
		return []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", cmd.Script}
	}
}

// explainShell replaces the error of a missing shell, which the file does not
// name, by one that says what to do.
func explainShell(cmd *miniairflow.Command, err error) error {
	var start *process.StartError
	if cmd.Script == "" || !errors.As(err, &start) || start.Kind != process.ProgramMissing {
		return err
	}
	if cmd.Shell == "sh" {
		return errors.New("the shell sh is not in PATH")
	}
	return errors.New("the shell bash is not in PATH: install bash on this worker, or write \"shell: sh\" in the task")
}

func cannotStart(notes *noteWriter, err error) Result {
	result := failed("cannot start: " + err.Error())
	notes.note(result.Reason)
	return result
}

func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}

// private is what belongs to one attempt alone.
type private struct {
	root    string // of the two below; removed after the attempt
	scratch string
	output  string // the file of MINIAIRFLOW_OUTPUT, empty at first
}

// makePrivate creates the attempt's own directory. The outputs file lies beside
// the scratch directory, so that a task may empty the latter.
func (c *command) makePrivate(in Input) (private, error) {
	root, err := os.MkdirTemp(in.ScratchRoot, "attempt-")
	if err != nil {
		return private{}, fmt.Errorf("make scratch directory: %w", err)
	}
	p := private{root: root, scratch: filepath.Join(root, "scratch"), output: filepath.Join(root, "output")}
	if err = os.Mkdir(p.scratch, 0o700); err == nil {
		err = os.WriteFile(p.output, nil, 0o600)
	}
	if err != nil {
		c.remove(context.Background(), root)
		return private{}, fmt.Errorf("make scratch directory: %w", err)
	}
	return p, nil
}

// remove deletes a directory, also one that has read-only directories in it, as
// module caches do.
func (c *command) remove(ctx context.Context, root string) {
	if os.RemoveAll(root) == nil {
		return
	}
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(root); err != nil {
		c.logger.WarnContext(ctx, "scratch directory cannot be removed", "path", root, "error", err)
	}
}
