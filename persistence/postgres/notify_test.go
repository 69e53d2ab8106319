package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

const patience = 30 * time.Second

var all = miniairflow.Event{Topic: miniairflow.TopicAll}

func open(t *testing.T, url string, config postgres.Config) *postgres.Store {
	t.Helper()
	config.Logger = persistencetest.Logger(t)
	s, err := postgres.Open(t.Context(), url, config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// events returns a subscription to everything, once the store listens.
func events(t *testing.T, bus *miniairflow.Bus) *miniairflow.Subscription {
	t.Helper()
	s := bus.Subscribe(nil)
	t.Cleanup(s.Close)
	return s
}

// await collects events until one is there.
func await(t *testing.T, s *miniairflow.Subscription, want miniairflow.Event) []miniairflow.Event {
	t.Helper()
	var seen []miniairflow.Event
	timeout := time.After(patience)
	for {
		select {
		case <-s.C():
			for _, e := range s.Take() {
				seen = append(seen, e)
				if e == want {
					return seen
				}
			}
		case <-timeout:
			require.FailNow(t, "event did not come", "%v, only %v", want, seen)
		}
	}
}

// listening opens a store and returns its subscription once it hears others.
func listening(t *testing.T, url string) (*postgres.Store, *miniairflow.Subscription) {
	t.Helper()
	bus := &miniairflow.Bus{}
	sub := events(t, bus)
	s := open(t, url, postgres.Config{Bus: bus})
	await(t, sub, all)
	return s, sub
}

func appendLog(t *testing.T, s *postgres.Store, runID uuid.UUID, offset int64) {
	t.Helper()
	chunk := miniairflow.LogChunk{Offset: offset, Size: 1, Data: []byte("x")}
	require.NoError(t, s.AppendLog(t.Context(), miniairflow.AttemptKey{RunID: runID, Attempt: 1}, []miniairflow.LogChunk{chunk}))
}

func logEvent(id uuid.UUID) miniairflow.Event {
	return miniairflow.Event{Topic: miniairflow.TopicLog, ID: id}
}

func TestEventsReachOtherStoresOnce(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	a, ofA := listening(t, url)
	b, ofB := listening(t, url)
	first, second := uuid.New(), uuid.New()
	appendLog(t, a, first, 0)
	await(t, ofB, logEvent(first))
	await(t, ofA, logEvent(first))
	// What b tells later comes after the echo of a's own event, if there is one.
	appendLog(t, b, second, 0)
	require.NotContains(t, await(t, ofA, logEvent(second)), logEvent(first))
}

func TestEventsAreCoalescedAndSplit(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	_, err = conn.Exec(t.Context(), `LISTEN miniairflow`)
	require.NoError(t, err)
	s, _ := listening(t, url)
	_, ofOther := listening(t, url)

	// One transaction with far more events than a payload holds.
	d := &miniairflow.Definition{
		Name: "a", IsActive: true, MaxActiveRuns: 1, MaxActiveTasks: 1, Tasks: persistencetest.Wide(1),
		Schedules: []miniairflow.Schedule{{Cron: "0 * * * *", Timezone: "UTC", Catchup: miniairflow.CatchupAll, Overlap: miniairflow.OverlapSkip}},
	}
	v := persistencetest.MustSync(t, s, d)
	due, err := s.DueSchedules(t.Context(), 1)
	require.NoError(t, err)
	f := miniairflow.Fire{Cursor: due.Due[0], NextAt: due.Now.Add(time.Hour)}
	for i := range 500 {
		run := persistencetest.NewRun(t, v)
		run.Type, run.ScheduleName, run.LogicalDate = miniairflow.RunScheduled, "0 * * * * UTC", due.Now.Add(-time.Duration(i)*time.Hour).Truncate(time.Hour)
		f.Runs = append(f.Runs, run)
	}
	_, err = s.FireSchedules(t.Context(), []miniairflow.Fire{f})
	require.NoError(t, err)
	want := map[miniairflow.Event]bool{}
	for _, run := range f.Runs {
		want[miniairflow.Event{Topic: miniairflow.TopicRun, ID: run.ID}] = true
	}
	require.Eventually(t, func() bool {
		for _, e := range ofOther.Take() {
			delete(want, e)
		}
		return len(want) == 0
	}, patience, time.Millisecond)

	// A last notification, by hand, marks the end of them.
	const end = "end"
	received := 0
	_, err = conn.Exec(t.Context(), `SELECT pg_notify('miniairflow', $1)`, end)
	require.NoError(t, err)
	for {
		n, err := conn.WaitForNotification(t.Context())
		require.NoError(t, err)
		if n.Payload == end {
			break
		}
		received++
	}
	require.Less(t, received, 20, "500 events fit in a few notifications")
	require.Positive(t, received)
}

func TestListenerComesBack(t *testing.T) {
	server := persistencetest.PostgresServer(t)
	s, sub := listening(t, server.URL())
	server.Stop()
	_, err := s.Now(t.Context())
	require.Equal(t, miniairflow.CodeUnavailable, miniairflow.ErrorCode(err))
	server.Start()
	await(t, sub, all)
	other := open(t, server.URL(), postgres.Config{})
	id := uuid.New()
	appendLog(t, other, id, 0)
	await(t, sub, logEvent(id))
}

func TestPollOnlyOpensNoExtraConnection(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	bus := &miniairflow.Bus{}
	sub := events(t, bus)
	s := open(t, url, postgres.Config{Bus: bus, PollOnly: true})
	other, _ := listening(t, url)
	id := uuid.New()
	appendLog(t, s, id, 0) // its own events still reach its bus
	await(t, sub, logEvent(id))
	appendLog(t, other, uuid.New(), 0)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	var listeners int
	require.NoError(t, conn.QueryRow(t.Context(),
		`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&listeners))
	require.NoError(t, conn.Close(t.Context()))
	require.Equal(t, 1, listeners)
}

func TestFirstEventMakesTheConnectionThatSends(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	connections := func() (n int) {
		require.NoError(t, conn.QueryRow(t.Context(),
			`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&n))
		return n
	}
	s, _ := listening(t, url)
	require.Equal(t, 2, connections(), "one of the pool, and that which listens")
	appendLog(t, s, uuid.New(), 0)
	require.Eventually(t, func() bool { return connections() == 3 }, time.Minute, time.Millisecond)
}

func TestLastEventsAreSentAtClose(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	_, sub := listening(t, url)
	s, err := postgres.Open(t.Context(), url, postgres.Config{})
	require.NoError(t, err)
	id := uuid.New()
	appendLog(t, s, id, 0)
	require.NoError(t, s.Close())
	await(t, sub, logEvent(id))
}

// A connection that is made and breaks at once, again and again, is one line of
// log and not a storm.
func TestBrokenListenerIsReportedOnce(t *testing.T) {
	var text bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := postgres.KeepConnected(ctx, persistencetest.PostgresURL(t), slog.New(slog.NewTextHandler(&text, nil)), func() error {
		if tries++; tries == 4 {
			cancel()
		}
		return errors.New("this server does not listen")
	})
	require.NoError(t, err)
	require.Equal(t, 4, tries)
	require.Equal(t, 1, strings.Count(text.String(), "does not listen"))
}
