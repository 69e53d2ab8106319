package process

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const stateZombie = 5 // SZOMB of sys/proc.h

// sinceBoot returns the time on a clock that all processes of the machine share,
// that nobody sets, and counts the time for which the machine sleeps.
func sinceBoot() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // never fails
	return time.Duration(now.Nano())
}

// isFirstThread is of no interest here: nobody adopts processes.
func isFirstThread() bool { return false }

// threadID is of no interest either.
func threadID() int { return 0 }

// pipe returns both ends of a pipe that no child inherits.
func pipe() (read, write int, err error) {
	var ends [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := syscall.Pipe(ends[:]); err != nil {
		return 0, 0, os.NewSyscallError("pipe", err)
	}
	syscall.CloseOnExec(ends[0])
	syscall.CloseOnExec(ends[1])
	return ends[0], ends[1], nil
}

// setPipeSize does nothing: here a pipe grows by itself.
func setPipeSize(int, int) {}
