package runner_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/notify"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/runner"
)

// hourScaled are the delays of an outage of which an hour takes a second.
var hourScaled = miniairflow.NotificationRetry{First: time.Millisecond, Max: time.Second, GiveUp: time.Hour}

// receiver is a server that may be down in several ways, and honours the ids of what
// it takes.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	down   bool
	asked  int
	bodies map[uuid.UUID][]string // all that came with an id, also while it was down
	taken  map[uuid.UUID]notify.Facts
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{down: true, bodies: map[uuid.UUID][]string{}, taken: map[uuid.UUID]notify.Facts{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	id := uuid.MustParse(request.Header.Get(notify.HeaderID))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	r.bodies[id] = append(r.bodies[id], string(body))
	switch {
	case err != nil, r.down && r.asked%3 == 0:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case r.down && r.asked%3 == 1:
		panic(http.ErrAbortHandler) // the connection breaks, and nobody has taken anything
	}
	var facts notify.Facts
	if json.Unmarshal(body, &facts) != nil || facts.ID != id {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.down { // it has taken the message, and its answer is lost
		r.taken[id] = facts
		panic(http.ErrAbortHandler)
	}
	r.taken[id] = facts
}

// notifier starts a notifier over a store that may fail.
func (s *system) notifier(store miniairflow.Store, cfg runner.NotifierConfig) *process {
	sender := notify.NewSender(notify.Config{AllowPrivate: true})
	s.t.Cleanup(sender.Close)
	cfg.Store, cfg.Evaluator, cfg.Secrets, cfg.Logger = store, s.eval, s.secrets, persistencetest.Logger(s.t)
	cfg.Poll = 20 * time.Millisecond
	if cfg.Messenger == nil {
		cfg.Messenger = sender
	}
	return spawn(s.t, runner.NewNotifier(cfg).Run)
}

// notifications returns all notifications in the store.
func (s *system) notifications() []*miniairflow.Notification {
	s.t.Helper()
	var all []*miniairflow.Notification
	for filter := (miniairflow.NotificationFilter{Limit: 200}); ; filter.Before = all[len(all)-1].ID {
		page, err := s.store.FindNotifications(s.t.Context(), filter)
		require.NoError(s.t, err)
		if all = append(all, page...); len(page) < 200 {
			return all
		}
	}
}

// An outbox whose receiver is down for an hour, with two senders that lose the answers
// of the database and are stopped in the middle, loses nothing and, to a receiver that
// honours the ids, doubles nothing.
func TestOutboxSurvivesAnOutage(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, r := newSystem(t, store), newReceiver(t)
		s.load(map[string]string{"w.yaml": fmt.Sprintf(`
name: w
max_active_runs: 100
on_failure: {webhook: "%[1]s"}
defaults: {on_failure: {webhook: "%[1]s"}, on_retry: {webhook: "%[1]s"}, retry: {count: 1, delay: 1ms}}
tasks:
  a: {command: exit 1}
  b: {command: exit 2}
`, r.URL)})
		s.scheduler()
		s.worker("w1")
		faulty := persistencetest.NewFaulty(store, onlyOf("EndNotification", persistencetest.RandomFaults(1, 0.25)))
		cfg := runner.NotifierConfig{Hold: time.Millisecond, Lease: 300 * time.Millisecond, Retry: hourScaled}
		first := s.notifier(faulty, cfg)
		s.notifier(faulty, cfg)
		const runs = 5
		for range runs {
			s.finish(s.trigger("w", nil))
		}
		var all []*miniairflow.Notification
		s.await("each to be tried in vain, some several times", func() bool {
			all = s.notifications()
			tries := 0
			for _, n := range all {
				if n.Tries == 0 {
					return false
				}
				tries += n.Tries
			}
			return len(all) >= 3*runs && tries > 4*len(all)
		})
		first.stop(t)
		r.mu.Lock()
		r.down = false
		r.mu.Unlock()
		s.await("the outbox to be empty", func() bool {
			pending, err := store.CountNotifications(t.Context(), miniairflow.NotificationFilter{State: miniairflow.NotificationPending}, 1)
			require.NoError(t, err)
			return pending == 0
		})
		r.mu.Lock()
		defer r.mu.Unlock()
		ended, tasks := 0, 0
		for _, n := range s.notifications() {
			require.Equal(t, miniairflow.NotificationSent, n.State)
			require.Contains(t, r.taken, n.ID, "lost")
			for _, body := range r.bodies[n.ID] {
				require.JSONEq(t, r.bodies[n.ID][0], body, "an id stands for one message")
			}
			if n.OfTasks {
				tasks += n.Count
			} else {
				ended++
			}
		}
		require.Equal(t, runs, ended, "one for each run")
		require.Equal(t, runs*4, tasks, "a retry and a failure of each task")
		require.Len(t, r.taken, len(s.notifications()), "what was taken is what there is")
	})
}

