package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver of the judge
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/expression"
	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// patience is how long a healed cluster may take for what it has to do.
const patience = 2 * time.Minute

// timers are those of all processes of an episode.
type timers struct {
	lease, grace time.Duration
	drain        time.Duration // how long a worker that stops lets its tasks finish
}

// Scaled timers make a fault heal within seconds; the standard ones are what
// people get who set nothing. The scaled drain lets some tasks finish, not all.
var (
	scaledTimers   = timers{lease: 1500 * time.Millisecond, grace: 300 * time.Millisecond, drain: 300 * time.Millisecond}
	standardTimers = timers{lease: 30 * time.Second, grace: 10 * time.Second, drain: 30 * time.Second}
)

// cluster is two servers and four workers on one PostgreSQL. Half of them reach
// it directly, the others through a line of their own, which can be damaged.
type cluster struct {
	t        testing.TB
	timers   timers
	postgres *persistencetest.Server
	store    miniairflow.Store
	control  *miniairflow.Control
	db       *sql.DB // to judge by
	witness  string

	servers, workers []*node
	direct           []*node // the workers that reach the server directly
	lines            []*persistencetest.Proxy

	quiet sync.RWMutex // held for writing by a fault during which there must be no other
}

// newCluster starts a cluster for a folder of workflow files and waits until
// these are loaded.
func newCluster(t testing.TB, times timers, work *workload) *cluster {
	t.Helper()
	pg := persistencetest.PostgresServer(t)
	c := &cluster{t: t, timers: times, postgres: pg, witness: filepath.Join(t.TempDir(), "witness")}
	require.NoError(t, os.WriteFile(c.witness, nil, 0o600))
	c.store = persistencetest.Open(t, pg.URL())
	c.control = &miniairflow.Control{Store: c.store, Evaluator: expression.New()}
	var err error
	c.db, err = sql.Open("pgx", pg.URL())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.db.Close()) })

	logs := t.TempDir()
	t.Cleanup(func() { keepLogs(t, logs, c.witness) })
	for i := range 2 {
		url := pg.URL()
		if i == 1 {
			url = c.line()
		}
		name := fmt.Sprintf("server%d", i+1)
		c.servers = append(c.servers, newNode(t, logs, name, c.env(), binary, "serve", "--addr", "127.0.0.1:0", "--no-auth",
			"--roles", "api,scheduler,loader", "--database-url", url, "--dags", work.dir, "--home", t.TempDir()))
	}
	for i := range 4 {
		url := pg.URL()
		if i >= 2 {
			url = c.line()
		}
		name := fmt.Sprintf("worker%d", i+1)
		w := newNode(t, logs, name, c.env(), binary, "worker", "--id", name, "--concurrency", "4", "--allow-env", "WITNESS",
			"--lease", times.lease.String(), "--grace", times.grace.String(), "--drain-timeout", times.drain.String(),
			"--database-url", url, "--dags", work.dir, "--home", t.TempDir())
		c.workers = append(c.workers, w)
		if i < 2 {
			c.direct = append(c.direct, w)
		}
	}
	for _, n := range c.nodes() {
		n.start()
	}
	require.Eventually(t, func() bool {
		loaded := c.count(`SELECT count(*) FROM workflows`)
		return loaded == len(work.names)
	}, patience, 50*time.Millisecond, "the workflows are not loaded")
	ctx, cancel := context.WithCancel(t.Context())
	var people sync.WaitGroup
	people.Go(func() { c.answerAll(ctx) })
	t.Cleanup(func() {
		cancel()
		people.Wait()
	})
	return c
}

// env is the environment of the processes.
func (c *cluster) env() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "WITNESS=" + c.witness}
}

// line makes a way to the server that can be damaged, and returns its URL.
func (c *cluster) line() string {
	p := persistencetest.NewProxy(c.t, c.postgres.URL())
	c.lines = append(c.lines, p)
	return p.URL()
}

func (c *cluster) nodes() []*node { return append(append([]*node{}, c.servers...), c.workers...) }

// keepLogs prints where to look after a failure.
func keepLogs(t testing.TB, dir, witness string) {
	if !t.Failed() {
		return
	}
	kept, err := os.MkdirTemp("", "miniairflow-chaos-logs-") //nolint:usetesting // outlives the test
	if err == nil {
		err = os.CopyFS(kept, os.DirFS(dir))
	}
	if err == nil {
		var text []byte
		if text, err = os.ReadFile(witness); err == nil {
			err = os.WriteFile(filepath.Join(kept, "witness"), text, 0o600)
		}
	}
	t.Logf("logs and witness are in %s (%v)", kept, err)
}

// count returns the one number of a query, or -1 where the database is away.
func (c *cluster) count(query string, args ...any) int {
	n := -1
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if err := c.db.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return -1
	}
	return n
}

