package postgres_test

import (
	"testing"

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

	store, err := postgres.Open(t.Context(), url, postgres.Config{})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, lock.Rollback(t.Context()))
}
