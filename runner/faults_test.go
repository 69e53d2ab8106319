package runner_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// claim takes one task as a worker that then never speaks again.
func (s *system) claim(name string) (uuid.UUID, miniairflow.Claim) {
	s.t.Helper()
	session := uuid.New()
	require.NoError(s.t, s.store.StartSession(s.t.Context(), miniairflow.Worker{
		ID: session, Name: name, Queues: []string{"default"}, Concurrency: 1, Status: miniairflow.WorkerActive,
	}, s.lease))
	var claims []miniairflow.Claim
	s.await("a task to claim", func() bool {
		result, err := s.store.Exchange(s.t.Context(), miniairflow.Exchange{
			SessionID: session, Queues: []string{"default"}, Limit: 1, Token: uuid.New(),
		})
		require.NoError(s.t, err)
		claims = result.Claims
		return len(claims) == 1
	})
	return session, claims[0]
}

// The task of a worker that went silent runs again, and what that worker says
// later changes nothing.
func TestSilentWorkerLosesItsTask(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		s.lease = 4 * time.Second
		s.load(map[string]string{"w.yaml": "tasks: {a: {command: echo hello}, b: {depends_on: [a], noop: true}}"})
		s.scheduler()
		id := s.trigger("w", nil)
		session, claim := s.claim("silent")
		s.worker("w1")
		s.finish(id)
		want := "run: success\na: success [lost success]\nb: success [success]\n"
		require.Equal(t, want, s.picture(id))

		_, err := store.Exchange(t.Context(), miniairflow.Exchange{SessionID: session, Finishes: []miniairflow.Finish{{
			RunID: claim.RunID, Seq: claim.Seq, Token: claim.Token, Attempt: miniairflow.AttemptFailed, Next: miniairflow.TaskFailed,
		}}})
		require.ErrorIs(t, err, miniairflow.ErrFenced)
		require.Equal(t, want, s.picture(id))
	})
}

// A process that opens a SQLite file takes over at once what the one before it
// held when it was killed.
func TestRestartOnSQLite(t *testing.T) {
	url := persistencetest.SQLiteURL(t)
	before, err := persistence.Open(t.Context(), url, persistence.Options{})
	require.NoError(t, err)
	s := newSystem(t, before)
	s.load(map[string]string{"w.yaml": "tasks: {a: {command: echo hello}}"})
	id := s.trigger("w", nil)
	_, err = before.StartRuns(t.Context(), 1)
	require.NoError(t, err)
	s.claim("w1")
	require.NoError(t, before.Close())

	s = newSystem(t, persistencetest.Open(t, url))
	s.scheduler()
	s.worker("w1")
	s.finish(id)
	require.Equal(t, "run: success\na: success [lost success]\n", s.picture(id))
}

// A worker that was fenced by others kills what it runs, and goes on with a new session.
func TestFencedWorkerStartsAnew(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, w := newSystem(t, store), newWitness(t)
		s.load(map[string]string{"w.yaml": witnessed("trap '' TERM; sleep 60 & sleep 60; wait")})
		s.scheduler()
		config := s.config("w1")
		config.Grace = time.Hour // which a task does not have that others may run
		config.Lease, config.Fence = 4*time.Hour, 2*time.Hour
		spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("w", map[string]any{"witness": w.path})
		s.await("the task to start", func() bool { return len(w.lines()) == 1 })
		require.NoError(t, store.EndSession(t.Context(), s.session("w1"), ""))
		s.finish(id)
		require.Equal(t, "run: success\na: success [lost success]\n", s.picture(id))
		s.await("the first process to end", func() bool { return !alive(t, w.lines()[0]) })
	})
}

// A short absence of the database costs no running task.
func TestDatabaseRestart(t *testing.T) {
	server := persistencetest.PostgresServer(t)
	s, w := newSystem(t, persistencetest.Open(t, server.URL())), newWitness(t)
	s.load(map[string]string{"w.yaml": witnessed(`for i in $(seq 1200); do test -e "$WITNESS.go" && break; sleep 0.05; done; sleep 0.3`) + `
  b: {depends_on: [a], noop: true}
`})
	s.scheduler()
	worker := runner.NewWorker(s.config("w1"))
	spawn(t, worker.Run)
	id := s.trigger("w", map[string]any{"witness": w.path})
	s.await("the task to start", func() bool { return len(w.lines()) == 1 })
	server.Stop()
	require.Eventually(t, func() bool { return !worker.Healthy() }, patience, 10*time.Millisecond)
	require.NoError(t, os.WriteFile(w.path+".go", nil, 0o600))
	require.Eventually(t, func() bool { return !alive(t, w.lines()[0]) }, patience, 10*time.Millisecond)
	server.Start()
	s.recovers()
	s.finish(id)
	require.Equal(t, "run: success\na: success [success]\nb: success [success]\n", s.picture(id))
	require.Len(t, w.lines(), 1)
	require.Eventually(t, worker.Healthy, patience, 10*time.Millisecond)
}

