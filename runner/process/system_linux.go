package process

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childAttributes puts the child into a session of its own, where no terminal
// can stop it, ask it for input or send it Ctrl-C, and ties its life to the
// thread that starts it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until pid is dead and leaves it a zombie. Where the kernel has
// descriptors of processes, no thread waits.
func awaitExit(pid int) {
	if fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK); err == nil {
		file := os.NewFile(uintptr(fd), "process")
		defer file.Close()
		raw, err := file.SyscallConn()
		if err == nil && raw.Read(func(uintptr) bool { return isDead(pid) }) == nil {
			return
		}
	}
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// isDead reports whether a child has ended, and leaves it a zombie.
func isDead(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err != nil && !errors.Is(err, unix.EINTR) || info.Signo != 0
}

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
func threadID(int) int { return unix.Gettid() }
