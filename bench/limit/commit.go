package limit

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Syncs returns the time that one durable write of 8 KiB takes, over n of them:
// what no commit can be faster than.
func Syncs(dir string, n int) (time.Duration, error) {
	file, err := os.CreateTemp(dir, "sync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	block := make([]byte, 8<<10)
	began := time.Now()
	for range n {
		if _, err := file.Write(block); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
	}
	return time.Since(began) / time.Duration(n), nil
}

// SQLiteCommits returns the time of one transaction that changes a row, durably.
func SQLiteCommits(ctx context.Context, dir string, n int) (time.Duration, error) {
	path := filepath.Join(dir, fmt.Sprintf("commits-%d.db", time.Now().UnixNano()))
	db, err := sql.Open("sqlite", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		return 0, err
	}
	defer os.Remove(path)
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t VALUES (1, 0)"); err != nil {
		return 0, err
	}
	change, err := db.PrepareContext(ctx, "UPDATE t SET n = n + 1 WHERE id = 1")
	if err != nil {
		return 0, err
	}
	defer change.Close()
	began := time.Now()
	for range n {
		if _, err := change.ExecContext(ctx); err != nil {
			return 0, err
		}
	}
	return time.Since(began) / time.Duration(n), nil
}

// PostgresCommits returns how many transactions that change a row end in a
// second, durably, on so many connections. The database is left as it was.
func PostgresCommits(ctx context.Context, address string, connections, n int) (perSecond float64, err error) {
	setup, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer setup.Close(ctx)
	const table = "CREATE TABLE IF NOT EXISTS bench_commits (id integer PRIMARY KEY, n integer) WITH (fillfactor = 10)"
	if _, err := setup.Exec(ctx, table); err != nil {
		return 0, err
	}
	if _, err := setup.Exec(ctx, "INSERT INTO bench_commits SELECT i, 0 FROM generate_series(1, $1) AS i ON CONFLICT DO NOTHING", connections); err != nil {
		return 0, err
	}
	errs := make([]error, connections)
	var all sync.WaitGroup
	began := time.Now()
	for c := range connections {
		all.Go(func() { errs[c] = commits(ctx, address, c+1, n) })
	}
	all.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	_, err = setup.Exec(ctx, "DROP TABLE bench_commits")
	return float64(connections*n) / took.Seconds(), err
}

func commits(ctx context.Context, address string, id, n int) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for range n {
		if _, err := conn.Exec(ctx, "UPDATE bench_commits SET n = n + 1 WHERE id = $1", id); err != nil {
			return err
		}
	}
	return nil
}
