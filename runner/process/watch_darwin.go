package process

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const idTypePID = 1 // P_PID of waitid(2)

// startChild makes the leader of a command. It is a session of its own, where no
// terminal can stop it, ask it for input or send it Ctrl-C.
func startChild(j *job, files []uintptr) (*watch, error) {
	pid, err := syscall.ForkExec(j.Path, j.Argv, &syscall.ProcAttr{
		Dir: j.Dir, Env: j.Env, Files: files, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return nil, err
	}
	return newWatch(pid, nil), nil
}

// awaitFile is not called: a child has no file here.
func (w *watch) awaitFile() (dead, ok bool) { return false, false }

// interrupt ends a call of await, or the next one.
func (w *watch) interrupt() {
	select {
	case w.stopped <- struct{}{}:
	default:
	}
}

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
