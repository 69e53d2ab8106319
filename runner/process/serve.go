//go:build linux || darwin

package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// spawners is how many commands start at a time. Each start blocks a thread,
	// which lives as long as the guardian: on Linux a child asks to be killed when
	// the thread that made it ends.
	spawners = 4
	// treePoll is how often a command that is ending is looked at.
	treePoll = 20 * time.Millisecond
)

// ServeIfAsked makes this process a guardian, and does not return, if a Guardian
// has started it as one. It must be called before anything else is done.
func ServeIfAsked() {
	silence, err := time.ParseDuration(os.Getenv(guardianEnv))
	if err != nil {
		return
	}
	_ = os.Unsetenv(guardianEnv)
	file := os.NewFile(guardianFD, "worker")
	conn, err := net.FileConn(file)
	if err != nil {
		os.Exit(1)
	}
	_ = file.Close()
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		os.Exit(1)
	}
	sealInherited()
	// Taken and dropped, not ignored: a child would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	s := &server{wire: &wire{conn: unix, patience: silence}, silence: silence, starts: make(chan *job), jobs: map[uint64]*job{}}
	s.serve()
	os.Exit(0)
}

// server is the guardian's side.
type server struct {
	wire    *wire
	silence time.Duration
	starts  chan *job

	isOver atomic.Bool  // the worker is silent or gone: what ends from now on ends because of that
	forks  sync.RWMutex // held for reading while a child is made and not noted yet
	mu     sync.Mutex
	jobs   map[uint64]*job // that were asked for and are not done
}

// job is one command.
type job struct {
	frame
	files   []*os.File
	pid     int           // 0: not started
	drained chan struct{} // closed when nobody holds the output
	once    sync.Once

	stop   chan struct{} // has one element after a call of stopIn
	mu     sync.Mutex
	killAt time.Time // zero: nobody has asked for the end
}

// stopIn asks for the end of the command, by force when grace is over. Of
// several calls the earliest end counts, in whatever order they come.
func (j *job) stopIn(grace time.Duration) {
	at := time.Now().Add(grace)
	j.mu.Lock()
	if j.killAt.IsZero() || at.Before(j.killAt) {
		j.killAt = at
	}
	j.mu.Unlock()
	select {
	case j.stop <- struct{}{}:
	default: // it has one to see
	}
}

// patience returns how long the command may still take to end.
func (j *job) patience() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Until(j.killAt)
}

// serve does what the worker asks until it is silent or gone, and then ends
// everything that was ever started.
func (s *server) serve() {
	adopt(s)
	for range spawners {
		go s.spawn()
	}
	for s.wire.conn.SetReadDeadline(time.Now().Add(s.silence)) == nil {
		f, files, err := s.wire.receive()
		if err != nil {
			break
		}
		s.handle(f, files)
	}
	s.isOver.Store(true)
	killEverything(s)
}

func (s *server) handle(f frame, files []*os.File) {
	if f.Op == opStart {
		j := &job{frame: f, files: files, drained: make(chan struct{}), stop: make(chan struct{}, 1)}
		s.mu.Lock()
		s.jobs[f.ID] = j
		s.mu.Unlock()
		go func() { s.starts <- j }()
		return
	}
	s.mu.Lock() // also for a tick, so that a guardian that is stuck here answers none
	j := s.jobs[f.ID]
	s.mu.Unlock()
	switch {
	case f.Op == opTick:
		_ = s.wire.send(frame{Op: opTick})
	case j == nil:
	case f.Op == opDrained:
		j.once.Do(func() { close(j.drained) })
	case f.Op == opStop:
		j.stopIn(f.Grace)
	}
}

// spawn starts commands, for ever on the same thread.
func (s *server) spawn() {
	runtime.LockOSThread()
	for j := range s.starts {
		answer := frame{Op: opStarted, ID: j.ID}
		var err error
		if answer.PID, err = s.fork(j); err != nil {
			answer.Errno, answer.Error, answer.Late = errnoOf(err), err.Error(), errors.Is(err, errTooLate)
			s.forget(j)
		}
		answer.Born = birth(answer.PID) // nobody has reaped it yet
		_ = s.wire.send(answer)         // a worker that is gone is noticed by serve
		if err == nil {
			go s.attend(j)
		}
	}
}

