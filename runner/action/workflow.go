package action

import (
	"context"
	"fmt"
	"io"

	"github.com/sauravritesh63/miniairflow"
)

// Child is what the worker has seen of the child run that a task waits for.
type Child struct {
	Run     *miniairflow.WorkflowRun
	Outputs map[string]any // of its workflow, when it has succeeded
	Held    string         // why it does not start, if people keep it from it
	Fault   string         // what fails the attempt, whatever the run does
}

// workflow waits for the end of a child run, which the worker has created. It is
// woken when that is over, so the looks in between are for what nobody told.
type workflow struct{}

// Run implements Runner.
func (workflow) Run(_ context.Context, in Input, log io.Writer) Result {
	notes, child := &noteWriter{w: log}, in.Child
	if child.Run == nil || child.Fault != "" {
		notes.note(child.Fault)
		return failed(child.Fault)
	}
	label := child.Run.Label()
	switch {
	case child.Run.Status == miniairflow.RunSuccess:
		outputs, err := miniairflow.ChildOutputs(in.Task, child.Outputs)
		if err != nil {
			return failed(fmt.Sprintf("run %s has succeeded, but %v", label, err))
		}
		notes.note("run " + label + " has succeeded")
		return Result{Status: miniairflow.AttemptSuccess, Outputs: outputs}
	case child.Run.IsTerminal():
		reason := fmt.Sprintf("child run %s %s", label, ended(child.Run.Status))
		if child.Run.Reason != "" {
			reason += ": " + child.Run.Reason
		}
		notes.note(reason)
		return failed(reason)
	}
	what := "waits for run " + label
	if in.LogFrom == 0 {
		notes.note(what)
	}
	if child.Held != "" {
		what += ": " + child.Held
	}
	again := &Again{After: miniairflow.WaitIntervalDefault, Memory: label, ChildID: child.Run.ID}
	if limit := in.Task.Timeout.Std(); limit > 0 {
		left := in.Look.Since.Add(limit).Sub(in.Look.Now)
		if left <= 0 {
			reason := "timed out after " + in.Task.Timeout.String() + ": " + what
			notes.note(reason)
			return Result{Status: miniairflow.AttemptTimedOut, Reason: reason}
		}
		again.After = min(left, again.After)
	}
	return Result{Status: miniairflow.AttemptRunning, Reason: what, Again: again}
}

// ended is the state of a run that is over, as the end of a sentence.
func ended(status miniairflow.RunStatus) string {
	if status == miniairflow.RunFailed {
		return "failed"
	}
	return "was " + string(status)
}