// A worker that cannot reach the database ends its tasks before anybody else
// may start them, without being told.
func TestWorkerFencesItself(t *testing.T) {
	proxy := persistencetest.NewProxy(t, persistencetest.PostgresServer(t).URL())
	s, w := newSystem(t, persistencetest.Open(t, proxy.URL())), newWitness(t)
	s.lease = 4 * time.Second
	s.load(map[string]string{"w.yaml": witnessed("trap 'echo end >> \"$WITNESS\"' EXIT; sleep 60 & wait")})
	s.scheduler()
	s.worker("w1")
	id := s.trigger("w", map[string]any{"witness": w.path})
	s.await("the task to start", func() bool { return len(w.lines()) == 1 })
	proxy.Set(persistencetest.LineCut)
	require.Eventually(t, func() bool { return !alive(t, w.lines()[0]) }, patience, 10*time.Millisecond)
	before := len(w.lines())
	proxy.Set(persistencetest.LineGood)
	s.recovers()
	s.finish(id)
	require.Equal(t, "run: success\na: success [lost success]\n", s.picture(id))
	require.Equal(t, 1, strings.Count(strings.Join(w.lines()[:before], "\n"), "start"))
}

// recovers waits until the database answers again.
func (s *system) recovers() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		_, err := s.store.Now(s.t.Context())
		return err == nil
	}, patience, 10*time.Millisecond)
}

// faulty is a real store behind a bad line: a share of the calls that matter to
// a worker fails before or after it was done.
type faulty struct {
	miniairflow.Store
	share    float64
	failures atomic.Int64
	poison   string      // the store refuses finishes with an output of this name
	stubborn atomic.Bool // and, while this is set, that they have failed
}

var errLine = &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "the line is bad"}

func (f *faulty) breaks() bool {
	if rand.Float64() >= f.share {
		return false
	}
	f.failures.Add(1)
	return true
}

func (f *faulty) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	if slices.ContainsFunc(request.Finishes, func(e miniairflow.Finish) bool {
		return e.Outputs[f.poison] != nil || f.stubborn.Load() && e.Attempt == miniairflow.AttemptFailed
	}) {
		f.failures.Add(1)
		return miniairflow.ExchangeResult{}, miniairflow.Errorf(miniairflow.CodeInvalid, "output cannot be stored")
	}
	if f.breaks() {
		return miniairflow.ExchangeResult{}, errLine
	}
	result, err := f.Store.Exchange(ctx, request)
	if f.breaks() {
		return miniairflow.ExchangeResult{}, errLine
	}
	return result, err
}

func (f *faulty) Claimed(ctx context.Context, token uuid.UUID) ([]miniairflow.Claim, error) {
	if f.breaks() {
		return nil, errLine
	}
	return f.Store.Claimed(ctx, token)
}

func (f *faulty) TaskResults(ctx context.Context, runID uuid.UUID, seqs []int) ([]*miniairflow.TaskRun, error) {
	if f.breaks() {
		return nil, errLine
	}
	return f.Store.TaskResults(ctx, runID, seqs)
}

func (f *faulty) ApplyChanges(ctx context.Context, runID uuid.UUID, generation int, changes []miniairflow.Change) error {
	if f.breaks() {
		return errLine
	}
	err := f.Store.ApplyChanges(ctx, runID, generation, changes)
	if f.breaks() {
		return errLine
	}
	return err
}

// Whatever replies get lost, each task runs exactly once.
func TestLostReplies(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &faulty{Store: store, share: 0.2}
		s, w := newSystem(t, bad), newWitness(t)
		var tasks strings.Builder
		for i := range 20 {
			fmt.Fprintf(&tasks, "  t%d:\n    command: echo t%d >> \"$WITNESS\"; echo n=%d >> \"$MINIAIRFLOW_OUTPUT\"\n", i, i, i)
			if i > 2 {
				fmt.Fprintf(&tasks, "    depends_on: [t%d]\n    env: {BEFORE: \"${{ tasks.t%d.outputs.n }}\"}\n", i-3, i-3)
			}
			if i > 2 && i%2 == 0 {
				fmt.Fprintf(&tasks, "    when: \"${{ tasks.t%d.outputs.n == '%d' }}\"\n", i-3, i-3)
			}
		}
		s.load(map[string]string{"w.yaml": `
params: {witness: {type: string}}
env: {WITNESS: "${{ params.witness }}"}
tasks:
` + tasks.String()})
		s.scheduler()
		s.worker("w1")
		s.worker("w2")
		id := s.trigger("w", map[string]any{"witness": w.path})
		require.Equal(t, miniairflow.RunSuccess, s.finish(id).Status)
		require.Len(t, w.lines(), 20)
		require.Equal(t, 20, strings.Count(s.picture(id), "success [success]"))
		require.Positive(t, bad.failures.Load(), "no fault landed")
	})
}

