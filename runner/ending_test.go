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

// quietBeats is a store whose heartbeats fail while it is set.
type quietBeats struct {
	miniairflow.Store
	quiet atomic.Bool
}

func (q *quietBeats) Heartbeat(ctx context.Context, session uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	if q.quiet.Load() {
		return miniairflow.HeartbeatResult{}, errLine
	}
	return q.Store.Heartbeat(ctx, session, held, lease)
}

// One attempt that never ends keeps neither the others of its session from
// running again, nor its worker from new tasks, once the session has passed its fence.
func TestStuckAttemptIsLeftBehind(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &quietBeats{Store: store}
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
