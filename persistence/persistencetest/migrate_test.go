package persistencetest_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// emptyDatabases are the addresses of new databases without any table.
func emptyDatabases(t *testing.T) map[string]string {
	return map[string]string{"sqlite": persistencetest.SQLiteURL(t), "postgres": persistencetest.EmptyPostgresURL(t)}
}

func TestMigrateUpDownUp(t *testing.T) {
	var lists [][]persistence.MigrationStatus
	for dialect, url := range emptyDatabases(t) {
		t.Run(dialect, func(t *testing.T) {
			before, err := persistence.Migrations(t.Context(), url)
			require.NoError(t, err)
			require.NotEmpty(t, before)
			for range 2 {
				require.NoError(t, persistence.Migrate(t.Context(), url))
				require.NoError(t, persistence.Migrate(t.Context(), url), "nothing is left to do")
				applied, err := persistence.Migrations(t.Context(), url)
				require.NoError(t, err)
				for _, m := range applied {
					require.True(t, m.Applied)
				}
				require.NoError(t, persistence.MigrateDown(t.Context(), url, len(applied)))
				after, err := persistence.Migrations(t.Context(), url)
				require.NoError(t, err)
				require.Equal(t, before, after)
			}
			require.NoError(t, persistence.MigrateDown(t.Context(), url, 1), "an empty schema has nothing to take back")
			persistencetest.Open(t, url) // a store migrates by itself
			lists = append(lists, before)
		})
	}
	require.Len(t, lists, 2)
	require.Equal(t, lists[0], lists[1], "both dialects have the same versions")
}

func TestProcessesMigrateAtOnce(t *testing.T) {
	url := persistencetest.EmptyPostgresURL(t)
	together(t, 6, func(ctx context.Context, _ int) error { return persistence.Migrate(ctx, url) })
	status, err := persistence.Migrations(t.Context(), url)
	require.NoError(t, err)
	require.True(t, status[len(status)-1].Applied)
}

func TestNewerOrBrokenSchemaIsRefused(t *testing.T) {
	for dialect, url := range emptyDatabases(t) {
		t.Run(dialect, func(t *testing.T) {
			require.NoError(t, persistence.Migrate(t.Context(), url))
			for _, change := range []string{"UPDATE schema_migrations SET version = 999999", "UPDATE schema_migrations SET version = 1, dirty = true"} {
				driver, name := "pgx", url
				if dialect == "sqlite" {
					driver, name = "sqlite", strings.TrimPrefix(url, "sqlite://")
				}
				raw, err := sql.Open(driver, name)
				require.NoError(t, err)
				_, err = raw.ExecContext(t.Context(), change)
				require.NoError(t, err)
				require.NoError(t, raw.Close())
				_, err = persistence.Open(t.Context(), url, persistence.Options{})
				require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
				require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(persistence.MigrateDown(t.Context(), url, 1)))
			}
		})
	}
}

func TestSecondOwnerOfAFileIsRefused(t *testing.T) {
	url := persistencetest.SQLiteURL(t)
	persistencetest.Open(t, url)
	_, err := persistence.Open(t.Context(), url, persistence.Options{})
	require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
	require.ErrorContains(t, err, filepath.Base(url))
	require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(persistence.Migrate(t.Context(), url)))
}

func TestNewOwnerTakesOverWhatTheOldHeld(t *testing.T) {
	url := persistencetest.SQLiteURL(t)
	store, err := persistence.Open(t.Context(), url, persistence.Options{})
	require.NoError(t, err)
	held, err := store.TryLease(t.Context(), "loader", uuid.New(), time.Hour)
	require.NoError(t, err)
	require.True(t, held)
	raw := openRaw(t, "sqlite", "file:"+strings.TrimPrefix(url, "sqlite://")+"?mode=ro")
	db := &database{testCase: t, Store: store, url: url, raw: raw}
	r := db.start(definition("etl", task("a")))
	db.worker("w").claim(1)
	require.NoError(t, store.Close())

	db.Store = persistencetest.Open(t, url)
	held, err = db.TryLease(t.Context(), "loader", uuid.New(), time.Hour)
	require.NoError(t, err)
	require.True(t, held, "the lease died with its process")
	reaped, err := db.Reap(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, reaped)
	db.worker("w").drain(nil)
	require.Equal(t, miniairflow.RunSuccess, db.run(r.ID).Status)
	db.check()
}
