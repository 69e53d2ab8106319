package process

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startChild makes the leader of a command. It is a session of its own, where no
// terminal can stop it, ask it for input or send it Ctrl-C, and it dies with the
// thread that makes it.
func startChild(j *job, files []uintptr) (*watch, error) {
	own := -1
	pid, err := syscall.ForkExec(j.Path, j.Argv, &syscall.ProcAttr{
		Dir: j.Dir, Env: j.Env, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: &own},
	})
	if err != nil {
		return nil, err
	}
	if own < 0 { // a kernel before 5.4
		return newWatch(pid, nil), nil
	}
	_ = unix.SetNonblock(own, true) // else a thread would wait for it
	return newWatch(pid, os.NewFile(uintptr(own), "process")), nil
}

// awaitFile is await without a thread; ok is false if this file cannot be waited for.
func (w *watch) awaitFile() (dead, ok bool) {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return false, false
	}
	switch err := raw.Read(func(uintptr) bool { return isDead(w.pid) }); {
	case err == nil:
		return true, true
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, true
	default:
		return false, false
	}
}

// interrupt ends a call of await, or the next one.
func (w *watch) interrupt() {
	if w.file != nil {
		_ = w.file.SetReadDeadline(time.Unix(1, 0)) // long ago
	}
	select {
	case w.stopped <- struct{}{}:
	default:
	}
}

// awaitExit waits until pid is dead and leaves it a zombie.
func awaitExit(pid int) {
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
