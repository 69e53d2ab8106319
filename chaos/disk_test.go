package chaos

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver of the judge

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// diskScript gives a process a small disk of its own, which ends with it.
const diskScript = `mount -t tmpfs -o size=24m tmpfs "$1" && shift && exec "$@"`

// TestFullDisk fills the disk of a SQLite database while tasks run: the process
// lives on, nothing that was said to be done is lost, and when there is room
// again everything goes on.
func TestFullDisk(t *testing.T) {
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
		require.Zero(t, *quotaFlag, "this system lets no test mount a disk: %v %s", err, out)
		t.Skipf("this system lets no test mount a disk: %v %s", err, out)
	}
	began := time.Now()
	e := &episode{Kind: fullDisk, Seed: *seedFlag, Lease: scaledTimers.lease, Faults: map[string]int{}}
	r := rand.New(rand.NewPCG(e.Seed, 0))
	work := writeWorkload(t, r, len(shapes))
	times := max(2, min(*quotaFlag, 20))
	d := newDisk(t, work)
	for round := range times {
		for i, name := range work.names {
			if strings.HasPrefix(name, approvalShape) {
				continue // nobody is here who would answer
			}
			d.trigger(t, name, fmt.Sprintf("run-%d-%d", round, i))
		}
		if d.fill(t, time.Duration(r.Int64N(int64(2*time.Second)))) {
			e.Faults[fullDisk]++
		}
	}
	d.conclude(t, e)
	e.Seconds = int(time.Since(began).Seconds())
	report(t, e)
	require.Equal(t, times, e.Faults[fullDisk])
}

// disk is one process with everything, whose SQLite database lies on a small disk.
type disk struct {
	node    *node
	mount   string // as the process sees it
	home    string
	witness string
	keys    []string
}

func newDisk(t *testing.T, work *workload) *disk {
	t.Helper()
	d := &disk{mount: t.TempDir(), home: t.TempDir(), witness: filepath.Join(t.TempDir(), "witness")}
	require.NoError(t, os.WriteFile(d.witness, nil, 0o600))
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.home, "TMPDIR=" + os.TempDir(), "WITNESS=" + d.witness}
	logs := t.TempDir()
	t.Cleanup(func() { keepLogs(t, logs, d.witness) })
	d.node = newNode(t, logs, "server", env, "unshare", "-rm", "sh", "-c", diskScript, "sh", d.mount,
		binary, "serve", "--addr", "127.0.0.1:0", "--no-auth", "--dags", work.dir, "--home", d.home, "--allow-env", "WITNESS",
		"--database-url", "sqlite://"+filepath.Join(d.mount, "miniairflow.db"),
		"--lease", scaledTimers.lease.String(), "--grace", scaledTimers.grace.String())
	d.node.start()
	return d
}

// on returns where a file of the disk is for us.
func (d *disk) on(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", d.node.pid()), d.mount, name)
}

// trigger starts a run by the command, again and again until that is acknowledged.
func (d *disk) trigger(t *testing.T, workflow, key string) {
	t.Helper()
	var out []byte
	require.Eventually(t, func() (done bool) {
		cmd := exec.Command(binary, "trigger", workflow, "--home", d.home, "--idempotency-key", key)
		cmd.Env = d.node.env
		var err error
		out, err = cmd.CombinedOutput()
		return err == nil
	}, patience, 50*time.Millisecond, "%s", out)
	d.keys = append(d.keys, key)
}

// fill takes all room on the disk for a while and reports whether it was full.
func (d *disk) fill(t *testing.T, howLong time.Duration) bool {
	t.Helper()
	path := d.on("filler")
	file, err := os.Create(path)
	require.NoError(t, err)
	for err == nil {
		_, err = file.Write(make([]byte, 64<<10))
	}
	for over := time.Now().Add(howLong); time.Now().Before(over); pause(10 * time.Millisecond) {
		_, _ = file.Write(make([]byte, 4096)) // takes what the database gives back, if it does
	}
	require.NoError(t, errors.Join(os.Remove(path), file.Close()))
	return errors.Is(err, syscall.ENOSPC)
}

// snapshot copies the database as a crash at this moment would leave it. SQLite
// itself cannot open a file on the disk of another process.
func (d *disk) snapshot(t *testing.T) (db *sql.DB, path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "miniairflow.db")
	d.node.signal(syscall.SIGSTOP)
	defer d.node.signal(syscall.SIGCONT)
	for _, name := range []string{"miniairflow.db", "miniairflow.db-wal", "miniairflow-logs.db", "miniairflow-logs.db-wal"} {
		content, err := os.ReadFile(d.on(name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	return db, path
}

// conclude waits until all is over, and judges.
func (d *disk) conclude(t *testing.T, e *episode) {
	t.Helper()
	db, path := d.snapshot(t)
	for deadline, open := time.Now().Add(patience), 1; ; db, path = d.snapshot(t) {
		if db.QueryRow(openRuns).Scan(&open) == nil && open == 0 {
			break
		}
		require.NoError(t, db.Close())
		require.Less(t, time.Now(), deadline, "runs hang")
		pause(300 * time.Millisecond)
	}
	defer db.Close()
	store := persistencetest.Open(t, "sqlite://"+path)
	said, wrong, err := readAndJudge(t.Context(), db, store, d.witness, d.keys)
	require.NoError(t, err)
	e.Wrong = append(e.Wrong, wrong...)
	e.count(said)
	health := ""
	require.NoError(t, db.QueryRow(`PRAGMA integrity_check`).Scan(&health))
	require.Equal(t, "ok", health)
	d.node.mu.Lock()
	e.Wrong = append(e.Wrong, d.node.crashes...)
	d.node.mu.Unlock()
}
