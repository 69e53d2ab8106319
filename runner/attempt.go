package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// reasonMax bounds the text that explains an attempt's end.
const reasonMax = 4 << 10

// hopeless is a fault of an attempt that no retry can mend, since it follows
// from what is fixed in a run: its version, its parameters, the results of
// tasks that have ended. It fails the task at once.
type hopeless struct{ err error }

func (h *hopeless) Error() string { return h.err.Error() }
func (h *hopeless) Unwrap() error { return h.err }

// perform executes a claimed attempt and returns what to report. done is false
// if there is nothing to report, because the attempt is not ours any more.
func (w *Worker) perform(ctx context.Context, a *attempt) (finish miniairflow.Finish, done bool) {
	claim := a.claim
	var task *miniairflow.Task
	w.cfg.Logs.Courtesy.Moved()
	defer w.cfg.Logs.Courtesy.Moved()
	// One task that the code cannot stand must not end the process, and with it all others.
	defer func() {
		if fault := recover(); fault != nil {
			w.panicked(ctx, claim, fault)
			finish, done = finishOf(task, claim, internalError)
		}
	}()
	defer w.dropFiles(ctx, a)
	task, in, err := w.prepareSurely(ctx, a)
	in.Taken, in.NotAfter = a.owned.Done(), a.notAfter
	in.Later = func(do func()) { a.later = append(a.later, do) }
	switch {
	case ctx.Err() != nil:
		return finishOf(task, claim, interrupted(ctx))
	case err != nil:
		result := action.Result{Status: miniairflow.AttemptFailed, Reason: printable(logs.Hide(err.Error(), in.Mask))}
		finish, done = finishOf(task, claim, result)
		if cause := (*hopeless)(nil); errors.As(err, &cause) {
			finish.Next, finish.Delay = miniairflow.TaskFailed, 0
		}
		return finish, done
	}
	return finishOf(task, claim, hide(w.act(ctx, a, task, in), in.Mask))
}

// prepareSurely is prepare, repeated while the store is away.
func (w *Worker) prepareSurely(ctx context.Context, a *attempt) (*miniairflow.Task, action.Input, error) {
	trouble := w.streak("preparation of a task")
	defer trouble.forget()
	for {
		task, in, err := w.prepare(ctx, a)
		if err == nil || ctx.Err() != nil || !isTransient(err) {
			return task, in, err
		}
		sleep(ctx, trouble.failed(ctx, err))
	}
}

// prepare returns the task of a claim and all that its action needs.
func (w *Worker) prepare(ctx context.Context, a *attempt) (*miniairflow.Task, action.Input, error) {
	claim := a.claim
	in := action.Input{Claim: claim, AllowEnv: w.cfg.AllowEnv, Grace: w.cfg.Grace, ScratchRoot: w.scratch.dir}
	g, err := w.versions.dag(ctx, claim.VersionID)
	if err != nil {
		return nil, in, err
	}
	_, index, ok := g.Place(claim.Seq)
	if !ok {
		return nil, in, &hopeless{fmt.Errorf("version %s has no task at place %d", claim.VersionID, claim.Seq)}
	}
	task := g.TaskAt(claim.Seq)
	in.Task = task
	if task.Noop {
		return task, in, nil
	}
	templates := templatesOf(g.Definition, task)
	scope, err := loadScope(ctx, w.cfg.Store, w.cfg.Evaluator, g, claim.Run, templates)
	if err != nil {
		return task, in, err
	}
	if scope.Secrets, err = w.reveal(ctx, task, templates); err != nil {
		return task, in, err
	}
	in.Mask = logs.Forms(slices.Collect(maps.Values(scope.Secrets)))
	if miniairflow.IsItem(claim.Seq) {
		if in.Item, scope.Item, err = w.item(ctx, claim, index); err != nil {
			return task, in, err
		}
	}
	rendered, err := render(w.cfg.Evaluator, g.Definition, task, scope)
	if err != nil {
		return task, in, &hopeless{err}
	}
	handOver(rendered, scope.Secrets)
	in.Task = rendered
	w.handFiles(&in, g)
	if task.Waits() {
		if err := w.recall(ctx, &in); err != nil {
			return task, in, err
		}
	}
	if !task.NeedsFolder() {
		return task, in, nil
	}
	if in.RunDir, err = w.dirs.path(claim.RunID); err != nil {
		return task, in, err
	}
	if files := g.Definition.Files; len(files) > 0 {
		in.Dir, err = w.layOut(ctx, a, files, task.WorkingDir)
		return task, in, err
	}
	file, err := w.sources.file(ctx, claim.Run.WorkflowID)
	if err != nil {
		return task, in, err
	}
	in.Dir, err = workingDir(w.cfg.DagsDir, file, task.WorkingDir, in.RunDir)
	return task, in, err
}

