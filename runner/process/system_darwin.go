package process

import (
	"errors"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	idTypePID   = 1 // P_PID of waitid(2)
	stateZombie = 5 // SZOMB of sys/proc.h
)

// childAttributes puts the child into a session of its own, where no terminal
// can stop it, ask it for input or send it Ctrl-C.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// awaitExit waits until pid is dead and leaves it a zombie.
func awaitExit(pid int) {
	var info [16]uint64 // as large as any siginfo_t
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, idTypePID, uintptr(pid),
			uintptr(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOWAIT, 0, 0)
		if !errors.Is(errno, unix.EINTR) {
			return
		}
	}
}

// sinceBoot returns the time on a clock that all processes of the machine share,
// that nobody sets, and counts the time for which the machine sleeps.
func sinceBoot() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // never fails
	return time.Duration(now.Nano())
}

// isFirstThread is of no interest here: nobody adopts processes.
func isFirstThread() bool { return false }

// threadID returns a number that tells the caller from the other spawners.
func threadID(spawner int) int { return spawner }
