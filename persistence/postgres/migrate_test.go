package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
	"github.com/sauravritesh63/miniairflow/persistence/postgres"
)

// A start that has nothing to migrate waits for nobody who migrates.
func TestStartWithoutMigrationsTakesNoLock(t *testing.T) {
	url := persistencetest.PostgresURL(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	lock, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), `LOCK TABLE schema_migrations IN EXCLUSIVE MODE`)
	require.NoError(t, err)
	_, err = lock.Exec(t.Context(), `SELECT pg_advisory_xact_lock($1, 0)`, postgres.MigrationLock)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // else it would wait for ever
	defer cancel()
	store, err := postgres.Open(ctx, url, postgres.Config{})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, lock.Rollback(t.Context()))
}

// A database that only reads, such as a standby, is refused at the start and not by
// each of the loops.
func TestStartRefusesWhatOnlyReads(t *testing.T) {
	url := persistencetest.PostgresURL(t) + "&default_transaction_read_only=on"
	store, err := postgres.Open(t.Context(), url, postgres.Config{})
	if err == nil {
		require.NoError(t, store.Close())
	}
	require.ErrorContains(t, err, "read-only")
}
