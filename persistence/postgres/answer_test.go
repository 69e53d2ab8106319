package postgres_test

import (
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
	for name, call := range map[string]func() error{
		"a read": func() error {
			_, err := store.LogSize(t.Context(), miniairflow.AttemptKey{RunID: uuid.New(), Attempt: 1})
			return err
		},
		"one row": func() error {
			_, err := store.Now(t.Context())
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
