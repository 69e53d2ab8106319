package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sauravritesh63/miniairflow"
)

// Exit codes, the same for every command.
const (
	exitOK          = 0
	exitFailed      = 1 // the run failed, or an error without a code of its own
	exitUsage       = 2
	exitInvalidFile = 3
	exitNotFound    = 4
	exitUnreachable = 5
	exitTimedOut    = 124
	exitInterrupted = 130
)

// stdio is what a command reads and writes: data to out, everything else to err.
type stdio struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// exitError ends the program with a code. A nil cause prints nothing: the
// command has said all there is to say.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }

// usageErrorf returns an error for wrong flags or arguments.
func usageErrorf(format string, args ...any) error {
	return &exitError{code: exitUsage, cause: fmt.Errorf(format, args...)}
}

// run executes the command line and returns the exit code. The first SIGINT or
// SIGTERM cancels the context of the command; the second one ends the program
// at once, unless the command listens for it itself.
func run(ctx context.Context, args []string, io stdio) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRootCommand(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	var exit *exitError
	isSilent := errors.As(err, &exit) && exit.cause == nil || code == exitInterrupted && errors.Is(err, context.Canceled)
	if !isSilent {
		fmt.Fprintf(io.err, "miniairflow: %s\n", errorText(err))
	}
	return code
}

// errorText returns what a person needs of err: the message of a domain error
// alone, other errors with their path.
func errorText(err error) string {
	if code := miniairflow.ErrorCode(err); code != miniairflow.CodeInternal && code != miniairflow.CodeUnavailable {
		return miniairflow.ErrorMessage(err)
	}
	return err.Error()
}

// exitCode maps err to the code that scripts rely on.
func exitCode(err error) int {
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	switch miniairflow.ErrorCode(err) {
	case miniairflow.CodeNotFound:
		return exitNotFound
	case miniairflow.CodeUnavailable:
		return exitUnreachable
	case miniairflow.CodeInvalid:
		return exitUsage
	default:
		return exitFailed
	}
}

// newRootCommand returns the whole command tree.
func newRootCommand(io stdio) *cobra.Command {
	root := &cobra.Command{
		Use:           "miniairflow",
		Short:         "Run workflows that are YAML files",
		Long:          "Mini Airflow runs workflows that are YAML files: on this machine with `run`,\nor as a server with schedules, workers, GraphQL and a page with `serve`.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageErrorf("%v; see `%s --help`", err, cmd.CommandPath())
	})
	addGlobalFlags(root.PersistentFlags())
	root.AddCommand(
		newServeCommand(io), newWorkerCommand(io), newRunCommand(io), newValidateCommand(io),
		newTriggerCommand(io), newWorkflowsCommand(io), newRunsCommand(io), newBackfillCommand(io), newWorkersCommand(io), newPoolsCommand(io), newVarsCommand(io), newSecretsCommand(io), newTokensCommand(io),
		newAuditCommand(io), newNotificationsCommand(io), newMigrateCommand(io), newGraphCommand(io), newVersionCommand(io),
		newSchemaCommand(io), newExplainCommand(io), newFormatCommand(io), newImportCommand(io), newTestCommand(io),
	)
	refuseStrayArguments(root)
	return root
}

// refuseStrayArguments turns cobra's argument errors into usage errors, in the
// whole tree.
func refuseStrayArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageErrorf("%v; usage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		refuseStrayArguments(sub)
	}
}

func newVersionCommand(io stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(io.out, "miniairflow", version)
			return err
		},
	}
}