// fork makes the leader of a command and notes it.
func (s *server) fork(j *job) (pid int, err error) {
	defer func() {
		for _, file := range j.files {
			_ = file.Close()
		}
	}()
	if len(j.files) != 2 {
		return 0, fmt.Errorf("%d descriptors came with the command", len(j.files))
	}
	if j.Latest > 0 && sinceBoot() > j.Latest {
		return 0, errTooLate // others may run it by now
	}
	s.forks.RLock()
	defer s.forks.RUnlock()
	child, err := os.StartProcess(j.Path, j.Argv, &os.ProcAttr{
		Dir: j.Dir, Env: j.Env, Files: []*os.File{j.files[0], j.files[1], j.files[1]}, Sys: childAttributes(),
	})
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.pid = child.Pid
	return j.pid, child.Release() // it is waited for by its number
}

func (s *server) forget(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.jobs, j.ID)
}

// attend waits for the end of a command's leader, or ends it, and then sees to
// it that nothing of the command is left.
func (s *server) attend(j *job) {
	exited := make(chan struct{})
	go func() {
		awaitExit(j.pid)
		close(exited)
	}()
	done := frame{Op: opDone, ID: j.ID}
	var undead []int
	select {
	case <-exited:
		if len(s.remaining(j)) > 0 {
			done.Left = s.linger(j)
			s.kill(j)
		}
	case <-j.stop:
		s.end(j)
		undead = s.kill(j)
	}
	if slices.Contains(undead, j.pid) { // it waits in the kernel, and nobody is to wait with it
		done.Signal, done.Left = syscall.SIGKILL, true
		_ = s.wire.send(done)
		<-exited
		reap(j.pid)
		s.forget(j)
		return
	}
	<-exited
	if status := reap(j.pid); status.Signaled() {
		done.Signal = status.Signal()
	} else {
		done.Code = status.ExitStatus()
	}
	s.forget(j)
	if !s.isOver.Load() { // a worker that stood still would take our kill for the command's own end
		_ = s.wire.send(done)
	}
}

// reap takes the exit of a dead leader. Until then its number cannot be given to
// anybody else.
func reap(pid int) (status syscall.WaitStatus) {
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			return status
		}
	}
}

// linger gives what outlives the leader some time: until nobody holds the
// output, or nothing is left. It reports whether the output was still held.
func (s *server) linger(j *job) (left bool) {
	timer, poll := time.NewTimer(j.Linger), time.NewTicker(treePoll)
	defer timer.Stop()
	defer poll.Stop()
	for {
		select {
		case <-j.drained:
			return false
		case <-j.stop:
			s.end(j)
			return false
		case <-timer.C:
			return true
		case <-poll.C:
			if len(s.remaining(j)) == 0 {
				return false
			}
		}
	}
}

// end asks every process of the command to end, and waits for that until the
// grace is over.
func (s *server) end(j *job) {
	// The leader's group gets it as one, as from a terminal: a shell must not see
	// its child die before its own trap runs.
	members := []int{-j.pid}
	for _, pid := range s.members(j) {
		if group, err := syscall.Getpgid(pid); err == nil && group != j.pid {
			members = append(members, pid)
		}
	}
	for _, pid := range members {
		_ = syscall.Kill(pid, syscall.SIGTERM)
		_ = syscall.Kill(pid, syscall.SIGCONT) // a stopped process gets the SIGTERM only when it goes on
	}
	over := time.NewTimer(j.patience())
	defer over.Stop()
	poll := time.NewTicker(treePoll)
	defer poll.Stop()
	for len(s.members(j)) > 0 {
		select {
		case <-over.C:
			return
		case <-j.stop:
			over.Reset(j.patience())
		case <-poll.C:
		}
	}
}

// kill ends the command for good and returns what not even that ends.
func (s *server) kill(j *job) (left []int) {
	return killAll(func() []int { return s.members(j) }, syscall.Kill, killPatience)
}
