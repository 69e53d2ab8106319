package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// A worker that runs tasks must be heard even when every other connection of
// its process waits for a lock.
func TestHeartbeatWaitsForNoOtherCall(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	store := persistencetest.Open(t, url+"&pool_max_conns=1")
	w := miniairflow.Worker{ID: uuid.New(), Name: "w1", Queues: []string{"default"}, Concurrency: 1}
	require.NoError(t, store.StartSession(t.Context(), w, time.Hour))

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	lock, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), `LOCK TABLE leases`)
	require.NoError(t, err)
	waiting := make(chan error, 1)
	go func() {
		_, err := store.TryLease(t.Context(), "x", w.ID, time.Hour)
		waiting <- err
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := lock.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)`).Scan(&waits)
		return err == nil && waits
	}, time.Minute, time.Millisecond)

	// Well below the time after which the one that waits gives up.
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	_, err = store.Heartbeat(ctx, w.ID, nil, time.Hour)
	require.NoError(t, err)
	require.NoError(t, lock.Rollback(t.Context()))
	require.NoError(t, <-waiting)
	require.NoError(t, conn.Close(t.Context()))
}