// item returns what a claimed item is, as text and for templates.
func (w *Worker) item(ctx context.Context, claim miniairflow.Claim, index int) (*action.Item, *miniairflow.ItemScope, error) {
	value, err := w.cfg.Store.FindItem(ctx, claim.RunID, claim.Seq)
	if err != nil {
		return nil, nil, fmt.Errorf("find item: %w", err)
	}
	scope, err := itemScope(value, index)
	if err != nil {
		return nil, nil, &hopeless{err}
	}
	text := string(value)
	if s, ok := scope.Value.(string); ok {
		text = s
	}
	return &action.Item{Index: index, Text: text}, scope, nil
}

// act runs the task's action within its timeout and stores its log.
func (w *Worker) act(ctx context.Context, a *attempt, task *miniairflow.Task, in action.Input) action.Result {
	if task.Noop {
		return w.guarded(ctx, in, io.Discard)
	}
	if task.NeedsFolder() {
		if err := w.dirs.enter(in.Claim.RunID); err != nil {
			return action.Result{Status: miniairflow.AttemptFailed, Reason: printable(err.Error())}
		}
		defer w.dirs.leave(in.Claim.RunID)
	}
	writing := w.cfg.Logs
	writing.From = in.LogFrom
	writing.Mask = slices.Concat(writing.Mask, in.Mask)
	log := logs.NewWriter(w.cfg.Store, attemptKey(in.Claim), writing)
	timed, cancel := ctx, context.CancelFunc(func() {})
	if task.Timeout > 0 {
		timed, cancel = context.WithTimeoutCause(ctx, timeLeft(task, in), action.ErrTimedOut)
	}
	output := &shield{Writer: log, of: w, claim: a.claim}
	result := w.guarded(timed, in, output)
	cancel()
	if output.broken.Load() && result.Status != miniairflow.AttemptLost {
		result = internalError
	}
	return w.closeLog(ctx, a, task, log, result)
}

// closeLog makes the log of an attempt durable, which comes before its result.
// Only the loss of the attempt ends the tries, and then there is nothing to report.
// A log that the store refuses for good costs its end, and the reason says so.
func (w *Worker) closeLog(ctx context.Context, a *attempt, task *miniairflow.Task, log *logs.Writer, result action.Result) action.Result {
	closing, stop := a.owned, context.CancelFunc(func() {})
	if result.Status == miniairflow.AttemptLost {
		// Its loss frees the task for others, so the log may not keep it for long.
		closing, stop = context.WithTimeout(a.owned, w.cfg.Fence/4)
	}
	defer stop()
	err := log.Close(closing)
	if err == nil {
		return result
	}
	w.logger.ErrorContext(ctx, "Worker: End of a log is missing", "run_id", a.claim.RunID, "task", task.Name, "error", err)
	if a.owned.Err() != nil {
		return action.Result{Status: miniairflow.AttemptLost, Reason: "the end of its log could not be stored in time"}
	}
	if result.Reason != "" {
		result.Reason += "; "
	}
	result.Reason += "the end of its log could not be stored"
	return result
}