// connect makes a new connection to the database, as a heartbeat does after an outage.
func (c *cluster) connect() error {
	ctx, cancel := context.WithTimeout(c.t.Context(), c.timers.lease)
	defer cancel()
	db, err := sql.Open("pgx", c.postgres.URL())
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

const allAttempts = `SELECT count(*) FROM task_attempts`

const openRuns = `SELECT count(*) FROM workflow_runs WHERE status IN ('pending', 'running')`

// feed triggers runs, so that there are always some that wait, until stop is
// closed. It returns the idempotency keys for which a trigger was acknowledged.
func (c *cluster) feed(r *rand.Rand, work *workload, waiting int, stop <-chan struct{}) (keys []string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		for open := c.count(openRuns); open < 0 || open >= waiting; open = c.count(openRuns) {
			select {
			case <-stop:
				return keys
			case <-tick.C:
			}
		}
		key := fmt.Sprintf("run-%d", n)
		if c.trigger(work.names[r.IntN(len(work.names))], key, tick.C) {
			keys = append(keys, key)
		}
		select {
		case <-stop:
			return keys
		default:
		}
	}
}

// trigger asks for a run until the answer arrives, as a caller with an
// idempotency key may.
func (c *cluster) trigger(name, key string, again <-chan time.Time) bool {
	for {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		_, err := c.control.TriggerWorkflow(ctx, miniairflow.TriggerRequest{
			Workflow: name, IdempotencyKey: key, By: miniairflow.Actor{Name: "chaos"},
		})
		cancel()
		if err == nil {
			return true
		}
		select {
		case <-c.t.Context().Done():
			return false
		case <-again:
		}
	}
}

// settle waits until every run is over, as long as anything ends or begins. Runs
// that failed because a task was lost too often are opened again, as a person would;
// it returns how many those were.
func (c *cluster) settle() (reopened int, err error) {
	deadline, before := time.Now().Add(patience), 0
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		if attempts := c.count(allAttempts); attempts > before {
			deadline, before = time.Now().Add(patience), attempts
		}
		if c.count(openRuns) == 0 {
			again, err := c.reopen()
			reopened += again
			if err != nil || again == 0 {
				return reopened, err
			}
			deadline = time.Now().Add(patience)
		}
		<-tick.C
	}
	return reopened, fmt.Errorf("%d runs hang", c.count(openRuns))
}

// failedRuns are those that a person would retry: all but failed payments.
const failedRuns = `
	SELECT r.id::text FROM workflow_runs r WHERE r.status = 'failed'
		AND NOT EXISTS (SELECT 1 FROM task_runs t WHERE t.workflow_run_id = r.id AND t.name = $1)`

// reopen retries what has failed, but for payments.
func (c *cluster) reopen() (again int, err error) {
	rows, err := c.db.QueryContext(c.t.Context(), failedRuns, paymentTask)
	if err != nil {
		return 0, fmt.Errorf("find failed runs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return again, fmt.Errorf("find failed runs: %w", err)
		}
		req := miniairflow.RerunRequest{RunID: id, Kind: miniairflow.RerunFailed, By: miniairflow.Actor{Name: "chaos", Reason: "lost too often"}}
		if _, err := c.control.Rerun(c.t.Context(), req); err != nil {
			return again, fmt.Errorf("retry run %s: %w", id, err)
		}
		again++
	}
	return again, rows.Err()
}

// stop ends every process as an operator does, and returns what went wrong.
func (c *cluster) stop() (wrong []string) {
	for _, n := range c.nodes() {
		n.mu.Lock()
		wrong = append(wrong, n.crashes...)
		n.mu.Unlock()
	}
	for _, n := range c.nodes() {
		if !n.stop(stopPatience) {
			wrong = append(wrong, n.name+" does not end after SIGTERM")
		}
	}
	// A guardian ends just after its worker.
	left := withEnv(c.t, "WITNESS="+c.witness)
	for deadline := time.Now().Add(stopPatience); len(left) > 0 && time.Now().Before(deadline); left = withEnv(c.t, "WITNESS="+c.witness) {
		pause(c.timers.lease / 10)
	}
	if len(left) > 0 {
		wrong = append(wrong, fmt.Sprintf("processes %v outlive the cluster", left))
	}
	return wrong
}

// openAttempts returns the attempts that run on some workers, as text.
func (c *cluster) openAttempts(of []*node) (held []string, err error) {
	for _, n := range of {
		err = errors.Join(err, each(c.t.Context(), c.db, func(rows *sql.Rows) error {
			var key string
			err := rows.Scan(&key)
			held = append(held, key)
			return err
		}, fmt.Sprintf(`SELECT o.workflow_run_id::text || ' ' || o.seq || ' ' || o.attempt
			FROM task_open o JOIN workers w ON w.id = o.session_id WHERE w.pid = %d AND w.status <> 'inactive'`, n.pid())))
	}
	return held, err
}

// lostOf returns those attempts that have become lost.
func (c *cluster) lostOf(held []string) (lost []string, err error) {
	err = each(c.t.Context(), c.db, func(rows *sql.Rows) error {
		var key, reason string
		err := rows.Scan(&key, &reason)
		if slices.Contains(held, key) {
			lost = append(lost, key+": "+reason)
		}
		return err
	}, `SELECT workflow_run_id::text || ' ' || seq || ' ' || number, reason FROM task_attempts WHERE status = 'lost'`)
	return lost, err
}

// setReadOnly makes every transaction on the server read-only, or lifts that.
func (c *cluster) setReadOnly(readOnly bool) bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	conn, err := c.db.Conn(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	value := "off"
	if readOnly {
		value = "on"
	}
	for _, statement := range []string{"SET default_transaction_read_only = off", "ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return false
		}
	}
	return true
}
