//go:build linux || darwin

package process

import (
	"errors"
	"syscall"
	"time"
)

const (
	// killPoll is how often processes that were killed are looked for.
	killPoll = time.Millisecond
	// killPatience is how long processes that cannot even be killed are waited for.
	killPatience = 5 * time.Second
)

// killAll ends the processes that find returns for good, and returns those that
// are left when patience is over. Everything is stopped first, until no new
// process appears, so that a storm of forks cannot outrun us. Not even a storm
// of processes that we may not signal takes longer than patience.
func killAll(find func() []int, signal func(pid int, sig syscall.Signal) error, patience time.Duration) (left []int) {
	deadline := time.Now().Add(patience)
	again := time.NewTicker(killPoll)
	defer again.Stop()
	for {
		members := find()
		if len(members) == 0 {
			return nil
		}
		if !time.Now().Before(deadline) {
			return members
		}
		seen := map[int]bool{}
		for grown := true; grown && time.Now().Before(deadline); members = find() {
			grown = stopNew(members, seen, signal)
		}
		for _, pid := range members {
			_ = signal(pid, syscall.SIGKILL)
		}
		<-again.C
	}
}

// stopNew stops the processes that were not seen before, and reports whether
// there were any. Who may not be stopped does not count: to wait until they
// fork no more could take for ever.
func stopNew(members []int, seen map[int]bool, signal func(pid int, sig syscall.Signal) error) (grown bool) {
	for _, pid := range members {
		if seen[pid] {
			continue
		}
		seen[pid] = true
		if !errors.Is(signal(pid, syscall.SIGSTOP), syscall.EPERM) {
			grown = true
		}
	}
	return grown
}
