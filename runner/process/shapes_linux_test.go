package process_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/sauravritesh63/miniairflow/runner/process"
)

// output is a buffer that may be read while a command writes to it.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// alive returns the processes that carry the token in their environment,
// zombies left out: whatever a command started, however it hid.
func alive(t *testing.T, token string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // empty for a zombie
		if err == nil && bytes.Contains(environ, []byte("TOKEN="+token+"\x00")) {
			found = append(found, pid)
		}
	}
	return found
}

// shapes are what commands do with processes. Each prints "up" when it is all there.
var shapes = []struct {
	name     string
	script   string
	stubborn bool // ends only by SIGKILL
	alone    bool // is known for its guardian's only command
}{
	{name: "plain", script: "echo up; exec sleep 60"},
	{name: "list", script: "echo up; sleep 60; echo never"},
	{name: "pipe", script: "echo up; sleep 60 | cat"},
	{name: "subshell", script: "(echo up; sleep 60); echo never"},
	{name: "background child", script: "sleep 60 & echo up; wait"},
	{name: "child holds the pipe", script: "sleep 60 & echo up; exec sleep 60"},
	{name: "leader gone, child holds the pipe", script: "sleep 60 & echo up"},
	{name: "own session", script: "setsid sh -c 'echo up; exec sleep 60' & wait"},
	{name: "double fork", script: "(setsid sh -c 'echo up; exec sleep 60' &) ; sleep 60"},
	{name: "daemon without the environment", alone: true, script: "(setsid env -i /bin/sh -c 'echo $$ > hidden; echo up; exec /bin/sleep 60' &) ; sleep 60"},
	{name: "double fork in the group", script: "(sleep 60 &) ; echo up; sleep 60"},
	{name: "ignores TERM", script: "trap '' TERM; echo up; while :; do sleep 1; done", stubborn: true},
	{name: "child ignores TERM", script: "(trap '' TERM; echo up; while :; do sleep 1; done) & wait", stubborn: true},
	{name: "traps TERM and goes on", script: "trap 'echo trapped' TERM; echo up; while :; do sleep 0.1; done", stubborn: true},
	{name: "stopped leader", script: "echo up; kill -STOP $$; sleep 60"},
	{name: "stopped child", script: "sleep 60 & kill -STOP $!; echo up; wait"},
	{name: "output flood", script: "echo up; yes"},
	{name: "ignores HUP", script: "trap '' HUP; echo up; sleep 60"},
	{name: "many children", script: "for i in $(seq 50); do sleep 60 & done; echo up; wait"},
}

func TestStopEndsEveryShape(t *testing.T) {
	const (
		grace = time.Second
		tries = 3 // a machine that has other things to do may be late once
	)
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			g := guardian
			if shape.alone {
				g = process.NewGuardian(process.Config{})
				t.Cleanup(g.Close)
			}
			took := make([]time.Duration, 0, tries)
			for len(took) < tries {
				if shape.stubborn {
					took = append(took, timeOfEnd(t, g, shape.script, grace))
				} else { // who obeys SIGTERM does not need the grace
					took = append(took, timeOfEnd(t, g, shape.script, time.Hour))
				}
				if took[len(took)-1] < grace+2*time.Second {
					return
				}
			}
			require.Failf(t, "the end takes too long", "%v", took)
		})
	}
}

// timeOfEnd returns how long it takes to stop a script, of which nothing is left
// then. What it hides from alive leaves its number in the file "hidden".
func timeOfEnd(t *testing.T, g *process.Guardian, script string, grace time.Duration) time.Duration {
	t.Helper()
	token := uuid.NewString()
	out := &output{}
	spec := bash(t, script, out)
	spec.Env = append(spec.Env, "TOKEN="+token)
	spec.Linger = time.Minute // only Stop may end the wait for the pipe
	t.Cleanup(func() {
		for _, pid := range alive(t, token) {
			kill(pid)
		}
	})
	p, err := g.Start(t.Context(), spec)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.HasPrefix(out.String(), "up\n") }, generous, time.Millisecond)
	began := time.Now()
	returns(t, func() { p.Stop(grace) })
	took := time.Since(began)
	wait(t, p)
	require.Empty(t, alive(t, token))
	if text, err := os.ReadFile(spec.Dir + "/hidden"); err == nil {
		hidden := number(t, string(text))
		t.Cleanup(func() { kill(hidden) })
		require.True(t, isDead(hidden))
	}
	return took
}

