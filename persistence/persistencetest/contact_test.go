package persistencetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// A refusal by the machine of the only server proves to a heartbeat that nobody
// else can reach the database; the refusal of a proxy proves nothing.
func TestOnlyARefusalOfTheServerProvesThatItIsDown(t *testing.T) {
	server := persistencetest.PostgresServer(t)
	direct := persistencetest.Open(t, server.URL())
	proxy := persistencetest.NewProxy(t, server.URL())
	through, err := persistence.Open(t.Context(), proxy.URL(), persistence.Options{PollOnly: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, through.Close()) })
	w := miniairflow.Worker{ID: uuid.New(), Name: "w", Queues: []string{"default"}}
	require.NoError(t, direct.StartSession(t.Context(), w, lease))
	beat := func(store miniairflow.Store) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := store.Heartbeat(ctx, w.ID, nil, lease)
		return err
	}
	require.NoError(t, beat(direct))
	require.NoError(t, beat(through))

	server.Stop()
	proxy.Set(persistencetest.LineCut)
	require.Eventually(t, func() bool { return errors.Is(beat(direct), miniairflow.ErrServerDown) }, 30*time.Second, 10*time.Millisecond)
	for range 20 {
		err := beat(through)
		require.Equal(t, miniairflow.CodeUnavailable, miniairflow.ErrorCode(err), "%v", err)
		require.NotErrorIs(t, err, miniairflow.ErrServerDown)
	}
	server.Start()
	proxy.Set(persistencetest.LineGood)
	for _, store := range []miniairflow.Store{direct, through} {
		require.Eventually(t, func() bool { return beat(store) == nil }, 30*time.Second, 10*time.Millisecond)
	}
}

// After a restart the server has another name, so that those who count the
// silence of workers begin anew; without one it keeps it.
func TestSessionsNameTheStartOfTheServer(t *testing.T) {
	server := persistencetest.PostgresServer(t)
	store := persistencetest.Open(t, server.URL())
	before, err := store.Sessions(t.Context())
	require.NoError(t, err)
	again, err := store.Sessions(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, before.Server)
	require.Equal(t, before.Server, again.Server)
	server.Stop()
	server.Start()
	var after miniairflow.Sessions
	require.Eventually(t, func() bool {
		after, err = store.Sessions(t.Context())
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
	require.NotEqual(t, before.Server, after.Server)
}
