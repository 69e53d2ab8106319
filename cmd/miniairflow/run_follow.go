package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/google/uuid"

	"github.com/sauravritesh63/miniairflow"
)

// follow shows the run until it ends. An interrupt cancels it first; without
// an engine there is nothing to wait for.
func (p *process) follow(ctx, failed context.Context, c *client, r fileRun, run *miniairflow.WorkflowRun) (*runView, error) {
	watching, stopWatching := context.WithCancel(failed)
	defer stopWatching()
	show := newProgress(p.std.err, run.Label())
	cancelled := make(chan error, 1)
	stopListening := context.AfterFunc(ctx, func() {
		defer stopWatching()
		cancelled <- p.interrupted(watching, show, run.ID)
	})
	var output *taskOutput
	if r.logs {
		output = newTaskOutput(c, show)
	}
	asker := p.newAsker(ctx, show, r, run)
	if task := p.unanswered(asker, r); task != "" {
		show.note(fmt.Sprintf("%s asks for an approval that nobody can give here: run it on a terminal, or trigger it on a server", task))
	}
	finished, err := watch(watching, c, run.ID.String(), show, output, asker)
	if stopListening() {
		return finished, err
	}
	stopWatching()
	if failure := <-cancelled; failure != nil {
		return nil, &exitError{code: exitInterrupted, cause: fmt.Errorf("end the tasks: %w", failure)}
	}
	if errors.Is(err, context.Canceled) {
		return nil, &exitError{code: exitInterrupted}
	}
	return finished, err
}

// interrupted cancels the run and then waits for the watch to end, or for a
// second interrupt.
func (p *process) interrupted(watching context.Context, show *progress, runID uuid.UUID) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	ctx, done := context.WithTimeout(watching, stopTimeout)
	defer done()
	show.note("Interrupted: ending the tasks (once more to give up on the run)")
	_, err := p.control().CancelRun(ctx, runID, miniairflow.Actor{Name: "run", Reason: "interrupted"})
	if watching.Err() != nil {
		return nil // the run was over before
	}
	if err != nil {
		return err
	}
	select {
	case <-again:
	case <-watching.Done():
	}
	return nil
}

// failureTail is how much of a failed task's log `run` prints, in bytes.
const failureTail = 4 << 10

// printFailures prints the end of the log of each failed task.
func (p *process) printFailures(c *client, run *runView) error {
	ctx, done := context.WithTimeout(context.Background(), stopTimeout)
	defer done()
	for i := range run.TaskRuns {
		t := &run.TaskRuns[i]
		if t.Status != "failed" || t.Attempt == 0 {
			continue
		}
		fmt.Fprintf(p.std.err, "\n==> log of %s, attempt %d <==\n", t.Name, t.Attempt)
		if err := c.copyLog(ctx, p.std.err, t.ID, 0, -failureTail); err != nil {
			return fmt.Errorf("log of %s: %w", t.Name, err)
		}
	}
	return nil
}
