package persistence_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/persistence"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

func TestMain(m *testing.M) { persistencetest.Main(m) }

func TestOpenRefusesUnknownURLs(t *testing.T) {
	for _, url := range []string{"", "mysql://root:secret@host/db", "miniairflow.db", "/tmp/x.db", "sqlite://", "sqlite:///dir/", "sqlite:x.db", "sqlite:////tmp/x.db"} {
		_, err := persistence.Open(t.Context(), url, persistence.Options{})
		require.Equal(t, miniairflow.CodeInvalid, miniairflow.ErrorCode(err), url)
		require.ErrorContains(t, err, "postgres://", url)
		require.ErrorContains(t, err, "sqlite:///", url)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := persistence.Open(t.Context(), "sqlite:////tmp/x.db", persistence.Options{})
	require.ErrorContains(t, err, "write sqlite:///tmp/x.db for the absolute path /tmp/x.db, or sqlite://tmp/x.db for one below the current folder")
}

func TestOpenRelativeAndAbsolutePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	relative := persistencetest.Open(t, "sqlite://sub dir/a#1%20?.db")
	persistencetest.MustSync(t, relative, persistencetest.Define("a", persistencetest.Chain(2)...))
	require.FileExists(t, filepath.Join("sub dir", "a#1%20?.db"))
	persistencetest.Open(t, "sqlite://"+filepath.Join(t.TempDir(), "b.db"))
}

func TestSecondOwnerOfAFileIsRefused(t *testing.T) {
	url := persistencetest.SQLiteURL(t)
	persistencetest.Open(t, url)
	_, err := persistence.Open(t.Context(), url, persistence.Options{})
	require.Equal(t, miniairflow.CodeConflict, miniairflow.ErrorCode(err))
}

func TestDataSurvivesAReopen(t *testing.T) {
	for name, url := range map[string]string{"sqlite": persistencetest.SQLiteURL(t), "postgres": persistencetest.PostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			first, err := persistence.Open(t.Context(), url, persistence.Options{})
			require.NoError(t, err)
			v := persistencetest.MustSync(t, first, persistencetest.Define("a", persistencetest.FanOut(3)...))
			require.NoError(t, first.Close())
			again, err := persistencetest.Open(t, url).FindVersion(t.Context(), v.ID)
			require.NoError(t, err)
			require.Equal(t, v, again)
		})
	}
}

func TestMigrateUpDownUp(t *testing.T) {
	for name, url := range map[string]string{"sqlite": persistencetest.SQLiteURL(t), "postgres": persistencetest.EmptyPostgresURL(t)} {
		t.Run(name, func(t *testing.T) {
			applied := func() (all, done int) {
				status, err := persistence.Migrations(t.Context(), url)
				require.NoError(t, err)
				for _, m := range status {
					if m.Applied {
						done++
					}
				}
				return len(status), done
			}
			all, done := applied()
			require.Zero(t, done)
			for range 2 {
				require.NoError(t, persistence.Migrate(t.Context(), url))
				require.NoError(t, persistence.Migrate(t.Context(), url))
				_, done = applied()
				require.Equal(t, all, done)
				require.NoError(t, persistence.MigrateDown(t.Context(), url, all))
				_, done = applied()
				require.Zero(t, done)
			}
			persistencetest.Open(t, url)
		})
	}
}

func TestBothDialectsHaveTheSameMigrations(t *testing.T) {
	versions := func(url string) (names []string) {
		status, err := persistence.Migrations(t.Context(), url)
		require.NoError(t, err)
		for _, m := range status {
			names = append(names, m.Name)
		}
		return names
	}
	require.Equal(t, versions(persistencetest.SQLiteURL(t)), versions(persistencetest.EmptyPostgresURL(t)))
}

func TestProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	url := persistencetest.EmptyPostgresURL(t)
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = persistence.Migrate(t.Context(), url) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}
