package process

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot returns the time on a clock that all processes of the machine share,
// that nobody sets, and counts the time for which the machine sleeps.
func sinceBoot() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) // never fails
	return time.Duration(now.Nano())
}

// isFirstThread reports whether the caller runs on the thread that the process began with.
func isFirstThread() bool { return unix.Gettid() == os.Getpid() }

// threadID returns the number of the caller's thread, as in the process table.
func threadID() int { return unix.Gettid() }

// pipe returns both ends of a pipe that no child inherits.
func pipe() (read, write int, err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, 0, os.NewSyscallError("pipe2", err)
	}
	return ends[0], ends[1], nil
}

// setPipeSize asks for room for so many bytes in a pipe. A user whose pipes hold
// much already does not get it.
func setPipeSize(fd, bytes int) { _, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, bytes) }
