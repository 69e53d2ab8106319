//go:build linux || darwin

package process

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A storm of processes of another user, which cannot be signalled, must not keep
// anybody for ever.
func TestKillGivesUpOnAStorm(t *testing.T) {
	for name, err := range map[string]error{"may not be signalled": syscall.EPERM, "are never all stopped": nil} {
		t.Run(name, func(t *testing.T) {
			next := 0
			storm := func() []int {
				next++
				return []int{next}
			}
			done := make(chan []int)
			go func() {
				done <- killAll(storm, func(int, syscall.Signal) error { return err }, 50*time.Millisecond)
			}()
			select {
			case left := <-done:
				require.NotEmpty(t, left)
			case <-time.After(20 * time.Second):
				require.Fail(t, "killAll did not return")
			}
		})
	}
}

func TestKillStopsEverythingFirst(t *testing.T) {
	alive := map[int]bool{1: true}
	stopped := map[int]bool{}
	find := func() (found []int) {
		if alive[1] && !stopped[1] {
			alive[2] = true // the last child before the stop
		}
		for pid := range alive {
			found = append(found, pid)
		}
		return found
	}
	left := killAll(find, func(pid int, sig syscall.Signal) error {
		if sig == syscall.SIGSTOP {
			stopped[pid] = true
			return nil
		}
		require.True(t, stopped[pid])
		delete(alive, pid)
		return nil
	}, time.Minute)
	require.Empty(t, left)
}

// Whom we may not signal is no reason to look for more: the others are killed at once.
func TestKillDoesNotWaitForWhomItMayNotStop(t *testing.T) {
	seen := map[int]bool{}
	deny := func(int, syscall.Signal) error { return syscall.EPERM }
	allow := func(int, syscall.Signal) error { return nil }
	require.False(t, stopNew([]int{1, 2}, seen, deny))
	require.True(t, stopNew([]int{1, 2, 3}, seen, allow))
	require.False(t, stopNew([]int{1, 2, 3}, seen, allow))
}
