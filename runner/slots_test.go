package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// aim moves the cursors of n schedules, which have none yet, to a time.
func (s *system) aim(n int, at time.Time) {
	s.t.Helper()
	due, err := s.store.DueSchedules(s.t.Context(), n)
	require.NoError(s.t, err)
	fires := make([]miniairflow.Fire, len(due.Due))
	for i, cursor := range due.Due {
		fires[i] = miniairflow.Fire{Cursor: cursor, NextAt: at}
	}
	moved, err := s.store.FireSchedules(s.t.Context(), fires)
	require.NoError(s.t, err)
	require.Equal(s.t, n, moved)
}

// observed is a store that tells when FireDue has moved nothing.
type observed struct {
	miniairflow.Store
	nothing func()
}

func (o observed) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	due, moved, err := o.Store.FireDue(ctx, limit, plan)
	if err == nil && moved == 0 {
		o.nothing()
	}
	return due, moved, err
}

// A scheduler that finds all slots that are due in the hands of another one looks
// again soon: when that one fails, its slots do not wait for the next poll.
func TestSlotsInOtherHands(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	s := newSystem(t, persistencetest.Open(t, url))
	s.load(map[string]string{"w.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}"})
	from := s.missed(3)
	looked := make(chan struct{})
	second := observed{Store: persistencetest.Open(t, url), nothing: sync.OnceFunc(func() { close(looked) })}
	_, moved, err := s.store.FireDue(t.Context(), 10, func(due miniairflow.DueSchedules) []miniairflow.Fire {
		require.Len(t, due.Due, 1)
		// Its poll is not to help within the patience of the test, nor a hint.
		spawn(t, runner.NewScheduler(runner.SchedulerConfig{Store: second, Evaluator: s.eval, Poll: 10 * patience}).Run)
		<-looked
		return nil
	})
	require.NoError(t, err)
	require.Zero(t, moved)
	s.await("the slots that the other one has left", func() bool { return len(slots(s.runs("w"), from.Add(3*time.Minute))) == 4 })
}

// A workflow that somebody holds for long keeps no schedule of others from firing, and
// fires itself when it is free.
func TestHeldWorkflowStopsNoOtherSchedule(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	s := newSystem(t, persistencetest.Open(t, url))
	s.load(map[string]string{
		"free.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}",
		"held.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}",
	})
	from := s.missed(3)
	b, _, err := s.control.CreateBackfill(t.Context(), miniairflow.BackfillRequest{
		Workflow: "held", From: "2026-03-04", To: "2026-03-04", Mode: miniairflow.BackfillAll, Order: miniairflow.BackfillOldest,
		Concurrency: 1, By: miniairflow.Actor{Name: "test"},
	})
	require.NoError(t, err)
	fired := func(workflow string) func() bool {
		return func() bool { return len(slots(s.runs(workflow), from.Add(3*time.Minute))) >= 4 }
	}
	_, err = s.store.AdvanceBackfill(t.Context(), b.ID, func(*miniairflow.Backfill, time.Time, []miniairflow.BackfillDate) ([]miniairflow.NewRun, error) {
		// Its poll is not to help within the patience of the test, nor a hint.
		spawn(t, runner.NewScheduler(runner.SchedulerConfig{Store: persistencetest.Open(t, url), Evaluator: s.eval, Poll: 10 * patience}).Run)
		s.await("the slots of the other", fired("free"))
		require.False(t, fired("held")())
		return nil, nil
	})
	require.NoError(t, err, "the others have waited until the server gave this one up")
	s.await("the slots that were held", fired("held"))
}

// manySchedules returns a workflow that has missed more runs in a few hours than a step
// plans.
func manySchedules() string {
	var list strings.Builder
	for i := range 11 {
		fmt.Fprintf(&list, "  - {name: s%d, cron: \"* * * * *\", catchup: all, overlap: skip}\n", i)
	}
	return "schedule:\n" + list.String() + "tasks: {a: {noop: true}}"
}