// guarded runs the action. If it panics, that is one failed attempt, and its log
// is stored.
func (w *Worker) guarded(ctx context.Context, in action.Input, log io.Writer) (result action.Result) {
	defer func() {
		if fault := recover(); fault != nil {
			w.panicked(ctx, in.Claim, fault)
			result = internalError
		}
	}()
	return w.cfg.Actions.Run(ctx, in, log)
}

// tidy does what could wait until the end of an attempt was handed on.
func (w *Worker) tidy(ctx context.Context, a *attempt) {
	defer func() {
		if fault := recover(); fault != nil {
			w.panicked(ctx, a.claim, fault)
		}
	}()
	for _, do := range a.later {
		do()
	}
}

// shield is the log of an attempt for the goroutines that copy its output, which
// nobody else guards: a panic there costs the rest of the log, and fails the attempt.
type shield struct {
	*logs.Writer
	of     *Worker
	claim  miniairflow.Claim
	broken atomic.Bool
}

// Write implements io.Writer.
func (s *shield) Write(p []byte) (n int, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			s.of.panicked(context.Background(), s.claim, fault)
			s.broken.Store(true)
			n, err = 0, errors.New("internal error")
		}
	}()
	return s.Writer.Write(p)
}

// internalError is the result of an attempt in which the code has panicked.
var internalError = action.Result{Status: miniairflow.AttemptFailed, Reason: "internal error; the worker's log has the details"}

// panicked notes a panic in an attempt.
func (w *Worker) panicked(ctx context.Context, claim miniairflow.Claim, fault any) {
	w.logger.ErrorContext(ctx, "Worker: Attempt panicked", "run_id", claim.RunID, "seq", claim.Seq, "panic", fault, "stack", string(debug.Stack()))
}

// interrupted is the result of an attempt whose context ended before its action
// began.
func interrupted(ctx context.Context) action.Result {
	if errors.Is(context.Cause(ctx), action.ErrCancelled) {
		return action.Result{Status: miniairflow.AttemptCancelled, Reason: "cancelled before it started"}
	}
	return action.Result{Status: miniairflow.AttemptLost}
}

// finishOf turns the result of an attempt into what the store is told. task is
// nil if its definition could not be read: that fails for good. done is false
// for an attempt that was lost: others decide about its task.
func finishOf(task *miniairflow.Task, claim miniairflow.Claim, r action.Result) (finish miniairflow.Finish, done bool) {
	if r.Again != nil {
		return miniairflow.Finish{
			RunID: claim.RunID, Seq: claim.Seq, Token: claim.Token, Attempt: miniairflow.AttemptRunning,
			Next: miniairflow.TaskWaiting, Delay: r.Again.After, Memory: r.Again.Memory, ChildID: r.Again.ChildID, Reason: printable(r.Reason),
		}, true
	}
	if !miniairflow.AttemptRunning.CanTransition(r.Status) || r.Status == miniairflow.AttemptLost {
		return miniairflow.Finish{}, false
	}
	if task == nil {
		task = &miniairflow.Task{}
	}
	finish = miniairflow.Finish{
		RunID: claim.RunID, Seq: claim.Seq, Token: claim.Token,
		Attempt: r.Status, Reason: printable(r.Reason), ExitCode: r.ExitCode,
	}
	finish.Next, finish.Delay = miniairflow.FinishOf(task, claim.Failures, r.Status, r.ExitCode)
	switch {
	case r.Status == miniairflow.AttemptSuccess:
		finish.Outputs = r.Outputs
	case finish.Next == miniairflow.TaskSkipped:
		finish.Reason += ", which skips the task"
	}
	return finish, true
}

// printable returns text as every database and terminal takes it: valid UTF-8,
// without NUL, and not longer than reasonMax.
func printable(text string) string {
	if len(text) > reasonMax {
		text = text[:reasonMax] + "…"
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "�")
}

func attemptKey(c miniairflow.Claim) miniairflow.AttemptKey {
	return miniairflow.AttemptKey{RunID: c.RunID, Seq: c.Seq, Attempt: c.Attempt}
}
