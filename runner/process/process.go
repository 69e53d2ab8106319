//go:build linux || darwin

package process

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	// lingerDefault is how long output of a background process is waited for
	// after the leader has exited.
	lingerDefault = 2 * time.Second
	// groupPoll is how often a stopping group is looked at.
	groupPoll = 20 * time.Millisecond
)

// Spec describes a command.
type Spec struct {
	Argv   []string      // the program, looked up in the PATH of Env unless it has a slash, and its arguments
	Env    []string      // "NAME=value"; the whole environment
	Dir    string        // working directory, absolute
	Stdin  string        // of any size; the child sees its end, or end of file at once
	Output io.Writer     // takes stdout and stderr; nil drops them. Its Write must return in bounded time; after an error of it the rest is dropped
	Linger time.Duration // how long processes that hold the output may outlive the leader; 0: 2 s
}

// Exit is how a command ended.
type Exit struct {
	Code       int            // if Signal is 0
	Signal     syscall.Signal // that ended the leader; 0: it exited by itself
	LeftBehind bool           // other processes still held the output when Linger was over
}

// Process is a running command. Its methods may be called from any goroutine.
type Process struct {
	pid      int
	linger   time.Duration
	stopping chan struct{} // closed by the first Stop
	done     chan struct{} // closed when exit is set
	exit     Exit

	mu     sync.Mutex
	reaped bool      // the pid may belong to somebody else from now on
	killAt time.Time // when the latest Stop sends SIGKILL
}

// Start starts a command. The error is a *StartError. A Process that was
// started needs no call to release it.
func Start(spec Spec) (*Process, error) {
	path, err := spec.resolve()
	if err != nil {
		return nil, err
	}
	sealInherited()
	streams, err := openStreams(spec.Stdin)
	if err != nil {
		return nil, &StartError{Kind: ResourcesExhausted, Text: fmt.Sprintf("no pipe can be made: %v", err), Err: err}
	}
	if spec.Output == nil {
		spec.Output = io.Discard
	}
	p := &Process{linger: spec.Linger, stopping: make(chan struct{}), done: make(chan struct{})}
	if p.linger <= 0 {
		p.linger = lingerDefault
	}
	started := make(chan error)
	go p.supervise(spec, path, streams, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// PID returns the process id of the leader, which is also that of its group and session.
func (p *Process) PID() int { return p.pid }

// Done is closed when the command has ended, its output is written, and its
// group is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for Done and returns how the command ended.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Stop ends the command and waits for Done: SIGTERM to the group, and SIGKILL
// to what is left of it after grace. The whole group has the grace, not just
// its leader. A later call may shorten it.
func (p *Process) Stop(grace time.Duration) {
	p.requestStop(grace)
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT) // a stopped process gets the SIGTERM only when it goes on
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

func (p *Process) requestStop(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := time.Now().Add(grace)
	if p.killAt.IsZero() {
		close(p.stopping)
	}
	if p.killAt.IsZero() || at.Before(p.killAt) {
		p.killAt = at
	}
}

// signal sends sig to the group. Until the leader is reaped its pid, and so
// the group's id, cannot be given to anybody else.
func (p *Process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		_ = syscall.Kill(-p.pid, sig) // ESRCH and EPERM leave nothing to be done
	}
}

// supervise lives as long as the command, on a thread of its own: on Linux a
// child asks to be killed when the thread that made it ends.
func (p *Process) supervise(spec Spec, path string, s *streams, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	child, err := os.StartProcess(path, spec.Argv, &os.ProcAttr{
		Dir: spec.Dir, Env: spec.Env, Files: s.childFiles(), Sys: childAttributes(),
	})
	s.closeChildEnds()
	if err != nil {
		s.close()
		started <- spec.explain(path, err)
		return
	}
	p.pid = child.Pid
	s.run(spec.Stdin, spec.Output)
	started <- nil

	awaitExit(p.pid)
	left := p.settle(s)
	p.signal(syscall.SIGKILL)
	s.end(spec.Output)
	p.reap(child, left)
	close(p.done)
}

// settle waits, after the leader's exit, for what is left of the group: up to
// linger for the end of the output or, when the command is being stopped, until
// the group is gone. It reports whether the output is still held.
func (p *Process) settle(s *streams) (left bool) {
	timer := time.NewTimer(p.linger)
	defer timer.Stop()
	select {
	case <-p.stopping:
		p.awaitGroup()
		return false
	default:
	}
	select {
	case <-s.copied:
		return false
	case <-p.stopping:
		p.awaitGroup()
		return false
	case <-timer.C:
		return true
	}
}

// awaitGroup waits until nobody but the dead leader is in the group. Stop kills
// it at killAt; what cannot even be killed is waited for no longer than linger.
func (p *Process) awaitGroup() {
	ticker := time.NewTicker(groupPoll)
	defer ticker.Stop()
	for groupAlive(p.pid) {
		p.mu.Lock()
		over := time.Since(p.killAt) > p.linger
		p.mu.Unlock()
		if over {
			return
		}
		<-ticker.C
	}
}

// reap takes the exit of the dead leader.
func (p *Process) reap(child *os.Process, left bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state, err := child.Wait()
	p.reaped = true
	p.exit = Exit{LeftBehind: left}
	if err != nil { // somebody else reaped it: its exit is unknown
		p.exit.Code = -1
		return
	}
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		p.exit.Signal = status.Signal()
	} else {
		p.exit.Code = status.ExitStatus()
	}
}
