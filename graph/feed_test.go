package graph

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
)

// counter is a feed of the calls of its poller, each of which takes one number
// of steps.
func counter(steps chan int) *feeds[string, int] {
	return &feeds[string, int]{
		logger: slog.New(slog.DiscardHandler), bus: &miniairflow.Bus{},
		wants: func(string, miniairflow.Event) bool { return true },
		open: func(string) poller[int] {
			state := 0
			return func(ctx context.Context) (int, bool, bool, error) {
				select {
				case <-ctx.Done():
					return state, false, false, ctx.Err()
				case step := <-steps:
					state += step
					return state, step != 0, step < 0, nil
				}
			}
		},
	}
}

func TestFeedSkipsWhatWasOvertaken(t *testing.T) {
	tasks := newTasks()
	defer tasks.close()
	steps := make(chan int)
	all := counter(steps)
	slow, leaveSlow := all.join(tasks, "a")
	defer leaveSlow()
	quick, leaveQuick := all.join(tasks, "a")
	defer leaveQuick()
	require.Same(t, slow, quick)
	version := 0
	for i := range 5 {
		steps <- 1
		var state int
		var err error
		state, version, err = quick.next(t.Context(), version)
		require.NoError(t, err)
		require.Equal(t, i+1, state)
		slow.poke <- struct{}{} // no need to wait for the clock
	}
	state, _, err := slow.next(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, 5, state, "who looks late sees the latest")
}

func TestFreshIsReadAfterTheCall(t *testing.T) {
	tasks := newTasks()
	defer tasks.close()
	began, steps := make(chan struct{}), make(chan int)
	all := counter(steps)
	count := all.open
	all.open = func(key string) poller[int] {
		poll := count(key)
		return func(ctx context.Context) (int, bool, bool, error) {
			select {
			case <-ctx.Done():
			case began <- struct{}{}:
			}
			return poll(ctx)
		}
	}
	f, leave := all.join(tasks, "a")
	defer leave()
	<-began
	done := make(chan int, 1)
	go func() {
		state, _, _ := f.fresh(context.WithoutCancel(t.Context()))
		done <- state
	}()
	require.Eventually(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.asked == 1
	}, time.Minute, time.Millisecond)
	// The poll that is under way may have read the store before the call.
	steps <- 1
	<-began
	f.mu.Lock()
	answered := f.answered
	f.mu.Unlock()
	require.Zero(t, answered)
	steps <- 1
	require.Equal(t, 2, <-done)
}

func TestFeedEndsWithItsLastWatcher(t *testing.T) {
	tasks := newTasks()
	defer tasks.close()
	all := counter(make(chan int))
	first, leaveFirst := all.join(tasks, "a")
	_, leaveSecond := all.join(tasks, "a")
	leaveFirst()
	leaveFirst()
	require.Len(t, all.byKey, 1, "leaving twice is leaving once")
	leaveSecond()
	require.Empty(t, all.byKey)
	_, _, err := first.next(t.Context(), 0)
	require.ErrorIs(t, err, context.Canceled)
	again, leave := all.join(tasks, "a")
	defer leave()
	require.NotSame(t, first, again)
}

func TestFeedThatIsOverAnswersAtOnce(t *testing.T) {
	tasks := newTasks()
	defer tasks.close()
	steps := make(chan int, 1)
	f, leave := counter(steps).join(tasks, "a")
	defer leave()
	steps <- -1
	state, version, err := f.next(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, -1, state)
	for _, ask := range []func() (int, int, error){
		func() (int, int, error) { return f.fresh(t.Context()) },
		func() (int, int, error) { return f.next(t.Context(), version) },
	} {
		state, _, err := ask()
		require.NoError(t, err)
		require.Equal(t, -1, state)
	}
}

// TestWatcherOfEndedFeedLooksAgain: a run that is over may be opened again while
// an old watcher has not left yet.
func TestWatcherOfEndedFeedLooksAgain(t *testing.T) {
	tasks := newTasks()
	defer tasks.close()
	steps := make(chan int, 1)
	all := counter(steps)
	first, leaveFirst := all.join(tasks, "a")
	steps <- -1
	_, _, err := first.next(t.Context(), 0)
	require.NoError(t, err)
	second, leaveSecond := all.join(tasks, "a")
	defer leaveSecond()
	require.NotSame(t, first, second)
	leaveFirst()
	require.Same(t, second, all.byKey["a"])
	steps <- 7
	state, _, err := second.next(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, 7, state)
}

