package runner_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
	"github.com/sauravritesh63/miniairflow/runner/action"
)

// acting is a Runner made of a function.
type acting func(ctx context.Context, in action.Input, log io.Writer) action.Result

func (f acting) Run(ctx context.Context, in action.Input, log io.Writer) action.Result {
	return f(ctx, in, log)
}

// stuckOnce is a Runner whose first attempt of the task "stuck" does not end
// whatever it is told, until release is closed. The first attempts of other tasks
// end when they are told to; all later ones succeed at once.
func stuckOnce(release <-chan struct{}) (run acting, begun, told *atomic.Int32) {
	begun, told = &atomic.Int32{}, &atomic.Int32{}
	return func(ctx context.Context, in action.Input, _ io.Writer) action.Result {
		if in.Claim.Attempt > 1 {
			return action.Result{Status: miniairflow.AttemptSuccess}
		}
		begun.Add(1)
		<-ctx.Done()
		told.Add(1)
		if in.Task.Name == "stuck" {
			<-release
		}
		return action.Result{Status: miniairflow.AttemptLost}
	}, begun, told
}

// session returns the session that is not over of the worker of that name.
func (s *system) session(name string) uuid.UUID {
	s.t.Helper()
	sessions, err := s.store.Sessions(s.t.Context())
	require.NoError(s.t, err)
	for _, w := range sessions.Workers {
		if w.Name == name {
			return w.ID
		}
	}
	return uuid.Nil
}

// loss returns the reason of the first attempt of a task, which was lost.
func (s *system) loss(id uuid.UUID, seq int) string {
	s.t.Helper()
	key := miniairflow.TaskRunKey{RunID: id, Seq: seq}
	attempts, err := s.store.FindAttempts(s.t.Context(), []miniairflow.TaskRunKey{key})
	require.NoError(s.t, err)
	require.Equal(s.t, miniairflow.AttemptLost, attempts[key][0].Status)
	return attempts[key][0].Reason
}

// partly is a store that takes no heartbeats, or no logs, while that is set.
type partly struct {
	miniairflow.Store
	quiet, logless atomic.Bool
	refused        atomic.Int32 // pieces of logs
	told           atomic.Bool  // that the session drains
}

func (q *partly) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	if q.logless.Load() {
		q.refused.Add(1)
		return errLine
	}
	return q.Store.AppendLog(ctx, key, chunks)
}

func (q *partly) Heartbeat(ctx context.Context, session uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	if q.quiet.Load() {
		return miniairflow.HeartbeatResult{}, errLine
	}
	answer, err := q.Store.Heartbeat(ctx, session, held, lease)
	if answer.Draining {
		q.told.Store(true)
	}
	return answer, err
}

// One attempt that never ends keeps neither the others of its session from
// running again, nor its worker from new tasks, once the session has passed its fence.
func TestStuckAttemptIsLeftBehind(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &partly{Store: store}
		s, release := newSystem(t, bad), make(chan struct{})
		t.Cleanup(func() { close(release) })
		s.load(map[string]string{"w.yaml": "tasks: {stuck: {command: x}, other: {command: x}}"})
		s.scheduler()
		config := s.config("w1")
		config.Lease, config.Fence, config.EndTimeout = 4*time.Second, time.Second, 2*time.Second
		actions, begun, told := stuckOnce(release)
		config.Actions = actions
		spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("w", nil)
		s.await("both tasks to start", func() bool { return begun.Load() == 2 })
		first := s.session("w1")
		bad.quiet.Store(true)
		s.await("the fence", func() bool { return told.Load() == 2 })
		bad.quiet.Store(false)
		s.finish(id)
		require.Equal(t, "run: success\nstuck: success [lost success]\nother: success [lost success]\n", s.picture(id))
		require.NotEqual(t, first, s.session("w1"))
		require.Equal(t, "worker w1 lost contact with the database", s.loss(id, 1))
	})
}

