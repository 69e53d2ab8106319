package process

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A guardian that ends stops what runs before it kills it, but not a child that it
// is just making: that would hold up the guardian itself.
func TestChildThatIsBeingMadeIsNotStopped(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	s := &server{jobs: map[uint64]*job{}, starting: map[uint64]int{}}
	start := func() (pid int) {
		pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "60"}, &syscall.ProcAttr{})
		require.NoError(t, err)
		return pid
	}
	state := func(pid int) (status syscall.WaitStatus) {
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		require.NoError(t, err)
		return status
	}

	running := start()
	require.NoError(t, s.signal(running, syscall.SIGSTOP))
	require.True(t, state(running).Stopped())
	require.NoError(t, s.signal(running, syscall.SIGKILL))
	require.True(t, state(running).Signaled())

	s.starting[1] = syscall.Gettid()
	starting := start()
	require.NoError(t, s.signal(starting, syscall.SIGSTOP))
	require.Equal(t, syscall.SIGKILL, state(starting).Signal())
}
