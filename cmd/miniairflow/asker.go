package main

import (
	"context"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/sauravritesh63/miniairflow"
)

// asker asks the person at the terminal what the approvals of a run ask, one
// after the other. A nil one asks nothing.
type asker struct {
	in        *os.File
	show      *progress
	approvals map[string]*miniairflow.Approval // by task
	names     map[string]string                // in which each is answered
	answer    func(ctx context.Context, task string, a answerOf) error

	interrupted context.Context               // ends with the first interrupt: then nothing is asked any more
	known       map[string]context.CancelFunc // by task run that waits: ends its question
	turn        chan struct{}                 // held by the question that is open
	all         sync.WaitGroup
}

// answerOf is what a person answers to an approval.
type answerOf struct {
	approve bool
	fields  map[string]any
}

// newAsker returns what asks for the approvals of a run; nil where nobody can
// answer: both ends have to be a terminal on which this process is in front. An
// interrupt ends all questions.
func (p *process) newAsker(interrupted context.Context, show *progress, r fileRun, run *miniairflow.WorkflowRun) *asker {
	in, isFile := p.std.in.(*os.File)
	out, isFileToo := p.std.err.(*os.File)
	if !isFile || !isFileToo || !isInFront(in) || !term.IsTerminal(int(out.Fd())) {
		return nil
	}
	a := &asker{
		in: in, show: show, approvals: map[string]*miniairflow.Approval{}, names: map[string]string{},
		interrupted: interrupted, known: map[string]context.CancelFunc{}, turn: make(chan struct{}, 1),
	}
	for i := range r.definition.Tasks {
		t := &r.definition.Tasks[i]
		if t.Approval == nil {
			continue
		}
		if name := answerName(t.Approval, r.request.By.Name, p.config.DatabaseURL == ""); name != "" {
			a.approvals[t.Name], a.names[t.Name] = t.Approval, name
		}
	}
	if len(a.approvals) == 0 {
		return nil
	}
	a.answer = func(ctx context.Context, task string, given answerOf) error {
		_, err := p.control().AnswerApproval(ctx, miniairflow.AnswerRequest{
			RunID: run.ID, Task: task, Approve: given.approve, Fields: given.fields, By: miniairflow.Actor{Name: a.names[task]},
		})
		return err
	}
	return a
}

// answerName returns in whose name a person at the terminal answers; empty: in
// nobody's, who has to use a token. A private store has no tokens: there everybody
// may stand for the first of the approvers.
func answerName(a *miniairflow.Approval, own string, isPrivate bool) string {
	switch {
	case len(a.Approvers) == 0:
		return own
	case isPrivate:
		return a.Approvers[0]
	}
	return ""
}

// unanswered returns the first task whose approval nobody can give, as no other
// process reaches the database; empty: there is none.
func (p *process) unanswered(a *asker, r fileRun) string {
	if p.config.usesPostgres() {
		return ""
	}
	for i := range r.definition.Tasks {
		t := &r.definition.Tasks[i]
		if t.Approval != nil && (a == nil || a.approvals[t.Name] == nil) {
			return t.Name
		}
	}
	return ""
}

// isInFront reports whether a file is the terminal of this process and it may
// read from it: one in the background would be stopped.
func isInFront(file *os.File) bool {
	if !term.IsTerminal(int(file.Fd())) {
		return false
	}
	group, err := unix.IoctlGetInt(int(file.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// follow begins to ask for what has begun to wait among the tasks, and takes the
// question back where the task does not wait any more.
func (a *asker) follow(ctx context.Context, tasks []taskRunView) {
	if a == nil {
		return
	}
	for i := range tasks {
		t := tasks[i]
		approval := a.approvals[t.Name]
		if approval == nil {
			continue
		}
		stop, isKnown := a.known[t.ID]
		isWaiting := t.Status == state(miniairflow.TaskWaiting)
		switch {
		case isKnown && !isWaiting:
			stop()
			delete(a.known, t.ID)
		case !isKnown && isWaiting && a.interrupted.Err() == nil:
			asking, stop := context.WithCancel(ctx)
			stopListening := context.AfterFunc(a.interrupted, stop)
			a.known[t.ID] = stop
			a.all.Go(func() {
				defer stopListening()
				defer stop()
				a.ask(ctx, asking, &t, approval)
			})
		}
	}
}

// end takes all questions back and returns when none is open.
func (a *asker) end() {
	if a == nil {
		return
	}
	for _, stop := range a.known {
		stop()
	}
	a.all.Wait()
}

// ask asks for one approval until it is answered, asking ends, or the person gives up.
func (a *asker) ask(ctx, asking context.Context, t *taskRunView, approval *miniairflow.Approval) {
	select {
	case a.turn <- struct{}{}:
	case <-asking.Done():
		return
	}
	defer func() { <-a.turn }()
	if asking.Err() != nil {
		return
	}
	q := &question{in: a.in, show: a.show, approval: approval}
	given, err := q.ask(asking, introduction(t, approval, a.names[t.Name]))
	switch {
	case asking.Err() != nil:
		a.show.answered("", t.Name+" does not wait for an answer any more")
	case err != nil:
		a.show.answered("", fmt.Sprintf("%s goes on waiting, and is not asked for again: %v", t.Name, err))
	default:
		defer a.show.answered()
		if err := a.answer(ctx, t.Name, given); err != nil && ctx.Err() == nil {
			a.show.note(fmt.Sprintf("%s could not be answered: %s", t.Name, errorText(err)))
		}
	}
}