// The backlog of a workflow that somebody holds, however long it is, takes no room from
// the slots of others.
func TestHeldBacklogStopsNoOtherSchedule(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	s := newSystem(t, persistencetest.Open(t, url))
	s.load(map[string]string{"held.yaml": manySchedules()})
	s.missed(300)
	w, err := s.store.FindWorkflowByName(t.Context(), "held")
	require.NoError(t, err)
	s.load(map[string]string{"free.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}"})
	raw, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, raw.Close(context.WithoutCancel(t.Context()))) }()
	_, err = raw.Exec(t.Context(), `UPDATE schedules SET next_at = date_trunc('minute', now()) - interval '3 minutes', since = now() - interval '1 hour' WHERE workflow_id <> $1`, w.ID)
	require.NoError(t, err)
	tx, err := raw.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT 1 FROM workflows WHERE id = $1 FOR UPDATE`, w.ID)
	require.NoError(t, err)
	spawn(t, runner.NewScheduler(runner.SchedulerConfig{Store: persistencetest.Open(t, url), Evaluator: s.eval, Poll: 10 * patience}).Run)
	s.await("the slots of the other", func() bool { return len(s.runs("free")) >= 4 })
	require.Empty(t, s.runs("held"))
	require.NoError(t, tx.Rollback(t.Context()))
	s.await("the slots that were held", func() bool { return len(s.runs("held")) == 200 })
}

// refusingFires is a store that refuses to fire schedules together, and those of some
// workflows at all, as if somebody held them.
type refusingFires struct {
	miniairflow.Store
	held string
}

func (r refusingFires) FireDue(context.Context, int, miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	return miniairflow.DueSchedules{}, 0, errors.New("one of them is broken")
}

func (r refusingFires) FireSchedules(ctx context.Context, fires []miniairflow.Fire) (int, error) {
	for _, f := range fires {
		if f.Cursor.WorkflowName == r.held {
			return 0, &miniairflow.Error{Code: miniairflow.CodeUnavailable, Message: "busy", Err: miniairflow.ErrLocked}
		}
	}
	return r.Store.FireSchedules(ctx, fires)
}

// Schedules that are fired one by one wait for none that is held.
func TestHeldScheduleStopsNoOtherAlone(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, refusingFires{Store: store})
		s.load(map[string]string{
			"a.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}",
			"b.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}",
		})
		from := s.missed(3)
		first, err := store.DueSchedules(t.Context(), 1)
		require.NoError(t, err)
		held := first.Due[0].WorkflowName
		free := map[string]string{"a": "b", "b": "a"}[held]
		s.store = refusingFires{Store: store, held: held}
		s.scheduler()
		s.await("the slots of the other", func() bool { return len(slots(s.runs(free), from.Add(3*time.Minute))) == 4 })
		require.Empty(t, s.runs(held))
	})
}

// Nor do they wait for the backlog of a workflow that is held, however long it is.
func TestHeldBacklogStopsNoOtherAlone(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, refusingFires{Store: store, held: "held"})
		inner := newSystem(t, store)
		inner.load(map[string]string{"held.yaml": manySchedules()})
		inner.missed(300)
		s.load(map[string]string{"free.yaml": "schedule: {cron: \"* * * * *\", catchup: all}\ntasks: {a: {noop: true}}"})
		due, err := store.DueSchedules(t.Context(), 100)
		require.NoError(t, err)
		for _, cursor := range due.Due {
			if cursor.WorkflowName == "free" {
				moved, err := store.FireSchedules(t.Context(), []miniairflow.Fire{{Cursor: cursor, NextAt: due.Now.Truncate(time.Minute).Add(-3 * time.Minute)}})
				require.NoError(t, err)
				require.Equal(t, 1, moved)
			}
		}
		s.scheduler()
		s.await("the slots of the other", func() bool { return len(s.runs("free")) >= 4 })
		require.Empty(t, s.runs("held"))
	})
}

// ordered is a store that notes when runs are started while more slots are at hand.
type ordered struct {
	miniairflow.Store
	looked chan struct{} // closed after the first look at runs, which no hint has led to

	mu    sync.Mutex
	since time.Time // of the first step that left slots for the next one; zero: all are fired
	early int
	once  sync.Once
}

func (o *ordered) FireDue(ctx context.Context, limit int, plan miniairflow.FirePlan) (miniairflow.DueSchedules, int, error) {
	<-o.looked
	due, moved, err := o.Store.FireDue(ctx, limit, func(due miniairflow.DueSchedules) []miniairflow.Fire {
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(due.Due) == limit && o.since.IsZero() {
			o.since = time.Now()
		}
		return plan(due)
	})
	if moved < limit {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.since = time.Time{}
	}
	return due, moved, err
}

func (o *ordered) StartRuns(ctx context.Context, limit int, without ...uuid.UUID) ([]uuid.UUID, error) {
	o.mu.Lock()
	if !o.since.IsZero() && time.Since(o.since) < runner.FiringMax {
		o.early++
	}
	o.mu.Unlock()
	defer o.once.Do(func() { close(o.looked) })
	return o.Store.StartRuns(ctx, limit, without...)
}

// While more slots are due than a step fires, no runs are started, unless it lasts;
// all of them are after it.
func TestSlotsAreFiredBeforeRunsAreStarted(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		first := &ordered{Store: store, looked: make(chan struct{})}
		s := newSystem(t, first)
		const n = 1100 // more than a step
		files := map[string]string{}
		for i := range n {
			files[fmt.Sprintf("w%04d.yaml", i)] = "schedule: \"0 * * * *\"\ntasks: {a: {noop: true}}"
		}
		s.load(files)
		s.aim(n, time.Now().Truncate(time.Hour))
		spawn(t, runner.NewScheduler(runner.SchedulerConfig{Store: first, Evaluator: s.eval, Poll: 10 * patience}).Run)
		s.await("the start of all runs", func() bool {
			started, err := s.store.CountRuns(t.Context(), miniairflow.RunFilter{Statuses: []miniairflow.RunStatus{miniairflow.RunRunning}}, 2*n)
			require.NoError(t, err)
			return started >= n
		})
		first.mu.Lock()
		defer first.mu.Unlock()
		require.Zero(t, first.early)
	})
}
