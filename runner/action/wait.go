package action

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sauravritesh63/miniairflow"
)

// lookAtLeast bounds the time between two looks at a clock, so that one that is
// set anew is noticed.
const lookAtLeast = 24 * time.Hour

// wait looks whether what a task waits for has come. It never sleeps: what has
// not come is looked at again later, perhaps by another worker.
type wait struct {
	command Runner
	request *request
}

// Run implements Runner.
func (w *wait) Run(ctx context.Context, in Input, log io.Writer) Result {
	notes, began := &noteWriter{w: log}, time.Now()
	memory, err := recall(in.Look.Memory)
	if err != nil {
		return failed("what the last look has left cannot be read: " + err.Error())
	}
	memory.Looks++
	spec := in.Task.Wait
	deadline := time.Time{}
	if in.Task.Timeout > 0 {
		deadline = in.Look.Since.Add(in.Task.Timeout.Std())
	}
	var result Result
	switch {
	case spec.Command != nil:
		result = w.ask(ctx, in, log)
	case spec.HTTP != nil:
		result = w.send(ctx, in, notes)
	case spec.Run != nil && in.Seen.IsOver:
		notes.note(in.Seen.Text)
		result = Result{Status: miniairflow.AttemptSuccess}
	case spec.Run != nil:
		result = notYet(in.Seen.Text, 0)
	case spec.File != "":
		result = lookAtFile(in, &memory)
	default:
		result = lookAtClock(in)
	}
	if result.Again == nil {
		if result.Status == miniairflow.AttemptSuccess && memory.Looks > 1 {
			notes.note(fmt.Sprintf("it is over after %d looks", memory.Looks))
		}
		return result
	}
	if !deadline.IsZero() && !in.Look.Now.Before(deadline) {
		return timedOut(in.Task, notes, result.Reason)
	}
	if in.LogFrom == 0 {
		notes.note(result.Reason)
	}
	now := in.Look.Now.Add(time.Since(began).Truncate(time.Second)) // the delay counts from the end of a long look
	if result.Again.After == 0 {
		result.Again.After = spec.NextLook(now, deadline)
	} else if !deadline.IsZero() {
		result.Again.After = max(min(result.Again.After, deadline.Sub(now)), 0)
	}
	result.Again.Memory = memory.text()
	return result
}

// timedOut is the result of a wait that has taken its time.
func timedOut(task *miniairflow.Task, notes *noteWriter, what string) Result {
	reason := "timed out after " + task.Timeout.String() + ": " + what
	if task.Wait.OnTimeout == miniairflow.WaitSkip {
		reason += " (on_timeout: skip)"
	}
	notes.note(reason)
	return Result{Status: miniairflow.AttemptTimedOut, Reason: reason}
}

// notYet is the result of a look that has to be repeated. A zero time stands for
// the interval of the task.
func notYet(reason string, after time.Duration) Result {
	return Result{Status: miniairflow.AttemptRunning, Reason: reason, Again: &Again{After: after}}
}

// lookAtClock waits for a moment.
func lookAtClock(in Input) Result {
	moment := in.Look.Since.Add(in.Task.Wait.Duration.Std())
	if text := in.Task.Wait.Until; text != "" {
		var err error
		if moment, err = time.Parse(time.RFC3339, text); err != nil {
			return failed(fmt.Sprintf("wait.until: %q is no time: write it as 2026-01-31T06:00:00Z", text))
		}
	}
	left := moment.Sub(in.Look.Now)
	if left <= 0 {
		return Result{Status: miniairflow.AttemptSuccess}
	}
	return notYet("waits until "+moment.UTC().Format(time.RFC3339), min(left, lookAtLeast))
}

// memory is what a wait remembers from one look to the next.
type memory struct {
	Looks    int       `json:"looks"`
	Size     int64     `json:"size,omitempty"`     // of the file
	Modified time.Time `json:"modified,omitzero"`  // the file was
	SameFrom time.Time `json:"same_from,omitzero"` // of the look that saw the file so first
}

func recall(text string) (m memory, err error) {
	if text == "" {
		return m, nil
	}
	err = json.Unmarshal([]byte(text), &m)
	return m, err
}

func (m memory) text() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // a year after 9999: then the file is looked at as if for the first time
	}
	return string(text)
}

// lookAtFile waits for a file, and until it has been the same for a while.
func lookAtFile(in Input, m *memory) Result {
	file := in.Task.Wait.File
	path := file
	if !filepath.IsAbs(path) {
		path = filepath.Join(in.Dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.Size, m.Modified, m.SameFrom = 0, time.Time{}, time.Time{}
		return notYet(fmt.Sprintf("waits for file %s, which is not there", file), 0)
	case err != nil:
		return failed(fmt.Sprintf("cannot look at file %s: %v", file, errors.Unwrap(err)))
	}
	stable := in.Task.Wait.StableFor.Std()
	if stable == 0 {
		return Result{Status: miniairflow.AttemptSuccess}
	}
	if m.SameFrom.IsZero() || info.Size() != m.Size || !info.ModTime().Equal(m.Modified) {
		m.Size, m.Modified, m.SameFrom = info.Size(), info.ModTime(), in.Look.Now
	}
	left := m.SameFrom.Add(stable).Sub(in.Look.Now)
	if left <= 0 {
		return Result{Status: miniairflow.AttemptSuccess}
	}
	reason := fmt.Sprintf("waits for file %s to stay as it is for %s", file, in.Task.Wait.StableFor)
	return notYet(reason, min(left, in.Task.Wait.LookEvery()))
}

// ask runs the command that says whether the wait is over.
func (w *wait) ask(ctx context.Context, in Input, log io.Writer) Result {
	task := *in.Task
	task.Command, task.Wait = in.Task.Wait.Command, nil
	in.Task = &task
	result := w.command.Run(ctx, in, log)
	if result.Status == miniairflow.AttemptFailed && result.ExitCode != nil && *result.ExitCode == exitNotYet {
		return notYet("waits for its command, which says not yet (exit code 1)", 0)
	}
	return result
}

// send sends the request that says whether the wait is over: any answer but an
// expected one, and none, says not yet.
func (w *wait) send(ctx context.Context, in Input, notes *noteWriter) Result {
	task := *in.Task
	task.HTTP, task.Wait = in.Task.Wait.HTTP, nil
	in.Task = &task
	result, mayCome := w.request.perform(ctx, in, notes)
	if mayCome && result.Status == miniairflow.AttemptFailed {
		return notYet("waits for an answer: "+result.Reason, 0)
	}
	return result
}

// exitNotYet is the exit code with which a command says that it is not yet time.
const exitNotYet = 1