// Nor does it keep the process alive that is told to stop.
func TestStuckAttemptDoesNotHoldUpAStop(t *testing.T) {
	s, release := newSystem(t, persistencetest.SQLite(t)), make(chan struct{})
	t.Cleanup(func() { close(release) })
	s.load(map[string]string{"w.yaml": "tasks: {stuck: {command: x}}"})
	s.scheduler()
	config := s.config("w1")
	config.DrainTimeout, config.EndTimeout = 100*time.Millisecond, time.Second
	actions, begun, _ := stuckOnce(release)
	config.Actions = actions
	p := spawn(t, runner.NewWorker(config).Run)
	id := s.trigger("w", nil)
	s.await("the task to start", func() bool { return begun.Load() == 1 })
	p.stop(t)
	next := s.config("w2")
	next.Actions = actions
	spawn(t, runner.NewWorker(next).Run)
	s.finish(id)
	require.Equal(t, "run: success\nstuck: success [lost success]\n", s.picture(id))
}

// A task that has succeeded is reported only with the end of its log in the store,
// even if its session passes its fence meanwhile.
func TestFenceDoesNotCutALog(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &partly{Store: store}
		s := newSystem(t, bad)
		s.load(map[string]string{"w.yaml": "tasks: {a: {command: x}, b: {command: x}}"})
		s.scheduler()
		config := s.config("w1")
		config.Lease, config.Fence = 4*time.Second, time.Second
		var begun, told atomic.Int32
		config.Actions = acting(func(ctx context.Context, in action.Input, log io.Writer) action.Result {
			_, _ = io.WriteString(log, "last words\n")
			begun.Add(1)
			if in.Task.Name == "b" && in.Claim.Attempt == 1 {
				<-ctx.Done()
				told.Add(1)
				return action.Result{Status: miniairflow.AttemptLost}
			}
			return action.Result{Status: miniairflow.AttemptSuccess}
		})
		bad.logless.Store(true)
		spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("w", nil)
		s.await("both tasks to start", func() bool { return begun.Load() == 2 })
		bad.quiet.Store(true)
		s.await("the fence", func() bool { return told.Load() == 1 })
		tries := bad.refused.Load()
		s.await("another try to store the log", func() bool { return bad.refused.Load() > tries })
		bad.logless.Store(false)
		bad.quiet.Store(false)
		s.finish(id)
		require.Equal(t, "run: success\na: success [success]\nb: success [lost success]\n", s.picture(id))
		size, err := store.LogSize(t.Context(), miniairflow.AttemptKey{RunID: id, Seq: 0, Attempt: 1})
		require.NoError(t, err)
		require.Equal(t, int64(len("last words\n")), size)
	})
}

// A worker that is told to stop while a cancelled task still has a log, and no
// store to give it to, stops.
func TestStopWithoutALogStore(t *testing.T) {
	bad := &partly{Store: persistencetest.SQLite(t)}
	s := newSystem(t, bad)
	s.load(map[string]string{"w.yaml": "tasks: {a: {command: x}}"})
	s.scheduler()
	config := s.config("w1")
	config.DrainTimeout = 100 * time.Millisecond
	config.Actions = acting(func(ctx context.Context, _ action.Input, log io.Writer) action.Result {
		_, _ = io.WriteString(log, "last words\n")
		<-ctx.Done()
		return action.Result{Status: miniairflow.AttemptCancelled}
	})
	bad.logless.Store(true)
	p := spawn(t, runner.NewWorker(config).Run)
	id := s.trigger("w", nil)
	s.await("a piece of log", func() bool { return bad.refused.Load() > 0 })
	_, err := s.control.CancelRun(t.Context(), id, miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
	s.await("the cancel", func() bool { return s.run(id).CancelRequestedAt != nil })
	p.cancel()
	require.Eventually(t, func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	}, patience, 10*time.Millisecond)
}

// Tasks that end with the guardian of their processes say so.
func TestGuardianThatDies(t *testing.T) {
	s := newSystem(t, persistencetest.SQLite(t))
	s.load(map[string]string{"w.yaml": "tasks: {a: {command: x}}"})
	s.scheduler()
	config := s.config("w1")
	config.Actions = acting(func(_ context.Context, in action.Input, _ io.Writer) action.Result {
		if in.Claim.Attempt == 1 {
			return action.Result{Status: miniairflow.AttemptLost}
		}
		return action.Result{Status: miniairflow.AttemptSuccess}
	})
	spawn(t, runner.NewWorker(config).Run)
	id := s.trigger("w", nil)
	s.finish(id)
	require.Equal(t, "run: success\na: success [lost success]\n", s.picture(id))
	require.Equal(t, "worker w1 lost its guardian", s.loss(id, 0))
}
