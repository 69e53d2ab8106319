package runner_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/logs"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// silent is a store that answers a worker no more from its first piece of a log
// on, until the worker gives that up and the test lets it answer again.
type silent struct {
	miniairflow.Store
	begun   atomic.Bool
	away    atomic.Bool
	givenUp chan struct{}
}

func (s *silent) AppendLog(ctx context.Context, key miniairflow.AttemptKey, chunks []miniairflow.LogChunk) error {
	if !s.begun.CompareAndSwap(false, true) {
		return s.Store.AppendLog(ctx, key, chunks)
	}
	s.away.Store(true)
	<-ctx.Done()
	close(s.givenUp)
	return ctx.Err()
}

func (s *silent) Heartbeat(ctx context.Context, session uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	if s.away.Load() {
		return miniairflow.HeartbeatResult{}, errLine
	}
	return s.Store.Heartbeat(ctx, session, held, lease)
}

func (s *silent) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	if s.away.Load() {
		return miniairflow.ExchangeResult{}, errLine
	}
	return s.Store.Exchange(ctx, request)
}

// A command that ended well, but whose log could not be stored before the worker
// had to give its attempts up, is no success: its log would end anywhere, and
// nothing would say so. It is lost, and done again.
func TestNoSuccessWithoutItsLog(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		line := &silent{Store: store, givenUp: make(chan struct{})}
		s := newSystem(t, line)
		s.lease = 3 * time.Second
		s.load(map[string]string{"w.yaml": "tasks:\n  a: {command: echo printed}\n"})
		s.scheduler()
		s.worker("w1")
		id := s.trigger("w", nil)
		<-line.givenUp
		line.away.Store(false)
		s.finish(id)
		require.Equal(t, "run: success\na: success [lost success]\n", s.picture(id))
		text, _, err := logs.Read(t.Context(), store, miniairflow.AttemptKey{RunID: id, Attempt: 2}, 0, 1000)
		require.NoError(t, err)
		require.Equal(t, "printed\n", string(text))
	})
}

// What the worker itself has to say is in the log of a task that has printed too
// much.
func TestNotesFollowTheCap(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		config := s.config("w1")
		config.Logs.MaxBytes = 1000
		s.load(map[string]string{"w.yaml": "tasks:\n  a: {shell: sh, command: 'yes | head -c 5000; echo nonsense > \"$MINIAIRFLOW_OUTPUT\"'}\n"})
		s.scheduler()
		spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("w", nil)
		require.Equal(t, miniairflow.RunFailed, s.finish(id).Status)
		reason := s.tasks(id)["a"].Reason
		require.NotEmpty(t, reason)
		text, _, err := logs.Read(t.Context(), store, miniairflow.AttemptKey{RunID: id, Attempt: 1}, 0, 10_000)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("y\n", 500)+"miniairflow: output beyond 1000 bytes was dropped\n"+
			"miniairflow: "+reason+"\n", string(text))
	})
}