func kill(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func TestWholeGroupHasTheGrace(t *testing.T) {
	// bash dies of SIGTERM at once; its child needs a moment to clean up and has
	// let go of the pipe, so nothing but the group itself tells that it lives.
	dir := t.TempDir()
	out := &output{}
	spec := bash(t, `(trap 'sleep 0.3; echo clean > "$DIR/done"; exit' TERM; echo up; exec >&- 2>&-; while :; do sleep 0.05; done) & sleep 60`, out)
	spec.Env = append(spec.Env, "DIR="+dir)
	p := start(t, spec)
	require.Eventually(t, func() bool { return out.String() == "up\n" }, generous, time.Millisecond)
	p.Stop(generous)
	text, err := os.ReadFile(dir + "/done")
	require.NoError(t, err)
	require.Equal(t, "clean\n", string(text))
}

func TestLaterStopShortensTheGrace(t *testing.T) {
	out := &output{}
	p := start(t, bash(t, "trap '' TERM; echo up; while :; do sleep 1; done", out))
	require.Eventually(t, func() bool { return out.String() == "up\n" }, generous, time.Millisecond)
	var stops sync.WaitGroup
	for _, grace := range []time.Duration{time.Hour, 0, 2 * time.Hour} { // in any order, the shortest counts
		stops.Go(func() { p.Stop(grace) })
	}
	require.Equal(t, "killed", wait(t, p).Signal.String())
	stops.Wait()
}

func TestEscapedProcessCannotHangTheTask(t *testing.T) {
	// It holds the pipe and floods it; neither the end nor the memory may wait for it.
	token := uuid.NewString()
	out := &output{}
	spec := bash(t, "setsid bash -c 'while :; do echo flood; sleep 0.01; done' & echo up", out)
	spec.Env = append(spec.Env, "TOKEN="+token)
	spec.Linger = 50 * time.Millisecond
	t.Cleanup(func() {
		for _, pid := range alive(t, token) {
			kill(pid)
		}
	})
	require.True(t, wait(t, start(t, spec)).LeftBehind)
	require.Empty(t, alive(t, token))
	require.Contains(t, out.String(), "up\n")
}

func TestStopAfterTheEnd(t *testing.T) {
	p := start(t, bash(t, "exit 2", nil))
	require.Equal(t, 2, wait(t, p).Code)
	p.Stop(time.Hour)
	require.Equal(t, 2, p.Wait().Code)
}

// endedWorker starts a worker process with a script that prints "up", does to it
// what end does, and requires that nothing of the script is left.
func endedWorker(t *testing.T, script string, end func(worker *os.Process)) {
	t.Helper()
	token := uuid.NewString()
	out := &output{}
	worker := exec.Command(os.Args[0])
	worker.Env = []string{workerEnv + "=" + script, "TOKEN=" + token, "PATH=" + os.Getenv("PATH")}
	worker.Stdout = out
	require.NoError(t, worker.Start())
	t.Cleanup(func() {
		_ = worker.Process.Kill()
		_ = worker.Wait()
	})
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "up\n") }, generous, time.Millisecond)
	left := func() int {
		return len(slices.DeleteFunc(alive(t, token), func(pid int) bool { return pid == worker.Process.Pid }))
	}
	require.Positive(t, left())
	end(worker.Process)
	require.Eventually(t, func() bool { return left() == 0 }, generous, time.Millisecond)
}

func TestNothingOutlivesTheWorker(t *testing.T) {
	for name, script := range map[string]string{
		"plain":       "echo up; exec sleep 60",
		"children":    "sleep 60 & sleep 60 | cat & echo up; wait",
		"own session": "setsid sh -c 'echo up; exec sleep 60' & wait",
		"double fork": "(setsid sh -c 'echo up; exec sleep 60' &) ; sleep 60",
		"relay":       "f() { f & }; sleep 60 & echo up; f; wait", // each lives just long enough for the next one
		"stubborn":    "trap '' TERM HUP INT; echo up; while :; do sleep 1; done",
		"stopped":     "sleep 60 & kill -STOP $!; echo up; wait",
	} {
		t.Run(name+", killed", func(t *testing.T) {
			t.Parallel()
			endedWorker(t, script, func(worker *os.Process) { require.NoError(t, worker.Kill()) })
		})
		t.Run(name+", standing still", func(t *testing.T) {
			t.Parallel()
			endedWorker(t, script, func(worker *os.Process) { require.NoError(t, worker.Signal(syscall.SIGSTOP)) })
		})
	}
}

