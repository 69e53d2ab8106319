package process_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// upWithChild starts a script that prints the number of a child, and returns it
// when that child has become what it is to be.
func upWithChild(t *testing.T, g *process.Guardian, script, program string) (p *process.Process, child int) {
	t.Helper()
	out := &output{}
	p, err := g.Start(t.Context(), bash(t, script, out))
	require.NoError(t, err)
	t.Cleanup(func() { p.Stop(0) })
	require.Eventually(t, func() bool { return strings.HasSuffix(out.String(), "\n") }, generous, time.Millisecond)
	child = number(t, out.String())
	t.Cleanup(func() { kill(child) })
	require.Eventually(t, func() bool {
		line, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(out.String()), "cmdline"))
		return err == nil && bytes.HasPrefix(line, []byte(program))
	}, generous, time.Millisecond)
	return p, child
}

// What a dead guardian leaves behind is found without the mark, too.
func TestUnmarkedProcessesDieWithTheGuardian(t *testing.T) {
	for name, script := range map[string]string{
		"in the group":              "env -i /bin/sleep 60 & echo $!; wait",
		"without the output":        "env -i /bin/sleep 60 >/dev/null 2>&1 & echo $!; sleep 60",
		"below one in a session":    "setsid sh -c 'env -i /bin/sleep 60 & echo $!; wait' & wait",
		"in the session of another": "setsid sh -c '(env -i /bin/sleep 60 & echo $!); exec sleep 60' & wait",
		"in a group of its own":     "set -m; env -i /bin/sleep 60 & echo $!; wait",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := process.NewGuardian(process.Config{})
			t.Cleanup(g.Close)
			p, child := upWithChild(t, g, script, "/bin/sleep")
			kill(parentOf(t, p.PID()))
			require.True(t, wait(t, p).Lost)
			require.True(t, isDead(child))
		})
	}
}

// The number of a leader may have been given to somebody else when its guardian
// has died.
func TestReusedNumberIsSpared(t *testing.T) {
	bystander := exec.Command("sleep", "60")
	bystander.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, bystander.Start())
	t.Cleanup(func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	})
	pid := bystander.Process.Pid
	require.NotContains(t, process.FindLost("MINIAIRFLOW_PROCESS=none", pid, process.Birth(pid)-1), pid)
	require.Contains(t, process.FindLost("MINIAIRFLOW_PROCESS=none", pid, process.Birth(pid)), pid)
	require.Empty(t, process.FindLost("MINIAIRFLOW_PROCESS=none", 0, 0))
}

// frozen returns a guardian that stands still with one command.
func frozen(t *testing.T, script, program string) (g *process.Guardian, p *process.Process, child int) {
	t.Helper()
	g = process.NewGuardian(process.Config{Silence: time.Second})
	t.Cleanup(g.Close)
	p, child = upWithChild(t, g, script, program)
	require.NoError(t, syscall.Kill(parentOf(t, p.PID()), syscall.SIGSTOP))
	return g, p, child
}

// returns requires that a call does not hang.
func returns(t *testing.T, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	select {
	case <-done:
	case <-time.After(generous):
		require.Fail(t, "the call did not return")
	}
}

// A guardian that stands still ends nothing: its worker kills it, and what it had.
func TestFrozenGuardianIsKilled(t *testing.T) {
	for name, script := range map[string]string{
		"plain": "echo $$; exec sleep 60",
		// Only the table of before the guardian's end knows whose it is.
		"daemon without the environment": "(setsid env -i /bin/sh -c 'echo $$; exec /bin/sleep 60' &) ; exec sleep 60",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, p, child := frozen(t, script, map[bool]string{true: "sleep", false: "/bin/sleep"}[name == "plain"])
			returns(t, func() { p.Stop(0) })
			require.True(t, p.Wait().Lost)
			require.True(t, isDead(p.PID()))
			require.True(t, isDead(child))
		})
	}
	t.Run("unasked", func(t *testing.T) {
		t.Parallel()
		_, p, child := frozen(t, "echo $$; exec sleep 60", "sleep")
		require.True(t, wait(t, p).Lost)
		require.True(t, isDead(child))
	})
	t.Run("start", func(t *testing.T) {
		t.Parallel()
		g, _, _ := frozen(t, "echo $$; exec sleep 60", "sleep")
		spec := bash(t, "exit 3", nil)
		spec.Env = append(spec.Env, "LARGE="+strings.Repeat("x", 100_000))
		returns(t, func() {
			for range 20 { // more than the socket takes
				next, err := g.Start(t.Context(), spec)
				require.NoError(t, err)
				next.Wait()
			}
		})
	})
	t.Run("close", func(t *testing.T) {
		t.Parallel()
		g, _, child := frozen(t, "echo $$; exec sleep 60", "sleep")
		returns(t, g.Close)
		require.True(t, isDead(child))
	})
}

// A guardian is not killed for a command that takes longer than its silence.
func TestGuardianThatAnswersIsKept(t *testing.T) {
	t.Parallel()
	g := process.NewGuardian(process.Config{Silence: time.Second})
	t.Cleanup(g.Close)
	p, err := g.Start(t.Context(), bash(t, "sleep 3", nil))
	require.NoError(t, err)
	require.Equal(t, process.Exit{}, wait(t, p))
}
