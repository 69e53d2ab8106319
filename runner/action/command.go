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

	"golang.org/x/sys/unix"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/process"
)

// command runs a script or a program as a child process.
type command struct {
	logger    *slog.Logger
	processes Processes
	spare     spare
}

// Run implements Runner.
func (c *command) Run(ctx context.Context, in Input, log io.Writer) Result {
	notes := &noteWriter{w: log}
	own, err := c.takePrivate(ctx, in.ScratchRoot)
	if err != nil {
		return cannotStart(notes, err)
	}
	isOver := false // nothing of the attempt can still write into its directory
	defer func() {
		if !isOver || !own.isUntouched() {
			c.remove(ctx, own) // while the attempt has its slot, so that it is not done more slowly than it is needed
			return
		}
		in.later(func() { c.givePrivate(ctx, own) })
	}()

	defer c.removeInputs(ctx, in, own)
	if in, err = c.bring(ctx, in, own); err != nil {
		return notBrought(ctx, in.Task, err, notes)
	}
	spec := process.Spec{
		Argv:   argv(in),
		Env:    environment(in, os.Environ(), own),
		Dir:    in.Dir,
		Stdin:  in.Task.Stdin,
		Output: notes,
	}
	box, err := place(&spec, in, own)
	if err != nil {
		return cannotStart(notes, err)
	}
	printed := tailOf(in.Task)
	if printed != nil {
		spec.Stdout = io.MultiWriter(printed, notes)
	}
	if in.NotAfter != nil {
		spec.NotAfter = in.NotAfter()
	}
	child, err := c.processes.Start(ctx, spec)
	if err != nil {
		return notStarted(ctx, in.Task, err, notes)
	}
	stopped := stopWith(ctx, child, in)
	exit := child.Wait()
	if box != nil && (stopped || exit.Lost || exit.Signal != 0) {
		c.removeContainer(ctx, box, spec)
	}
	if exit.LeftBehind && !exit.Lost {
		notes.note("background processes kept the output open after the command had ended; what they print is no longer recorded")
	}
	switch {
	case exit.Lost:
		result := Result{Status: miniairflow.AttemptLost, Reason: "the guardian of the worker's processes died"}
		notes.note(result.Reason)
		return result
	case stopped:
		result := interrupted(ctx, in.Task)
		notes.note(result.Reason)
		return result
	}
	isOver = !exit.LeftBehind
	return collect(ctx, in, own, finish(in, exit, own.output, printed, notes), notes)
}

// place makes spec run where the task says: on another machine, or in a container.
// Otherwise it stays as it is.
func place(spec *process.Spec, in Input, own private) (*container, error) {
	switch {
	case in.Task.SSH != nil:
		return nil, overSSH(spec, in, own)
	case in.Task.Container != nil:
		return inContainer(spec, in, own)
	default:
		return nil, nil
	}
}

// notStarted returns the Result of an attempt whose command has not begun.
func notStarted(ctx context.Context, task *miniairflow.Task, err error, notes *noteWriter) Result {
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)): // it hangs, and is not waited for
		result := interrupted(ctx, task)
		notes.note(result.Reason)
		return result
	case isTooLate(err):
		return Result{Status: miniairflow.AttemptLost, Reason: "the worker lost contact before the task began"}
	default:
		return cannotStart(notes, explainShell(task, err))
	}
}

// stopWith waits for the end of child, and stops it when ctx is done first. A
// command that has ended by then keeps its own result.
func stopWith(ctx context.Context, child *process.Process, in Input) (stopped bool) {
	select {
	case <-child.Done():
		return false
	case <-ctx.Done():
	}
	select {
	case <-child.Done():
		return false
	default:
	}
	go func() {
		select {
		case <-in.Taken: // perhaps only within the grace
			child.Stop(0)
		case <-child.Done():
		}
	}()
	child.Stop(in.Grace)
	return true
}

// finish turns the end of a process that nobody stopped into a Result.
func finish(in Input, exit process.Exit, output string, printed *tail, notes *noteWriter) Result {
	if exit.Signal != 0 {
		return failed("killed by " + signalName(exit.Signal))
	}
	code := exit.Code
	if code != 0 {
		return Result{Status: miniairflow.AttemptFailed, Reason: exitReason(in.Task, code), ExitCode: &code}
	}
	outputs, err := readOutputs(output, in, printed)
	if err != nil {
		notes.note(err.Error())
		return Result{Status: miniairflow.AttemptFailed, Reason: err.Error(), ExitCode: &code}
	}
	return Result{Status: miniairflow.AttemptSuccess, ExitCode: &code, Outputs: outputs}
}

// exitReason says what an exit code may mean beside what the command means by it.
func exitReason(task *miniairflow.Task, code int) string {
	reason := fmt.Sprintf("exit code %d", code)
	switch {
	case task.SSH != nil && code == sshFailed:
		reason += ": ssh failed, or the command ended with it; the log says which"
	case task.Container != nil && code == engineFailed:
		reason += ": the container could not be started, or the command ended with it; the log says which"
	}
	return reason
}

// argv returns what is executed. A script goes to its shell as one argument:
// nothing is ever put into its text.
func argv(in Input) []string {
	cmd := in.Task.Command
	switch {
	case cmd.Script == "":
		return cmd.Argv
	case cmd.Shell == "sh":
		return []string{"sh", "-e", "-c", cmd.Script}
	default:
		return []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", cmd.Script}
	}
}

// isTooLate reports whether a command was not started because others may run it.
func isTooLate(err error) bool {
	var start *process.StartError
	return errors.As(err, &start) && start.Kind == process.TooLate
}

// explainShell replaces the error of a missing shell, which the file does not
// name, by one that says what to do.
func explainShell(task *miniairflow.Task, err error) error {
	var start *process.StartError
	cmd, isElsewhere := task.Command, task.SSH != nil || task.Container != nil
	if cmd.Script == "" || isElsewhere || !errors.As(err, &start) || start.Kind != process.ProgramMissing {
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

// RemoveAll is os.RemoveAll that also gets rid of read-only directories, such as
// module caches have.
func RemoveAll(root string) error {
	if os.RemoveAll(root) == nil {
		return nil
	}
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(root)
}