// lateReply is a store whose answer to a claim arrives after the run was
// cancelled and the worker's heartbeat has asked for cancels.
type lateReply struct {
	miniairflow.Store
	beats chan struct{}
}

func (l *lateReply) Heartbeat(ctx context.Context, session uuid.UUID, held []miniairflow.HeldAttempt, lease time.Duration) (miniairflow.HeartbeatResult, error) {
	result, err := l.Store.Heartbeat(ctx, session, held, lease)
	select {
	case l.beats <- struct{}{}:
	default:
	}
	return result, err
}

func (l *lateReply) Exchange(ctx context.Context, request miniairflow.Exchange) (miniairflow.ExchangeResult, error) {
	result, err := l.Store.Exchange(ctx, request)
	for _, claim := range result.Claims {
		select { // a heartbeat from before the cancel
		case <-l.beats:
		default:
		}
		if _, err := l.CancelRun(ctx, miniairflow.Cancel{RunID: claim.RunID}); err != nil {
			return result, err
		}
		select {
		case <-l.beats:
		case <-ctx.Done():
		}
	}
	return result, err
}

// A cancel between the claim of a task and its start reaches the task at once.
func TestCancelOvertakesAClaim(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, &lateReply{Store: store, beats: make(chan struct{}, 1)})
		s.load(map[string]string{"w.yaml": "tasks: {a: {command: sleep 300}}"})
		s.scheduler()
		config := s.config("w1")
		config.Heartbeat = s.lease / 2
		spawn(t, runner.NewWorker(config).Run)
		id := s.trigger("w", nil)
		s.finish(id)
		require.Equal(t, "run: cancelled\na: cancelled [cancelled]\n", s.picture(id))
	})
}

// poisoned is a store in which the decisions of some runs cannot be read.
type poisoned struct {
	miniairflow.Store
	bad  map[uuid.UUID]bool
	code string
}

func (p *poisoned) LoadDecisions(ctx context.Context, runID uuid.UUID, limit int) (miniairflow.Decisions, error) {
	if p.bad[runID] {
		return miniairflow.Decisions{}, miniairflow.Errorf(p.code, "row cannot be read")
	}
	return p.Store.LoadDecisions(ctx, runID, limit)
}

// Runs that cannot be advanced hide no other, however many they are.
func TestRunsThatCannotBeAdvanced(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &poisoned{Store: store, bad: map[uuid.UUID]bool{}, code: miniairflow.CodeInternal}
		s := newSystem(t, bad)
		s.load(map[string]string{"w.yaml": "max_active_runs: 1000\ntasks: {a: {noop: true, when: \"${{ run.type == 'scheduled' }}\"}}"})
		for range 110 {
			bad.bad[s.trigger("w", nil)] = true
		}
		_, err := store.StartRuns(t.Context(), 1000)
		require.NoError(t, err)
		good := s.trigger("w", nil)
		s.scheduler()
		s.finish(good)
		require.Equal(t, "run: success\na: skipped []\n", s.picture(good))
	})
}

// Runs that the database refuses again and again, as after a time limit, slow no other.
func TestRefusedRunsSlowNoOther(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		bad := &poisoned{Store: store, bad: map[uuid.UUID]bool{}, code: miniairflow.CodeUnavailable}
		s := newSystem(t, bad)
		var chain strings.Builder
		for i := range 25 {
			fmt.Fprintf(&chain, "  t%d: {depends_on: [t%d], trigger_rule: all_done, noop: true}\n", i+1, i)
		}
		s.load(map[string]string{
			"bad.yaml":  "tasks: {a: {noop: true, when: \"${{ run.type == 'scheduled' }}\"}}",
			"good.yaml": "tasks:\n  t0: {noop: true}\n" + chain.String(),
		})
		for range 2 {
			bad.bad[s.trigger("bad", nil)] = true
		}
		s.scheduler()
		s.worker("w1")
		require.Equal(t, miniairflow.RunSuccess, s.finish(s.trigger("good", nil)).Status)
	})
}

// Scheduler and worker in two processes, each with a store of its own, find
// each other through the database alone.
func TestTwoProcesses(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	here, there := newSystem(t, persistencetest.Open(t, url)), newSystem(t, persistencetest.Open(t, url))
	here.load(map[string]string{"w.yaml": `
tasks:
  a: {command: exit 1, retry: {count: 1, delay: 50ms}}
  b: {depends_on: [a], trigger_rule: all_done, noop: true}
  c: {depends_on: [b], command: sleep 60}`})
	here.scheduler()
	there.worker("w1")
	id := here.trigger("w", nil)
	here.reach(id, "c", miniairflow.TaskRunning)
	_, err := here.control.CancelRun(t.Context(), id, miniairflow.Actor{Name: "test"})
	require.NoError(t, err)
	here.finish(id)
	require.Equal(t, "run: cancelled\na: failed [failed failed]\nb: success [success]\nc: cancelled [cancelled]\n", here.picture(id))
}
