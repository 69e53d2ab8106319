package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

// A call whose answer is lost on the way fails after a while, and does not hold
// its caller for ever; the next one is answered.
func TestLostAnswerEndsTheCall(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	proxy := persistencetest.NewProxy(t, url)
	store := open(t, proxy.URL(), postgres.Config{PollOnly: true, CallTimeout: time.Second})
	run := persistencetest.MustTrigger(t, store, persistencetest.MustSync(t, store, persistencetest.Define("etl", persistencetest.Wide(1)...)))
	for name, call := range map[string]func() error{
		"a read": func() error {
			_, err := store.LogSize(t.Context(), miniairflow.AttemptKey{RunID: uuid.New(), Attempt: 1})
			return err
		},
		"one row": func() error {
			_, err := store.Now(t.Context())
			return err
		},
		"the read of a catalog": func() error {
			_, err := store.SyncFiles(t.Context(), []miniairflow.FileSync{{Path: "a.yaml"}})
			return err
		},
		"a snapshot": func() error {
			_, err := store.RunChanges(t.Context(), run.ID, 0)
			return err
		},
		"a transaction": func() error {
			_, err := store.SetPool(t.Context(), miniairflow.Pool{Name: "p", Slots: 1}, miniairflow.Actor{Name: "test"})
			return err
		},
	} {
		require.NoError(t, call(), name)
		proxy.Set(persistencetest.LineHalfOpen)
		failed := make(chan error, 1)
		go func() { failed <- call() }()
		select {
		case err := <-failed:
			require.Equal(t, miniairflow.CodeUnavailable, miniairflow.ErrorCode(err), "%s: %v", name, err)
		case <-time.After(patience):
			t.Fatal(name, "has no answer and does not end")
		}
		proxy.Set(persistencetest.LineGood)
		require.Eventually(t, func() bool { return call() == nil }, patience, 10*time.Millisecond, name)
	}
}

// A store closes soon, also when the last thing that it asked has no answer. The
// pool asks connections that were idle for more than a second whether they live.
func TestLostAnswerDoesNotHoldUpTheEnd(t *testing.T) {
	proxy := persistencetest.NewProxy(t, persistencetest.PostgresURL(t)+"&connect_timeout=2")
	store, err := postgres.Open(t.Context(), proxy.URL(), postgres.Config{PollOnly: true})
	require.NoError(t, err)
	_, err = store.Now(t.Context())
	require.NoError(t, err)
	<-time.After(1100 * time.Millisecond) // the connection has been idle for long enough to be asked
	proxy.Set(persistencetest.LineHalfOpen)
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := store.Now(ctx)
		asked <- err
	}()
	require.Eventually(t, func() bool { return proxy.Harmed() > 0 }, patience, time.Millisecond, "no answer was lost")
	cancel()
	require.Error(t, <-asked)
	closed := make(chan error, 1)
	go func() { closed <- store.Close() }()
	select {
	case err := <-closed:
		require.NoError(t, err)
	case <-time.After(patience):
		t.Fatal("the store does not close")
	}
}
