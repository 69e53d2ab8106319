package runner

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

func TestFinishOf(t *testing.T) {
	code := 75
	retrying := &miniairflow.Task{Retry: &miniairflow.RetryPolicy{Count: 2, Delay: miniairflow.Duration(time.Minute), OnExitCodes: []int{75}}}
	outputs := map[string]any{"rows": int64(3)}
	for name, test := range map[string]struct {
		task     *miniairflow.Task
		failures int
		result   action.Result
		next     miniairflow.TaskStatus
		delay    time.Duration
		done     bool
	}{
		"success":             {task: retrying, result: action.Result{Status: miniairflow.AttemptSuccess, Outputs: outputs}, next: miniairflow.TaskSuccess, done: true},
		"failure, retried":    {task: retrying, result: action.Result{Status: miniairflow.AttemptFailed, ExitCode: &code, Outputs: outputs}, next: miniairflow.TaskUpForRetry, delay: time.Minute, done: true},
		"no retry left":       {task: retrying, failures: 2, result: action.Result{Status: miniairflow.AttemptFailed, ExitCode: &code}, next: miniairflow.TaskFailed, done: true},
		"other exit code":     {task: retrying, result: action.Result{Status: miniairflow.AttemptFailed, ExitCode: new(int)}, next: miniairflow.TaskFailed, done: true},
		"timed out":           {task: retrying, result: action.Result{Status: miniairflow.AttemptTimedOut}, next: miniairflow.TaskUpForRetry, delay: time.Minute, done: true},
		"cancelled":           {task: retrying, result: action.Result{Status: miniairflow.AttemptCancelled}, next: miniairflow.TaskCancelled, done: true},
		"unknown definition":  {result: action.Result{Status: miniairflow.AttemptFailed}, next: miniairflow.TaskFailed, done: true},
		"lost":                {task: retrying, result: action.Result{Status: miniairflow.AttemptLost}},
		"a status of no kind": {task: retrying, result: action.Result{Status: "odd"}},
	} {
		t.Run(name, func(t *testing.T) {
			claim := miniairflow.Claim{RunID: uuid.New(), Seq: 4, Token: uuid.New(), Failures: test.failures}
			finish, done := finishOf(test.task, claim, test.result)
			require.Equal(t, test.done, done)
			if !done {
				return
			}
			require.Equal(t, claim.RunID, finish.RunID)
			require.Equal(t, 4, finish.Seq)
			require.Equal(t, claim.Token, finish.Token)
			require.Equal(t, test.next, finish.Next)
			require.Equal(t, test.delay, finish.Delay)
			require.Equal(t, test.result.ExitCode, finish.ExitCode)
			if test.next == miniairflow.TaskSuccess {
				require.Equal(t, outputs, finish.Outputs)
			} else {
				require.Nil(t, finish.Outputs)
			}
		})
	}
}

func TestPrintable(t *testing.T) {
	require.Equal(t, "a�b�", printable("a\x00b\xff"))
	long := printable(strings.Repeat("é", reasonMax))
	require.True(t, utf8.ValidString(long))
	require.LessOrEqual(t, len(long), reasonMax+8)
}

// logless is a store that takes no log, and tells of each try.
type logless struct {
	miniairflow.Store
	tries chan struct{}
}

func (l *logless) AppendLog(context.Context, miniairflow.AttemptKey, []miniairflow.LogChunk) error {
	poke(l.tries)
	return miniairflow.Errorf(miniairflow.CodeUnavailable, "the line is bad")
}

func (l *logless) Bus() *miniairflow.Bus { return &miniairflow.Bus{} }

// speaking is a Runner that prints, and then ends with the given result: at once,
// or when ctx is done.
type speaking struct {
	result action.Result
	waits  bool
}

func (s speaking) Run(ctx context.Context, _ action.Input, log io.Writer) action.Result {
	_, _ = io.WriteString(log, "last words\n")
	if s.waits {
		<-ctx.Done()
	}
	return s.result
}

// Whatever an attempt has come to: when its session is gone before its log is
// stored, it is lost, and that does not wait for the store.
func TestLogThatIsNotStoredLosesTheAttempt(t *testing.T) {
	for name, actions := range map[string]speaking{
		"success":   {result: action.Result{Status: miniairflow.AttemptSuccess}},
		"cancelled": {result: action.Result{Status: miniairflow.AttemptCancelled}, waits: true},
	} {
		t.Run(name, func(t *testing.T) {
			store := &logless{tries: make(chan struct{}, 1)}
			w := NewWorker(WorkerConfig{Store: store, Home: t.TempDir(), Actions: actions})
			s := newSession(w, uuid.New(), time.Now())
			ctx, cancel := context.WithCancelCause(s.attempts)
			a := &attempt{claim: miniairflow.Claim{RunID: uuid.New(), Attempt: 1}, cancel: cancel, owned: s.owned, disown: s.disown}
			task := &miniairflow.Task{Name: "a"}
			ended := make(chan action.Result, 1)
			go func() { ended <- w.act(ctx, a, task, action.Input{Claim: a.claim, Task: task}) }()
			if actions.waits {
				cancel(action.ErrCancelled)
			}
			<-store.tries
			s.end(miniairflow.EndStopped)
			<-store.tries
			require.Empty(t, ended, "the end of a session alone gives up no log")
			s.lose()
			require.Equal(t, miniairflow.AttemptLost, (<-ended).Status)
		})
	}
}

func TestFinishOfSkippingAttemptSaysSo(t *testing.T) {
	code := 99
	result := action.Result{Status: miniairflow.AttemptFailed, Reason: "exit code 99", ExitCode: &code}
	finish, done := finishOf(&miniairflow.Task{SkipOn: &miniairflow.ExitCodes{99}}, miniairflow.Claim{}, result)
	require.True(t, done)
	require.Equal(t, miniairflow.TaskSkipped, finish.Next)
	require.Equal(t, "exit code 99, which skips the task", finish.Reason)
}