func TestClosedTasksEndStreams(t *testing.T) {
	tasks := newTasks()
	started := make(chan struct{})
	values := stream(t.Context(), tasks, func(ctx context.Context, send func(int) error) error {
		close(started)
		for {
			if err := send(1); err != nil {
				return err
			}
		}
	})
	<-started
	tasks.close()
	for range values { // what was sent before may still come
	}
	late := stream(t.Context(), tasks, func(ctx context.Context, send func(int) error) error { return send(1) })
	_, ok := <-late
	require.False(t, ok)
}

func TestRunsStateForgetsTheOldest(t *testing.T) {
	state := &runsState{}
	first := &miniairflow.WorkflowRun{ID: uuid.New()}
	state = state.with([]*miniairflow.WorkflowRun{first})
	for range runsRemembered - 1 {
		state = state.with([]*miniairflow.WorkflowRun{{ID: uuid.New()}})
	}
	changes, ok := state.since(0)
	require.True(t, ok)
	require.Len(t, changes, runsRemembered)
	require.Same(t, first, changes[0].run)

	state = state.with([]*miniairflow.WorkflowRun{{ID: first.ID, Number: 7}})
	changes, ok = state.since(0)
	require.True(t, ok, "a run that changes again takes no place of others")
	require.EqualValues(t, 7, changes[len(changes)-1].run.Number)

	behind := state.seq - runsRemembered
	state = state.with([]*miniairflow.WorkflowRun{{ID: uuid.New()}})
	_, ok = state.since(behind)
	require.False(t, ok, "a client that is too far behind is told")
	_, ok = state.since(state.seq)
	require.True(t, ok)
}

// TestMergeKeepsWhatDidNotChange: changes may come twice, and a new revision
// alone is no change.
func TestMergeKeepsWhatDidNotChange(t *testing.T) {
	run := &miniairflow.WorkflowRun{ID: uuid.New(), Status: miniairflow.RunRunning, Revision: 1}
	task := func(seq int, status miniairflow.TaskStatus, revision int64) *miniairflow.TaskRun {
		return &miniairflow.TaskRun{RunID: run.ID, Seq: seq, Status: status, Revision: revision}
	}
	empty := &runState{}
	one := empty.merge(miniairflow.RunChanges{Run: run, Revision: 5, TaskRuns: []*miniairflow.TaskRun{
		task(2, miniairflow.TaskPending, 5), task(0, miniairflow.TaskRunning, 5),
	}})
	require.Len(t, one.since(empty, nil), 2, "they need not come in order, nor without gaps")
	again := *run
	again.Revision = 9
	two := one.merge(miniairflow.RunChanges{Run: &again, Revision: 9, TaskRuns: []*miniairflow.TaskRun{
		task(0, miniairflow.TaskRunning, 9), task(2, miniairflow.TaskQueued, 9),
	}})
	require.Same(t, one.run, two.run)
	require.Equal(t, []*miniairflow.TaskRun{two.tasks[1]}, two.since(one, nil))
	require.Len(t, two.since(one, map[int]bool{0: true}), 2)
	require.EqualValues(t, 9, two.revision)
	three := two.merge(miniairflow.RunChanges{Run: run, Revision: 3})
	require.EqualValues(t, 9, three.revision, "a revision never falls")
}

func TestPresenterTellsCancelledFromFailed(t *testing.T) {
	p := presenter{logger: slog.New(slog.DiscardHandler)}
	require.Equal(t, codeCancelled, p.present(t.Context(), context.Canceled).Extensions["code"])
	require.Equal(t, miniairflow.CodeUnavailable, p.present(t.Context(), context.DeadlineExceeded).Extensions["code"])
	require.Equal(t, miniairflow.CodeInternal, p.present(t.Context(), errors.New("x")).Extensions["code"])
	require.Equal(t, codeSlowClient, p.present(t.Context(), errSlowClient).Extensions["code"])
}