// onlyOf lets nothing but one kind of call have faults.
func onlyOf(name string, choose func(call string) persistencetest.Fault) func(call string) persistencetest.Fault {
	return func(call string) persistencetest.Fault {
		if call != name {
			return persistencetest.FaultNone
		}
		return choose(call)
	}
}

// What a message says is what the file asks for, with secrets where they may be and
// nowhere else.
func TestNotificationsSayWhatTheFileAsks(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		ctx, by := t.Context(), miniairflow.Actor{Name: "test"}
		s := newSystem(t, store)
		s.keySecrets()
		requests := make(chan *http.Request, 10)
		bodies := make(chan string, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			requests <- r
			bodies <- string(body)
			if r.URL.Path == "/refuses/geheim-1" {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, "Cannot POST "+r.URL.Path+": "+strings.Repeat("-", 150)+r.URL.Path)
			}
		}))
		t.Cleanup(server.Close)
		for name, value := range map[string]string{"PART": "geheim-1", "KEY": "geheim-2"} {
			_, err := s.control.SetSecret(ctx, name, value, by)
			require.NoError(t, err)
		}
		s.load(map[string]string{"w.yaml": fmt.Sprintf(`
name: w
params: {region: eu, path: takes}
on_success:
  webhook: {url: "%s/${{ params.path }}/${{ secrets.PART }}", format: slack, headers: {X-Key: "${{ secrets.PART }}"}, secret: KEY}
  text: "${{ run.workflow }}#${{ run.number }} in ${{ params.region }}: ${{ run.status }}"
tasks: {a: {noop: true}}
`, server.URL)})
		s.scheduler()
		s.worker("w1")
		s.notifier(store, runner.NotifierConfig{Retry: miniairflow.NotificationRetry{First: time.Hour, Max: time.Hour, GiveUp: time.Hour}})
		s.finish(s.trigger("w", nil))
		request, body := <-requests, <-bodies
		require.Equal(t, "/takes/geheim-1", request.URL.Path)
		require.Equal(t, "geheim-1", request.Header.Get("X-Key"))
		require.Equal(t, notify.Sign("geheim-2", request.Header.Get(notify.HeaderTimestamp), []byte(body)), request.Header.Get(notify.HeaderSignature))
		require.JSONEq(t, `{"text": "w#1 in eu: success"}`, body)

		s.finish(s.trigger("w", map[string]any{"path": "refuses"}))
		s.await("the second to be refused", func() bool { return s.notifications()[0].LastError != "" })
		refused := s.notifications()[0]
		require.Equal(t, "the answer is status 404", refused.LastError, "what it was asked for may be in it, in any form")
		require.Equal(t, miniairflow.NotificationPending, refused.State)
	})
}

