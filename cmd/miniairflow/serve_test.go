package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/persistence/persistencetest"
)

// patience is how long these tests wait for what must happen.
const patience = time.Minute

// installation is a home, a folder of workflow files and a database, and the
// server that runs on them.
type installation struct {
	home     string
	dags     string
	database string
	addr     string // empty: a free port

	server *exec.Cmd
	said   *lockedBuffer
}

// lockedBuffer takes the output of a process while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// eachInstallation runs a test on both databases.
func eachInstallation(t *testing.T, test func(t *testing.T, i *installation)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newInstallation(t, "")) })
	t.Run("postgres", func(t *testing.T) { test(t, newInstallation(t, persistencetest.EmptyPostgresURL(t))) })
}

func newInstallation(t *testing.T, database string) *installation {
	t.Helper()
	return &installation{home: t.TempDir(), dags: t.TempDir(), database: database}
}

// write saves a workflow file.
func (i *installation) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(i.dags, name), []byte(text), 0o600))
}

// serve starts the server and waits until it says where it listens.
func (i *installation) serve(t *testing.T) {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	i.said = &lockedBuffer{}
	args := []string{"serve", "--addr", cmp.Or(i.addr, "127.0.0.1:0"), "--home", i.home, "--dags", i.dags, "--id", "w1"}
	if i.database != "" {
		args = append(args, "--database-url", i.database)
	}
	i.server = exec.Command(program, args...)
	i.server.Env = append(os.Environ(), asProgram+"=yes")
	i.server.Stdout, i.server.Stderr = i.said, i.said
	require.NoError(t, i.server.Start())
	server := i.server
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended long ago
		_ = server.Wait()
	})
	require.Eventually(t, func() bool { return strings.Contains(i.said.String(), "Stop it with Ctrl-C") },
		patience, 10*time.Millisecond, "server says: %s", i.said)
}

// kill ends the server as a power cut would.
func (i *installation) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, i.server.Process.Signal(syscall.SIGKILL))
	_ = i.server.Wait() // killed, as wanted
	require.NoError(t, os.Remove(serverFilePath(i.home)))
}

// client returns a client of the server, by the note that it left in its home.
func (i *installation) client(t *testing.T) *client {
	t.Helper()
	var c *client
	require.Eventually(t, func() bool {
		url, ok := runningServer(t.Context(), &config{Home: i.home})
		if !ok {
			return false
		}
		var err error
		c, err = remoteClient(&config{Home: i.home}, url)
		return err == nil
	}, patience, 10*time.Millisecond)
	t.Cleanup(func() { require.NoError(t, c.close()) })
	return c
}

// appears waits until the API has the workflow.
func appears(t *testing.T, c *client, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := c.findWorkflow(t.Context(), name)
		return err == nil
	}, patience, 10*time.Millisecond)
}

// TestServe_Live walks the whole path on both databases: a file is saved and is
// in the API, a run is triggered, its subscription delivers every terminal state
// with revisions that rise, and a log arrives while its task still runs.
func TestServe_Live(t *testing.T) {
	eachInstallation(t, func(t *testing.T, i *installation) {
		i.write(t, "first.yaml", "tasks:\n  a: {noop: true}\n")
		i.serve(t)
		c := i.client(t)
		appears(t, c, "first")
		gate := filepath.Join(t.TempDir(), "gate")
		i.write(t, "gated.yaml", fmt.Sprintf(`
tasks:
  wait:
    command: |
      echo before the gate
      until [ -e %q ]; do sleep 0.02; done
      echo behind the gate
  fails: {command: exit 3, allow_failure: true}
  left_out: {noop: true, depends_on: fails, when: "${{ tasks.fails.status == 'success' }}"}
  last: {noop: true, depends_on: [wait, left_out], trigger_rule: all_done}
`, gate))
		appears(t, c, "gated")
		run, err := c.trigger(t.Context(), map[string]any{"workflow": "gated"})
		require.NoError(t, err)

		ctx, done := context.WithTimeout(t.Context(), patience)
		defer done()
		log := followUntil(ctx, t, c, run.ID, "wait", "before the gate", func() {
			require.NoError(t, os.WriteFile(gate, nil, 0o600))
		})
		revisions, states := collect(ctx, t, c, run.ID)
		require.Equal(t, "before the gate\nbehind the gate\n", <-log)
		require.Equal(t, map[string]state{"wait": "success", "fails": "failed", "left_out": "skipped", "last": "success", "": "success"}, states)
		for n := 1; n < len(revisions); n++ {
			require.GreaterOrEqual(t, revisions[n], revisions[n-1], "revisions never fall: %v", revisions)
		}
	})
}

