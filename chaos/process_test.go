package chaos

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// node is one process of the cluster, over all its starts.
type node struct {
	t    testing.TB
	name string
	args []string
	env  []string
	log  *os.File

	lane sync.Mutex // held by who harms it

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{} // closed when this start has ended
	ending  bool          // its end was asked for
	crashes []string      // ends that nobody has asked for
}

// newNode returns a node that is not started yet.
func newNode(t testing.TB, dir, name string, env []string, args ...string) *node {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, name+".log"))
	require.NoError(t, err)
	n := &node{t: t, name: name, args: args, env: env, log: log}
	t.Cleanup(func() {
		n.kill()
		_ = log.Close()
	})
	return n
}

// start starts the program.
func (n *node) start() {
	n.t.Helper()
	exited := make(chan struct{})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.exited, n.ending = exited, false
	require.NoError(n.t, n.startLocked())
	go n.attend(n.cmd, exited)
}

func (n *node) startLocked() error {
	cmd := exec.Command(n.args[0], n.args[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = n.env, n.log, n.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	n.cmd = cmd
	return cmd.Start()
}

// exitUnreachable is the exit code of a program that finds no database at its start.
const exitUnreachable = 5

// attend waits for the end of the process. One that found no database is started
// again, as a supervisor does; any other end that nobody has asked for is a crash.
func (n *node) attend(cmd *exec.Cmd, exited chan struct{}) {
	defer close(exited)
	for {
		err := cmd.Wait()
		if cmd.ProcessState.ExitCode() == exitUnreachable {
			pause(200 * time.Millisecond)
		}
		n.mu.Lock()
		if !n.ending && cmd.ProcessState.ExitCode() == exitUnreachable {
			err = n.startLocked()
			cmd = n.cmd
			if err == nil {
				n.mu.Unlock()
				continue
			}
		}
		if !n.ending {
			n.crashes = append(n.crashes, fmt.Sprintf("%s ended by itself: %v", n.name, err))
		}
		n.mu.Unlock()
		return
	}
}

// pid returns the process id of the running start.
func (n *node) pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd.Process.Pid
}

// signal sends a signal to the process alone.
func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(s) // one that has ended by itself is reported by start
	}
}

// kill ends the process by SIGKILL and waits until it is gone.
func (n *node) kill() { n.end(syscall.SIGKILL) }

// end ends the process by a signal and waits until it is gone.
func (n *node) end(s syscall.Signal) {
	n.mu.Lock()
	n.ending = true
	exited := n.exited
	n.mu.Unlock()
	if exited == nil {
		return
	}
	n.signal(s)
	<-exited
}

// stopPatience is how long a worker may take to stop beyond its own timers: it
// says farewell to the database, and its guardian ends what is left.
const stopPatience = 30 * time.Second

// stop asks the process to end and waits for that. One that does not end in time
// has to write into its log where it stands, is killed, and the answer is false.
func (n *node) stop(within time.Duration) bool {
	n.mu.Lock()
	n.ending = true
	exited := n.exited
	n.mu.Unlock()
	n.signal(syscall.SIGTERM)
	select {
	case <-exited:
		return true
	case <-time.After(within):
		n.signal(syscall.SIGQUIT)
		select {
		case <-exited:
		case <-time.After(time.Second):
		}
		n.kill()
		return false
	}
}

// exitCode returns that of a process that has ended.
func (n *node) exitCode() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd.ProcessState.ExitCode()
}

// children returns the processes whose parent is pid.
func children(pid int) []int {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	var found []int
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// withEnv returns the processes that have an entry in their environment, zombies left out.
func withEnv(t testing.TB, entry string) []int {
	t.Helper()
	all, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []int
	for _, p := range all {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // empty for a zombie
		if err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+entry+"\x00")) {
			found = append(found, pid)
		}
	}
	return found
}