// A worker that goes on after its guardian has given it up must not take the
// kill for the command's own end.
func TestStoppedWorkerLearnsOfTheLoss(t *testing.T) {
	for range 2 {
		out := &output{}
		worker := exec.Command(os.Args[0])
		worker.Env = []string{workerEnv + "=echo up; exec sleep 60", "PATH=" + os.Getenv("PATH")}
		worker.Stdout = out
		require.NoError(t, worker.Start())
		t.Cleanup(func() { _ = worker.Process.Kill() })
		require.Eventually(t, func() bool { return strings.Contains(out.String(), "up\n") }, generous, time.Millisecond)
		guardians := children(t, worker.Process.Pid)
		require.Len(t, guardians, 1)
		require.NoError(t, worker.Process.Signal(syscall.SIGSTOP))
		require.Eventually(t, func() bool { return isDead(guardians[0]) }, generous, time.Millisecond)
		require.NoError(t, worker.Process.Signal(syscall.SIGCONT))
		require.NoError(t, worker.Wait())
		require.Contains(t, out.String(), "ended, lost: true\n")
	}
}

// children returns the processes whose parent has the given number.
func children(t *testing.T, parent int) (found []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	for _, entry := range entries {
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // not a process, or one that has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			found = append(found, number(t, entry.Name()))
		}
	}
	return found
}

// isDead reports whether a process has ended, whether or not its parent knows.
func isDead(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// A guardian that dies takes its commands with it, and only when they are gone
// those who wait learn of it; the next command has a new one.
func TestDeadGuardianIsReplaced(t *testing.T) {
	g := process.NewGuardian(process.Config{})
	t.Cleanup(g.Close)
	token := uuid.NewString()
	out := &output{}
	spec := bash(t, "(setsid sh -c 'exec sleep 60' &) ; echo up; sleep 60", out)
	spec.Env = append(spec.Env, "TOKEN="+token)
	p, err := g.Start(t.Context(), spec)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return out.String() == "up\n" }, generous, time.Millisecond)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	require.NoError(t, err)
	parent := number(t, strings.Fields(string(stat))[3])
	kill(parent)
	require.True(t, wait(t, p).Lost)
	require.Empty(t, alive(t, token))
	next, err := g.Start(t.Context(), bash(t, "exit 3", nil))
	require.NoError(t, err)
	require.Equal(t, 3, wait(t, next).Code)
}

func TestManyCommandsAtOnce(t *testing.T) {
	var running sync.WaitGroup
	codes := make([]int, 200)
	for i := range codes {
		running.Go(func() {
			p, err := guardian.Start(t.Context(), bash(t, fmt.Sprintf("exit %d", i), nil))
			if err != nil {
				codes[i] = -1
				return
			}
			codes[i] = p.Wait().Code
		})
	}
	running.Wait()
	for i, code := range codes {
		require.Equal(t, i, code)
	}
}

func TestNoDescriptorStaysOpen(t *testing.T) {
	g := process.NewGuardian(process.Config{})
	t.Cleanup(g.Close)
	out := &output{}
	p, err := g.Start(t.Context(), bash(t, "echo $PPID", out))
	require.NoError(t, err)
	wait(t, p)
	guardians := "/proc/" + strings.TrimSpace(out.String()) + "/fd"

	count := func(dir string) int {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		return len(entries)
	}
	run := func() {
		spec := bash(t, "cat", nil)
		spec.Stdin = "hello"
		p, err := g.Start(t.Context(), spec)
		require.NoError(t, err)
		wait(t, p)
		_, err = g.Start(t.Context(), process.Spec{Argv: []string{"/no/such/program"}, Dir: "/"})
		require.Error(t, err)
	}
	run()
	before, guardiansBefore := count("/proc/self/fd"), count(guardians)
	for range 20 {
		run()
	}
	require.LessOrEqual(t, count("/proc/self/fd"), before) // earlier tests may have left some to the garbage collector
	require.Eventually(t, func() bool {                    // it may be looking at the process table
		return count(guardians) <= guardiansBefore
	}, generous, time.Millisecond)
}

// parentOf returns the parent of a process: of a leader, its guardian.
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	return number(t, strings.Fields(string(stat))[3])
}