// followUntil follows the log of a task of a run, calls then when it contains
// text for the first time, and delivers the whole log when it is complete.
func followUntil(ctx context.Context, t *testing.T, c *client, runID, task, text string, then func()) <-chan string {
	t.Helper()
	var tasks []taskRunView
	require.Eventually(t, func() bool {
		var err error
		tasks, err = c.findTaskRuns(ctx, runID)
		return err == nil && len(tasks) > 0
	}, patience, 10*time.Millisecond)
	log := make(chan string, 1)
	for n := range tasks {
		if tasks[n].Name != task {
			continue
		}
		go func() {
			w := &watchingWriter{text: text, then: then}
			if err := c.followLog(ctx, w, tasks[n].ID, 0, 0); err != nil {
				log <- err.Error()
				return
			}
			log <- w.buf.String()
		}()
	}
	return log
}

// watchingWriter calls then once, when text was written.
type watchingWriter struct {
	buf  bytes.Buffer
	text string
	then func()
}

func (w *watchingWriter) Write(p []byte) (int, error) {
	w.buf.Write(p)
	if w.then != nil && strings.Contains(w.buf.String(), w.text) {
		w.then()
		w.then = nil
	}
	return len(p), nil
}

// collect follows a run to its end: the revisions of all updates, and the last
// state of each task, that of the run under "".
func collect(ctx context.Context, t *testing.T, c *client, runID string) (revisions []int64, states map[string]state) {
	t.Helper()
	states = map[string]state{}
	complete, err := c.subscribe(ctx, `subscription($id: ID!) { workflowRunUpdated(id: $id) { revision workflowRun { `+runFields+` } changedTaskRuns { `+taskRunFields+` } } }`,
		map[string]any{"id": runID}, func(data json.RawMessage) error {
			var event struct {
				WorkflowRunUpdated struct {
					Revision        int64
					WorkflowRun     runView
					ChangedTaskRuns []taskRunView
				}
			}
			if err := json.Unmarshal(data, &event); err != nil {
				return err
			}
			u := event.WorkflowRunUpdated
			revisions = append(revisions, u.Revision)
			states[""] = u.WorkflowRun.Status
			for _, task := range u.ChangedTaskRuns {
				states[task.Name] = task.Status
			}
			return nil
		})
	require.NoError(t, err)
	require.True(t, complete, "the server completes the subscription")
	return revisions, states
}

