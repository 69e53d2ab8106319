package action_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
	"github.com/stretchr/testify/require"
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
	in.Argv = argv
	return in
}

func run(t *testing.T, in action.Input) (action.Result, string) {
	t.Helper()
	var log bytes.Buffer
	result := action.New(nil).Run(context.Background(), in, &log)
	return result, log.String()
}

func TestScriptSucceeds(t *testing.T) {
	result, log := run(t, script(t, "echo out; echo err >&2; echo more"))
	require.Equal(t, miniairflow.AttemptSuccess, result.Status, result.Reason)
	require.Zero(t, *result.ExitCode)
	require.Equal(t, "out\nerr\nmore\n", log)
}
