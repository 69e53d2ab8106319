package action

import (
	"context"
	"io"

	"github.com/sauravritesh63/miniairflow"
)

// approval waits for an answer, which the store takes without a worker. So its
// looks do nothing but to see that the time is over.
type approval struct{}

// Run implements Runner.
func (approval) Run(_ context.Context, in Input, log io.Writer) Result {
	notes := &noteWriter{w: log}
	what := "waits for approval"
	if message := in.Task.Approval.Message; message != "" {
		what += ": " + message
	}
	if in.LogFrom == 0 {
		notes.note(what)
	}
	again := &Again{After: lookAtLeast, Memory: asked}
	if limit := in.Task.Timeout.Std(); limit > 0 {
		left := in.Look.Since.Add(limit).Sub(in.Look.Now)
		if left <= 0 {
			reason := "timed out after " + in.Task.Timeout.String() + ": nobody has answered"
			if in.Task.Approval.OnTimeout == miniairflow.WaitSkip {
				reason += " (on_timeout: skip)"
			}
			notes.note(reason)
			return Result{Status: miniairflow.AttemptTimedOut, Reason: reason}
		}
		again.After = min(left, lookAtLeast)
	}
	return Result{Status: miniairflow.AttemptRunning, Reason: what, Again: again}
}

// asked is what an approval remembers: its question is in the log.
const asked = "asked"
