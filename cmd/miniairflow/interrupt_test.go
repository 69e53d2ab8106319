package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// program is a process of this program that a test sends signals to.
type program struct {
	cmd   *exec.Cmd
	said  *lockedBuffer
	tmp   string        // its directory for temporary files
	ended chan struct{} // closed when it has
}

// start starts the program with a directory for temporary files of its own.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &program{cmd: exec.Command(self, args...), said: &lockedBuffer{}, tmp: t.TempDir(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=yes", "TMPDIR="+p.tmp, "MINIAIRFLOW_HOME="+t.TempDir())
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the exit code says how it ended
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended, unless the test failed
		<-p.ended
	})
	return p
}

// exitCode waits for the end of the program.
func (p *program) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		// SIGQUIT makes it say where each goroutine stands.
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGQUIT))
		<-p.ended
		require.FailNow(t, "the program does not end", p.said.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// appearsFile waits for a file and returns what is in it.
func appearsFile(t *testing.T, p *program, path string) string {
	t.Helper()
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(path)
		return err == nil && len(content) > 0
	}, patience, 10*time.Millisecond, "program says: %s", p.said)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.TrimSpace(string(content))
}

// isGone reports whether a process has ended.
func isGone(pid string) bool {
	_, err := os.Stat(filepath.Join("/proc", pid))
	if _, noProc := os.Stat("/proc/self"); noProc != nil {
		return exec.Command("kill", "-0", pid).Run() != nil
	}
	return os.IsNotExist(err)
}

// writeTask writes a workflow of one task, which can use $W for the directory.
func writeTask(t *testing.T, script string) (file, dir string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "w.yaml")
	script = strings.ReplaceAll(strings.TrimSpace(script), "\n", "\n      ")
	text := fmt.Sprintf("tasks:\n  busy:\n    env: {W: %q}\n    command: |\n      %s\n  after: {noop: true, depends_on: busy}\n", dir, script)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file, dir
}

// TestRun_Interrupted sends SIGINT to a run: its task gets SIGTERM and may clean
// up, the exit code says so, and nothing is left behind.
func TestRun_Interrupted(t *testing.T) {
	file, dir := writeTask(t, `
trap 'echo yes > "$W/cleaned"; exit 0' TERM
echo $$ > "$W/pid"
while :; do sleep 0.05; done`)
	p := start(t, "run", file)
	pid := appearsFile(t, p, filepath.Join(dir, "pid"))
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, exitInterrupted, p.exitCode(t), "%s", p.said)
	require.Equal(t, "yes", appearsFile(t, p, filepath.Join(dir, "cleaned")))
	require.True(t, isGone(pid))
	require.Contains(t, p.said.String(), "Interrupted: ending the tasks")
	require.Contains(t, p.said.String(), "w#1 cancelled")
	require.NotContains(t, p.said.String(), "context canceled")
	left, err := os.ReadDir(p.tmp)
	require.NoError(t, err)
	require.Empty(t, left, "the private home is gone")
}

// TestRun_InterruptedTwice has a task that does not end by itself: after the second
// SIGINT nobody waits for the run, but nothing is left behind either.
func TestRun_InterruptedTwice(t *testing.T) {
	file, dir := writeTask(t, `
trap 'echo yes > "$W/asked"' TERM
echo $$ > "$W/pid"
while :; do sleep 0.05 || true; done`)
	p := start(t, "run", file, "--grace", "2s")
	pid := appearsFile(t, p, filepath.Join(dir, "pid"))
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	appearsFile(t, p, filepath.Join(dir, "asked"))
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, exitInterrupted, p.exitCode(t), "%s", p.said)
	require.NotContains(t, p.said.String(), "w#1 cancelled", "it did not wait for the end of the run")
	require.Eventually(t, func() bool { return isGone(pid) }, patience, 10*time.Millisecond)
	left, err := os.ReadDir(p.tmp)
	require.NoError(t, err)
	require.Empty(t, left, "the private home is gone")
}

// TestRun_PartFails holds that a run whose worker cannot work ends with the
// reason, and does not wait for ever.
func TestRun_PartFails(t *testing.T) {
	file, _ := writeTask(t, "true")
	p := start(t, "run", file, "--id", strings.Repeat("w", 300)) // no directory can be called so
	require.Equal(t, exitFailed, p.exitCode(t), "%s", p.said)
	require.Contains(t, p.said.String(), "miniairflow: home of worker: ")
}

// serveGated starts a server and a run of which the one task goes on until the gate
// is there.
func serveGated(t *testing.T) (i *installation, c *client, run *runView, gate string) {
	t.Helper()
	i = newInstallation(t, "")
	gate = filepath.Join(t.TempDir(), "gate")
	i.write(t, "gated.yaml", fmt.Sprintf("tasks:\n  wait: {command: 'until [ -e %s ]; do sleep 0.02; done'}\n", gate))
	i.serve(t)
	c = i.client(t)
	appears(t, c, "gated")
	run, err := c.trigger(t.Context(), map[string]any{"workflow": "gated"})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		tasks, err := c.findTaskRuns(t.Context(), run.ID)
		return err == nil && count(tasks, "running") == 1
	}, patience, 10*time.Millisecond)
	return i, c, run, gate
}

// TestServe_Terminated holds that a server that is told to end lets its tasks
// end first, can be asked meanwhile, and takes its note away.
func TestServe_Terminated(t *testing.T) {
	i, c, run, gate := serveGated(t)
	require.NoError(t, i.server.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(i.said.String(), "Stopping: ") }, patience, 10*time.Millisecond)
	tasks, err := c.findTaskRuns(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, 1, count(tasks, "running"))
	require.NoError(t, os.WriteFile(gate, nil, 0o600))
	require.NoError(t, i.server.Wait(), "%s", i.said)
	_, isThere := readServerFile(i.home)
	require.False(t, isThere)

	i.serve(t)
	tasks, err = i.client(t).findTaskRuns(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, state("success"), tasks[0].Status)
	require.Equal(t, 1, tasks[0].Attempt)
}

// TestServe_CancelWhileItStops holds that nobody has to wait for a task, or to kill
// the server, to end it.
func TestServe_CancelWhileItStops(t *testing.T) {
	i, c, run, _ := serveGated(t)
	require.NoError(t, i.server.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool { return strings.Contains(i.said.String(), "Stopping: ") }, patience, 10*time.Millisecond)
	_, err := c.steerRun(t.Context(), "cancelWorkflowRun", run.ID, "")
	require.NoError(t, err)
	require.NoError(t, i.server.Wait(), "%s", i.said)
	i.serve(t)
	tasks, err := i.client(t).findTaskRuns(t.Context(), run.ID)
	require.NoError(t, err)
	require.Equal(t, state("cancelled"), tasks[0].Status)
}