// TestServe_Killed ends the server with SIGKILL in the middle of a run of twenty
// tasks. After a restart the run ends well, and each task has one successful attempt.
func TestServe_Killed(t *testing.T) {
	eachInstallation(t, func(t *testing.T, i *installation) {
		var file strings.Builder
		file.WriteString("max_active_tasks: 4\ntasks:\n")
		for n := range 20 {
			fmt.Fprintf(&file, "  t%d: {command: sleep 0.2", n)
			if n >= 4 {
				fmt.Fprintf(&file, ", depends_on: t%d", n-4)
			}
			file.WriteString("}\n")
		}
		i.write(t, "twenty.yaml", file.String())
		i.serve(t)
		c := i.client(t)
		appears(t, c, "twenty")
		run, err := c.trigger(t.Context(), map[string]any{"workflow": "twenty"})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			tasks, err := c.findTaskRuns(t.Context(), run.ID)
			return err == nil && count(tasks, "success") >= 5
		}, patience, 10*time.Millisecond)
		i.kill(t)
		i.serve(t)

		c = i.client(t)
		ctx, done := context.WithTimeout(t.Context(), 2*patience) // on PostgreSQL the lease must run out
		defer done()
		_, states := collect(ctx, t, c, run.ID)
		require.Equal(t, state("success"), states[""])
		lost := 0
		for name, attempts := range attemptsOf(t, c, run.ID) {
			won := 0
			for _, a := range attempts {
				if a == "success" {
					won++
				} else {
					require.Equal(t, state("lost"), a, name)
					lost++
				}
			}
			require.Equal(t, 1, won, "%s: %v", name, attempts)
		}
		require.Positive(t, lost, "the kill hit running tasks")
	})
}

func count(tasks []taskRunView, status state) (n int) {
	for i := range tasks {
		if tasks[i].Status == status {
			n++
		}
	}
	return n
}

// attemptsOf returns the states of all attempts, by task.
func attemptsOf(t *testing.T, c *client, runID string) map[string][]state {
	t.Helper()
	var data struct {
		WorkflowRun struct {
			TaskRuns struct {
				Nodes []struct {
					Name     string
					Attempts []struct{ Status state }
				}
			}
		}
	}
	require.NoError(t, c.query(t.Context(), `query($id: ID!) { workflowRun(id: $id) { taskRuns(first: 100) { nodes { name attempts { status } } } } }`,
		map[string]any{"id": runID}, &data))
	attempts := map[string][]state{}
	for _, task := range data.WorkflowRun.TaskRuns.Nodes {
		for _, a := range task.Attempts {
			attempts[task.Name] = append(attempts[task.Name], a.Status)
		}
	}
	require.Len(t, attempts, 20)
	return attempts
}

// TestServe_DatabaseAway stops PostgreSQL under a server that runs a task: the
// server says that it is not ready, does not exit, and the run goes on when the
// database is back.
func TestServe_DatabaseAway(t *testing.T) {
	database := persistencetest.PostgresServer(t)
	i := newInstallation(t, database.URL())
	gate := filepath.Join(t.TempDir(), "gate")
	i.write(t, "gated.yaml", fmt.Sprintf("tasks:\n  wait: {command: 'until [ -e %s ]; do sleep 0.02; done'}\n  after: {noop: true, depends_on: wait}\n", gate))
	i.serve(t)
	c := i.client(t)
	appears(t, c, "gated")
	run, err := c.trigger(t.Context(), map[string]any{"workflow": "gated"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		tasks, err := c.findTaskRuns(t.Context(), run.ID)
		return err == nil && count(tasks, "running") == 1
	}, patience, 10*time.Millisecond)

	require.Eventually(t, func() bool { return readiness(t, c) == http.StatusOK }, patience, 10*time.Millisecond)
	database.Stop()
	require.Eventually(t, func() bool { return readiness(t, c) == http.StatusServiceUnavailable }, patience, 10*time.Millisecond)
	require.NoError(t, os.WriteFile(gate, nil, 0o600)) // the task ends while nobody can write it down
	database.Start()
	require.Eventually(t, func() bool { return readiness(t, c) == http.StatusOK }, patience, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		now, err := c.findRun(t.Context(), run.ID)
		return err == nil && now.Status == "success"
	}, patience, 50*time.Millisecond)
	tasks, err := c.findTaskRuns(t.Context(), run.ID)
	require.NoError(t, err)
	for _, task := range tasks {
		require.Equal(t, 1, task.Attempt, "%s was not done twice", task.Name)
	}
}

// readiness returns the status of /readyz.
func readiness(t *testing.T, c *client) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/readyz", nil)
	require.NoError(t, err)
	response, err := c.http.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}