// What nobody takes for long enough is stuck, is kept, and goes again when somebody says so.
func TestNotificationsGetStuck(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, r := newSystem(t, store), newReceiver(t)
		s.load(map[string]string{"w.yaml": fmt.Sprintf("name: w\non_success: {webhook: %q}\ntasks: {a: {noop: true}}\n", r.URL)})
		s.scheduler()
		s.worker("w1")
		s.notifier(store, runner.NotifierConfig{Retry: miniairflow.NotificationRetry{First: time.Millisecond, Max: time.Millisecond, GiveUp: 50 * time.Millisecond}})
		s.finish(s.trigger("w", nil))
		s.await("it to be stuck", func() bool {
			all := s.notifications()
			return len(all) == 1 && all[0].State == miniairflow.NotificationStuck
		})
		stuck := s.notifications()[0]
		require.NotEmpty(t, stuck.LastError)
		r.mu.Lock()
		r.down, r.taken = false, map[uuid.UUID]notify.Facts{}
		r.mu.Unlock()
		_, err := s.control.SendNotification(t.Context(), stuck.ID, miniairflow.Actor{Name: "test"})
		require.NoError(t, err)
		s.await("it to be sent", func() bool { return s.notifications()[0].State == miniairflow.NotificationSent })
		r.mu.Lock()
		defer r.mu.Unlock()
		require.Contains(t, r.taken, stuck.ID)
	})
}

// broken is a messenger that cannot stand any message.
type broken struct{}

func (broken) Send(context.Context, *notify.Message) error { panic("no") }

// A message that the code cannot stand is one that was not taken, and no end of the process.
func TestNotifierSurvivesAPanic(t *testing.T) {
	s := newSystem(t, persistencetest.SQLite(t))
	s.load(map[string]string{"w.yaml": "name: w\non_success: {webhook: https://example.org}\ntasks: {a: {noop: true}}\n"})
	s.scheduler()
	s.worker("w1")
	s.notifier(s.store, runner.NotifierConfig{Messenger: broken{}})
	s.finish(s.trigger("w", nil))
	s.await("the error to be noted", func() bool { return len(s.notifications()) == 1 && s.notifications()[0].LastError != "" })
	require.Contains(t, s.notifications()[0].LastError, "see the server's log")
}

// stained is a store with a notice of which no notification can be made, the oldest.
type stained struct{ miniairflow.Store }

func (s *stained) GatherNotices(ctx context.Context, hold time.Duration, limit int, without ...int64) (int, error) {
	fault := miniairflow.Errorf(miniairflow.CodeInternal, "index row is too large")
	switch {
	case slices.Contains(without, 7):
		return s.Store.GatherNotices(ctx, hold, limit, without...)
	case limit > 1:
		return 0, fault
	default:
		return 0, &miniairflow.NoticeFault{ID: 7, Err: fault}
	}
}

// A notice of which nothing can be made keeps nobody else from being told.
func TestNoticeThatCannotBeWritten(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s, r := newSystem(t, store), newReceiver(t)
		r.down = false
		s.load(map[string]string{"w.yaml": fmt.Sprintf("name: w\non_success: {webhook: %q}\ntasks: {a: {noop: true}}\n", r.URL)})
		s.scheduler()
		s.worker("w1")
		s.notifier(&stained{Store: store}, runner.NotifierConfig{})
		s.finish(s.trigger("w", nil))
		s.await("the message", func() bool {
			all := s.notifications()
			return len(all) == 1 && all[0].State == miniairflow.NotificationSent
		})
	})
}

// A notification that was on its way when its server was stopped is as good as before.
func TestStopWhileANotificationIsSent(t *testing.T) {
	persistencetest.Each(t, func(t *testing.T, store miniairflow.Store) {
		s := newSystem(t, store)
		came, gone := make(chan struct{}, 1), make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			came <- struct{}{}
			<-gone
		}))
		t.Cleanup(server.Close)
		t.Cleanup(func() { close(gone) })
		s.load(map[string]string{"w.yaml": fmt.Sprintf("name: w\non_success: {webhook: %q}\ntasks: {a: {noop: true}}\n", server.URL)})
		s.scheduler()
		s.worker("w1")
		short := miniairflow.NotificationRetry{First: time.Hour, Max: time.Hour, GiveUp: 1}
		sending := s.notifier(store, runner.NotifierConfig{Retry: short})
		s.finish(s.trigger("w", nil))
		<-came
		sending.stop(t)
		n := s.notifications()[0]
		require.Equal(t, miniairflow.NotificationPending, n.State)
		require.Equal(t, "the server was stopped while it sent the message", n.LastError)
		due, err := store.Now(t.Context())
		require.NoError(t, err)
		require.False(t, n.DueAt.After(due), "another one sends it now")
	})
}
